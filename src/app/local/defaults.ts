import type { ConfigurationInput } from '../../config/index.ts';

/** The configuration of `mailsluice local` without any document: all on loopback, and nothing to set up first. */
export const LOCAL_DEFAULTS = {
  hostname: 'localhost',
  listeners: [
    { name: 'mx', host: '127.0.0.1', port: 2525, tls: 'starttls', auth: 'none' },
    { name: 'submission', host: '127.0.0.1', port: 2587, tls: 'starttls', auth: 'required' },
    { name: 'smtps', host: '127.0.0.1', port: 2465, tls: 'implicit', auth: 'required' },
  ],
  store: { bucket: 'mailsluice-mail' },
  notify: { topicArn: 'arn:aws:sns:us-east-1:000000000000:mailsluice-mail' },
  credentials: { table: 'mailsluice-credentials' },
  // Mail from a test program on this machine proves nothing, and DNS may not be there.
  verify: { spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off' },
  health: { host: '127.0.0.1', port: 8080 },
  log: { level: 'warn' },
  shutdown: { grace: 0, deadline: '10s' },
  local: {},
} as const satisfies ConfigurationInput;

/**
 * The defaults with a document laid over them: a section's fields one by one, a list whole. A document that
 * is not an object is returned as it is, for the schema to refuse.
 */
export function overlay(document: unknown): unknown {
  if (!isRecord(document)) return document;
  const merged: Record<string, unknown> = { ...LOCAL_DEFAULTS };
  for (const [name, value] of Object.entries(document)) {
    const base = merged[name];
    merged[name] = isRecord(base) && isRecord(value) ? { ...base, ...value } : value;
  }
  // A listener of the document that names no host stays on loopback: `local` is for this machine alone.
  if (Array.isArray(merged['listeners'])) {
    merged['listeners'] = merged['listeners'].map((listener: unknown) =>
      isRecord(listener) ? { host: '127.0.0.1', ...listener } : listener,
    );
  }
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
