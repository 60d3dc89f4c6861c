// One connection from accept to close: its socket, its TLS, its admission and its end. What is said on it is the
// session's, which a `SessionDriver` drives.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Answer, ProxyFacts, Reply, TlsFacts } from '../smtp/index.ts';
import type { AdmittedConnection } from './admission.ts';
import { ACCEPT, askHooks } from './ask-hooks.ts';
import type { Watched } from './clock.ts';
import { HookContext, SecuredContext } from './context.ts';
import { AnswerTimeoutError, codeOf } from './errors.ts';
import type { Peer } from './events.ts';
import { isPromise, type Now } from './hooks.ts';
import { replies } from './replies.ts';
import { reportFailure } from './report-failure.ts';
import type { ClosedConnection, Serving } from './serving.ts';
import type { SessionScope } from './session-scope.ts';
import { type SessionConnection, SessionDriver } from './session-driver.ts';
import { disown, own, type SocketOwner, startReading, stopReading } from './socket-events.ts';
import { Pause, SocketPauses } from './socket-pauses.ts';
import { destroySoon, type Transport } from './transport.ts';
import { endPlaintext, type Handshake, readHandshake, startHandshake } from './tls-upgrade.ts';

/** How long a client may take to close its side after we said the last word. */
const LINGER_MILLISECONDS = 5000;
/** What it may send meanwhile: reading it keeps a reset from overtaking our last word. */
const LINGER_OCTETS = 1_048_576;

/**
 * `admission`: the connect or the secured hooks are asked. `session`: the session hears what comes. `lingering`:
 * the last word is said, and the client has to close its side.
 */
type Phase = 'admission' | 'handshake' | 'session' | 'lingering' | 'closed';
type CloseCause = ClosedConnection['cause'];

export class Connection implements Watched, SocketOwner, SessionConnection, AdmittedConnection {
  readonly peer: Peer;
  readonly pauses: SocketPauses;
  readonly #serving: Serving;
  readonly #driver: SessionDriver;
  readonly #acceptedAt: number;
  #socket: Transport;
  /** The last one, or that of a stream that was secured before it was handed over. */
  #handshake: Handshake | undefined;
  #phase: Phase = 'admission';
  /** When the phase began, except for `session`, whose waits are the driver's. */
  #since: number;
  #closeCause: CloseCause = 'lost';
  /** Which hooks `admission` asks. */
  #asking: 'connect' | 'secured' = 'connect';
  #isGreeted = false;
  #isInputEnded = false;
  #isTurnedAway = false;
  #isCut = false;
  #lingeringOctets = 0;
  /** For a stream that does not count them. */
  #octetsReceived = 0;
  #octetsSent = 0;

  /** `tls` was ended in front of the socket. */
  constructor(
    serving: Serving,
    socket: Transport,
    peer: Peer,
    proxy: ProxyFacts | undefined,
    tls: TlsFacts | undefined,
  ) {
    this.peer = peer;
    this.pauses = new SocketPauses(socket);
    this.#serving = serving;
    this.#socket = socket;
    if (socket instanceof TLSSocket) this.#handshake = readHandshake(socket);
    else if (tls) this.#handshake = { tls };
    // It is the peer of the socket that says XCLIENT, whomever it speaks for.
    const speaker = proxy?.address ?? peer.clientAddress;
    const isXclientTrusted = serving.options.trustedXclients.has(speaker);
    const facts = { ...peer, isXclientTrusted, ...(proxy && { proxy }) };
    this.#driver = new SessionDriver(serving, this, facts);
    this.#acceptedAt = serving.clock.now;
    this.#since = this.#acceptedAt;
  }

  // ---- for the listener

