// What EHLO and LHLO say of this listener and this session: an extension is named only while it works.
import { findMechanism } from './sasl/mechanisms.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';

/** The lines of the reply to EHLO: the host name, then one extension each (RFC 5321 section 4.1.1.1). */
export function ehloLines(options: SessionOptions, facts: SessionFacts): string[] {
  const lines = [options.hostname, 'PIPELINING', `SIZE ${options.maxMessageSize}`, '8BITMIME'];
  if (options.smtpUtf8) lines.push('SMTPUTF8');
  lines.push('ENHANCEDSTATUSCODES');
  if (isTlsOffered(options, facts)) lines.push('STARTTLS');
  const mechanisms = offeredMechanisms(options, facts);
  if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(' ')}`);
  return lines;
}

/** Whether STARTTLS works now. */
export function isTlsOffered(options: SessionOptions, facts: SessionFacts): boolean {
  return options.tls === 'starttls' && facts.tls === null;
}

/** Whether AUTH may be used on a connection as safe as this one. */
export function isSafeForAuth(options: SessionOptions, facts: SessionFacts): boolean {
  return facts.tls !== null || options.allowInsecureAuth;
}

/** The SASL mechanisms that work now, in the order of the options. */
export function offeredMechanisms(options: SessionOptions, facts: SessionFacts): string[] {
  if (options.auth === 'none' || facts.identity !== null || !isSafeForAuth(options, facts))
    return [];
  return options.mechanisms.filter(
    (name) => findMechanism(name, options.customMechanisms)?.isOffered({ facts }) === true,
  );
}
