// What a reply of the embedder's must be. One check for each answer that holds one: a few comparisons, no allocation.
import type { Recipient, Reply } from '../../smtp/index.ts';
import { HookAnswerError } from '../errors.ts';
import { describe, isPlainObject, printable } from './show.ts';

const ZERO = 0x30;

/** Where a reply may accept, and with which codes (RFC 5321 sections 4.2.3 and 4.3.2). */
const ACCEPTING = {
  onConnect: { from: 220, to: 220 },
  /** There is no reply of the server's whose place it could take. */
  onSecured: undefined,
  onSignIn: undefined,
  openMessage: undefined,
  reject: undefined,
  mechanism: undefined,
  /** 354 is the session's. */
  onData: undefined,
  Refusal: undefined,
  end: undefined,
  /** For any hook: where it is returned it is checked again. */
  reply: { from: 220, to: 252 },
  onHelo: { from: 250, to: 250 },
  onSender: { from: 250, to: 250 },
  onRecipient: { from: 250, to: 252 },
  onMail: { from: 250, to: 252 },
  accept: { from: 250, to: 252 },
  commit: { from: 250, to: 252 },
} as const satisfies Record<string, { readonly from: number; readonly to: number } | undefined>;

/** Whose answer it is. */
export type Place = keyof typeof ACCEPTING;

/** Whether the code refuses: 4yz and 5yz, with the second digits of RFC 5321 section 4.2. */
export function isRefusing(code: number): boolean {
  return (code >= 400 && code <= 459) || (code >= 500 && code <= 559);
}

/** Throws a `HookAnswerError` unless it is a reply that this place may give. */
export function requireReply(said: unknown, place: Place, expected = expectedOf(place)): Reply {
  if (!isObject(said) || Array.isArray(said)) {
    throw new HookAnswerError(place, `expected ${expected}, got ${describe(said)}`);
  }
  const { code, status, text } = said;
  if (!Number.isInteger(code) || !isCodeFor(place, Number(code))) {
    throw new HookAnswerError(
      place,
      `code: expected ${codesOf(place)}, got ${typeof code === 'number' ? code : describe(code)} in ${describe(said)}`,
    );
  }
  if (status !== undefined && !(typeof status === 'string' && isStatus(status))) {
    const got = typeof status === 'string' ? JSON.stringify(printable(status)) : describe(status);
    throw new HookAnswerError(
      place,
      `status: expected nothing, or subject and detail like "7.1", whose class follows from the code, got ${got}`,
    );
  }
  if (typeof text !== 'string' && !isLines(text)) {
    throw new HookAnswerError(
      place,
      `text: expected a string or an array of strings, got ${describe(text)} in ${describe(said)}`,
    );
  }
  return said as unknown as Reply;
}

/** Throws a `HookAnswerError` unless there is one reply for each recipient. */
export function requireReplies(
  said: readonly unknown[],
  place: Place,
  recipients: number,
): readonly Reply[] {
  if (said.length !== recipients) {
    throw new HookAnswerError(
      place,
      `expected one reply for each of ${recipients} recipients, got ${said.length}`,
    );
  }
  // Not `map`, which would skip the holes of an array.
  for (let index = 0; index < said.length; index++) requireReply(said[index], place);
  return said as readonly Reply[];
}

/**
 * The replies of a Map or an object that has them by the address of their recipient, in the order of the recipients; `undefined` if it is
 * neither. Throws a `HookAnswerError` unless there is one for each, and none besides.
 */
export function repliesByRecipient(
  said: unknown,
  place: Place,
  recipients: readonly Recipient[],
): readonly Reply[] | undefined {
  const keyed = toMap(said, recipients);
  if (keyed === undefined) return undefined;
  const addresses = new Set(recipients.map(({ forwardPath }) => forwardPath.address));
  for (const address of keyed.keys()) {
    if (addresses.has(String(address))) continue;
    throw new HookAnswerError(
      place,
      `expected a reply for each recipient, got one for ${describe(address)} that is the address of none`,
    );
  }
  return recipients.map(({ forwardPath }, index) => {
    const reply = keyed.get(forwardPath.address);
    const which = `a reply { code, status, text } for recipient ${index + 1} of ${recipients.length}`;
    return requireReply(reply, place, which);
  });
}

/** An object is one of replies if it has a recipient's address: no member of a reply has such a name. */
function toMap(
  said: unknown,
  recipients: readonly Recipient[],
): ReadonlyMap<unknown, unknown> | undefined {
  if (said instanceof Map) return said;
  if (!isPlainObject(said)) return undefined;
  const isKeyed = recipients.some(({ forwardPath }) => Object.hasOwn(said, forwardPath.address));
  return isKeyed ? new Map(Object.entries(said)) : undefined;
}

/** RFC 3463 section 2, without the class, which follows from the reply code. Without a regular expression: it is for each reply. */
function isStatus(text: string): boolean {
  const dot = text.indexOf('.');
  return isNumber(text, 0, dot) && isNumber(text, dot + 1, text.length);
}

/** One to three digits, without a leading zero. */
function isNumber(text: string, from: number, to: number): boolean {
  if (to <= from || to > from + 3) return false;
  if (to > from + 1 && text.charCodeAt(from) === ZERO) return false;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

function isCodeFor(place: Place, code: number): boolean {
  if (isRefusing(code)) return place !== 'accept';
  const accepting = ACCEPTING[place];
  return accepting !== undefined && code >= accepting.from && code <= accepting.to;
}

function isLines(text: unknown): boolean {
  if (!Array.isArray(text) || text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    if (typeof text[index] !== 'string') return false;
  }
  return true;
}

function isObject(said: unknown): said is Readonly<Record<string, unknown>> {
  return typeof said === 'object' && said !== null;
}

function codesOf(place: Place): string {
  const accepting = ACCEPTING[place];
  const accepts =
    accepting &&
    (accepting.from === accepting.to
      ? `${accepting.from}`
      : `${accepting.from} to ${accepting.to}`);
  if (place === 'accept') return `${accepts}`;
  return `400 to 459 or 500 to 559${accepts === undefined ? '' : `, or ${accepts}`}`;
}

/** Where no answer is no answer. */
const REPLY_NEEDED: ReadonlySet<Place> = new Set([
  'commit',
  'openMessage',
  'reject',
  'mechanism',
  'Refusal',
  'end',
  'reply',
]);

function expectedOf(place: Place): string {
  return `${REPLY_NEEDED.has(place) ? '' : 'nothing or '}a reply { code, status, text }`;
}
