// The server's side of one message: opens its writer, feeds it at a rate that the client must keep up, has it
// commit or discard, and reports how the message fared.
import type {
  Answer,
  DiscardCause,
  Envelope,
  MessageFacts,
  MessageWriter,
  Reply,
  SessionFacts,
} from '../smtp/index.ts';
import { ACCEPT, toMailAnswer, toRefusal } from './ask-hooks.ts';
import { describe } from './boundary/show.ts';
import { requireOpened } from './boundary/writer-answers.ts';
import { HookAnswerError } from './errors.ts';
import type { Peer, ServerEvent } from './events.ts';
import { isPromise, type Now } from './hooks.ts';
import { refusalOf } from './refusal.ts';
import { replies } from './replies.ts';
import { reportFailure } from './report-failure.ts';
import type { Serving } from './serving.ts';
import type { SessionScope } from './session-scope.ts';

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

/** In place of a writer that failed while the message came: the rest of it is dropped, and the client hears 451. */
const FAILED_WRITER: MessageWriter = {
  write: () => true,
  commit: () => replies.messageNotStored,
  discard() {},
};

export class InboundMessage {
  readonly #serving: Serving;
  readonly #connection: MessageConnection;
  readonly #facts: MessageFacts;
  readonly #scope: SessionScope;
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

  /** `session` has the facts as they are now: a commit may outlive what comes next in the session. */
  constructor(
    serving: Serving,
    connection: MessageConnection,
    envelope: Envelope,
    scope: SessionScope,
    session: SessionFacts,
  ) {
    this.#serving = serving;
    this.#connection = connection;
    this.#scope = scope;
    const messageId = serving.nextMessageId();
    this.#facts = { messageId, session, envelope, receivedAt: new Date() };
    this.#startedAt = serving.clock.now;
    this.#windowStart = this.#startedAt;
  }

  /** Asks for the writer: may the message come? */
  open(): Now<Answer> {
    const resume = (): void => this.#resume();
    try {
      const answer: unknown = this.#serving.openMessage(this.#facts, resume, this.#scope);
      if (!isPromise(answer)) return this.#opened(answer);
      return Promise.resolve(answer).then(
        (later) => this.#opened(later),
        (error: unknown) => this.#notOpened(error),
      );
    } catch (error) {
      return this.#notOpened(error);
    }
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
    const writer = this.#writer;
    if (!writer) return true;
    try {
      const said: unknown = writer.write(span, received);
      if (typeof said === 'boolean') return said;
      this.#writeFailed(said);
    } catch (error) {
      this.#failWriter(error);
    }
    return true;
  }

  /** From here on the message is the writer's: that the client goes no longer matters to it. */
  commit(sizeInOctets: number): Now<Answer> {
    const writer = this.#writer;
    if (!writer) throw new Error('expected a message with a writer, got none');
    this.#stage = 'committing';
    this.#writer = undefined;
    this.#octets = sizeInOctets;
    this.#receivedMilliseconds = performance.now();
    try {
      const committed: unknown = writer.commit();
      if (!isPromise(committed)) return this.#committed(committed);
      return Promise.resolve(committed).then(
        (said) => this.#committed(said),
        (error: unknown) => this.#notCommitted(error),
      );
    } catch (error) {
      return this.#notCommitted(error);
    }
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
    this.#discardWriter(writer, cause);
    const sizeInOctets = this.#octets;
    const message = this.#facts;
    this.#serving.observe?.({ kind: 'message-discarded', message, cause, sizeInOctets });
  }

  #opened(said: unknown): Answer {
    const answer = requireOpened(said);
    const isWanted = this.#stage === 'opening';
    if (answer.kind === 'refuse') {
      this.#stage = 'ended';
      return answer;
    }
    // The client disconnected, or got a 4yz, while the writer was being opened.
    if (!isWanted) {
      this.#discardWriter(answer.writer, 'aborted');
      return ACCEPT;
    }
    this.#stage = 'receiving';
    this.#writer = answer.writer;
    this.restart(this.#serving.clock.now);
    return ACCEPT;
  }

  /** Only a `Refusal` is an answer; anything else is thrown again. */
  #notOpened(error: unknown): Answer {
    const refusal = toRefusal(error);
    this.#stage = 'ended';
    return refusal;
  }

  /** `write` may have been asynchronous: what it rejects with is the better reason. */
  #writeFailed(said: unknown): void {
    if (isPromise(said)) {
      Promise.resolve(said).catch((error: unknown) => this.#reportFailure(error));
    }
    this.#failWriter(new HookAnswerError('write', `expected true or false, got ${describe(said)}`));
  }

  #failWriter(error: unknown): void {
    const writer = this.#writer;
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#reportFailure(error);
    if (!writer) return;
    this.#writer = refusal ? { ...FAILED_WRITER, commit: () => refusal } : FAILED_WRITER;
    this.#discardWriter(writer, 'aborted');
    // It may have asked for a pause before, and resumes nothing any more.
    this.#connection.resumeReading();
  }

  #discardWriter(writer: MessageWriter, cause: DiscardCause): void {
    try {
      const done: unknown = writer.discard(cause);
      if (!isPromise(done)) return;
      Promise.resolve(done).catch((error: unknown) => this.#reportFailure(error));
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  /** The next message of the connection waits for its own writer. */
  #resume(): void {
    if (this.#writer) this.#connection.resumeReading();
  }

  #committed(said: unknown): Answer {
    const answer = this.#checkCommitted(said);
    this.#end(answer.kind === 'each' ? answer.replies : [answer.reply ?? replies.messageNotStored]);
    return answer;
  }

  #notCommitted(error: unknown): Answer {
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#reportFailure(error);
    return this.#committed(refusal ?? replies.messageNotStored);
  }

  #checkCommitted(said: unknown): Answer {
    try {
      if (said === undefined) throw new HookAnswerError('commit', 'expected a reply, got nothing');
      return toMailAnswer(said, 'commit', this.#facts.envelope.recipients);
    } catch (error) {
      this.#reportFailure(error);
      return { kind: 'refuse', reply: replies.messageNotStored };
    }
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
    reportFailure(this.#serving, this.#connection.peer, 'message', error);
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
