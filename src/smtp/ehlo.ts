// What EHLO and LHLO say of this listener and this session: an extension is named only while it works.
import type { ExchangeContext } from './sasl/exchange.ts';
import { findMechanism } from './sasl/mechanisms.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import { XCLIENT_ATTRIBUTES } from './grammar/xclient-command.ts';

/** The lines of the reply to EHLO: the host name, then one extension each (RFC 5321 section 4.1.1.1). */
export function ehloLines(
  options: SessionOptions,
  facts: SessionFacts,
  context: ExchangeContext,
  isXclientTrusted: boolean,
): string[] {
  const lines = [options.hostname, 'PIPELINING', `SIZE ${options.maxMessageSize}`, '8BITMIME'];
  if (options.smtpUtf8) lines.push('SMTPUTF8');
  lines.push('ENHANCEDSTATUSCODES');
  if (options.chunking !== false) lines.push('CHUNKING', 'BINARYMIME');
  if (options.dsn !== false) lines.push('DSN');
  if (isTlsOffered(options, facts)) lines.push('STARTTLS');
  const mechanisms = offeredMechanisms(options, context);
  if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(' ')}`);
  if (isRequireTlsOffered(options, facts)) lines.push('REQUIRETLS');
  if (options.limits !== false) lines.push(limitsLine(options));
  if (options.mtPriority === true) lines.push('MT-PRIORITY');
  if (options.deliverBy !== undefined) lines.push(`DELIVERBY ${options.deliverBy.minSeconds}`);
  if (options.futureRelease !== undefined) {
    const { maxSeconds, maxDateTime } = options.futureRelease;
    lines.push(`FUTURERELEASE ${maxSeconds} ${maxDateTime}`);
  }
  if (isXclientTrusted) lines.push(`XCLIENT ${XCLIENT_ATTRIBUTES.join(' ')}`);
  return lines;
}

/** RFC 9422 section 3. */
function limitsLine(options: SessionOptions): string {
  const domains = options.maxRecipientDomains;
  return [
    'LIMITS',
    `MAILMAX=${options.maxMessages}`,
    `RCPTMAX=${options.maxRecipients}`,
    ...(domains === undefined ? [] : [`RCPTDOMAINMAX=${domains}`]),
  ].join(' ');
}

/** Whether STARTTLS works now. */
export function isTlsOffered(options: SessionOptions, facts: SessionFacts): boolean {
  return options.tls === 'starttls' && facts.tls === null;
}

/** Whether AUTH may be used on a connection as safe as this one. */
export function isSafeForAuth(options: SessionOptions, facts: SessionFacts): boolean {
  return facts.tls !== null || options.allowInsecureAuth;
}

/** Whether REQUIRETLS works now: under TLS only (RFC 8689 section 2). */
export function isRequireTlsOffered(options: SessionOptions, facts: SessionFacts): boolean {
  return options.requireTlsExtension !== false && facts.tls !== null;
}

/** The SASL mechanisms that work now, in the order of the options. */
export function offeredMechanisms(options: SessionOptions, context: ExchangeContext): string[] {
  const { facts } = context;
  if (options.auth === 'none' || facts.identity !== null || !isSafeForAuth(options, facts))
    return [];
  return options.mechanisms.filter(
    (name) => findMechanism(name, options.customMechanisms)?.isOffered(context) === true,
  );
}
