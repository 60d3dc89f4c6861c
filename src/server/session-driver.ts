// Drives the session of one connection: does what the session says, puts its questions to hooks and writers, and
// tells it the answers. It knows time and hooks, no socket, and nothing of SMTP's grammar.
import {
  type Answer,
  type ConnectionFacts,
  type DiscardCause,
  type Envelope,
  type Output,
  type Question,
  type Reply,
  Session,
  type SignInAnswer,
  type StepAnswer,
} from '../smtp/index.ts';
import { ACCEPT, answerToFailure, askData, askPolicy, type PolicyQuestion } from './ask-hooks.ts';
import { AwaitedProof } from './awaited-proof.ts';
import { stepOf } from './boundary/guarded-mechanism.ts';
import { AnswerTimeoutError, NoMailHookError } from './errors.ts';
import type { Peer } from './events.ts';
import { isPromise, type Now } from './hooks.ts';
import { InboundMessage, type MessageConnection } from './inbound-message.ts';
import { replies } from './replies.ts';
import type { Serving } from './serving.ts';
import { SessionScope } from './session-scope.ts';
import { Pause, type SocketPauses } from './socket-pauses.ts';
import type { Handshake } from './tls-upgrade.ts';

/** Unread input that may wait for an answer: one generous group of pipelined commands. */
const MAX_PENDING_OCTETS = 65_536;
const NOBODY = 'expected an onMail hook or a loop over the server that has begun, got neither';

/** The connection that a session is held over. */
export interface SessionConnection {
  readonly peer: Peer;
  readonly pauses: SocketPauses;
  /** False before the greeting, in a handshake, and once the last word is said. */
  readonly isInSession: boolean;
  write(text: string): void;
  /** Sends the reply to STARTTLS and starts the handshake. */
  upgradeTls(reply: string): void;
  /** Sends the last word. `isAgreed`: the client has nothing to say either. */
  hangUp(text: string, cause: 'ended' | 'lost', isAgreed: boolean): void;
  /** Ends the connection without a word: the fault is ours. */
  crash(): void;
  reportFailure(where: string, error: unknown): void;
}

type AnyAnswer = Answer | SignInAnswer | StepAnswer;

export class SessionDriver implements MessageConnection {
  /** The session as the hooks know it. */
  readonly scope: SessionScope;
  readonly #serving: Serving;
  readonly #connection: SessionConnection;
  readonly #session: Session;
  readonly #startedAt: number;
  /** When the present wait began: for a command, for data, or for an answer. */
  #since: number;
  #isDraining = false;
  /** While the server closes: how long a transaction or an exchange may be silent before the client hears 421. */
  #drainIdleSeconds: number | undefined;
  #isInputEnded = false;
  #isGivingWay = false;
  /** Counts the questions, so that an answer that comes too late is known. */
  #asked = 0;
  /** The question whose answer is awaited. */
  #question: Question | undefined;
  readonly #proof = new AwaitedProof();
  /** The last message, until it is answered. */
  #message: InboundMessage | undefined;
  #messagesAnswered = 0;
  /** What the secured hooks said behind STARTTLS, for the next EHLO. */
  #securedAnswer: Answer = ACCEPT;

