// Which metric a refused command counts in. A postmaster asks two questions: how much mail is turned away, and
// how many clients do not speak the protocol. One number for both would answer neither.
import type { Note } from '../../smtp/index.ts';
import type { Rule } from '../../smtp/replies.ts';

/**
 * `message`: the sender, a recipient or the message itself is not wanted. `access`: the client may not send
 * before STARTTLS or AUTH. `command`: the command is unknown, misspelt, out of order, or asks for what is not
 * offered. `sign-in`: counted as a sign-in.
 */
type Refused = 'message' | 'access' | 'command' | 'sign-in';

const REFUSED: Readonly<Record<Rule | 'policy', Refused>> = {
  policy: 'message',
  'message-too-large': 'message',
  'bare-newline': 'message',
  'too-many-recipients': 'message',
  'too-many-recipient-domains': 'message',
  'deliver-by-too-soon': 'message',
  'hold-too-long': 'message',
  'tls-required': 'access',
  'sign-in-required': 'access',
  'no-token': 'sign-in',
  'unknown-command': 'command',
  'line-too-long': 'command',
  'bare-newline-in-command': 'command',
  'control-character': 'command',
  'invalid-utf8': 'command',
  'not-implemented': 'command',
  'bad-sequence': 'command',
  'tls-active': 'command',
  'already-signed-in': 'command',
  // The recipients that were refused before it are counted.
  'no-recipients': 'command',
  'tls-required-for-auth': 'command',
  'argument-syntax': 'command',
  'reverse-path-syntax': 'command',
  'forward-path-syntax': 'command',
  'sender-domain-missing': 'command',
  'recipient-domain-missing': 'command',
  'parameter-syntax': 'command',
  'parameter-value': 'command',
  'unknown-parameter': 'command',
  'chunk-size-syntax': 'command',
  'binary-needs-chunks': 'command',
  'xclient-denied': 'command',
  'non-ascii-address': 'command',
  'unknown-mechanism': 'command',
  'exchange-cancelled': 'command',
  'invalid-base64': 'command',
  'malformed-response': 'command',
  'exchange-line-too-long': 'command',
};

type Refusal = Extract<Note, { kind: 'refused' }>;

/** Whether the line of the sign-in already says all of it. */
export function isSignInRefusal({ verb, rule }: Refusal): boolean {
  return verb === 'AUTH' && rule === 'policy';
}

/** The counter of a refusal, if it has one: what was answered 4yz comes again and is not counted here. */
export function counterOf(refusal: Refusal): 'MessagesRejected' | 'CommandErrors' | undefined {
  if (refusal.code < 500 || isSignInRefusal(refusal)) return undefined;
  const { [refusal.rule]: refused = 'command' }: Readonly<Record<string, Refused>> = REFUSED;
  switch (refused) {
    case 'message':
      return 'MessagesRejected';
    case 'access':
      // One message, whose other commands may have been sent along with MAIL.
      return refusal.verb === 'MAIL' ? 'MessagesRejected' : 'CommandErrors';
    case 'command':
      return 'CommandErrors';
    case 'sign-in':
      return undefined;
  }
}
