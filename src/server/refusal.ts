import type { Reply } from '../smtp/index.ts';
import { requireReply } from './boundary/replies.ts';

/**
 * Thrown by a hook, at once or later, it refuses what the hook is asked about, with its reply: the same as to return that reply,
 * from anywhere in the hook's code. It is no failure, and no observer gets it. Thrown by `openMessage` or by a writer it refuses the
 * message.
 *
 * @example
 * server.onRecipient(async ({ forwardPath }) => {
 *   const mailbox = await find(forwardPath.address);
 *   if (!mailbox) throw new Refusal(550, '1.1', 'No such mailbox');
 * });
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code = 'MAILSLUICE_REFUSAL';
  readonly reply: Reply;

  /**
   * A reply of 4yz or 5yz (400 to 459, 500 to 559). `status` is subject and detail of the enhanced status code, whose class follows
   * from the code; `undefined` for none. Throws a `HookAnswerError` for any other value.
   */
  constructor(code: number, status: string | undefined, text: string | readonly string[]) {
    const reply = makeReply(code, status, text);
    requireReply(reply, 'Refusal');
    super(`${code} ${typeof text === 'string' ? text : text.join(' ')}`);
    this.reply = reply;
  }
}

/** The reply of a refusal that was thrown; `undefined` for anything else. */
export function refusalOf(thrown: unknown): Reply | undefined {
  try {
    if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
    // By its code: two copies of the package have two classes.
    if (thrown.code !== 'MAILSLUICE_REFUSAL' || !('reply' in thrown)) return undefined;
    return requireReply(thrown.reply, 'Refusal');
  } catch {
    // What was thrown may be anything, whose members throw too.
    return undefined;
  }
}

export function makeReply(
  code: number,
  status: string | undefined,
  text: string | readonly string[],
): Reply {
  return status === undefined ? { code, text } : { code, status, text };
}
