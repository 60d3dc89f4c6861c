// The two S3 calls that carry octets, as an interface with two implementations that behave the same: the SDK's commands
// in this file, which are the reference, and the fast path of `signed-puts.ts`.
import {
  PutObjectCommand,
  type PutObjectCommandOutput,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandOutput,
} from '@aws-sdk/client-s3';
import { provesPut } from './object-proofs.ts';
import { type AnswerHead, fieldOf, proven } from './proof.ts';
import { sendInPieces } from './send-in-pieces.ts';

export interface Put {
  readonly bucket: string;
  readonly key: string;
  /** The octets in order. They must not change until the call settles. */
  readonly body: readonly Buffer[];
  /** Of the body. S3 verifies it (RFC 6234 SHA-256). */
  readonly sha256: Buffer;
  readonly signal: AbortSignal;
}

export interface PutObject extends Put {
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `If-None-Match: *`: 412 where the key exists. */
  readonly ifNoneMatch: boolean;
}

export interface PutPart extends Put {
  readonly uploadId: string;
  readonly partNumber: number;
}

export interface PutResult {
  readonly etag: string;
  /** 1, or more where the SDK's retry strategy tried again. */
  readonly attempts: number;
}

/** Each retries by the client's own strategy and rejects with the SDK's error, its `$metadata.attempts` set. */
export interface ObjectPuts {
  putObject(put: PutObject): Promise<PutResult>;
  putPart(part: PutPart): Promise<PutResult>;
  /** Closes the connections that are not the client's own. */
  close(): void;
}

export function createSdkPuts(s3: S3Client): ObjectPuts {
  /** The proof of one put, for `proven`. */
  const provesThis =
    ({ sha256, body }: Put) =>
    (
      { ETag = '', ChecksumSHA256 = '' }: PutObjectCommandOutput | UploadPartCommandOutput,
      { status, headers }: AnswerHead,
    ): boolean =>
      provesPut(
        {
          status,
          etag: ETag,
          checksum: ChecksumSHA256,
          encryption: fieldOf(headers, 'x-amz-server-side-encryption'),
          // The SDK does not keep the body of such an answer.
          isEmpty: fieldOf(headers, 'content-length') === '0',
        },
        sha256.toString('base64'),
        body,
        s3,
      );

  return {
    putObject: async (put) => {
      const Body = joined(put.body);
      const command = proven(
        new PutObjectCommand({
          Bucket: put.bucket,
          Key: put.key,
          Body,
          ChecksumSHA256: put.sha256.toString('base64'),
          ContentType: put.contentType,
          Metadata: { ...put.metadata },
          ...(put.ifNoneMatch && { IfNoneMatch: '*' }),
        }),
        provesThis(put),
      );
      const { ETag, $metadata } = await s3.send(command, sendInPieces(command, Body.length, put));
      return { etag: ETag ?? '', attempts: $metadata.attempts ?? 1 };
    },
    putPart: async (part) => {
      const Body = joined(part.body);
      const command = proven(
        new UploadPartCommand({
          Bucket: part.bucket,
          Key: part.key,
          UploadId: part.uploadId,
          PartNumber: part.partNumber,
          Body,
          ChecksumSHA256: part.sha256.toString('base64'),
        }),
        provesThis(part),
      );
      const { ETag, $metadata } = await s3.send(command, sendInPieces(command, Body.length, part));
      return { etag: ETag ?? '', attempts: $metadata.attempts ?? 1 };
    },
    close: () => undefined,
  };
}

/** A Buffer, never a stream: a stream that fails inside PutObject is an uncaught exception. */
function joined(body: readonly Buffer[]): Buffer {
  const [only] = body;
  return body.length === 1 && only !== undefined ? only : Buffer.concat(body);
}