  constructor(serving: Serving, connection: SessionConnection, facts: ConnectionFacts) {
    this.#serving = serving;
    this.#connection = connection;
    this.#session = new Session(serving.sessionOptions, facts);
    this.scope = new SessionScope(this.#session.facts, serving.makeState);
    this.#startedAt = serving.clock.now;
    this.#since = this.#startedAt;
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  get hasSaidMore(): boolean {
    return this.#session.hasSaidMore;
  }

  get messagesAnswered(): number {
    return this.#messagesAnswered;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** An answer is awaited: of a hook, a sign-in or a commit. */
  get isAsking(): boolean {
    return this.#question !== undefined;
  }

  get isReceiving(): boolean {
    return this.#message?.isReceiving === true;
  }

  /** When the present wait began, by the server's clock. */
  get waitingSince(): number {
    return this.#since;
  }

  // ---- what happens to the connection

  /** Greets the client, or says what takes the place of the greeting. */
  begin(answer: Answer, handshake: Handshake | undefined): void {
    let refusal: Reply | undefined = this.#isDraining ? replies.shuttingDown : undefined;
    if (answer.kind === 'refuse') refusal = answer.reply;
    const greeting = answer.kind === 'accept' ? answer.reply : undefined;
    this.#attempt(() => {
      const said = { ...(refusal && { refusal }), ...(greeting && { greeting }) };
      this.#turn(this.#session.begin({ ...handshake, ...said }));
    });
  }

  /** The handshake behind STARTTLS is finished; a refusal of the secured hooks waits for the next EHLO. */
  secured(answer: Answer, { tls, channelBinding }: Handshake): void {
    this.#securedAnswer = answer;
    this.#since = this.#serving.clock.now;
    this.#attempt(() => {
      this.#turn(this.#session.secured(tls, channelBinding));
      if (this.#isDraining) this.#turn(this.#session.drain());
    });
  }

  received(chunk: Buffer): void {
    if (this.#message?.isReceiving === true) {
      this.#since = this.#serving.clock.now;
      this.#message.count(chunk.length);
      this.#connection.pauses.count(chunk.length, this.#serving.connections.size);
    }
    // Not by `#attempt`: this is run for each read, and would make a closure for each.
    try {
      this.#turn(this.#session.receive(chunk));
    } catch (error) {
      this.#crashed(error);
    }
  }

  /** The client sends no more; it may still wait for an answer. */
  inputEnded(): void {
    this.#isInputEnded = true;
    this.#attempt(() => this.#endUnlessAsked());
  }

