// The session: one client, from the greeting to the end, as a machine without socket, clock or promise. It is
// told what happened and returns what to do. Read on in the order of a mail: `session.ts` reads lines and hands
// each command to its file, `transaction-commands.ts`, `message-commands.ts`, `auth-command.ts`; `turn.ts`
// collects the output; `state.ts` says what is allowed and what follows, and `state-machine.ts` where the session is.
import { isAnswer, isSignInAnswer, isStepAnswer, refusalIn, wrongAnswer } from './answers.ts';
import { checkAuth, proceedAuth, proceedStep, readResponse } from './auth-command.ts';
import type { Beginning, ConnectionFacts } from './connection-facts.ts';
import { startTls } from './extensions.ts';
import { type Verb, parseCommandLine } from './grammar/command-line.ts';
import {
  becomeProxied,
  checkHelo,
  checkStartTls,
  firstProtocol,
  proceedHelo,
} from './greeting-commands.ts';
import {
  checkBdat,
  checkData,
  proceedMessage,
  proceedOpen,
  readChunk,
  readData,
  readSkipped,
  skipChunk,
} from './message-commands.ts';
import type { Output } from './output.ts';
import type { Answer } from './question.ts';
import { rendered } from './render-reply.ts';
import { type Rule, greeting } from './replies.ts';
import type { Reply } from './reply.ts';
import type { ChannelBinding, StepAnswer } from './sasl/exchange.ts';
import type { SessionFacts, TlsFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import type { SignInAnswer } from './sign-in.ts';
import { costOf, LINE_COST } from './session-cost.ts';
import { Event, interruptible, type State, transactionOf } from './state.ts';
import { checkMail, checkRcpt, proceedMail, proceedRcpt } from './transaction-commands.ts';
import { Turn } from './turn.ts';

/** What the session waits for. */
export type Expectation = 'input' | 'answer' | 'handshake' | 'nothing';

type Asking = Extract<State, { name: 'asking' }>;

/** First octet of a TLS handshake record (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;
/** Lines of one read that are answered before other connections have their turn. */
const LINES_AT_ONCE = 100;

/** The commands that work before the TLS or the sign-in that a listener requires. */
const worksUnsecured: ReadonlySet<Verb> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'STARTTLS',
  'XCLIENT',
  'AUTH',
  'NOOP',
  'QUIT',
]);

/** One SMTP session, from the greeting to the end, without socket, clock or promise. */
export class Session {
  readonly #options: SessionOptions;
  readonly #turn: Turn;
  #isFirstOctet = true;
  /** The farewell at the next point of rest. */
  #leaving: 'idle' | 'closing' | null = null;
  /** The session ended while `open-message` was asked: a message that is opened then is discarded. */
  #isOrphan = false;
  /** Lines read since the session last gave way. */
  #lines = 0;

  constructor(options: SessionOptions, connection: ConnectionFacts) {
    this.#options = options;
    const facts: SessionFacts = {
      sessionId: connection.sessionId,
      listener: connection.listener,
      clientAddress: connection.clientAddress,
      clientPort: connection.clientPort,
      ...(connection.proxy && { proxy: connection.proxy }),
      clientDomain: '',
      protocol: firstProtocol(options),
      tls: null,
      identity: null,
    };
    const isXclientTrusted = connection.isXclientTrusted === true;
    this.#turn = new Turn({ options, facts, channelBinding: undefined, isXclientTrusted });
  }

  get expects(): Expectation {
    const { name } = this.#turn.state;
    if (name === 'asking') return 'answer';
    if (name === 'upgrading') return 'handshake';
    return name === 'closed' ? 'nothing' : 'input';
  }

  /** The same object for the life of the session, always with the present facts. */
  get facts(): SessionFacts {
    return this.#turn.context.facts;
  }

  /** A copy of the facts as they are now; the same object until one changes. */
  get snapshot(): SessionFacts {
    return this.#turn.snapshot;
  }

