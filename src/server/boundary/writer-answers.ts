// What `openMessage` and `nextMessageId` must give.
import type { OpenMessageAnswer } from '../../smtp/index.ts';
import { HookAnswerError } from '../errors.ts';
import { requireReply } from './replies.ts';
import { describe } from './show.ts';

const MESSAGE_ID = /^[\x21-\x7e]{1,200}$/;

/** Throws a `HookAnswerError` unless it is a writer or a refusal. */
export function requireOpened(said: unknown): OpenMessageAnswer {
  if (typeof said !== 'object' || said === null || !('kind' in said)) {
    return fail(
      `expected { kind: "accept", writer } or { kind: "refuse", reply }, got ${describe(said)}`,
    );
  }
  if (said.kind === 'accept') {
    const { writer } = said as { writer?: unknown };
    if (isWriter(writer)) return said as OpenMessageAnswer;
    return fail(
      `writer: expected an object with write, commit and discard, got ${describe(writer)}`,
    );
  }
  if (said.kind === 'refuse') {
    requireReply((said as { reply?: unknown }).reply, 'openMessage');
    return said as OpenMessageAnswer;
  }
  return fail(`kind: expected "accept" or "refuse", got ${describe(said.kind)}`);
}

/** Checks each id, which is part of a reply: throws a `HookAnswerError` for what cannot be one. */
export function checkedMessageIds(nextMessageId: () => unknown): () => string {
  return () => requireMessageId(nextMessageId());
}

function requireMessageId(given: unknown): string {
  if (typeof given === 'string' && MESSAGE_ID.test(given)) return given;
  const expected = '1 to 200 printable ASCII characters without a space';
  throw new HookAnswerError('nextMessageId', `expected ${expected}, got ${describe(given)}`);
}

function isWriter(writer: unknown): boolean {
  if (typeof writer !== 'object' || writer === null) return false;
  const { write, commit, discard } = writer as Readonly<Record<string, unknown>>;
  return (
    typeof write === 'function' && typeof commit === 'function' && typeof discard === 'function'
  );
}

function fail(detail: string): never {
  throw new HookAnswerError('openMessage', detail);
}
