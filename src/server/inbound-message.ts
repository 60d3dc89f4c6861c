// The server's side of one message: opens its writer, feeds it at a rate that the client must keep up, has it
// commit or discard, and reports how the message fared.
import type {
  Answer,
  DiscardCause,
  Envelope,
  MessageFacts,
  MessageWriter,
  OpenMessageAnswer,
  Reply,
  SessionFacts,
} from '../smtp/index.ts';
import { ACCEPT, isReply, toMailAnswer } from './ask-hooks.ts';
import type { Peer, ServerEvent } from './events.ts';
import { isPromise, type Now } from './hooks.ts';
import { replies } from './replies.ts';
import type { Serving } from './serving.ts';

/** The connection that a message comes over. */
export interface MessageConnection {
  readonly peer: Peer;
  /** The writer that asked for a pause can take more. */
  resumeReading(): void;
  /** The commit was answered, or given up. */
  messageAnswered(): void;
}

/** `ended`: answered, refused, discarded or given up. What its writer says from then on is not heard. */
type Stage = 'opening' | 'receiving' | 'committing' | 'ended';

export class InboundMessage {
  readonly #serving: Serving;
  readonly #connection: MessageConnection;
  readonly #facts: MessageFacts;
  #stage: Stage = 'opening';
  /** While the message is being received. */
  #writer: MessageWriter | undefined;

  /** Before the end of the data as they came over the wire, afterwards without the dots. */
  #octets = 0;
  /** By the server's clock. */
  readonly #startedAt: number;
  /** The rate is taken over a window, of which the time that the server did not read is no part. */
  #windowStart: number;
  #windowOctets = 0;

  readonly #openedMilliseconds = performance.now();
  #receivedMilliseconds = 0;

  constructor(
    serving: Serving,
    connection: MessageConnection,
    envelope: Envelope,
    session: SessionFacts,
  ) {
    this.#serving = serving;
    this.#connection = connection;
    const messageId = serving.nextMessageId();
    this.#facts = { messageId, session, envelope, receivedAt: new Date() };
    this.#startedAt = serving.clock.now;
    this.#windowStart = this.#startedAt;
  }

  /** Asks for the writer: may the message come? */
  open(): Now<Answer> {
    const answer = this.#serving.openMessage(this.#facts, () => this.#resume());
    return isPromise(answer) ? answer.then((later) => this.#opened(later)) : this.#opened(answer);
  }

  /** Whether its data may come: from the opening of its writer to the end of the data. */
  get isReceiving(): boolean {
    return this.#stage === 'receiving';
  }

  /** Counts what came over the wire, for the rate. */
  count(octets: number): void {
    this.#octets += octets;
    this.#windowOctets += octets;
  }

  /** Begins a new window for the rate: the time before it was not the client's. */
  restart(now: number): void {
    this.#windowStart = now;
    this.#windowOctets = 0;
  }

  /** Whether the whole takes too long, or the last window brought too little. */
  isTooSlow(now: number): boolean {
    const { messageSeconds, dataTimeoutSeconds, minDataRate } = this.#serving.options.limits;
    if (now - this.#startedAt > messageSeconds * 1000) return true;
    const seconds = (now - this.#windowStart) / 1000;
    if (seconds < dataTimeoutSeconds) return false;
    const isSlow = this.#windowOctets < minDataRate * seconds;
    this.restart(now);
    return isSlow;
  }

  /** Returns false where nothing more should be read for now. */
  write(span: Buffer, received?: Buffer): boolean {
    return this.#writer?.write(span, received) ?? true;
  }

  /** From here on the message is the writer's: that the client goes no longer matters to it. */
  commit(sizeInOctets: number): Now<Answer> {
    const writer = this.#writer;
    if (!writer) throw new Error('expected a message with a writer, got none');
    this.#stage = 'committing';
    this.#writer = undefined;
    this.#octets = sizeInOctets;
    this.#receivedMilliseconds = performance.now();
    const committed = writer.commit();
    if (!isPromise(committed)) return this.#committed(committed);
    return committed.then(
      (said) => this.#committed(said),
      (error: unknown) => {
        this.#reportFailure(error);
        return this.#committed(replies.messageNotStored);
      },
    );
  }

  /** Its writer or its commit failed at once or takes too long: the client hears a 4yz, whatever comes later. */
  giveUp(): void {
    if (this.#stage === 'committing') this.#end([replies.messageNotStored]);
    else this.#stage = 'ended';
  }

  /** Discards a message that is being opened or received; a commit under way goes on. */
  discard(cause: DiscardCause): void {
    const writer = this.#writer;
    if (this.#stage !== 'committing') this.#stage = 'ended';
    if (!writer) return;
    this.#writer = undefined;
    try {
      writer.discard(cause);
    } catch (error) {
      this.#reportFailure(error);
    }
    const sizeInOctets = this.#octets;
    const message = this.#facts;
    this.#serving.observe?.({ kind: 'message-discarded', message, cause, sizeInOctets });
  }

  #opened(answer: OpenMessageAnswer): Answer {
    const isWanted = this.#stage === 'opening';
    if (answer.kind === 'refuse') {
      this.#stage = 'ended';
      return answer;
    }
    // The client disconnected, or got a 4yz, while the writer was being opened.
    if (!isWanted) {
      answer.writer.discard('aborted');
      return ACCEPT;
    }
    this.#stage = 'receiving';
    this.#writer = answer.writer;
    this.restart(this.#serving.clock.now);
    return ACCEPT;
  }

  /** The next message of the connection waits for its own writer. */
  #resume(): void {
    if (this.#writer) this.#connection.resumeReading();
  }

  #committed(said: Reply | readonly Reply[]): Answer {
    this.#end(isReply(said) ? [said] : said);
    return toMailAnswer(said);
  }

  /** Reports the outcome, once: what the writer says after it was given up is not reported. */
  #end(said: readonly Reply[]): void {
    if (this.#stage !== 'committing') return;
    this.#stage = 'ended';
    this.#connection.messageAnswered();
    this.#serving.observe?.({
      kind: outcomeOf(said),
      message: this.#facts,
      sizeInOctets: this.#octets,
      receivingMilliseconds: this.#receivedMilliseconds - this.#openedMilliseconds,
      committingMilliseconds: performance.now() - this.#receivedMilliseconds,
      replies: said,
    });
  }

  #reportFailure(error: unknown): void {
    const { peer } = this.#connection;
    this.#serving.observe?.({ kind: 'failure', peer, where: 'message', error });
  }
}

type Outcome = Extract<
  ServerEvent['kind'],
  'message-accepted' | 'message-deferred' | 'message-refused'
>;

function outcomeOf(said: readonly Reply[]): Outcome {
  if (said.some((reply) => reply.code < 400)) return 'message-accepted';
  if (said.some((reply) => reply.code < 500)) return 'message-deferred';
  return 'message-refused';
}