  /** Octets that are held unread; past one command group (64 KiB) the driver stops reading. */
  get pendingOctets(): number {
    return this.#turn.input.pendingOctets;
  }

  /** Whether the client said anything but EHLO, HELO, LHLO, NOOP and QUIT, which is all that a health probe says. */
  get hasSaidMore(): boolean {
    return this.#turn.hasSaidMore;
  }

  /** Whether a message is on its way in: between the 354, or the first BDAT, and the end of the data. */
  get isInMessage(): boolean {
    const { name } = this.#turn.state;
    return name === 'data' || name === 'chunk' || name === 'chunking';
  }

  /** Whether a SASL exchange is under way, from AUTH to its last reply. */
  get isInExchange(): boolean {
    return this.#turn.isInExchange;
  }

  // What happens to the session

  /** The greeting, or the refusal that takes its place. */
  begin(beginning: Beginning = {}): Output[] {
    const turn = this.#turn;
    turn.begin();
    if (beginning.tls !== undefined) turn.learn({ tls: beginning.tls });
    turn.context.channelBinding = beginning.channelBinding;
    if (beginning.refusal !== undefined) {
      turn.reply(beginning.refusal);
      turn.end('refused');
    } else {
      const own = beginning.greeting;
      if (own === undefined) turn.say(turn.fixed.greeting);
      else turn.reply(greeting(this.#options, own));
    }
    return turn.finish();
  }

  /** Takes octets from the client. While a question is pending they are held: see `pendingOctets`. */
  receive(chunk: Buffer): Output[] {
    const turn = this.#turn;
    turn.begin();
    const { name } = turn.state;
    // What comes between the STARTTLS command and its handshake is not TLS and must not be believed
    // (plaintext command injection, CVE-2011-0411).
    if (name === 'upgrading' || name === 'closed' || chunk.length === 0) return turn.outputs;
    turn.input.push(chunk);
    this.#lines = 0;
    if (this.#isFirstOctet) {
      this.#isFirstOctet = false;
      if (chunk[0] === TLS_HANDSHAKE && this.facts.tls === null) turn.end('tls-in-clear');
    }
    return this.#run();
  }

  /** Goes on after `give-way`, with the octets held. */
  resume(): Output[] {
    this.#turn.begin();
    this.#lines = 0;
    return this.#run();
  }

  /** Takes the answer to the pending question, and goes on with the octets held. */
  answer(answer: Answer | SignInAnswer | StepAnswer): Output[] {
    const turn = this.#turn;
    turn.begin();
    const { state } = turn;
    if (state.name === 'closed') {
      if (this.#isOrphan && answer.kind === 'accept') {
        turn.outputs.push({ kind: 'discard-message', cause: 'aborted' });
      }
      this.#isOrphan = false;
      return turn.outputs;
    }
    if (state.name !== 'asking') throw new Error('Session.answer: no question is pending');
    this.#proceed(state, answer);
    return this.#run();
  }

  /** The handshake that `upgrade-tls` asked for is finished; `channelBinding` is for SCRAM-SHA-256-PLUS. */
  secured(tls: TlsFacts, channelBinding?: ChannelBinding): Output[] {
    const turn = this.#turn;
    turn.begin();
    const { name } = turn.state;
    if (name === 'closed') return turn.outputs;
    if (name !== 'upgrading') throw new Error('Session.secured: not upgrading');
    turn.learn({ tls });
    turn.context.channelBinding = channelBinding;
    turn.step(Event.secured);
    return this.#run();
  }

  /** The client was idle for too long: 421 and hang-up. While a question is pending, after its answer. */
  expire(): Output[] {
    const turn = this.#turn;
    turn.begin();
    if (turn.state.name === 'asking') this.#leaving = 'idle';
    else if (turn.state.name === 'upgrading') turn.end('idle');
    else turn.farewell('idle');
    return turn.finish();
  }

  /** The server is closing: 421 now if no transaction and no exchange is under way, else after it. */
  drain(): Output[] {
    this.#turn.begin();
    this.#leaving ??= 'closing';
    return this.#run();
  }

  /** The server is closing and the client is silent: 421 in a transaction and an exchange too, but not in data. */
  drainIdle(): Output[] {
    const turn = this.#turn;
    turn.begin();
    if (interruptible.has(turn.state.name)) turn.farewell('closing');
    return turn.finish();
  }

  /**
   * The server waits no longer: 421 now, whatever is under way (RFC 5321 section 3.8), and the answer to a pending
   * question is not said. In a handshake nothing can be said. `own` is said in place of the 421.
   */
  close(own?: Reply): Output[] {
    const turn = this.#turn;
    turn.begin();
    if (turn.state.name === 'closed') return turn.outputs;
    this.#isOrphan = this.#isOpening();
    if (turn.state.name === 'upgrading') turn.end('closing');
    else turn.farewell('closing', own);
    return turn.finish();
  }

  /** The connection is gone: nothing can be said any more, and a message half received is discarded. */
  lost(): Output[] {
    const turn = this.#turn;
    turn.begin();
    if (turn.state.name === 'closed') return turn.outputs;
    this.#isOrphan = this.#isOpening();
    turn.lose();
    return turn.outputs;
  }

  #isOpening(): boolean {
    const { state } = this.#turn;
    return state.name === 'asking' && state.question.kind === 'open-message';
  }

  // The loop

  /** Reads what there is to read, until there is no more or an answer is needed. */
  #run(): Output[] {
    const turn = this.#turn;
    for (;;) {
      if (this.#leaving !== null && this.#isAtRest()) turn.farewell(this.#leaving);
      const { state } = turn;
      // A chunk may be of no octets at all.
      if (state.name === 'chunk') {
        if (!readChunk(turn, state)) break;
      } else if (state.name === 'skipping') {
        if (!readSkipped(turn, state)) break;
      } else if (state.name === 'asking' || turn.input.pendingOctets === 0) {
        break;
      } else if (state.name === 'data') {
        readData(turn, state);
      } else if (this.#lines >= LINES_AT_ONCE) {
        turn.outputs.push({ kind: 'give-way' });
        break;
      } else if (!this.#readLine()) {
        break;
      }
    }
    return turn.finish();
  }

  /** Whether the session may end here because it is idle or the server is closing. */
  #isAtRest(): boolean {
    const { name } = this.#turn.state;
    if (name === 'connected' || name === 'greeted') return true;
    return this.#leaving === 'idle' && name !== 'asking' && name !== 'closed';
  }

