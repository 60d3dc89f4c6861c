// Asks S3 to bring a mail back from cold storage.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html
import { HeadObjectCommand, RestoreObjectCommand, type Tier } from '@aws-sdk/client-s3';
import { isMissingObject, sidecarKey } from '../bridge/index.ts';
import { errorCode, errorMessage } from '../bridge/aws/error-codes.ts';
import type { Place } from './list-mail.ts';
import type { RestoreOptions, RestoreTier } from './restore-options.ts';

const TIERS = {
  standard: 'Standard',
  bulk: 'Bulk',
  expedited: 'Expedited',
} as const satisfies Record<RestoreTier, Tier>;
const DURATIONS: Readonly<Record<'flexible' | 'deep', Readonly<Record<RestoreTier, string>>>> = {
  flexible: { standard: '3 to 5 hours', bulk: '5 to 12 hours', expedited: '1 to 5 minutes' },
  // S3 has no expedited retrieval from there, and refuses it.
  deep: { standard: '12 hours', bulk: '48 hours', expedited: '12 hours' },
};

/** Asks for the mail, and for its sidecar where that is cold too. Answers what to expect, as a part of a sentence. */
export async function restoreMail(
  place: Place,
  key: string,
  options: RestoreOptions,
): Promise<string> {
  const expected = await restoreObject(place, key, options);
  const ofSidecar = await restoreObject(place, sidecarKey(key), options);
  return expected ?? ofSidecar ?? 'S3 has brought it back by now';
}

/** `undefined`: there is nothing to restore. */
async function restoreObject(
  { s3, bucket }: Place,
  key: string,
  { tier, days }: RestoreOptions,
): Promise<string | undefined> {
  const object = { Bucket: bucket, Key: key };
  try {
    const head = await s3.send(new HeadObjectCommand(object));
    const { StorageClass: storageClass = '', ArchiveStatus: archive, Restore: restore = '' } = head;
    const isTiered = storageClass === 'INTELLIGENT_TIERING';
    const isCold = isTiered
      ? archive !== undefined
      : storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE';
    if (!isCold || restore.includes('ongoing-request="false"')) return undefined;
    const isDeep = storageClass === 'DEEP_ARCHIVE' || archive === 'DEEP_ARCHIVE_ACCESS';
    const duration = DURATIONS[isDeep ? 'deep' : 'flexible'][tier];
    if (restore.includes('ongoing-request="true"')) return ALREADY;
    await s3.send(
      new RestoreObjectCommand({
        ...object,
        RestoreRequest: {
          ...(!isTiered && { Days: days }),
          GlacierJobParameters: { Tier: TIERS[tier] },
        },
      }),
    );
    return `S3 brings it back within ${duration}`;
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    const code = errorCode(error);
    if (code === 'RestoreAlreadyInProgress') return ALREADY;
    if (code === 'AccessDenied') {
      return 'S3 does not bring it back (AccessDenied): allow s3:RestoreObject on it';
    }
    return `S3 does not bring it back (${code}: ${errorMessage(error).slice(0, REASON_CHARACTERS)})`;
  }
}

const ALREADY = 'S3 is bringing it back already';
const REASON_CHARACTERS = 200;
