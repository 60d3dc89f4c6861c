// The driver of one connection: does what its session says, and tells the session what happened. It knows
// sockets, time and hooks, and nothing of SMTP's grammar.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  type Answer,
  type DiscardCause,
  type Output,
  type ProxyFacts,
  type Question,
  Session,
  type SignInAnswer,
} from '../smtp/index.ts';
import { makeChannelBinding } from './channel-binding.ts';
import type { Watched } from './clock.ts';
import { codeOf } from './errors.ts';
import type { Peer, ServerEvent } from './events.ts';
import { ACCEPT, askHooks, askSignInHooks, isPromise, type Now } from './hooks.ts';
import type { Listener } from './listener.ts';
import { MessageReception } from './inbound-message.ts';
import { replies } from './replies.ts';
import { readTlsFacts } from './tls-facts.ts';

/** Why the socket is not read: any of these bits. */
const HELD_BY_WRITER = 1;
const HELD_BY_QUESTION = 2;
const HELD_BY_OUTPUT = 4;
const HELD_BY_HANDSHAKE = 8;
const HELD_BY_FAIRNESS = 16;

/** Unread input that may wait for an answer: one generous group of pipelined commands. */
const MAX_PENDING_OCTETS = 65_536;

/**
 * Data that all connections together may bring before each had its turn. Node.js reads up to 2 MiB of a socket
 * in one go: times the senders, that is how late everything else would be.
 */
const MAX_TURN_OCTETS = 16_777_216;

/** How long a client may take to close its side after we said the last word. */
const LINGER_MILLISECONDS = 5000;
/** What it may send meanwhile: reading it keeps a reset from overtaking our last word. */
const LINGER_OCTETS = 1_048_576;

type Phase = 'opening' | 'handshake' | 'open' | 'closing' | 'closed';
type CloseCause = (ServerEvent & { kind: 'connection-closed' })['cause'];
type AnyAnswer = Answer | SignInAnswer;

/** The listeners' functions are shared by all sockets: a closure for each event of each would cost memory. */
const driver = Symbol('driver');
interface Driven extends Socket {
  [driver]?: Connection;
}

export class Connection implements Watched {
  readonly #listener: Listener;
  readonly #session: Session;
  readonly #peer: Peer;
  readonly #openedAt: number;
  #socket: Socket;
  #phase: Phase = 'opening';
  #closeCause: CloseCause = 'lost';
  #held = 0;
  #inputEnded = false;
  #lingeringOctets = 0;
  #turnOctets = 0;
  #draining = false;
  #isTurnedAway = false;
  /** When the present wait began: for a command, for data, for an answer, for a handshake. */
  #since: number;
  /** Counts the questions, so that an answer that comes too late is known. */
  #asked = 0;
  #question: Question | undefined;
  #messages: MessageReception | undefined;
  #securedAnswer: Answer = ACCEPT;

  constructor(listener: Listener, socket: Socket, peer: Peer, proxy?: ProxyFacts) {
    this.#listener = listener;
    this.#socket = socket;
    this.#peer = peer;
    const isXclientTrusted = listener.options.trustedXclients.has(peer.clientAddress);
    const facts = { ...peer, isXclientTrusted, ...(proxy && { proxy }) };
    this.#session = new Session(listener.sessionOptions, facts);
    this.#openedAt = listener.clock.now;
    this.#since = this.#openedAt;
  }

  get clientAddress(): string {
    return this.#peer.clientAddress;
  }

