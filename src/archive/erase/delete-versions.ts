// Deletes versions of objects, and reads S3's answer entry by entry: what it does not name as deleted is still there.
import { DeleteObjectsCommand, type DeleteObjectsCommandOutput } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../bridge/aws/error-codes.ts';
import { failureOfObject } from './object-failure.ts';
import { type ObjectVersion, sendOptions, type VersionedPlace } from './object-versions.ts';
import { refusalReason } from './refusal.ts';

export interface DeleteOptions {
  /** Delete what Object Lock keeps in governance mode. Default false. */
  readonly bypassGovernance?: boolean;
}

/** Of one DeleteObjects request: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export const DELETE_BATCH_OBJECTS = 1000;
/** S3 may fail for one entry of a request, which the SDK does not try again. */
const TRIES = 4;
const RETRY_MILLIS = 200;
const RETRIED_CODES = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable', 'NoResult']);

interface Refused {
  readonly code: string;
  readonly message: string;
}

/**
 * Deletes them for good; gives the reason for each that is still there. A version that was gone already counts as deleted.
 * @throws the SDK's error where it does not concern the objects.
 */
export async function deleteVersions(
  place: VersionedPlace,
  versions: readonly ObjectVersion[],
  options: DeleteOptions = {},
): Promise<Map<ObjectVersion, string>> {
  const reasons = new Map<ObjectVersion, string>();
  for (let at = 0; at < versions.length; at += DELETE_BATCH_OBJECTS) {
    let left = versions.slice(at, at + DELETE_BATCH_OBJECTS);
    let refused = new Map<ObjectVersion, Refused>();
    for (let tries = 1; left.length > 0; tries += 1) {
      const answer = await deleteOnce(place, left, options);
      for (const [version, why] of answer) refused.set(version, why);
      left = left.filter((version) => RETRIED_CODES.has(answer.get(version)?.code ?? ''));
      if (tries >= TRIES) break;
      if (left.length === 0) break;
      for (const version of left) refused.delete(version);
      await sleep(RETRY_MILLIS * 2 ** tries);
    }
    const ordered = [...refused];
    refused = new Map();
    // One after the other: a refusal is rare, or the same for all.
    for (const [version, { code, message }] of ordered) {
      reasons.set(version, await refusalReason(place, version, code, message));
    }
  }
  return reasons;
}

async function deleteOnce(
  place: VersionedPlace,
  versions: readonly ObjectVersion[],
  { bypassGovernance = false }: DeleteOptions,
): Promise<Map<ObjectVersion, Refused>> {
  let answer: DeleteObjectsCommandOutput;
  try {
    answer = await place.s3.send(
      new DeleteObjectsCommand({
        Bucket: place.bucket,
        Delete: {
          Objects: versions.map(({ key, versionId }) => ({
            Key: key,
            ...(versionId !== undefined && { VersionId: versionId }),
          })),
        },
        ...(bypassGovernance && { BypassGovernanceRetention: true }),
      }),
      sendOptions(place),
    );
  } catch (error) {
    // S3 refuses the whole request where MFA is missing, or the right for any of it.
    if (failureOfObject(error, '') === undefined) throw error;
    const refused = { code: errorCode(error), message: (error as Error).message };
    return new Map(versions.map((version) => [version, refused]));
  }
  const deleted = new Map(
    (answer.Deleted ?? []).map((entry) => [nameOf(entry.Key, entry.VersionId), entry]),
  );
  // Not every store names the version in an error.
  const errors = new Map(
    (answer.Errors ?? []).flatMap((error) => [
      [nameOf(error.Key, error.VersionId), error],
      [nameOf(error.Key, undefined), error],
    ]),
  );
  const refused = new Map<ObjectVersion, Refused>();
  for (const version of versions) {
    const { key, versionId } = version;
    const entry = deleted.get(nameOf(key, versionId));
    if (entry !== undefined) {
      // A delete marker was put on top instead: the bucket keeps versions since a moment ago.
      if (versionId === undefined && entry.DeleteMarker === true) {
        refused.set(version, { code: 'DeleteMarkerCreated', message: '' });
      }
      continue;
    }
    const error = errors.get(nameOf(key, versionId)) ?? errors.get(nameOf(key, undefined));
    const { Code: code = 'NoResult', Message: message = '' } = error ?? {};
    if (code === 'NoSuchVersion' || code === 'NoSuchKey') continue;
    refused.set(version, { code, message });
  }
  return refused;
}

function nameOf(key: string | undefined, versionId: string | undefined): string {
  return `${versionId ?? ''}/${key ?? ''}`;
}