  /**
   * Says 421 as soon as the client is at an idle point. With `idleSeconds` also to a client that brings no whole
   * command or response for so long, but never while octets of a message are due.
   */
  drain(idleSeconds?: number): void {
    this.#isDraining = true;
    this.#drainIdleSeconds = idleSeconds;
    // Not within a turn: a hook or an observer may be what closes the server.
    queueMicrotask(() => {
      if (this.#connection.isInSession) this.#attempt(() => this.#turn(this.#session.drain()));
    });
  }

  /** Says 421, or `own`, now, whatever is under way; the answer to a pending question is not heard any more. */
  close(own?: Reply): void {
    this.#asked++;
    this.#attempt(() => this.#turn(this.#session.close(own)));
    // One that is being opened is not the session's yet.
    this.discard('closing');
  }

  /** The timeouts of a session; `now` is a time that has certainly passed. */
  check(now: number): void {
    this.#attempt(() => this.#checkTimeouts(now));
  }

  /** Discards a message that is being received; a commit under way goes on by itself. */
  discard(cause: DiscardCause): void {
    this.#message?.discard(cause);
    this.resumeReading();
  }

  /** The connection has closed. */
  closed(): void {
    this.#attempt(() => this.#lose());
    this.#abandonSignIn();
    this.discard('aborted');
  }

  #checkTimeouts(now: number): void {
    const { limits } = this.#serving.options;
    const waited = now - this.#since;
    if (this.#question) {
      if (waited > limits.answerTimeoutSeconds * 1000) this.#answerTooLate(this.#question);
      return;
    }
    if (this.#drainIdleSeconds !== undefined && waited > this.#drainIdleSeconds * 1000) {
      // While the writer asked for a pause the client is not heard.
      if (!this.#connection.pauses.has(Pause.Writer)) this.#turn(this.#session.drainIdle());
      if (!this.#connection.isInSession) return;
    }
    if (this.#message?.isReceiving === true) {
      // While the writer asked for a pause it is the writer that is waited for.
      const patience = this.#connection.pauses.has(Pause.Writer)
        ? limits.answerTimeoutSeconds
        : limits.dataTimeoutSeconds;
      if (waited > patience * 1000 || this.#message.isTooSlow(now)) {
        this.#turn(this.#session.expire());
      }
    } else if (waited > limits.commandTimeoutSeconds * 1000) {
      this.#turn(this.#session.expire());
    } else if (!this.#isDraining && now - this.#startedAt > limits.sessionSeconds * 1000) {
      this.drain();
    }
  }

  // ---- what the session says

  /** Does it, and goes on for as long as the session's questions are answered at once. */
  #turn(first: Output[]): void {
    if (first.length > 0 && !this.#session.isInMessage) this.#since = this.#serving.clock.now;
    let outputs = first;
    let text = '';
    for (;;) {
      let question: Question | undefined;
      for (const output of outputs) {
        switch (output.kind) {
          case 'send':
            text += output.text;
            break;
          case 'write-message':
            if (this.#message?.write(output.span, output.received) === false) {
              this.#connection.pauses.add(Pause.Writer);
            }
            break;
          case 'ask':
            question = output.question;
            break;
          case 'discard-message':
            this.discard(output.cause);
            break;
          case 'note':
            this.#serving.observe?.({ kind: 'note', peer: this.peer, note: output.note });
            break;
          case 'give-way':
            this.#giveWay();
            break;
          case 'upgrade-tls':
            this.#connection.upgradeTls(text);
            return;
          case 'hang-up':
            this.#connection.hangUp(text, 'ended', output.isAgreed);
            return;
        }
      }
      if (!question) break;
      const answer = this.#ask(question);
      if (isPromise(answer)) {
        this.#await(question, answer);
        break;
      }
      outputs = this.#answer(answer);
    }
    if (text !== '') this.#connection.write(text);
    if (this.#proof.isAwaited && !this.#session.isInExchange) this.#abandonSignIn();
    if (this.#question && this.#session.pendingOctets > MAX_PENDING_OCTETS) {
      this.#connection.pauses.add(Pause.Question);
    }
  }

  /** Goes on with the commands that are left after the other connections. */
  #giveWay(): void {
    if (this.#isGivingWay) return;
    this.#isGivingWay = true;
    this.#connection.pauses.add(Pause.Turn);
    setImmediate(() => {
      this.#isGivingWay = false;
      if (!this.#connection.isInSession) return;
      this.#connection.pauses.remove(Pause.Turn);
      this.#attempt(() => {
        this.#turn(this.#session.resume());
        if (this.#isInputEnded) this.#endUnlessAsked();
      });
    });
  }

  // ---- its questions

  #ask(question: Question): Now<AnyAnswer> {
    try {
      if (question.kind === 'open-message') return this.#askData(question.envelope);
      if (question.kind === 'message') return this.#commit(question.sizeInOctets);
      if (question.kind === 'settle-sign-in') return this.#proof.settle(question);
      if (question.kind === 'sign-in-step') return stepOf(question.on);
      if (question.kind === 'sign-in') this.#abandonSignIn();
      if (question.kind === 'helo' && this.#securedAnswer.kind === 'refuse') {
        return this.#securedAnswer;
      }
      if (question.kind === 'reverse-path') return this.#askAboutMail(question);
      return this.#askPolicy(question);
    } catch (error) {
      return this.#fail(question, error);
    }
  }

  #askPolicy(question: PolicyQuestion): Now<AnyAnswer> {
    return askPolicy(question, this.#serving.hooks, this.scope);
  }

  /** Where nobody can take a mail, a client that the sender hooks accept hears so before it sends one. */
  #askAboutMail(question: PolicyQuestion): Now<AnyAnswer> {
    const { answerTimeoutSeconds } = this.#serving.options.limits;
    const isTaken = this.#serving.hasTaker(answerTimeoutSeconds);
    const answer = this.#askPolicy(question);
    if (isTaken === true) return answer;
    return Promise.resolve(answer).then(async (given) => {
      if (given.kind !== 'accept' || (await isTaken)) return given;
      this.#connection.reportFailure(question.kind, new NoMailHookError(NOBODY));
      return { kind: 'refuse', reply: replies.noMailHook };
    });
  }

  #abandonSignIn(): void {
    this.#proof.abandon((error) => this.#connection.reportFailure('settle-sign-in', error));
  }

