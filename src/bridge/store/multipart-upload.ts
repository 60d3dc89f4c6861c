import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { classifyAwsError } from '../aws/failures.ts';
import { provesCompletion } from '../aws/object-proofs.ts';
import type { ObjectPuts } from '../aws/object-puts.ts';
import { proven } from '../aws/proof.ts';
import type { Observe } from '../events.ts';
import { isListed } from './listing.ts';
import { writeUntilKnown } from './write-until-known.ts';

export interface MultipartUploadParts {
  readonly s3: S3Client;
  readonly puts: ObjectPuts;
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly observe: Observe;
  /** Takes an abort that has begun. It never rejects. */
  readonly onAbort: (abort: Promise<void>) => void;
}

const ABORT_MILLIS = 10_000;
/** Hashed before other work gets its turn: about a millisecond. */
const TURN_OCTETS = 1024 * 1024;

/** One multipart upload that was begun. Its parts may come in any order; `complete` or `abort` ends it. */
export class MultipartUpload {
  readonly #parts: MultipartUploadParts;
  readonly #uploaded = new Map<
    number,
    { readonly etag: string; readonly sha256: Buffer; readonly octets: number }
  >();

  constructor(parts: MultipartUploadParts) {
    this.#parts = parts;
  }

  get uploadId(): string {
    return this.#parts.uploadId;
  }

  /** Rejects with the SDK's error of the last try, as `complete` does. */
  async putPart(partNumber: number, body: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const { puts, bucket, key, uploadId, observe } = this.#parts;
    const sha256 = await digestInTurns(body);
    const part = { bucket, key, body, sha256, uploadId, partNumber, signal };
    const octets = body.reduce((sum, { length }) => sum + length, 0);
    await writeUntilKnown('UploadPart', observe, signal, async () => {
      const result = await puts.putPart(part);
      this.#uploaded.set(partNumber, { etag: result.etag, sha256, octets });
      return result;
    });
  }

  /**
   * Settles when the object is there. An answer that was lost is found out by completing again: 412 says that an
   * earlier try was carried out. Where that does not tell either (no answer at all, or NoSuchUpload, which an upload
   * has that was completed and one that is gone), the listing of the key does; the task may not read mail.
   */
  async complete(signal: AbortSignal): Promise<void> {
    try {
      await this.#tryToComplete(signal);
    } catch (error) {
      const { cause, code } = classifyAwsError('s3', error);
      if (cause !== 'unavailable' && code !== 'NoSuchUpload') throw error;
      if (!(await this.#isListed())) throw error;
    }
  }

  /** `false` also where S3 does not say. */
  #isListed(): Promise<boolean> {
    const octets = [...this.#uploaded.values()].reduce((sum, part) => sum + part.octets, 0);
    return isListed(this.#parts, this.#parts.key, octets).catch(() => false);
  }

  async #tryToComplete(signal: AbortSignal): Promise<void> {
    const { s3, bucket, key, uploadId, observe } = this.#parts;
    const uploaded = [...this.#uploaded].sort(([one], [other]) => one - other);
    const isProof = provesCompletion(
      key,
      uploaded.map(([, { sha256 }]) => sha256),
    );
    const Parts = uploaded.map(([PartNumber, { etag, sha256 }]) => ({
      PartNumber,
      ETag: etag,
      ChecksumSHA256: sha256.toString('base64'),
    }));
    await writeUntilKnown('CompleteMultipartUpload', observe, signal, async () => {
      const command = proven(
        new CompleteMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          UploadId: uploadId,
          IfNoneMatch: '*',
          MultipartUpload: { Parts },
        }),
        isProof,
      );
      const { $metadata } = await s3.send(command, { abortSignal: signal });
      return { attempts: $metadata.attempts ?? 1 };
    });
  }

  /** Runs in the background; a failure is an event. */
  abort(): void {
    this.#parts.onAbort(this.#abort());
  }

  async #abort(): Promise<void> {
    const { s3, bucket, key, uploadId, observe } = this.#parts;
    try {
      await s3.send(
        new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }),
        { abortSignal: AbortSignal.timeout(ABORT_MILLIS) },
      );
    } catch (error) {
      const failure = classifyAwsError('s3', error);
      if (failure.code !== 'NoSuchUpload') observe({ kind: 'abort-failed', key, failure });
    }
  }
}

/** Of a body so large that its digest in one go would keep everything else waiting. */
async function digestInTurns(body: readonly Buffer[]): Promise<Buffer> {
  const hash = createHash('sha256');
  let octetsOfTurn = 0;
  for (const octets of body) {
    if (octetsOfTurn > TURN_OCTETS) {
      octetsOfTurn = 0;
      await turn();
    }
    octetsOfTurn += octets.length;
    hash.update(octets);
  }
  return hash.digest();
}
