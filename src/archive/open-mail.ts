import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Place } from './list-mail.ts';

export interface OpenedMail {
  /** The octets of the object. Read it or destroy it: it holds a connection. */
  readonly stream: Readable;
  readonly sizeInOctets: number;
}

/** Opens a stored mail. Rejects with the SDK's error. */
export async function openMail({ s3, bucket, signal }: Place, key: string): Promise<OpenedMail> {
  const { Body, ContentLength = 0 } = await s3.send(
    new GetObjectCommand({ Bucket: bucket, Key: key }),
    { ...(signal && { abortSignal: signal }) },
  );
  if (Body === undefined) throw new Error('GetObject gave no body');
  return { stream: Body as Readable, sizeInOctets: ContentLength };
}