  /** Takes the socket over, which was just accepted. */
  start(): void {
    this.#listen(this.#socket);
    if (this.#listener.options.tls === 'implicit') this.#secure();
    else this.#begin();
  }

  /** Whether it came when the server was closing already, so that nobody need wait for it. */
  get isTurnedAway(): boolean {
    return this.#isTurnedAway;
  }

  /** In the place of `start`, for a connection that comes while the server is closing: 421 greets it. */
  turnAway(): void {
    this.#isTurnedAway = true;
    this.#draining = true;
    this.start();
  }

  /** Says 421 as soon as the client is at an idle point. */
  drain(): void {
    this.#draining = true;
    // Not within a turn: a hook or an observer may be what closes the server.
    queueMicrotask(() => {
      if (this.#phase === 'open') this.#attempt(() => this.#turn(this.#session.drain()));
    });
  }

  /** Cuts the connection. A commit under way goes on by itself. Returns whether a session was cut short. */
  cut(): boolean {
    const isCut = !this.#isTurnedAway && (this.#phase === 'open' || this.#phase === 'opening');
    this.#discard('closing');
    this.#destroy('closing');
    return isCut;
  }

  check(now: number): void {
    const { limits } = this.#listener.options;
    const waited = now - this.#since;
    switch (this.#phase) {
      case 'handshake':
        if (waited > limits.handshakeTimeoutSeconds * 1000) this.#handshakeFailed('timeout');
        return;
      case 'opening':
        if (waited > limits.answerTimeoutSeconds * 1000) this.#destroy('failed');
        return;
      case 'closing':
        if (waited > LINGER_MILLISECONDS) this.#destroy(this.#closeCause);
        return;
      case 'open':
        this.#attempt(() => this.#checkSession(now, waited));
        return;
      case 'closed':
        return;
    }
  }

  #checkSession(now: number, waited: number): void {
    const { limits } = this.#listener.options;
    if (this.#question) {
      if (waited > limits.answerTimeoutSeconds * 1000) this.#tooLate();
    } else if (this.#messages?.isOpen === true) {
      // While the writer asked for a pause it is the writer that is waited for.
      const patience =
        (this.#held & HELD_BY_WRITER) !== 0
          ? limits.answerTimeoutSeconds
          : limits.dataTimeoutSeconds;
      if (waited > patience * 1000 || this.#messages.isTooSlow(now, limits)) {
        this.#turn(this.#session.expire());
      }
    } else if (waited > limits.commandTimeoutSeconds * 1000) {
      this.#turn(this.#session.expire());
    } else if (!this.#draining && now - this.#openedAt > limits.sessionSeconds * 1000) {
      this.drain();
    }
  }

  // ---- the socket

  #listen(socket: Driven): void {
    socket[driver] = this;
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
  }

  /** @internal */
  received(chunk: Buffer): void {
    if (this.#phase !== 'open') {
      this.#lingeringOctets += chunk.length;
      if (this.#lingeringOctets > LINGER_OCTETS) this.#destroy(this.#closeCause);
      return;
    }
    if (this.#messages?.isOpen === true) {
      this.#since = this.#listener.clock.now;
      this.#messages.count(chunk.length);
      this.#turnOctets += chunk.length;
      const octets = this.#turnOctets * this.#listener.connections.size;
      if (octets > MAX_TURN_OCTETS) this.#giveWay();
    }
    // Not by `#attempt`: this is run for each read, and would make a closure for each.
    try {
      this.#turn(this.#session.receive(chunk));
    } catch (error) {
      this.#crashed(error);
    }
  }

  /** @internal The client said all it has to say (FIN); it may still listen (RFC 9293 section 3.6). */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#phase === 'open') this.#attempt(() => this.#endIfNothingIsOpen());
    else if (this.#phase !== 'closing') this.#destroy('lost');
  }

  /** @internal */
  outputDrained(): void {
    this.#release(HELD_BY_OUTPUT);
  }

  /** @internal A reset is no event of its own: the close that follows is. */
  failed(error: Error): void {
    if (this.#phase === 'handshake') this.#handshakeFailed(codeOf(error) || 'lost');
  }

  /** @internal */
  closed(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'handshake') this.#handshakeFailed('lost');
    this.#phase = 'closed';
    this.#attempt(() => this.#lose());
    this.#discard('aborted');
    this.#listener.closed(this, this.#session.facts, {
      peer: this.#peer,
      cause: this.#closeCause,
      seconds: (this.#listener.clock.now - this.#openedAt) / 1000,
      octetsReceived: this.#socket.bytesRead,
      octetsSent: this.#socket.bytesWritten,
      messages: this.#messages?.answered ?? 0,
    });
  }

  #hold(reason: number): void {
    if (this.#held === 0) this.#socket.pause();
    this.#held |= reason;
  }

  /** Lets the other connections have their turn. */
  #giveWay(): void {
    this.#turnOctets = 0;
    this.#hold(HELD_BY_FAIRNESS);
    setImmediate(() => this.#release(HELD_BY_FAIRNESS));
  }

  #release(reason: number): void {
    if ((this.#held & reason) === 0) return;
    this.#held &= ~reason;
    if (reason === HELD_BY_WRITER) {
      this.#since = this.#listener.clock.now;
      this.#messages?.restart(this.#since);
    }
    if (this.#held === 0) this.#socket.resume();
  }

  #write(text: string): void {
    if (!this.#socket.writable) return;
    // A client that sends and never reads must not fill our memory with its replies.
    if (!this.#socket.write(text, 'latin1')) this.#hold(HELD_BY_OUTPUT);
  }

  /** Says the last word and closes our side; what the client still sends is thrown away. */
  #hangUp(text: string, cause: CloseCause): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closing';
    this.#closeCause = cause;
    this.#since = this.#listener.clock.now;
    if (text === '') this.#socket.end();
    else this.#socket.end(text, 'latin1');
    this.#held = 0;
    this.#socket.resume();
    if (this.#inputEnded) this.#socket.destroySoon();
  }

  #destroy(cause: CloseCause): void {
    if (this.#phase === 'closed') return;
    this.#closeCause = cause;
    this.#socket.destroy();
  }

  // ---- the session

  /** Asks the connect hooks, then greets. */
  #begin(): void {
    if (this.#draining) return this.#greet(ACCEPT);
    const answer = this.#guarded('connect', () =>
      askHooks(this.#listener.hooks.connect, this.#session.facts),
    );
    if (isPromise(answer)) void answer.then((later) => this.#greet(later));
    else this.#greet(answer);
    return undefined;
  }

  #greet(answer: Answer): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'open';
    this.#since = this.#listener.clock.now;
    const refusal =
      answer.kind === 'refuse' ? answer.reply : this.#draining ? replies.shuttingDown : undefined;
    const socket = this.#socket;
    const secured =
      socket instanceof TLSSocket
        ? { tls: readTlsFacts(socket), channelBinding: makeChannelBinding(socket) }
        : undefined;
    this.#socket.on('data', onData);
    // Behind a proxy it was paused when its header was whole.
    this.#socket.resume();
    this.#attempt(() => {
      this.#turn(this.#session.begin({ ...secured, ...(refusal && { refusal }) }));
    });
  }

  /** Does what the session says, and goes on for as long as its questions are answered at once. */
  #turn(first: Output[]): void {
    if (first.length > 0 && !this.#session.isInMessage) this.#since = this.#listener.clock.now;
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
            if (this.#messages?.write(output.span) === false) this.#hold(HELD_BY_WRITER);
            break;
          case 'ask':
            question = output.question;
            break;
          case 'discard-message':
            this.#discard(output.cause);
            break;
          case 'note':
            this.#listener.observe?.({ kind: 'note', peer: this.#peer, note: output.note });
            break;
          case 'upgrade-tls':
            this.#upgrade(text);
            return;
          case 'hang-up':
            this.#hangUp(text, 'ended');
            return;
        }
      }
      if (!question) break;
      const answer = this.#ask(question);
      if (isPromise(answer)) {
        this.#await(question, answer);
        break;
      }
      outputs = this.#session.answer(answer);
    }
    if (text !== '') this.#write(text);
    if (this.#question && this.#session.pendingOctets > MAX_PENDING_OCTETS) {
      this.#hold(HELD_BY_QUESTION);
    }
  }

