// The output half of a session: what it says, asks, notes and does in one turn, which state that leads to, and
// how it ends. All parts of the session share one `Turn`, which also holds what they know and what is unread.
import type { ChunkSize } from './grammar/chunk-size.ts';
import type { CommandLine, Verb } from './grammar/command-line.ts';
import { MASK, showCommand, SHOWN, SHOWN_CHARACTERS, showReply } from './dialogue.ts';
import { FixedReplies } from './fixed-replies.ts';
import { Input } from './input.ts';
import type { DiscardCause } from './message.ts';
import type { Note, Output } from './output.ts';
import type { Question } from './question.ts';
import { renderReply, renderedRefusals } from './render-reply.ts';
import { type Farewell, type Rule, refusals } from './replies.ts';
import type { Reply } from './reply.ts';
import { budgetOf, REFUSAL_COST } from './session-cost.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionFacts } from './session-facts.ts';
import { Event, type State } from './state.ts';
import { StateMachine } from './state-machine.ts';

/** What a reply is about: a command, a line that is none, or a message. */
export type Subject = Verb | 'unknown' | 'message';

/** The last EHLO, HELO or LHLO that was accepted, and all that its reply depends on beside the name. */
export interface Greeted {
  readonly verb: Verb;
  readonly identity: SessionFacts['identity'];
  readonly text: string;
}

/** What a health probe says. */
const SAID_BY_PROBES: ReadonlySet<Verb> = new Set(['EHLO', 'HELO', 'LHLO', 'NOOP', 'QUIT']);
/** Between two turns. */
const NO_OUTPUTS = Object.freeze<Output[]>([]) as Output[];
/** The ends of a session with a client that said something, and no line. */
const NOT_SMTP: ReadonlySet<string> = new Set(['tls-in-clear', 'line-flood']);

export class Turn {
  readonly context: { -readonly [K in keyof SessionContext]: SessionContext[K] };
  readonly fixed: FixedReplies;
  readonly input = new Input();
  readonly #machine = new StateMachine();
  #outputs = NO_OUTPUTS;
  #snapshot: SessionFacts | undefined;
  /** Reply text that has not become an output yet. */
  #text = '';
  #errors = 0;
  /** Of the command that was read last. */
  #argument = '';
  /** Whether anything but EHLO, HELO, LHLO, NOOP and QUIT came. */
  hasSaidMore = false;
  readonly #budget: number;
  #cost = 0;
  /** RCPT commands past the limit, of all transactions so far. */
  recipientsTooMany = 0;
  /** STARTTLS and XCLIENT make the session forget the name that it goes with. */
  greeted: Greeted | undefined;
  /** Transactions so far. */
  transactions = 0;
  /** Refused sign-ins so far. */
  signInFailures = 0;
  /** Whether the client has heard something of the present attempt: the verifier of SCRAM, the error of a token. */
  isAttemptAnswered = false;

  constructor(context: SessionContext) {
    this.context = context;
    this.fixed = FixedReplies.of(context.options);
    this.#budget = budgetOf(context.options);
  }

  get state(): State {
    return this.#machine.state;
  }

  get isInExchange(): boolean {
    const { state } = this;
    return (state.name === 'asking' ? state.back : state).name === 'exchange';
  }

  /** The outputs of this turn so far, without the replies that are still held together. */
  get outputs(): Output[] {
    return this.#outputs;
  }

  begin(): void {
    this.#outputs = [];
  }

  /** The replies leave together when no input is left to answer (RFC 2920 section 3.2). */
  finish(): Output[] {
    if (this.state.name !== 'asking') {
      this.flush();
      this.input.compact();
    }
    const outputs = this.#outputs;
    // A silent connection keeps nothing of what it was told last.
    this.#outputs = NO_OUTPUTS;
    return outputs;
  }

  /** Takes note of a line before it is obeyed. */
  heard(line: CommandLine): void {
    this.hasSaidMore ||= line.kind !== 'command' || !SAID_BY_PROBES.has(line.verb);
    this.#argument = line.kind === 'http' ? '' : line.argument;
    const { notesDialogue, mechanisms } = this.context.options;
    if (notesDialogue) this.note({ kind: 'command', line: showCommand(line, mechanisms) });
  }

  /** Takes note of a line of a SASL exchange, none of which is shown. */
  heardResponse(): void {
    if (this.context.options.notesDialogue) this.note({ kind: 'command', line: MASK });
  }

  /** Makes one step of the table in state.ts; `entered` is the state that it leads to, if that holds anything. */
  step(event: Event, entered?: State): void {
    this.#machine.step(event, entered);
  }

