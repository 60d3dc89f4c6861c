// Writes objects to the bucket so that an acknowledged write is a complete, verified object, written once:
// every write has its SHA-256, mail is written under `If-None-Match: *`, and an outcome that is not known is
// found out by writing again.
import { createHash } from 'node:crypto';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { attemptsOf, classifyAwsError, errorCode, isCorruption } from '../aws/failures.ts';
import type { Observe } from '../events.ts';
import type { ObjectPuts } from '../aws/object-puts.ts';

export interface ObjectToStore {
  readonly key: string;
  readonly body: readonly Buffer[];
  /** Of the body, where it is known already. */
  readonly sha256?: Buffer;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Write onto whatever is there. Default false: `If-None-Match: *`. */
  readonly overwrite?: boolean;
}

/** One multipart upload. Its parts may come in any order; `complete` or `abort` ends it. */
export interface Upload {
  putPart(partNumber: number, body: readonly Buffer[], signal: AbortSignal): Promise<void>;
  complete(signal: AbortSignal): Promise<void>;
  /** Goes on by itself; a failure is an event. */
  abort(): void;
}

export interface ObjectStore {
  /** Rejects with the SDK's error of the last try. */
  put(object: ObjectToStore): Promise<void>;
  beginUpload(
    object: Pick<ObjectToStore, 'key' | 'contentType' | 'metadata' | 'signal'>,
  ): Promise<Upload>;
  /** Settles when no abort is under way any more. */
  idle(): Promise<void>;
}

/** Tries beyond the SDK's own: 409 again and again with a pause, a wrong digest once. */
const MAX_CONFLICTS = 5;
const MAX_CORRUPTIONS = 1;
const ABORT_MILLIS = 10_000;

export function createObjectStore(
  s3: S3Client,
  puts: ObjectPuts,
  bucket: string,
  observe: Observe,
): ObjectStore {
  const aborts = new Set<Promise<void>>();

  /** One write with its retries; `true` when the object is there by one of them. */
  async function persist(
    operation: string,
    signal: AbortSignal,
    write: () => Promise<{ readonly attempts: number }>,
  ): Promise<void> {
    const started = performance.now();
    let attempts = 0;
    let conflicts = 0;
    let corruptions = 0;
    try {
      for (;;) {
        try {
          attempts += (await write()).attempts;
          return;
        } catch (error) {
          attempts += attemptsOf(error);
          const code = errorCode(error);
          // 412 on a retry: an earlier try, whose answer did not come, was carried out. The key is random, so
          // nobody else can have written it.
          if (code === 'PreconditionFailed' && attempts > 1) return;
          if (isConflict(code) && conflicts < MAX_CONFLICTS) {
            conflicts += 1;
            await sleep(25 * 2 ** conflicts * (0.5 + Math.random()), undefined, { signal });
          } else if (isCorruption(error) && corruptions < MAX_CORRUPTIONS) {
            corruptions += 1;
          } else {
            throw error;
          }
        }
      }
    } finally {
      if (attempts > 1) {
        observe({ kind: 'aws-retry', service: 's3', operation, retries: attempts - 1 });
      }
      observe({ kind: 'aws-call', service: 's3', operation, millis: performance.now() - started });
    }
  }

  return {
    put: (object) => {
      const { key, body, contentType, metadata, signal, overwrite = false } = object;
      const sha256 = object.sha256 ?? digestOf(body);
      const put = { bucket, key, body, sha256, contentType, metadata, signal };
      return persist('PutObject', signal, () =>
        puts.putObject({ ...put, ifNoneMatch: !overwrite }),
      );
    },

    beginUpload: async ({ key, contentType, metadata, signal }) => {
      const { UploadId } = await s3.send(
        new CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          ContentType: contentType,
          Metadata: { ...metadata },
          ChecksumAlgorithm: 'SHA256',
        }),
        { abortSignal: signal },
      );
      if (UploadId === undefined) throw new Error('CreateMultipartUpload gave no upload id');
      const parts = new Map<number, { readonly etag: string; readonly sha256: Buffer }>();
      const target = { Bucket: bucket, Key: key, UploadId };
      return {
        putPart: async (partNumber, body, partSignal) => {
          const sha256 = await digestInTurns(body);
          const part = { bucket, key, body, sha256, uploadId: UploadId, partNumber };
          await persist('UploadPart', partSignal, async () => {
            const result = await puts.putPart({ ...part, signal: partSignal });
            parts.set(partNumber, { etag: result.etag, sha256 });
            return result;
          });
        },
        complete: (completeSignal) =>
          persist('CompleteMultipartUpload', completeSignal, async () => {
            const { $metadata } = await s3.send(
              new CompleteMultipartUploadCommand({
                ...target,
                IfNoneMatch: '*',
                MultipartUpload: {
                  Parts: [...parts]
                    .sort(([one], [other]) => one - other)
                    .map(([PartNumber, { etag, sha256 }]) => ({
                      PartNumber,
                      ETag: etag,
                      ChecksumSHA256: sha256.toString('base64'),
                    })),
                },
              }),
              { abortSignal: completeSignal },
            );
            return { attempts: $metadata.attempts ?? 1 };
          }),
        abort: () => {
          const abort = s3
            .send(new AbortMultipartUploadCommand(target), {
              abortSignal: AbortSignal.timeout(ABORT_MILLIS),
            })
            .then(
              () => undefined,
              (error: unknown) => {
                const failure = classifyAwsError('s3', error);
                if (failure.code !== 'NoSuchUpload')
                  observe({ kind: 'abort-failed', key, failure });
              },
            )
            .finally(() => aborts.delete(abort));
          aborts.add(abort);
        },
      };
    },

    idle: async () => {
      while (aborts.size > 0) await Promise.all(aborts);
    },
  };
}

/** Hashed before others have their turn: about a millisecond. */
const TURN_OCTETS = 1024 * 1024;

/** Another write to the key is under way, so S3 did not decide. */
function isConflict(code: string): boolean {
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}

function digestOf(body: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const octets of body) hash.update(octets);
  return hash.digest();
}

/** Of a body so large that its digest at once would keep everything else waiting. */
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

/** Waits for all, so that none still uses the octets or could still add a part; rejects with the first error. */
export async function settled(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
