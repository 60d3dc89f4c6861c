// The header fields put in front of a stored message: Return-Path and Received (RFC 5321 section 4.4),
// Received-SPF (RFC 7208 section 9.1), Authentication-Results (RFC 8601). Everything that
// the client sent passes through `clean` first, so that it cannot end a line: header injection.
import { isIPv6 } from 'node:net';

/** Every field is folded here, at its clauses. RFC 5322 section 2.1.1: no line over 998 octets. */
const FOLD = '\r\n\t';
/** The most that one clause may have. A longer one is left out or cut. */
const CLAUSE_OCTETS = 900;
/** With `Return-Path: <>` it fits into one line. No listener takes a longer address. */
const PATH_OCTETS = 980;
const NAME_LENGTH = 255;
/** Control characters, line and paragraph separators, lone surrogates and bidirectional marks. */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** The part of a message's facts that the fields contain. The facts of the protocol engine have this shape. */
export interface TracedMessage {
  readonly receivedAt: Date;
  readonly session: TracedSession;
  readonly envelope: {
    /** `null` for the null reverse-path. */
    readonly reversePath: { readonly address: string } | null;
    readonly parameters: { readonly smtpUtf8?: boolean };
    /** An address is not ASCII although the client did not say SMTPUTF8. */
    readonly undeclaredUtf8?: boolean;
  };
}

export interface TracedSession {
  /** The argument of EHLO, HELO or LHLO: unverified. */
  readonly clientDomain: string;
  readonly clientAddress: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  readonly tls: { readonly cipher: string; readonly version: string } | null;
  readonly identity: { readonly username: string; readonly mechanism: string } | null;
}

export interface TraceOptions {
  readonly facts: TracedMessage;
  readonly messageId: string;
  readonly hostname: string;
  /** The recipients of this object, which need not be all of the envelope's. */
  readonly recipients: readonly { readonly forwardPath: { readonly address: string } }[];
  readonly verification: {
    /** The `resinfo`s of Authentication-Results (RFC 8601 section 2.2). */
    readonly results: readonly string[];
    /** The value of Received-SPF (RFC 7208 section 9.1), if SPF was checked. */
    readonly receivedSpf?: string;
  };
}

/** The block as octets, ending in CRLF: the message follows at once. */
export function renderTraceHeaders(options: TraceOptions): Buffer {
  const { facts } = options;
  const { parameters, undeclaredUtf8 = false } = facts.envelope;
  const utf8 = parameters.smtpUtf8 === true || undeclaredUtf8;
  const text =
    renderReturnPath(facts, utf8) +
    renderReceived(options, utf8) +
    renderReceivedSpf(options, utf8) +
    renderAuthenticationResults(options, utf8);
  return Buffer.from(text, 'utf8');
}

function renderReturnPath({ envelope }: TracedMessage, utf8: boolean): string {
  const address = path(envelope.reversePath?.address ?? '', utf8);
  return Buffer.byteLength(address) > PATH_OCTETS ? '' : `Return-Path: <${address}>\r\n`;
}

function renderReceived(
  { facts, messageId, hostname, recipients }: TraceOptions,
  utf8: boolean,
): string {
  const { session, receivedAt } = facts;
  const clauses = [
    `from ${renderClient(session, utf8)}`,
    `by ${hostname} with ${withProtocol(session, facts.envelope.parameters.smtpUtf8 === true)}`,
    `id ${messageId}`,
  ];
  // RFC 5321 section 7.2: naming one of several recipients may give away a blind copy.
  const [only] = recipients;
  if (recipients.length === 1 && only !== undefined) {
    const address = path(only.forwardPath.address, utf8);
    if (Buffer.byteLength(address) <= PATH_OCTETS) clauses.push(`for <${address}>`);
  }
  if (session.tls !== null) {
    // RFC 8314 section 4.3: the clause names the cipher suite.
    const { cipher, version } = session.tls;
    clauses.push(`tls ${atom(cipher)} (${comment(version, false)})`);
  }
  const date = receivedAt.toUTCString().replace('GMT', '+0000 (UTC)');
  return `Received: ${clauses.join(FOLD)};${FOLD}${date}\r\n`;
}

/** Extended-Domain of RFC 5321 section 4.4. A name that is no domain goes into the comment. */
function renderClient({ clientDomain, clientAddress }: TracedSession, utf8: boolean): string {
  const literal = `[${isIPv6(clientAddress) ? `IPv6:${clientAddress}` : clientAddress}]`;
  const name = clean(clientDomain, utf8).slice(0, NAME_LENGTH);
  if (name === clientDomain && isDomainOrLiteral(name)) return `${name} (${literal})`;
  return name === '' ? literal : `${literal} (said ${comment(name, utf8)})`;
}

