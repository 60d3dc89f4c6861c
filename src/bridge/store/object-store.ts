// Writes objects to the bucket so that an acknowledged write is a complete, verified object that was written once:
// every write has its SHA-256, mail is written under `If-None-Match: *`, and an unknown outcome is found out by
// writing again.
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { errorCode } from '../aws/error-codes.ts';
import { provesUpload } from '../aws/object-proofs.ts';
import type { ObjectPuts, PutResult } from '../aws/object-puts.ts';
import { proven } from '../aws/proof.ts';
import type { Observe } from '../events.ts';
import { isListed } from './listing.ts';
import { MultipartUpload } from './multipart-upload.ts';
import { writeUntilKnown } from './write-until-known.ts';

export interface ObjectToStore {
  readonly key: string;
  readonly body: readonly Buffer[];
  /** Of the body, where it is known already. */
  readonly sha256?: Buffer;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Replace the object of this key, if there is one. Default false: `If-None-Match: *`. */
  readonly overwrite?: boolean;
  /** Another task may have written the same object to the key: then it is there. Default false. */
  readonly mayExist?: boolean;
}

export class ObjectStore {
  readonly #s3: S3Client;
  readonly #puts: ObjectPuts;
  readonly #bucket: string;
  readonly #observe: Observe;
  /** The aborts in progress: at most one for each message. */
  readonly #aborts = new Set<Promise<void>>();

  constructor(s3: S3Client, puts: ObjectPuts, bucket: string, observe: Observe) {
    this.#s3 = s3;
    this.#puts = puts;
    this.#bucket = bucket;
    this.#observe = observe;
  }

  /** Rejects with the SDK's error of the last try. */
  put(object: ObjectToStore): Promise<void> {
    const { key, body, contentType, metadata, signal, overwrite = false, mayExist } = object;
    const sha256 = object.sha256 ?? digestOf(body);
    const bucket = this.#bucket;
    const put = {
      bucket,
      key,
      body,
      sha256,
      contentType,
      metadata,
      signal,
      ifNoneMatch: !overwrite,
    };
    const write = (): Promise<PutResult> => this.#puts.putObject(put);
    return writeUntilKnown('PutObject', this.#observe, signal, write, mayExist);
  }

  /** Rejects with the SDK's error. */
  async beginUpload({
    key,
    contentType,
    metadata,
    signal,
  }: Pick<ObjectToStore, 'key' | 'contentType' | 'metadata' | 'signal'>): Promise<MultipartUpload> {
    const command = proven(
      new CreateMultipartUploadCommand({
        Bucket: this.#bucket,
        Key: key,
        ContentType: contentType,
        Metadata: { ...metadata },
        ChecksumAlgorithm: 'SHA256',
      }),
      provesUpload(this.#bucket, key),
    );
    const { UploadId } = await this.#s3.send(command, { abortSignal: signal });
    if (UploadId === undefined) throw new Error('CreateMultipartUpload gave no upload id');
    return new MultipartUpload({
      s3: this.#s3,
      puts: this.#puts,
      bucket: this.#bucket,
      key,
      uploadId: UploadId,
      observe: this.#observe,
      onAbort: (abort) => {
        this.#aborts.add(abort);
        void abort.finally(() => this.#aborts.delete(abort));
      },
    });
  }

  /**
   * Ends an upload that another task began, so that it can become an object no more. Gives whether it had become one,
   * of `octets`, before. Rejects with the SDK's error where that is not known.
   */
  async endUpload(
    key: string,
    uploadId: string | undefined,
    octets: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (uploadId !== undefined) {
      try {
        await this.#s3.send(
          new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key: key, UploadId: uploadId }),
          { abortSignal: signal },
        );
      } catch (error) {
        if (errorCode(error) !== 'NoSuchUpload') throw error;
      }
    }
    return isListed({ s3: this.#s3, bucket: this.#bucket, observe: this.#observe }, key, octets);
  }

  /** Settles when no abort is in progress. */
  async idle(): Promise<void> {
    while (this.#aborts.size > 0) await Promise.all(this.#aborts);
  }
}

function digestOf(body: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const octets of body) hash.update(octets);
  return hash.digest();
}

/**
 * Waits for all, so that none of them still uses the octets or adds a part afterwards; rejects with the first error.
 */
export async function awaitAll(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
