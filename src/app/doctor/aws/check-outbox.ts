import type { S3Client } from '@aws-sdk/client-s3';
import { listOutbox } from '../../../bridge/index.ts';
import { type Finding, ok } from '../finding.ts';

/** A running service publishes a marker within this time, unless something keeps it from that. */
const PATIENCE_MILLIS = 5 * 60_000;
/** Enough to say that there are many. */
const MAX_LISTED = 1000;

/** The notifications that SNS did not accept when their mail came. */
export async function checkOutbox(
  s3: S3Client,
  bucket: string,
  now: number = Date.now(),
): Promise<Finding[]> {
  let waiting = 0;
  let setAside = 0;
  let oldest = Number.POSITIVE_INFINITY;
  for await (const { isDeadLetter, writtenAt } of listOutbox({ s3, bucket })) {
    if (isDeadLetter) setAside += 1;
    else waiting += 1;
    if (!isDeadLetter) oldest = Math.min(oldest, writtenAt.getTime());
    if (waiting + setAside >= MAX_LISTED) break;
  }
  const findings: Finding[] = [];
  if (setAside > 0) {
    findings.push({
      level: 'failed',
      found: `${counted(setAside)} set aside in the outbox of ${bucket}`,
      why: 'SNS refused them again and again: their mail is stored, and no subscriber knows of it',
      fix: `mailsluice outbox list --bucket ${bucket}, then mailsluice outbox drain --bucket ${bucket}`,
    });
  }
  if (waiting > 0) {
    const isLate = now - oldest > PATIENCE_MILLIS;
    findings.push({
      level: isLate ? 'warning' : 'note',
      found: `${counted(waiting)} waiting in the outbox of ${bucket}, the oldest since ${new Date(oldest).toISOString()}`,
      why: isLate
        ? 'SNS does not accept them, or no service is running: subscribers do not know of this mail'
        : 'the running service publishes them by itself',
      fix: `mailsluice outbox drain --bucket ${bucket}`,
    });
  }
  return findings.length > 0 ? findings : [ok(`the outbox of ${bucket} is empty`)];
}

function counted(count: number): string {
  const number = count >= MAX_LISTED ? `${MAX_LISTED} or more` : String(count);
  return count === 1 ? 'a notification is' : `${number} notifications are`;
}
