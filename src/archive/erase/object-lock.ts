// What S3 Object Lock keeps, and until when.

/** What Object Lock says about one version: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html */
export interface ObjectLock {
  readonly mode?: string | undefined;
  readonly until?: Date | undefined;
  readonly hasLegalHold: boolean;
}

interface LockFields {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}

export function lockOf(head: LockFields): ObjectLock {
  return {
    mode: head.ObjectLockMode,
    until: head.ObjectLockRetainUntilDate,
    hasLegalHold: head.ObjectLockLegalHoldStatus === 'ON',
  };
}

/** What keeps a version now; `undefined` where nothing does. */
export function lockReason(
  { mode, until, hasLegalHold }: ObjectLock,
  now: Date,
): string | undefined {
  if (hasLegalHold) {
    return 'a legal hold keeps it: release it with aws s3api put-object-legal-hold --legal-hold Status=OFF, then run the same command again';
  }
  if (until === undefined || until <= now) return undefined;
  const time = until.toISOString();
  if (mode === 'GOVERNANCE') {
    return `Object Lock keeps it until ${time} (governance mode): run the same command with --bypass-governance and the right s3:BypassGovernanceRetention, or again after that time`;
  }
  return `Object Lock keeps it until ${time} (compliance mode): nobody can delete it before; run the same command again after that time`;
}
