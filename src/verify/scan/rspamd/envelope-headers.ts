// The envelope, as rspamd takes it with a message: https://rspamd.com/doc/architecture/protocol.html
import type { ScannedMail } from '../options.ts';

/** Some checks look at the first recipients; the number that they see is bounded for the size of the request. */
const MAX_RECIPIENTS = 100;
/** A mailbox has at most 64 and 255 octets (RFC 5321 section 4.5.3.1); a HELO name may be longer than a domain. */
const MAX_VALUE_OCTETS = 512;

/** Names and values in turns. A value that is too long is left out: cut, it would be another one. */
export function envelopeHeaders(mail: ScannedMail, hostname: string): string[] {
  const headers: string[] = [];
  const add = (name: string, value: string | undefined): void => {
    if (value === undefined) return;
    const cleaned = headerValue(value);
    if (cleaned.length > 0 && cleaned.length <= MAX_VALUE_OCTETS) headers.push(name, cleaned);
  };
  add('IP', mail.clientAddress);
  add('Hostname', mail.clientName);
  add('Helo', mail.heloName);
  add('From', `<${mail.reversePath}>`);
  for (const path of mail.forwardPaths.slice(0, MAX_RECIPIENTS)) add('Rcpt', `<${path}>`);
  add('User', mail.user);
  add('Queue-Id', mail.id);
  add('TLS-Version', mail.tls?.version);
  add('TLS-Cipher', mail.tls?.cipher);
  add('MTA-Name', hostname);
  add('MTA-Tag', mail.listener);
  return headers;
}

/**
 * The octets of UTF-8 as characters, for a client that writes Latin-1. `?` stands for each control, so that no value ends its
 * line; for a lone surrogate UTF-8 has U+FFFD.
 */
function headerValue(text: string): string {
  // oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
  const cleaned = text.replaceAll(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, '?').trim();
  return Buffer.from(cleaned, 'utf8').toString('latin1');
}
