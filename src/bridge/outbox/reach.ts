// How far a failure of SNS or S3 reaches: only what every marker would meet may end a pass.
import { accessFault } from '../aws/error-codes.ts';
import type { AwsFailure } from '../events.ts';

/**
 * `marker`: its own content. `topic`: every marker of its topic. `throttled`: fewer at a time. `service`: it did not
 * answer, or failed. `account`: credentials, clock or region, so every call.
 */
export type Reach = 'marker' | 'topic' | 'throttled' | 'service' | 'account';

const ACCOUNT_CODES: ReadonlySet<string> = new Set([
  'AccountProblem',
  'NotSignedUp',
  'OptInRequired',
  'RegionMissing',
  'RequestExpired',
  'RequestTimeTooSkewed',
]);
const THROTTLING = /throttl|slowdown|toomanyrequests|limitexceeded/i;
/** SNS answers a wrong topic, and a FIFO topic without a group, as a wrong parameter. */
const TOPIC_PARAMETER = /TopicArn|topic arn|MessageGroupId|MessageDeduplicationId/i;

export function reachOf({ cause, code, message }: AwsFailure): Reach {
  if (ACCOUNT_CODES.has(code) || isAccountFault(code)) return 'account';
  if (THROTTLING.test(code)) return 'throttled';
  if (cause === 'unavailable' || cause === 'corrupted') return 'service';
  if (cause === 'configuration' || TOPIC_PARAMETER.test(message)) return 'topic';
  return 'marker';
}

/** The credentials themselves: a right that they lack is one topic's, or one object's. */
function isAccountFault(code: string): boolean {
  const fault = accessFault({ name: code });
  return fault !== undefined && fault !== 'denied';
}

/** Waiting helps: the next pass tries again at once. */
export function isAbsence(failure: AwsFailure): boolean {
  const reach = reachOf(failure);
  return reach === 'service' || reach === 'throttled';
}