  /** Reads one line; `false` if it has not come yet. */
  #readLine(): boolean {
    const turn = this.#turn;
    const found = turn.input.readLine();
    if (found === 'flood') turn.farewell('line-flood');
    if (found !== 'line') return false;
    this.#lines++;
    const { state } = turn;
    if (state.name === 'exchange') {
      turn.heardResponse();
      if (turn.spend(LINE_COST)) readResponse(turn, state);
    } else this.#readCommand();
    return true;
  }

  #readCommand(): void {
    const turn = this.#turn;
    const line = parseCommandLine(turn.input, this.#options.addressSyntax);
    turn.heard(line);
    if (!turn.spend(line.kind === 'command' ? costOf(line.verb) : LINE_COST)) return undefined;
    switch (line.kind) {
      case 'command':
        return this.#obey(line.verb, line.argument);
      case 'http':
        return turn.end('http-request');
      case 'refused':
        turn.refuse(line.verb, line.rule);
        // The octets of a chunk follow, and its size was not read.
        if (line.verb === 'BDAT') turn.end('chunk-size-unread');
        return undefined;
    }
  }

  // Commands: each is checked by what the session knows, then asked about

  #obey(verb: Verb, argument: string): void {
    const turn = this.#turn;
    const rule = this.#ruleAgainst(verb);
    if (verb === 'BDAT') return checkBdat(turn, argument, rule);
    if (rule !== undefined) return turn.refuse(verb, rule);
    switch (verb) {
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        return checkHelo(turn, verb, argument);
      case 'MAIL':
        return checkMail(turn, argument);
      case 'RCPT':
        return checkRcpt(turn, argument);
      case 'DATA':
        return checkData(turn, argument);
      case 'STARTTLS':
        return checkStartTls(turn, argument);
      case 'XCLIENT':
        return becomeProxied(turn, argument);
      case 'AUTH':
        return checkAuth(turn, argument);
      case 'RSET':
        if (argument !== '') return turn.refuse(verb, 'argument-syntax');
        turn.discardMessage();
        return this.#acknowledge(verb, rendered.ok);
      case 'NOOP':
        return this.#acknowledge(verb, rendered.ok);
      case 'VRFY':
        if (argument === '') return turn.refuse(verb, 'argument-syntax');
        return this.#acknowledge(verb, rendered.cannotVerify);
      case 'EXPN':
        return turn.refuse(verb, 'not-implemented');
      case 'HELP':
        return this.#acknowledge(verb, rendered.help);
      case 'QUIT':
        return turn.farewell('quit');
    }
  }

  /** The rule of access or of sequence that refuses a command now. */
  #ruleAgainst(verb: Verb): Rule | undefined {
    const turn = this.#turn;
    const { options, facts } = turn.context;
    if (!worksUnsecured.has(verb)) {
      // RFC 4954 section 6 excepts RSET, and RFC 3207 section 4 does not.
      const needsSignIn = options.auth === 'required' && facts.identity === null && verb !== 'RSET';
      const needsTls = options.requireTls || (needsSignIn && startTls.isOffered(turn.context));
      if (needsTls && facts.tls === null) return 'tls-required';
      if (needsSignIn) return 'sign-in-required';
    }
    return turn.allows(verb) ? undefined : 'bad-sequence';
  }

  #acknowledge(verb: Verb, text: string): void {
    this.#turn.step(Event[verb]);
    this.#turn.say(text);
  }

  // Answers: the command is carried out, or refused

  #proceed({ question, verb, chunk }: Asking, answer: Answer | SignInAnswer | StepAnswer): void {
    const turn = this.#turn;
    turn.step(Event.answer);
    const { state } = turn;
    if (question.kind === 'sign-in-step') {
      if (state.name !== 'exchange' || !isStepAnswer(answer)) throw wrongAnswer(question);
      return proceedStep(turn, state, answer);
    }
    if (question.kind === 'sign-in' || question.kind === 'settle-sign-in') {
      if (state.name !== 'exchange' || !isSignInAnswer(answer)) throw wrongAnswer(question);
      return proceedAuth(turn, state, answer);
    }
    if (!isAnswer(answer)) throw wrongAnswer(question);
    if (question.kind === 'message') return proceedMessage(turn, question.envelope, answer);
    if (answer.kind === 'each') throw wrongAnswer(question);

    const refusal = refusalIn(answer);
    if (refusal !== undefined) {
      if (question.kind === 'forward-path') transactionOf(state).refusedRecipients++;
      // A message that may not come ends its transaction.
      if (question.kind === 'open-message') turn.step(Event['message-refused']);
      turn.refuseWith(verb, refusal);
      if (chunk !== undefined) skipChunk(turn, chunk);
      return undefined;
    }
    switch (question.kind) {
      case 'helo':
        return proceedHelo(turn, verb, question.clientDomain, answer.reply);
      case 'reverse-path':
        return proceedMail(turn, question, answer.reply);
      case 'forward-path':
        return proceedRcpt(turn, question, answer.reply);
      case 'open-message':
        return proceedOpen(turn, chunk);
    }
  }
}
