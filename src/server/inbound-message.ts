// The messages of one connection, one after another: opens the writer, feeds it, has it commit or discard,
// and tells how each message fared.
import type {
  Answer,
  DiscardCause,
  Envelope,
  MessageWriter,
  OpenMessageAnswer,
  Reply,
  SessionFacts,
} from '../smtp/index.ts';
import type { Peer } from './events.ts';
import { ACCEPT, isPromise, type Now, toAnswer } from './hooks.ts';
import type { Limits } from './limits.ts';
import type { Listener } from './listener.ts';
import { MessageProgress } from './message-progress.ts';
import { replies } from './replies.ts';

export class MessageReception {
  readonly #listener: Listener;
  readonly #peer: Peer;
  readonly #drained: () => void;
  #writer: MessageWriter | undefined;
  /** From the opening of a message to the end of its data. */
  #incoming: MessageProgress | undefined;
  /** From there to what its writer made of it. */
  #committing: MessageProgress | undefined;
  #answered = 0;

  /** `drained` is called when a writer that said false can take more. */
  constructor(listener: Listener, peer: Peer, drained: () => void) {
    this.#listener = listener;
    this.#peer = peer;
    this.#drained = drained;
  }

  /** How many messages were answered. */
  get answered(): number {
    return this.#answered;
  }

  /** Whether a message is on its way in. */
  get isOpen(): boolean {
    return this.#incoming !== undefined;
  }

  /** May the message come? `isWanted` tells, when the writer comes late, whether its client still waits. */
  open(envelope: Envelope, session: SessionFacts, isWanted: () => boolean): Now<Answer> {
    const messageId = this.#listener.nextMessageId();
    const facts = { messageId, session, envelope, receivedAt: new Date() };
    const message = new MessageProgress(facts, this.#listener.clock.now);
    const opened = this.#listener.openMessage(facts, this.#drained);
    if (!isPromise(opened)) return this.#opened(opened, message);
    return opened.then((later) => {
      if (isWanted()) return this.#opened(later, message);
      if (later.kind === 'accept') later.writer.discard('aborted');
      return ACCEPT;
    });
  }

  /** What came over the wire, for the rate. */
  count(octets: number): void {
    this.#incoming?.count(octets);
  }

  isTooSlow(now: number, limits: Limits): boolean {
    return this.#incoming?.isTooSlow(now, limits) ?? false;
  }

  /** The server reads on: the time in which it did not is not the client's. */
  restart(now: number): void {
    this.#incoming?.restart(now);
  }

  /** Returns false where nothing more should be read for now. */
  write(span: Buffer): boolean {
    return this.#writer?.write(span) ?? true;
  }

  /** From here on the message is the writer's: the client's going no longer matters to it. */
  commit(sizeInOctets: number): Now<Answer> {
    const writer = this.#writer;
    const message = this.#incoming;
    this.#writer = undefined;
    this.#incoming = undefined;
    if (!writer || !message) throw new Error('expected an open message, got none');
    message.received(sizeInOctets);
    this.#committing = message;
    const committed = writer.commit();
    if (!isPromise(committed)) return this.#committed(message, committed);
    return committed.then(
      (said) => this.#committed(message, said),
      (error: unknown) => {
        this.#tellFailure(error);
        return this.#committed(message, replies.messageNotStored);
      },
    );
  }

  /** The commit failed at once, or takes too long: the client hears `messageNotStored`, whatever it says later. */
  giveUp(): void {
    this.#tellOutcome(this.#committing, [replies.messageNotStored]);
  }

  /** Throws away what is open; a commit under way goes on. */
  discard(cause: DiscardCause): void {
    const writer = this.#writer;
    const message = this.#incoming;
    this.#writer = undefined;
    this.#incoming = undefined;
    if (!writer || !message) return;
    try {
      writer.discard(cause);
    } catch (error) {
      this.#tellFailure(error);
    }
    this.#listener.observe?.(message.discarded(cause));
  }

  #opened(opened: OpenMessageAnswer, message: MessageProgress): Answer {
    if (opened.kind === 'refuse') return opened;
    this.#writer = opened.writer;
    this.#incoming = message;
    message.restart(this.#listener.clock.now);
    return ACCEPT;
  }

  #committed(message: MessageProgress, said: Reply | readonly Reply[]): Answer {
    this.#tellOutcome(message, 'code' in said ? [said] : said);
    return 'code' in said ? toAnswer(said) : { kind: 'each', replies: said };
  }

  /** Once for each message: what comes after we gave it up is not told again. */
  #tellOutcome(message: MessageProgress | undefined, said: readonly Reply[]): void {
    if (!message || message !== this.#committing) return;
    this.#committing = undefined;
    this.#answered++;
    this.#listener.observe?.(message.outcome(said));
  }

  #tellFailure(error: unknown): void {
    this.#listener.observe?.({ kind: 'failure', peer: this.#peer, where: 'message', error });
  }
}
