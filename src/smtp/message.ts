import type { Envelope } from './envelope.ts';
import type { Reply } from './reply.ts';
import type { SessionFacts } from './session-facts.ts';

/** The facts of one message, fixed when it is opened (at DATA, or at the first BDAT). */
export interface MessageFacts {
  /** Allotted when the message is opened. */
  readonly messageId: string;
  readonly session: SessionFacts;
  readonly envelope: Envelope;
  /** When the message was opened. */
  readonly receivedAt: Date;
}

/**
 * Why a message was thrown away before its commit. `too-large`: over the size limit, the client gets 552.
 * `aborted`: the connection ended, or timed out, before the end of the data. `refused`: the data broke a
 * rule (a bare newline, a NUL) and the client gets 550 or 554. `closing`: the server closed before the end of the
 * data.
 */
export type DiscardCause = 'too-large' | 'aborted' | 'refused' | 'closing';

/** Takes the octets of one message. Exactly one of `commit` and `discard` ends it. */
export interface MessageWriter {
  /**
   * Takes a span of the message, after dot-unstuffing. The buffer is a view of the socket's read and stays
   * valid as long as it is held. `received`: what the client sent in its place, where line ends were normalized; all of
   * them together are the message as received. `false` asks for a pause: no more is read from the client until `resume`
   * was called. What was read already, 64 KiB at most and normalized twice as much, still comes, and if it holds the
   * end of the data so does `commit`.
   */
  write(span: Buffer, received?: Buffer): boolean;
  /**
   * The whole message was received: store it, and return the client's reply within a bounded time. A rejection
   * is answered `451 4.3.0`. An array is one reply for each recipient (LMTP).
   */
  commit(): Reply | readonly Reply[] | Promise<Reply | readonly Reply[]>;
  /** Throw away what was taken. Returns at once; any clean-up goes on by itself. */
  discard(cause: DiscardCause): void;
}

/** Whether a message may come: the writer that takes it, or a refusal of 4yz or 5yz. */
export type OpenMessageAnswer =
  | { readonly kind: 'accept'; readonly writer: MessageWriter }
  | { readonly kind: 'refuse'; readonly reply: Reply };

/**
 * Opens a message: asked before the `354`, so a refusal (overload, policy) is what the client hears instead
 * of it. `resume` is for the writer to call after a `write` that returned `false`.
 */
export type OpenMessage = (
  facts: MessageFacts,
  resume: () => void,
) => OpenMessageAnswer | Promise<OpenMessageAnswer>;
