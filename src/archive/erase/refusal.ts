// Why S3 keeps a version that was to be deleted, in a sentence that says what to do about it.
import { accessFault } from '../../bridge/index.ts';
import { lockOf, lockReason, type ObjectLock } from './object-lock.ts';
import type { ObjectVersion, VersionedPlace } from './object-versions.ts';
import { headVersion } from './read-version.ts';

/** The sentence for a code of S3. Asks S3 for the lock of the version where that may be the reason. */
export async function refusalReason(
  place: VersionedPlace,
  version: ObjectVersion,
  code: string,
  message: string,
): Promise<string> {
  if (code === 'DeleteMarkerCreated') {
    return 'the bucket began to keep versions during the run, and the version is still there: run the same command again';
  }
  if (code === 'NoResult') {
    return 'S3 did not confirm the deletion: run the same command again';
  }
  if (accessFault({ name: code, message }) !== 'denied') {
    return `S3 refused to delete it (${code}): run the same command again`;
  }
  const lock = version.isDeleteMarker ? undefined : await readLock(place, version);
  const kept = lock && lockReason(lock, new Date());
  if (kept !== undefined) return kept;
  if (/object lock/i.test(message)) {
    return 'Object Lock or a legal hold keeps it: s3:GetObjectRetention and s3:GetObjectLegalHold show which';
  }
  if (place.requiresMfa) {
    return "the bucket requires MFA to delete a version, and only its owner's root user can give it: turn MFA delete off, or delete this version with aws s3api delete-object --mfa";
  }
  const right = version.versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
  return `access denied: deleting it requires ${right} on the object, and no policy of the bucket that denies it`;
}

async function readLock(
  place: VersionedPlace,
  version: ObjectVersion,
): Promise<ObjectLock | undefined> {
  try {
    return lockOf(await headVersion(place, version));
  } catch {
    // Without the right to look, the code alone has to do.
    return undefined;
  }
}
