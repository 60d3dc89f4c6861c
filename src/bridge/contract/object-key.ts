/**
 * `prefix` and the hour, as Hive partitions in UTC: `mail/dt=2026-11-23/hr=13/`. A prefix without a slash at
 * its end gets one, as in Amazon SES.
 */
export function objectKeyPrefix(prefix: string, receivedAt: Date): string {
  const iso = receivedAt.toISOString();
  const slash = prefix === '' || prefix.endsWith('/') ? '' : '/';
  return `${prefix}${slash}dt=${iso.slice(0, 10)}/hr=${iso.slice(11, 13)}/`;
}

/** The key's parts: everything up to its last slash, and the messageId. */
export function splitObjectKey(key: string): { objectKeyPrefix: string; messageId: string } {
  const slash = key.lastIndexOf('/') + 1;
  return { objectKeyPrefix: key.slice(0, slash), messageId: key.slice(slash) };
}

/** Where the record of a mail is that its own metadata cannot hold. */
export function sidecarKey(key: string): string {
  return `${key}.envelope.json`;
}