  #answer(answer: AnyAnswer): Output[] {
    if (answer.kind === 'verify') this.#proof.await(answer);
    return this.#session.answer(answer);
  }

  #await(question: Question, answer: Promise<AnyAnswer>): void {
    const asked = ++this.#asked;
    this.#question = question;
    this.#since = this.#serving.clock.now;
    answer.then(
      (given) => {
        if (asked === this.#asked) this.#answered(given);
      },
      (error: unknown) => {
        if (asked === this.#asked) this.#answered(this.#fail(question, error));
        else this.#connection.reportFailure(question.kind, error);
      },
    );
  }

  #answered(answer: AnyAnswer): void {
    this.#question = undefined;
    if (!this.#connection.isInSession) return;
    this.#attempt(() => {
      this.#since = this.#serving.clock.now;
      this.#connection.pauses.remove(Pause.Question);
      this.#turn(this.#answer(answer));
      if (this.#isInputEnded) this.#endUnlessAsked();
    });
  }

  /** A hook took longer than it may: the client hears so, and what the hook says later is not heard. */
  #answerTooLate(question: Question): void {
    const seconds = this.#serving.options.limits.answerTimeoutSeconds;
    const error = new AnswerTimeoutError(`expected an answer within ${seconds} s, got none`);
    this.#asked++;
    this.#answered(this.#fail(question, error));
  }

  /** The answer to a question that could not be answered. */
  #fail(question: Question, error: unknown): AnyAnswer {
    const { kind } = question;
    this.#connection.reportFailure(kind, error);
    if (kind === 'open-message' || kind === 'message') this.#message?.giveUp();
    return answerToFailure(question);
  }

  // ---- its messages, one after another

  #askData(envelope: Envelope): Now<Answer> {
    const answer = askData(this.#serving.hooks, this.scope, envelope);
    if (!isPromise(answer)) return this.#openMessage(answer, envelope);
    // The number under which `#await` will know the question.
    const asked = this.#asked + 1;
    return answer.then((given) =>
      asked === this.#asked ? this.#openMessage(given, envelope) : given,
    );
  }

  #openMessage(answer: Answer, envelope: Envelope): Now<Answer> {
    if (answer.kind === 'refuse') return answer;
    const { snapshot } = this.#session;
    this.#message = new InboundMessage(this.#serving, this, envelope, this.scope, snapshot);
    return this.#message.open();
  }

  #commit(sizeInOctets: number): Now<Answer> {
    if (!this.#message) throw new Error('expected an open message, got none');
    this.resumeReading();
    return this.#message.commit(sizeInOctets);
  }

  resumeReading(): void {
    if (!this.#connection.pauses.remove(Pause.Writer)) return;
    this.#since = this.#serving.clock.now;
    this.#message?.restart(this.#since);
  }

  messageAnswered(): void {
    this.#messagesAnswered++;
    this.#message = undefined;
  }

  // ---- its end

  /** The client sends no more: the session ends, unless the client waits for an answer. */
  #endUnlessAsked(): void {
    if (!this.#connection.isInSession || this.#session.expects === 'answer') return;
    // Commands are left that the client sent before.
    if (this.#isGivingWay) return;
    this.#lose();
    this.#connection.hangUp('', 'lost', false);
  }

  /** Tells the session that the client is gone; all it can still say is to discard a message. */
  #lose(): void {
    this.#asked++;
    for (const output of this.#session.lost()) {
      if (output.kind === 'discard-message') this.discard(output.cause);
    }
  }

  /** Runs one step; whatever it throws ends this connection and nothing else. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#crashed(error);
    }
  }

  #crashed(error: unknown): void {
    this.#connection.reportFailure('session', error);
    this.discard('aborted');
    this.#connection.crash();
  }
}