  #ask(question: Question): Now<AnyAnswer> {
    const { hooks } = this.#listener;
    const { facts } = this.#session;
    try {
      switch (question.kind) {
        case 'helo':
          if (this.#securedAnswer.kind === 'refuse') return this.#securedAnswer;
          return askHooks(hooks.helo, question.clientDomain, facts);
        case 'sign-in':
          return askSignInHooks(hooks.signIn, question.attempt, facts);
        case 'settle-sign-in':
          return question.settle(question.proved);
        case 'reverse-path':
          return askHooks(hooks.sender, question.reversePath, facts, question.parameters);
        case 'forward-path': {
          const { forwardPath, envelope, parameters } = question;
          return askHooks(hooks.recipient, forwardPath, facts, envelope, parameters);
        }
        case 'open-message': {
          // `#await` counts the question that this one becomes if it is not answered at once.
          const asked = this.#asked + 1;
          return this.#receive().open(question.envelope, facts, () => asked === this.#asked);
        }
        case 'message':
          this.#release(HELD_BY_WRITER);
          return this.#receive().commit(question.sizeInOctets);
      }
    } catch (error) {
      return this.#answerToFailure(question, error);
    }
  }

  #await(question: Question, answer: Promise<AnyAnswer>): void {
    const asked = ++this.#asked;
    this.#question = question;
    this.#since = this.#listener.clock.now;
    answer.then(
      (given) => {
        if (asked === this.#asked) this.#answered(given);
      },
      (error: unknown) => {
        const given = this.#answerToFailure(question, error);
        if (asked === this.#asked) this.#answered(given);
      },
    );
  }

  #answered(answer: AnyAnswer): void {
    this.#question = undefined;
    if (this.#phase !== 'open') return;
    this.#attempt(() => {
      this.#since = this.#listener.clock.now;
      this.#release(HELD_BY_QUESTION);
      this.#turn(this.#session.answer(answer));
      if (this.#inputEnded) this.#endIfNothingIsOpen();
    });
  }

