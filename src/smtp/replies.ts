// Every reply that the session itself says, and those that its callers share. A refusal is named by its rule,
// which is also what the log gets.
import type { Reply } from './reply.ts';

/** Replies of 2yz and 3yz. */
export const replies = {
  ok: { code: 250, status: '0.0', text: 'Ok' },
  senderOk: { code: 250, status: '1.0', text: 'Sender ok' },
  chunkOk: { code: 250, status: '0.0', text: 'Chunk received' },
  recipientOk: { code: 250, status: '1.5', text: 'Recipient ok' },
  messageOk: { code: 250, status: '0.0', text: 'Message accepted' },
  cannotVerify: { code: 252, status: '1.5', text: 'Cannot VRFY user, but will accept message' },
  help: {
    code: 214,
    status: '0.0',
    text: [
      'Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT',
      'See RFC 5321 for their meaning',
    ],
  },
  readyForTls: { code: 220, status: '0.0', text: 'Ready to start TLS' },
  signedIn: { code: 235, status: '7.0', text: 'Authentication successful' },
  startMail: { code: 354, text: 'Start mail input; end with <CRLF>.<CRLF>' },
} as const satisfies Record<string, Reply>;

/** Replies that the session shares with those who answer its questions. */
export const sharedReplies = {
  /** The fault is ours: a hook, a policy or a lookup failed, or gave an answer that makes no sense. */
  temporaryFailure: { code: 451, status: '3.0', text: 'Temporary failure, try again later' },
  messageNotStored: { code: 451, status: '3.0', text: 'Message not stored, try again later' },
  signInUnavailable: { code: 454, status: '7.0', text: 'Temporary authentication failure' },
  signInRefused: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
} as const satisfies Record<string, Reply>;

/** Replies of 4yz and 5yz, by the rule that refuses. */
export const refusals = {
  // The line: RFC 5321 sections 2.3.8, 4.2.4 and 4.5.3.1.4
  'unknown-command': { code: 500, status: '5.2', text: 'Command not recognized' },
  'line-too-long': { code: 500, status: '5.6', text: 'Line too long' },
  'bare-newline-in-command': { code: 500, status: '5.2', text: 'Lines must end with CRLF' },
  'control-character': { code: 500, status: '5.2', text: 'Control characters are not allowed' },
  'invalid-utf8': { code: 500, status: '5.2', text: 'Invalid UTF-8' },
  'not-implemented': { code: 502, status: '5.1', text: 'Command not implemented' },
  // Sequence
  'bad-sequence': { code: 503, status: '5.1', text: 'Bad sequence of commands' },
  'tls-active': { code: 503, status: '5.1', text: 'TLS is already active' },
  'already-signed-in': { code: 503, status: '5.1', text: 'Already authenticated' },
  'no-recipients': { code: 554, status: '5.1', text: 'No valid recipients' },
  // RFC 3207 section 4, RFC 4954 section 6
  'tls-required': { code: 530, status: '7.0', text: 'Must issue a STARTTLS command first' },
  'sign-in-required': { code: 530, status: '7.0', text: 'Authentication required' },
  'tls-required-for-auth': {
    code: 538,
    status: '7.11',
    text: 'Encryption required for requested authentication mechanism',
  },
  // Arguments
  'argument-syntax': { code: 501, status: '5.4', text: 'Syntax error in arguments' },
  'reverse-path-syntax': { code: 501, status: '1.7', text: 'Bad sender address syntax' },
  'forward-path-syntax': { code: 501, status: '1.3', text: 'Bad recipient address syntax' },
  'sender-domain-missing': { code: 501, status: '1.7', text: 'Sender address has no domain' },
  'recipient-domain-missing': { code: 501, status: '1.3', text: 'Recipient address has no domain' },
  'parameter-syntax': { code: 501, status: '5.4', text: 'Syntax error in parameters' },
  'parameter-value': { code: 504, status: '5.4', text: 'Parameter value not implemented' },
  'unknown-parameter': { code: 555, status: '5.4', text: 'Unknown parameter' },
  'deliver-by-too-soon': { code: 555, status: '5.4', text: 'Cannot deliver within that time' },
  'hold-too-long': { code: 501, status: '5.4', text: 'Cannot hold a message for that long' },
  'chunk-size-syntax': { code: 501, status: '5.4', text: 'Syntax error in chunk size' },
  'binary-needs-chunks': { code: 503, status: '5.1', text: 'BINARYMIME needs BDAT' },
  'xclient-denied': { code: 550, status: '7.0', text: 'XCLIENT is not for you' },
  'non-ascii-address': {
    code: 553,
    status: '6.7',
    text: 'Non-ASCII addresses not permitted without SMTPUTF8',
  },
  // SASL: RFC 4954 section 4
  'unknown-mechanism': { code: 504, status: '5.4', text: 'Unknown authentication mechanism' },
  'exchange-cancelled': { code: 501, status: '7.0', text: 'Authentication cancelled' },
  'invalid-base64': { code: 501, status: '5.2', text: 'Invalid base64 data' },
  'malformed-response': { code: 501, status: '5.2', text: 'Malformed authentication response' },
  'exchange-line-too-long': {
    code: 500,
    status: '5.6',
    text: 'Authentication exchange line is too long',
  },
  'no-token': sharedReplies.signInRefused,
  // The message
  'message-too-large': { code: 552, status: '3.4', text: 'Message size exceeds fixed limit' },
  'bare-newline': { code: 550, status: '6.11', text: 'Message contains a bare CR or LF' },
  'too-many-recipient-domains': { code: 452, status: '5.3', text: 'Too many recipient domains' },
  'too-many-recipients': { code: 452, status: '5.3', text: 'Too many recipients' },
} as const satisfies Record<string, Reply>;

