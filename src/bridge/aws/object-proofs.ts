// What proves that S3 has carried a request out.
import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { ownS3Endpoint } from './endpoints.ts';
import type { AnswerHead } from './proof.ts';

/** What an answer to PutObject or UploadPart says. Each is `''` where it is missing. */
export interface PutAnswer {
  readonly status: number;
  readonly etag: string;
  /** `x-amz-checksum-sha256` */
  readonly checksum: string;
  /** `x-amz-server-side-encryption` */
  readonly encryption: string;
  readonly isEmpty: boolean;
}

const MD5_ETAG = /^"[0-9a-f]{32}"$/;

/**
 * S3 repeats the checksum that it verified. Some stores that speak its protocol, as Ceph's radosgw, do not: at an
 * endpoint that was configured, the ETag must be the MD5 of the body instead, or look like one where the store encrypts.
 */
export function provesPut(
  { status, etag, checksum, encryption, isEmpty }: PutAnswer,
  sentChecksum: string,
  body: readonly Buffer[],
  s3: S3Client,
): boolean {
  if (status !== 200) return false;
  if (checksum !== '') return checksum === sentChecksum && etag !== '';
  if (!hasOwnEndpoint(s3) || !isEmpty || !MD5_ETAG.test(etag)) return false;
  return encryption !== '' || etag === `"${md5Of(body)}"`;
}

/**
 * An endpoint was configured: in the client's options or the environment, or in the profile, where the client finds it
 * with its first request.
 */
function hasOwnEndpoint({ config }: S3Client): boolean {
  return (
    config.endpoint !== undefined ||
    (config as { readonly isCustomEndpoint?: boolean }).isCustomEndpoint === true ||
    ownS3Endpoint() !== undefined
  );
}

function md5Of(body: readonly Buffer[]): string {
  const hash = createHash('md5');
  for (const octets of body) hash.update(octets);
  return hash.digest('hex');
}

interface UploadOutput {
  readonly Bucket?: string | undefined;
  readonly Key?: string | undefined;
  readonly UploadId?: string | undefined;
}

/** CreateMultipartUpload. */
export function provesUpload(bucket: string, key: string) {
  return ({ Bucket, Key, UploadId = '' }: UploadOutput): boolean =>
    UploadId !== '' && Key === key && isBucket(Bucket, bucket);
}

interface CompletionOutput {
  readonly Key?: string | undefined;
  readonly ETag?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}

/** CompleteMultipartUpload; `digests` are those of the parts in their order. */
export function provesCompletion(key: string, digests: readonly Buffer[]) {
  return ({ Key, ETag = '', ChecksumSHA256 = '' }: CompletionOutput): boolean => {
    if (Key !== key || !ETag.replace(/"$/, '').endsWith(`-${digests.length}`)) return false;
    return ChecksumSHA256 === '' || ChecksumSHA256 === compositeChecksum(digests);
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
function compositeChecksum(digests: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const digest of digests) hash.update(digest);
  return `${hash.digest('base64')}-${digests.length}`;
}

interface ListingOutput {
  readonly Name?: string | undefined;
  readonly KeyCount?: number | undefined;
}

/** ListObjectsV2. */
export function provesListing(bucket: string) {
  return ({ Name, KeyCount }: ListingOutput): boolean =>
    isBucket(Name, bucket) && typeof KeyCount === 'number';
}

/** DeleteObject. S3 says no more than that. */
export function provesDeletion(_output: unknown, { status }: AnswerHead): boolean {
  return status === 204;
}

/** S3 answers with the bucket's own name, also where its access point was asked. */
function isBucket(answered: string | undefined, asked: string): boolean {
  if (answered === undefined || answered === '') return false;
  return answered === asked || asked.startsWith('arn:') || asked.endsWith('-s3alias');
}
