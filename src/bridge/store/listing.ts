import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import type { Observe } from '../events.ts';

/** Beyond the commit's budget: the question that decides between a 250 and a mail that is there twice. */
const LIST_MILLIS = 3000;

/** Whether an object of this key and size is there, without a right to read it. Rejects where S3 does not say. */
export async function isListed(
  bucketOf: { readonly s3: S3Client; readonly bucket: string; readonly observe: Observe },
  key: string,
  octets: number,
): Promise<boolean> {
  const { s3, bucket, observe } = bucketOf;
  const began = performance.now();
  try {
    using deadline = new Deadline(LIST_MILLIS);
    const { Name, Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }),
      { abortSignal: deadline.signal },
    );
    if (Name !== bucket) throw new Error(`the listing is not one of ${bucket}`);
    return Contents.some(({ Key, Size }) => Key === key && Size === octets);
  } finally {
    const millis = performance.now() - began;
    observe({ kind: 'aws-call', service: 's3', operation: 'ListObjectsV2', millis });
  }
}