  /** Takes over the socket, which was just accepted. */
  start(): void {
    this.#serving.clock.watch(this);
    own(this.#socket, this);
    if (this.#handshake) this.#askSecured(this.#handshake);
    else if (this.#serving.options.tls === 'implicit') this.#secure();
    else this.#admit();
  }

  /** In place of `start`, for a connection that comes while the server is closing: 421 greets it. */
  turnAway(): void {
    this.#isTurnedAway = true;
    this.#driver.drain();
    this.start();
  }

  /** Whether its client said more than a health probe does. */
  get hasSaidMore(): boolean {
    return this.#driver.hasSaidMore;
  }

  /** Whether it came when the server was closing already, so that the server does not wait for it. */
  get isTurnedAway(): boolean {
    return this.#isTurnedAway;
  }

  get isAsking(): boolean {
    return this.#driver.isAsking;
  }

  get isReceiving(): boolean {
    return this.#driver.isReceiving;
  }

  get isSignedIn(): boolean {
    return this.#driver.scope.session.identity !== null;
  }

  get waitingSince(): number {
    return this.#phase === 'session' ? this.#driver.waitingSince : this.#since;
  }

  /** For another connection, in a full server. */
  letGo(): void {
    this.cut();
    this.#closeCause = 'ended';
    // No lingering close: a client that reconnects repeatedly would otherwise collect many lingering connections.
    destroySoon(this.#socket);
  }

  get scope(): SessionScope {
    return this.#driver.scope;
  }

  /** Whether its last word is said. */
  get isEnding(): boolean {
    return this.#phase === 'lingering' || this.#phase === 'closed';
  }

  get ageInSeconds(): number {
    return (this.#serving.clock.now - this.#acceptedAt) / 1000;
  }

  /** Says this reply, or 421, and ends the session, wherever it is. */
  end(reply: Reply | undefined): void {
    switch (this.#phase) {
      case 'admission':
        if (!this.#isGreeted) {
          this.#greet({ kind: 'refuse', reply: reply ?? replies.sessionEnded });
          return;
        }
        this.#admitUnasked();
        this.#driver.close(reply);
        return;
      case 'session':
        this.#driver.close(reply);
        return;
      case 'handshake':
        this.#enter('lingering');
        this.#destroy('ended');
        return;
      case 'lingering':
      case 'closed':
        return;
    }
  }

  /** Says 421 as soon as the client is at an idle point, or silent in a transaction or an exchange for so long. */
  drain(idleSeconds: number): void {
    this.#driver.drain(idleSeconds);
  }

  /**
   * Says 421 wherever the session is; a commit under way goes on by itself. Returns whether a session was cut
   * short. The client may then close its side until `destroy`.
   */
  cut(): boolean {
    this.#isCut = true;
    switch (this.#phase) {
      case 'admission':
        // Ended already, because its hooks were late: its close is on its way.
        if (this.#socket.destroyed) return false;
        this.#admitUnasked();
        return !this.#isTurnedAway;
      case 'session':
        this.#driver.close();
        return !this.#isTurnedAway;
      case 'handshake':
        // Nothing can be said in the clear.
        this.#enter('lingering');
        this.#destroy('closing');
        return false;
      case 'lingering':
        // It was said.
        destroySoon(this.#socket);
        return false;
      case 'closed':
        return false;
    }
  }

  /** Ends the connection, whether its last word was read or not. */
  destroy(): void {
    this.#destroy(this.#closeCause);
  }

  // ---- for the clock

  check(now: number): void {
    const { limits } = this.#serving.options;
    const waited = now - this.#since;
    switch (this.#phase) {
      case 'handshake':
        if (waited > limits.handshakeTimeoutSeconds * 1000) this.#handshakeFailed('timeout');
        return;
      case 'admission':
        if (waited > limits.answerTimeoutSeconds * 1000) this.#admissionTooLate();
        return;
      case 'session':
        this.#driver.check(now);
        return;
      case 'lingering':
        if (waited > LINGER_MILLISECONDS) this.#destroy(this.#closeCause);
        return;
      case 'closed':
        return;
    }
  }

  // ---- for the socket

  received(chunk: Buffer): void {
    this.#octetsReceived += chunk.length;
    if (this.#phase === 'session') {
      this.#driver.received(chunk);
      return;
    }
    this.#lingeringOctets += chunk.length;
    // After a cut the time is short enough to read whatever comes.
    if (!this.#isCut && this.#lingeringOctets > LINGER_OCTETS) this.#destroy(this.#closeCause);
  }

  inputEnded(): void {
    this.#isInputEnded = true;
    if (this.#phase === 'session') this.#driver.inputEnded();
    else if (this.#phase !== 'lingering') this.#destroy('lost');
  }

  outputFlushed(): void {
    this.pauses.remove(Pause.Output);
  }

  failed(error: Error): void {
    if (this.#phase === 'handshake') this.#handshakeFailed(codeOf(error) || 'lost');
  }

  closed(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'handshake') this.#handshakeFailed('lost');
    this.#phase = 'closed';
    this.#driver.closed();
    this.#serving.clock.forget(this);
    this.#serving.closed(this.#driver.scope, {
      peer: this.peer,
      cause: this.#closeCause,
      seconds: this.ageInSeconds,
      octetsReceived: this.#socket.bytesRead ?? this.#octetsReceived,
      octetsSent: this.#socket.bytesWritten ?? this.#octetsSent,
      messages: this.#driver.messagesAnswered,
    });
  }

  // ---- for the session

  get isInSession(): boolean {
    return this.#phase === 'session';
  }

  write(text: string): void {
    if (!this.#socket.writable) return;
    this.#octetsSent += text.length;
    // A client that sends and never reads must not fill our memory with its replies.
    if (!this.#socket.write(text, 'latin1')) this.pauses.add(Pause.Output);
  }

  upgradeTls(reply: string): void {
    this.#enter('handshake');
    this.pauses.add(Pause.Handshake);
    stopReading(this.#socket);
    endPlaintext(this.#socket, reply, () => {
      if (this.#phase === 'handshake') this.#secure();
    });
  }

  /** Says the last word and closes our side; what the client still sends is thrown away. */
  hangUp(text: string, cause: CloseCause, isAgreed: boolean): void {
    if (this.#phase === 'closed') return;
    this.#enter('lingering');
    this.#closeCause = this.#isCut ? 'closing' : cause;
    this.#octetsSent += text.length;
    const socket = this.#socket;
    // TLS, or a stream of another kind, has a last word of its own.
    const isPlain = socket instanceof Socket && !(socket instanceof TLSSocket);
    if (isAgreed && isPlain) socket.write(text, 'latin1', () => this.destroy());
    else if (text === '') this.#socket.end();
    else this.#socket.end(text, 'latin1');
    this.pauses.clear();
    if (this.#isInputEnded) destroySoon(socket);
  }

  crash(): void {
    this.#destroy('failed');
  }

  reportFailure(where: string, error: unknown): void {
    reportFailure(this.#serving, this.peer, where, error);
  }

  // ---- admission

  /** Asks the connect hooks, then greets. */
  #admit(): void {
    const { hooks } = this.#serving;
    if (this.#driver.isDraining || hooks.onConnect.length === 0) this.#greet(ACCEPT);
    else {
      this.#askThen(
        'connect',
        () => askHooks('onConnect', hooks.onConnect, new HookContext<unknown>(this.#driver.scope)),
        (answer) => this.#greet(answer),
      );
    }
  }

  /** Waits for no hook any longer: the session begins, or goes on, and hears that the server is closing. */
  #admitUnasked(): void {
    if (this.#handshake) this.#afterSecured(ACCEPT, this.#handshake);
    else this.#greet(ACCEPT);
  }

  #admissionTooLate(): void {
    const seconds = this.#serving.options.limits.answerTimeoutSeconds;
    const error = new AnswerTimeoutError(`expected an answer within ${seconds} s, got none`);
    this.reportFailure(this.#asking, error);
    this.#destroy('failed');
  }

  #greet(answer: Answer): void {
    if (this.#phase !== 'admission') return;
    this.#enter('session');
    this.#isGreeted = true;
    startReading(this.#socket);
    // Behind a proxy it was paused when its header was whole.
    this.#socket.resume();
    this.#driver.begin(answer, this.#handshake);
  }

  /** Asks hooks outside of a session's question: a failure is a refusal for now. */
  #askThen(
    where: 'connect' | 'secured',
    ask: () => Now<Answer>,
    then: (answer: Answer) => void,
  ): void {
    this.#asking = where;
    const fail = (error: unknown): Answer => {
      this.reportFailure(where, error);
      return { kind: 'refuse', reply: replies.connectHookFailed };
    };
    let answer: Now<Answer>;
    try {
      answer = ask();
    } catch (error) {
      answer = fail(error);
    }
    if (isPromise(answer)) void answer.catch(fail).then(then);
    else then(answer);
  }

  // ---- TLS

  #secure(): void {
    this.#enter('handshake');
    disown(this.#socket);
    const secured = this.#serving.secure(this.#socket);
    this.#socket = secured;
    this.pauses.moveTo(secured);
    own(secured, this);
    startHandshake(secured, (milliseconds) => this.#secured(secured, milliseconds));
  }

  /** Asks the secured hooks, then admits the connection or goes on with its session. */
  #secured(socket: TLSSocket, milliseconds: number): void {
    if (this.#phase !== 'handshake') return undefined;
    const handshake = readHandshake(socket);
    this.#handshake = handshake;
    const { tls } = handshake;
    this.#serving.observe?.({ kind: 'tls-established', peer: this.peer, tls, milliseconds });
    return this.#askSecured(handshake);
  }

  #askSecured(handshake: Handshake): void {
    const { tls } = handshake;
    this.#enter('admission');
    const { onSecured } = this.#serving.hooks;
    if (onSecured.length === 0) return this.#afterSecured(ACCEPT, handshake);
    return this.#askThen(
      'secured',
      () => askHooks('onSecured', onSecured, new SecuredContext<unknown>(this.#driver.scope, tls)),
      (answer) => this.#afterSecured(answer, handshake),
    );
  }

  #afterSecured(answer: Answer, handshake: Handshake): void {
    if (this.#phase !== 'admission') return;
    if (!this.#isGreeted) {
      if (answer.kind === 'refuse') this.#greet(answer);
      else this.#admit();
      return;
    }
    this.#enter('session');
    startReading(this.#socket);
    this.#driver.secured(answer, handshake);
  }

  #handshakeFailed(code: string): void {
    this.#serving.observe?.({ kind: 'tls-failed', peer: this.peer, code });
    this.#phase = 'lingering';
    this.#destroy('tls-failed');
  }

  // ---- its end

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#since = this.#serving.clock.now;
  }

  #destroy(cause: CloseCause): void {
    if (this.#phase === 'closed') return;
    this.#closeCause = cause;
    this.#socket.destroy();
  }
}