export type Rule = keyof typeof refusals;

/** What is said before the session ends by itself. The host name goes before the text (RFC 5321 section 4.2.1). */
export const farewells = {
  quit: { code: 221, status: '0.0', text: 'Closing connection' },
  idle: { code: 421, status: '4.2', text: 'Idle for too long, closing connection' },
  closing: { code: 421, status: '3.2', text: 'Service closing, try again later' },
  'too-many-errors': { code: 421, status: '7.0', text: 'Too many errors' },
  'too-many-commands': { code: 421, status: '7.0', text: 'Too many commands in one session' },
  'too-many-messages': { code: 421, status: '7.0', text: 'Too many messages in one session' },
  'too-many-sign-in-failures': { code: 421, status: '7.0', text: 'Too many failed sign-ins' },
  'line-flood': { code: 421, status: '7.0', text: 'Line without end' },
} as const satisfies Record<string, Reply>;

export type Farewell = keyof typeof farewells;

/** The reply to a new connection (RFC 5321 section 4.2). */
export function greeting(
  options: { readonly hostname: string; readonly protocol: string; readonly banner?: string },
  own?: Reply,
): Reply {
  const protocol = options.protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
  const banner = options.banner === undefined ? undefined : { code: 220, text: options.banner };
  return { code: 220, text: withText(`${options.hostname} ${protocol}`, own ?? banner) };
}

/** The text of a reply behind what the protocol wants first; several lines become one. */
export function withText(first: string, own: Reply | undefined): string {
  return own === undefined ? first : [first, own.text].flat().join(' ').trimEnd();
}

/** The reply to HELO. */
export function heloReply(hostname: string): Reply {
  return { code: 250, text: hostname };
}

/** The reply to EHLO and LHLO. */
export function ehloReply(lines: readonly string[]): Reply {
  return { code: 250, text: lines };
}

/** The line of a SASL challenge (RFC 4954 section 4), which may be longer than that of other replies. */
export function challengeLine(challenge: Buffer): string {
  return `334 ${challenge.toString('base64')}\r\n`;
}
