// The keys of everything that the bridge writes into the bucket. The task role grants rights by the same prefixes.

/** The notifications that SNS has not accepted yet. */
export const OUTBOX_PREFIX = 'outbox/';
/** The notifications that SNS refused too often: a person must look at them. */
export const DEAD_LETTER_PREFIX = `${OUTBOX_PREFIX}poison/`;
/**
 * The lease of the task that flushes the outbox. Earlier releases take every `*.json` directly under the prefix for a
 * marker, so it is in a separate folder and has another ending.
 */
export const OUTBOX_LEASE_KEY = `${OUTBOX_PREFIX}lease/flush`;

/**
 * `prefix` and the hour, as Hive partitions in UTC: `mail/dt=2026-11-23/hr=13/`. A prefix that does not end in a
 * slash gets one, as in Amazon SES.
 */
export function objectKeyPrefix(prefix: string, receivedAt: Date): string {
  const iso = receivedAt.toISOString();
  const slash = prefix === '' || prefix.endsWith('/') ? '' : '/';
  return `${prefix}${slash}dt=${iso.slice(0, 10)}/hr=${iso.slice(11, 13)}/`;
}

/** The parts of a mail's key: everything up to the last slash, and the messageId. */
export function splitObjectKey(key: string): { objectKeyPrefix: string; messageId: string } {
  const slash = key.lastIndexOf('/') + 1;
  return { objectKeyPrefix: key.slice(0, slash), messageId: key.slice(slash) };
}

/** The key of the record that does not fit into the metadata of the mail's object. */
export function sidecarKey(key: string): string {
  return `${key}.envelope.json`;
}

/** The key of the outbox marker of one notification. */
export function markerKey(messageId: string): string {
  return `${OUTBOX_PREFIX}${messageId}.json`;
}

/** The key that a marker gets when SNS has refused its notification too often. */
export function deadLetterKey(messageId: string): string {
  return `${DEAD_LETTER_PREFIX}${messageId}.json`;
}