  /** A hook took longer than it may: the client hears so, and what the hook says later is not heard. */
  #tooLate(): void {
    const question = this.#question;
    if (!question) return;
    const seconds = this.#listener.options.limits.answerTimeoutSeconds;
    const error = new Error(`expected an answer within ${seconds} s, got none`);
    this.#asked++;
    this.#answered(this.#answerToFailure(question, error));
  }

  /** Our fault and never the client's: 4yz (RFC 5321 section 4.2.1), and the reason is for the log alone. */
  #answerToFailure({ kind }: Question, error: unknown): AnyAnswer {
    this.#tellFailure(kind, error);
    if (kind === 'sign-in' || kind === 'settle-sign-in') {
      return { kind: 'refuse', reply: replies.signInHookFailed };
    }
    if (kind !== 'message') return { kind: 'refuse', reply: replies.hookFailed };
    this.#messages?.giveUp();
    return { kind: 'refuse', reply: replies.messageNotStored };
  }

  #endIfNothingIsOpen(): void {
    if (this.#phase !== 'open' || this.#session.expects === 'answer') return;
    this.#lose();
    this.#hangUp('', 'lost');
  }

  /** Tells the session that the client is gone; all it can still say is to throw a message away. */
  #lose(): void {
    this.#asked++;
    for (const output of this.#session.lost()) {
      if (output.kind === 'discard-message') this.#discard(output.cause);
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
    this.#tellFailure('session', error);
    this.#discard('aborted');
    this.#destroy('failed');
  }

  #tellFailure(where: string, error: unknown): void {
    this.#listener.observe?.({ kind: 'failure', peer: this.#peer, where, error });
  }

  /** Asks hooks outside of a question: a failure is a refusal for now. */
  #guarded(where: string, ask: () => Now<Answer>): Now<Answer> {
    const fail = (error: unknown): Answer => {
      this.#tellFailure(where, error);
      return { kind: 'refuse', reply: replies.connectHookFailed };
    };
    try {
      const answer = ask();
      return isPromise(answer) ? answer.catch(fail) : answer;
    } catch (error) {
      return fail(error);
    }
  }

  // ---- the message

  /** Made by the first message: a connection that brings none costs none. */
  #receive(): MessageReception {
    this.#messages ??= new MessageReception(this.#listener, this.#peer, () =>
      this.#release(HELD_BY_WRITER),
    );
    return this.#messages;
  }

  #discard(cause: DiscardCause): void {
    this.#messages?.discard(cause);
    this.#release(HELD_BY_WRITER);
  }

  // ---- TLS

  /** Says the 220, and starts the handshake once it is on its way. */
  #upgrade(text: string): void {
    this.#phase = 'handshake';
    this.#hold(HELD_BY_HANDSHAKE);
    this.#socket.off('data', onData);
    this.#socket.write(text, 'latin1', () => {
      if (this.#phase !== 'handshake') return;
      // Plaintext command injection: what came in the clear behind STARTTLS is not read as anything (RFC
      // 3207 section 4.2; CVE-2011-0411). The session forgot what it held; this is what the socket holds.
      while (this.#socket.read() !== null);
      this.#secure();
    });
  }

  #secure(): void {
    this.#phase = 'handshake';
    this.#held = 0;
    this.#since = this.#listener.clock.now;
    const startedAt = performance.now();
    const plain: Driven = this.#socket;
    delete plain[driver];
    plain.off('end', onEnd);
    const secured = this.#listener.wrap(plain);
    this.#socket = secured;
    this.#listen(secured);
    // Not in the documentation of Node.js, and what its own tls.Server listens for.
    secured.once('secure', () => this.#secured(secured, performance.now() - startedAt));
  }

  #secured(socket: TLSSocket, milliseconds: number): void {
    if (this.#phase !== 'handshake') return;
    const tls = readTlsFacts(socket);
    this.#listener.observe?.({ kind: 'tls-established', peer: this.#peer, tls, milliseconds });
    this.#phase = 'opening';
    this.#since = this.#listener.clock.now;
    const answer = this.#guarded('secured', () =>
      askHooks(this.#listener.hooks.secured, tls, this.#session.facts),
    );
    const goOn = (later: Answer): void => {
      if (this.#phase !== 'opening') return;
      if (this.#listener.options.tls === 'implicit') {
        if (later.kind === 'refuse') this.#greet(later);
        else this.#begin();
        return;
      }
      this.#securedAnswer = later;
      this.#phase = 'open';
      socket.on('data', onData);
      this.#attempt(() => {
        this.#turn(this.#session.secured(tls, makeChannelBinding(socket)));
        if (this.#draining) this.#turn(this.#session.drain());
      });
    };
    if (isPromise(answer)) void answer.then(goOn);
    else goOn(answer);
  }

  #handshakeFailed(code: string): void {
    this.#listener.observe?.({ kind: 'tls-failed', peer: this.#peer, code });
    this.#phase = 'closing';
    this.#destroy('tls-failed');
  }
}

function onData(this: Driven, chunk: Buffer): void {
  this[driver]?.received(chunk);
}

function onEnd(this: Driven): void {
  this[driver]?.inputEnded();
}

function onDrain(this: Driven): void {
  this[driver]?.outputDrained();
}

function onError(this: Driven, error: Error): void {
  this[driver]?.failed(error);
}

function onClose(this: Driven): void {
  this[driver]?.closed();
}