  /** Whether the table has the command in the present state. */
  allows(verb: Verb): boolean {
    return this.#machine.allows(verb);
  }

  /** Replaces facts in the one object that the session has; the others stay as they are. */
  learn(facts: Partial<SessionFacts>): void {
    Object.assign(this.context.facts, facts);
    this.#snapshot = undefined;
  }

  /** The facts as they are now, for what may outlive them: the same object until one changes. */
  get snapshot(): SessionFacts {
    this.#snapshot ??= { ...this.context.facts };
    return this.#snapshot;
  }

  /** Says whole lines of wire text. */
  say(text: string): void {
    this.#text += text;
    if (this.context.options.notesDialogue) this.note({ kind: 'reply', text: showReply(text) });
  }

  reply(reply: Reply): void {
    this.say(renderReply(reply));
  }

  flush(): void {
    if (this.#text === '') return;
    this.#outputs.push({ kind: 'send', text: this.#text });
    this.#text = '';
  }

  note(note: Note): void {
    this.#outputs.push({ kind: 'note', note });
  }

  /** Waits for an answer. `chunk` is what follows a BDAT command. */
  ask(verb: Verb, question: Question, chunk?: ChunkSize): void {
    // With commands still unread their replies may yet join these.
    if (this.input.pendingOctets === 0) this.flush();
    this.step(Event.question, { name: 'asking', verb, question, back: this.state, chunk });
    this.#outputs.push({ kind: 'ask', question });
  }

  /** Refuses by a rule of the protocol. */
  refuse(verb: Subject, rule: Rule, isError = true): void {
    this.say(renderedRefusals[rule]);
    this.noteRefusal(verb, refusals[rule].code, rule);
    if (isError) this.countError();
  }

  /** Refuses with a reply of a policy's, or of the rule that is named. */
  refuseWith(verb: Subject, reply: Reply, rule = 'policy'): void {
    this.reply(reply);
    this.noteRefusal(verb, reply.code, rule);
    if (reply.code === 421) this.end('policy');
    // Being asked to come back later is no error of the client's; signing in again and again may be one.
    else if (reply.code >= 500 || verb === 'AUTH') this.countError();
  }

  noteRefusal(verb: Subject, code: number, rule: string): void {
    const { clientDomain } = this.context.facts;
    this.note({
      kind: 'refused',
      verb,
      code,
      rule,
      ...(clientDomain !== '' && { clientDomain }),
      ...(SHOWN.has(verb) && { argument: this.#argument.slice(0, SHOWN_CHARACTERS) }),
    });
    this.spend(REFUSAL_COST);
  }

  /** Adds to the cost of the session; `false` if that was more than it may cost, and it has ended. */
  spend(cost: number): boolean {
    this.#cost += cost;
    if (this.#cost <= this.#budget) return true;
    this.farewell('too-many-commands');
    return false;
  }

  countError(): void {
    if (++this.#errors > this.context.options.maxErrors) this.farewell('too-many-errors');
  }

  /** Throws away the message on its way in, if there is one that was not thrown away when it was refused. */
  discardMessage(cause: DiscardCause = 'aborted'): void {
    const state = this.state.name === 'asking' ? this.state.back : this.state;
    if (!('decoder' in state) || state.decoder.refusal !== null) return;
    this.#outputs.push({ kind: 'discard-message', cause });
  }

  /** Says why, in these words if there are some, and ends the session. */
  farewell(rule: Farewell, own?: Reply): void {
    // The reply before may have been one error too many.
    if (this.state.name === 'closed') return;
    if (own === undefined) this.say(this.fixed.farewell(rule));
    else this.reply(own);
    this.end(rule);
  }

  /** Ends the session: nothing is read or said after it. */
  end(rule: string): void {
    if (this.state.name === 'closed') return;
    this.hasSaidMore ||= NOT_SMTP.has(rule);
    this.discardMessage(rule === 'closing' ? 'closing' : 'aborted');
    this.flush();
    this.note({ kind: 'ended', rule });
    const isAgreed = rule === 'quit' && this.input.pendingOctets === 0;
    this.#outputs.push({ kind: 'hang-up', isAgreed });
    this.#close(rule === 'quit' ? Event.QUIT : Event.ended);
  }

  /** Ends the session because the connection is gone: nothing can be said any more. */
  lose(): void {
    this.discardMessage();
    this.#text = '';
    this.note({ kind: 'ended', rule: 'lost' });
    this.#close(Event.ended);
  }

  #close(event: Event): void {
    this.step(event);
    this.input.forget();
  }
}