function isDomainOrLiteral(text: string): boolean {
  return /^(?:[A-Za-z0-9_\u0080-\uffff](?:[A-Za-z0-9._\u0080-\uffff-]*)|\[[A-Za-z0-9.:_-]+\])$/.test(
    text,
  );
}

/** The registered keywords of RFC 3848 and RFC 6531 section 4.3. HELO has only one. */
function withProtocol({ protocol, tls, identity }: TracedSession, utf8: boolean): string {
  if (protocol === 'SMTP') return 'SMTP';
  const secured = `${tls === null ? '' : 'S'}${identity === null ? '' : 'A'}`;
  if (utf8) return `UTF8${protocol === 'LMTP' ? 'LMTP' : 'SMTP'}${secured}`;
  return `${protocol}${secured}`;
}

function renderReceivedSpf({ facts, hostname, verification }: TraceOptions, utf8: boolean): string {
  if (verification.receivedSpf !== undefined) {
    return `Received-SPF: ${cut(clean(verification.receivedSpf, utf8))}\r\n`;
  }
  const { session, envelope } = facts;
  const pairs = [`client-ip=${session.clientAddress};`];
  const from = envelope.reversePath?.address;
  if (from !== undefined) pairs.push(`envelope-from=${value(from, utf8)};`);
  if (session.clientDomain !== '') pairs.push(`helo=${value(session.clientDomain, utf8)};`);
  return `Received-SPF: none (${hostname}: SPF was not checked)${FOLD}${pairs.join(FOLD)}\r\n`;
}

function renderAuthenticationResults(
  { facts, hostname, verification }: TraceOptions,
  utf8: boolean,
): string {
  const results = verification.results.map((result) => cut(clean(result, utf8)));
  const { identity } = facts.session;
  if (identity !== null) {
    // RFC 8601 section 2.7.4; in a clear comment, how it was proved.
    results.unshift(
      `auth=pass (${comment(identity.mechanism, false)}) smtp.auth=${value(identity.username, utf8)}`,
    );
  }
  // RFC 8601 section 2.2: "none" says that nothing was checked.
  const text =
    results.length === 0 ? ' none' : results.map((result) => `${FOLD}${result}`).join(';');
  return `Authentication-Results: ${hostname};${text}\r\n`;
}

/** An address between angle brackets. A local part whose characters would end it, or begin a comment, is quoted. */
function path(address: string, utf8: boolean): string {
  const safe = clean(address, utf8);
  const at = safe.lastIndexOf('@');
  const local = safe.slice(0, Math.max(at, 0));
  if (!/[\s()<>[\]:;@\\,"]/.test(local) || /^"(?:[^"\\]|\\.)*"$/.test(local)) return safe;
  return `"${local.replace(/["\\]/g, '\\$&')}"${safe.slice(at)}`;
}

/** Without control characters and bidirectional marks, and only ASCII where the addresses are (RFC 6532). */
function clean(text: string, utf8: boolean): string {
  return text.replace(utf8 ? UNSAFE : /[^\x20-\x7e]/gu, '?');
}

/** The result of a check, cut to one line: no character has more than 3 octets for each code unit. */
function cut(text: string): string {
  return Buffer.byteLength(text) <= CLAUSE_OCTETS ? text : text.slice(0, CLAUSE_OCTETS / 3);
}

/** ctext of RFC 5322 section 3.2.2. */
function comment(text: string, utf8: boolean): string {
  return clean(text, utf8)
    .slice(0, NAME_LENGTH)
    .replace(/[()\\]/g, '\\$&');
}

/** A word that needs no quoting, for names from TLS. */
function atom(text: string): string {
  return clean(text, false)
    .slice(0, NAME_LENGTH)
    .replace(/[^A-Za-z0-9_.-]/g, '_');
}

/** A dot-atom or an address as it is, anything else as a quoted-string (RFC 8601 section 2.2). */
function value(text: string, utf8: boolean): string {
  const safe = clean(text, utf8).slice(0, NAME_LENGTH);
  if (/^[\w!#$%&'*+/=?^`{|}~.-]+(?:@[\w.-]+)?$/.test(safe)) return safe;
  return `"${safe.replace(/["\\]/g, '\\$&')}"`;
}
