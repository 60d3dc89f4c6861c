// The session: one client, from the greeting to the end, as a machine without socket, clock or promise. It
// is told what happened and returns what to do. The grammar of each command, the replies, the sequence rules
// and the data are files of their own; what is here is the order of things.
import {
  asRefusal,
  isAnswer,
  isSignInAnswer,
  refusalIn,
  repliesToMessage,
  wrongAnswer,
} from './answers.ts';
import { CR, isPrintable } from './grammar/ascii.ts';
import { type ChunkSize, parseChunkSize } from './grammar/chunk-size.ts';
import { parseCommandLine } from './grammar/command-line.ts';
import { ehloLines } from './ehlo.ts';
import type { Envelope, Recipient } from './envelope.ts';
import { AUTH_LINE_OCTETS, Input } from './input.ts';
import { parseMail } from './grammar/mail-command.ts';
import type { ReversePath } from './mailbox.ts';
import { MessageDecoder } from './data/message-decoder.ts';
import type { ConnectionFacts, Opening } from './opening.ts';
import type { Output } from './output.ts';
import type { MailParameters } from './parameters.ts';
import type { Answer, Question } from './question.ts';
import { parseRcpt } from './grammar/rcpt-command.ts';
import { renderFarewell, renderReply, rendered, renderedRefusals } from './render-reply.ts';
import { type Farewell, type Rule, farewells, refusals, replies } from './replies.ts';
import type { Reply } from './reply.ts';
import { type Dialogue, type DialogueStep, beginDialogue } from './sasl/dialogue.ts';
import type { ChannelBinding, ExchangeContext } from './sasl/exchange.ts';
import type { SessionFacts, TlsFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import type { SignInAnswer } from './sign-in.ts';
import { type ProxiedFacts, parseXclient } from './grammar/xclient-command.ts';
import {
  CLOSED,
  CONNECTED,
  GREETED,
  type State,
  type Transaction,
  UPGRADING,
  type Verb,
  allowedIn,
  transactionOf,
  worksUnsecured,
} from './state.ts';

/** What the session waits for. */
export type Expectation = 'input' | 'answer' | 'handshake' | 'nothing';

type Asking = Extract<State, { name: 'asking' }>;
type Chunk = Extract<State, { name: 'chunk' }>;
type Skipping = Extract<State, { name: 'skipping' }>;

/** RFC 1035 section 2.3.4; what follows EHLO need not be a domain that exists. */
const CLIENT_DOMAIN_OCTETS = 255;
/** RCPTs past the limit that are not held against the client, who may not know it (section 4.5.3.1.10). */
const RECIPIENT_OVERSHOOT = 1000;
/** First octet of a TLS handshake record (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** One SMTP session, from the greeting to the end, without socket, clock or promise. */
export class Session {
  readonly #options: SessionOptions;
  readonly #isXclientTrusted: boolean;
  #facts: SessionFacts;
  #channelBinding: ChannelBinding | undefined;
  #state: State = CONNECTED;

  readonly #input = new Input();
  #isFirstOctet = true;

  /** Output of this turn. */
  #outputs: Output[] = [];
  #text = '';

  /** Said at the next idle point. */
  #leaving: 'idle' | 'closing' | null = null;
  /** The connection went away while `open-message` was asked: what the answer opens is discarded. */
  #isOrphan = false;
  #errors = 0;
  #transactions = 0;
  #signInFailures = 0;

  constructor(options: SessionOptions, connection: ConnectionFacts) {
    this.#options = options;
    this.#isXclientTrusted = connection.isXclientTrusted === true;
    this.#facts = {
      sessionId: connection.sessionId,
      listener: connection.listener,
      clientAddress: connection.clientAddress,
      clientPort: connection.clientPort,
      ...(connection.proxy && { proxy: connection.proxy }),
      clientDomain: '',
      protocol: this.#firstProtocol(),
      tls: null,
      identity: null,
    };
  }

  get expects(): Expectation {
    const { name } = this.#state;
    if (name === 'asking') return 'answer';
    if (name === 'upgrading') return 'handshake';
    return name === 'closed' ? 'nothing' : 'input';
  }

  /** A snapshot, the same object until something changes. */
  get facts(): SessionFacts {
    return this.#facts;
  }

  /** Octets that are held unread; past one command group (64 KiB) the driver stops reading. */
  get pendingOctets(): number {
    return this.#input.pendingOctets;
  }

  /** Whether a message is on its way in: between the 354, or the first BDAT, and the end of the data. */
  get isInMessage(): boolean {
    const { name } = this.#state;
    return name === 'data' || name === 'chunk' || name === 'chunking';
  }

  /** The greeting, or the refusal that takes its place. */
  begin(opening: Opening = {}): Output[] {
    this.#outputs = [];
    if (opening.tls !== undefined) this.#facts = { ...this.#facts, tls: opening.tls };
    this.#channelBinding = opening.channelBinding;
    if (opening.refusal !== undefined) {
      this.#text = renderReply(opening.refusal);
      this.#end('refused');
    } else {
      this.#text = this.#greeting();
    }
    return this.#finishTurn();
  }

  /** Takes bytes from the client. While a question is open they are held: see `pendingOctets`. */
  receive(chunk: Buffer): Output[] {
    this.#outputs = [];
    const { name } = this.#state;
    // What comes between the STARTTLS command and its handshake is not TLS and not to be believed
    // (plaintext command injection, CVE-2011-0411).
    if (name === 'upgrading' || name === 'closed' || chunk.length === 0) return this.#outputs;
    this.#input.push(chunk);
    if (this.#isFirstOctet) {
      this.#isFirstOctet = false;
      if (chunk[0] === TLS_HANDSHAKE && this.#facts.tls === null) this.#end('tls-in-clear');
    }
    return this.#run();
  }

  /** Takes the answer to the one open question, and goes on with the bytes held. */
  answer(answer: Answer | SignInAnswer): Output[] {
    this.#outputs = [];
    if (this.#state.name === 'closed') {
      if (this.#isOrphan && answer.kind === 'accept') {
        this.#outputs.push({ kind: 'discard-message', cause: 'aborted' });
      }
      this.#isOrphan = false;
      return this.#outputs;
    }
    if (this.#state.name !== 'asking') throw new Error('Session.answer: no question is open');
    this.#proceed(this.#state, answer);
    return this.#run();
  }

  /** The handshake that `upgrade-tls` asked for is finished; `channelBinding` is for SCRAM-SHA-256-PLUS. */
  secured(tls: TlsFacts, channelBinding?: ChannelBinding): Output[] {
    this.#outputs = [];
    if (this.#state.name === 'closed') return this.#outputs;
    if (this.#state.name !== 'upgrading') throw new Error('Session.secured: not upgrading');
    this.#facts = { ...this.#facts, tls };
    this.#channelBinding = channelBinding;
    this.#state = CONNECTED;
    return this.#run();
  }

  /** The client was idle for too long: 421 and hang-up. While a question is open, after its answer. */
  expire(): Output[] {
    this.#outputs = [];
    if (this.#state.name === 'asking') this.#leaving = 'idle';
    else if (this.#state.name === 'upgrading') this.#end('idle');
    else this.#farewell('idle');
    return this.#finishTurn();
  }

  /** The server is closing: 421 now if no transaction and no exchange is under way, else after it. */
  drain(): Output[] {
    this.#outputs = [];
    this.#leaving ??= 'closing';
    return this.#run();
  }

  /** The connection is gone: nothing can be said any more, and a message half received is discarded. */
  lost(): Output[] {
    this.#outputs = [];
    if (this.#state.name === 'closed') return this.#outputs;
    this.#isOrphan = this.#state.name === 'asking' && this.#state.question.kind === 'open-message';
    this.#text = '';
    this.#end('lost', false);
    return this.#outputs;
  }

  // The loop

  /** Reads what there is to read, until there is no more or an answer is needed. */
  #run(): Output[] {
    for (;;) {
      if (this.#leaving !== null && this.#isAtRest()) this.#farewell(this.#leaving);
      const state = this.#state;
      // A chunk may be of no octets at all.
      if (state.name === 'chunk') {
        if (!this.#readChunk(state)) break;
      } else if (state.name === 'skipping') {
        if (!this.#skipChunk(state)) break;
      } else if (state.name === 'asking' || this.#input.pendingOctets === 0) {
        break;
      } else if (state.name === 'data') {
        this.#readData(state.transaction, state.decoder);
      } else if (!this.#readLine()) {
        break;
      }
    }
    return this.#finishTurn();
  }

  #isAtRest(): boolean {
    const { name } = this.#state;
    if (name === 'connected' || name === 'greeted') return true;
    return this.#leaving === 'idle' && name !== 'asking' && name !== 'closed';
  }

  /** The replies leave together when no input is left to answer (RFC 2920 section 3.2). */
  #finishTurn(): Output[] {
    if (this.#state.name !== 'asking') {
      this.#flush();
      this.#input.settle();
    }
    return this.#outputs;
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#outputs.push({ kind: 'send', text: this.#text });
    this.#text = '';
  }

  #readData(transaction: Transaction, decoder: MessageDecoder): void {
    const input = this.#input;
    const end = decoder.takeData(input.chunk, input.at, this.#outputs);
    input.at = end === -1 ? input.chunk.length : end;
    if (end !== -1) this.#endMessage(transaction, decoder);
  }

  /** Reads what has come of a BDAT chunk; `false` if there is more to come. */
  #readChunk(state: Chunk): boolean {
    const { transaction, decoder } = state;
    const octets = this.#input.take(state.remainingOctets);
    if (octets.length > 0) decoder.takeOctets(octets, this.#outputs);
    state.remainingOctets -= octets.length;
    if (state.remainingOctets > 0) return false;
    if (state.isLast) {
      decoder.end(this.#outputs);
      this.#endMessage(transaction, decoder);
    } else if (decoder.refusal !== null) {
      this.#state = GREETED;
      this.#refuse('BDAT', decoder.refusal);
    } else {
      this.#state = { name: 'chunking', transaction, decoder };
      this.#text += rendered.chunkOk;
    }
    return true;
  }

  #skipChunk(state: Skipping): boolean {
    state.remainingOctets -= this.#input.take(state.remainingOctets).length;
    if (state.remainingOctets > 0) return false;
    this.#state = state.next;
    return true;
  }

  /** All of the message came. */
  #endMessage(transaction: Transaction, decoder: MessageDecoder): void {
    this.#state = GREETED;
    const { refusal, sizeInOctets } = decoder;
    if (refusal !== null) return this.#refuseMessage(refusal, transaction);
    const { envelope } = transaction;
    return this.#ask('message', { kind: 'message', envelope, sizeInOctets }, GREETED);
  }

  /** Reads one line; `false` if it has not come yet. */
  #readLine(): boolean {
    const input = this.#input;
    const found = input.readLine();
    if (found === 'flood') this.#farewell('line-flood');
    if (found !== 'line') return false;
    const state = this.#state;
    if (state.name === 'exchange') this.#readResponse(state.dialogue);
    else this.#readCommand();
    return true;
  }

  #readCommand(): void {
    const line = parseCommandLine(this.#input);
    switch (line.kind) {
      case 'command':
        return this.#obey(line.verb, line.argument);
      case 'http':
        return this.#end('http-request');
      case 'refused':
        this.#refuse(line.verb, line.rule);
        // The octets of a chunk follow, and its size was not read.
        if (line.verb === 'BDAT') this.#end('chunk-size-unread');
        return undefined;
    }
  }

  // Commands: check what the session itself knows, then ask

  #obey(verb: Verb, argument: string): void {
    const rule = this.#ruleAgainst(verb);
    if (verb === 'BDAT') return this.#checkBdat(argument, rule);
    if (rule !== undefined) return this.#refuse(verb, rule);
    switch (verb) {
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        return this.#checkHelo(verb, argument);
      case 'MAIL':
        return this.#checkMail(argument);
      case 'RCPT':
        return this.#checkRcpt(argument);
      case 'DATA':
        return this.#checkData(argument);
      case 'STARTTLS':
        return this.#startTls(argument);
      case 'XCLIENT':
        return this.#becomeProxied(argument);
      case 'AUTH':
        return this.#startExchange(argument);
      case 'RSET':
        if (argument !== '') return this.#refuse(verb, 'argument-syntax');
        if (this.#state.name !== 'connected') this.#dropTransaction();
        this.#text += rendered.ok;
        return undefined;
      case 'NOOP':
        this.#text += rendered.ok;
        return undefined;
      case 'VRFY':
        if (argument === '') return this.#refuse(verb, 'argument-syntax');
        this.#text += rendered.cannotVerify;
        return undefined;
      case 'EXPN':
        return this.#refuse(verb, 'not-implemented');
      case 'HELP':
        this.#text += rendered.help;
        return undefined;
      case 'QUIT':
        return this.#farewell('quit');
    }
  }

  /** The rule of access or of sequence by which a command may not come now. */
  #ruleAgainst(verb: Verb): Rule | undefined {
    const options = this.#options;
    const { tls, identity } = this.#facts;
    if (!worksUnsecured.has(verb)) {
      const needsSignIn = options.auth === 'required' && identity === null;
      if (tls === null && (options.requireTls || (needsSignIn && options.tls === 'starttls'))) {
        return 'tls-required';
      }
      if (needsSignIn) return 'sign-in-required';
    }
    const allowed: readonly State['name'][] = allowedIn[verb];
    return allowed.includes(this.#state.name) ? undefined : 'bad-sequence';
  }

  /** The transaction is over, and with it a message that was on its way in. */
  #dropTransaction(): void {
    if (this.#state.name === 'chunking') this.#discard(this.#state.decoder);
    this.#state = GREETED;
  }

  #discard(decoder: MessageDecoder): void {
    if (decoder.refusal !== null) return;
    this.#outputs.push({ kind: 'discard-message', cause: 'aborted' });
  }

  #checkHelo(verb: 'EHLO' | 'HELO' | 'LHLO', clientDomain: string): void {
    // RFC 2033 section 4.1: LMTP has LHLO, and only LHLO.
    const isLmtp = this.#options.protocol === 'lmtp';
    if ((verb === 'LHLO') !== isLmtp) return this.#refuse(verb, 'unknown-command');
    if (
      clientDomain === '' ||
      clientDomain.length > CLIENT_DOMAIN_OCTETS ||
      clientDomain.includes(' ') ||
      !isPrintable(clientDomain)
    ) {
      return this.#refuse(verb, 'argument-syntax');
    }
    return this.#ask(verb, { kind: 'helo', clientDomain }, this.#state);
  }

  #checkMail(argument: string): void {
    if (this.#transactions >= this.#options.maxMessages) return this.#farewell('too-many-messages');
    const mail = parseMail(argument, this.#options, this.#facts.tls !== null);
    if (!mail.ok) return this.#refuse('MAIL', mail.rule);
    const { reversePath, parameters } = mail.value;
    return this.#ask('MAIL', { kind: 'reverse-path', reversePath, parameters }, GREETED);
  }

  #checkRcpt(argument: string): void {
    const state = this.#state;
    const transaction = transactionOf(state);
    const { smtpUtf8 = false } = transaction.envelope.parameters;
    const rcpt = parseRcpt(argument, smtpUtf8, this.#options);
    if (!rcpt.ok) {
      transaction.refusedRecipients++;
      return this.#refuse('RCPT', rcpt.rule);
    }
    if (transaction.recipients.length >= this.#options.maxRecipients) {
      return this.#refuseTooMany(transaction, 'too-many-recipients');
    }
    const { forwardPath, parameters } = rcpt.value;
    const { maxRecipientDomains } = this.#options;
    if (maxRecipientDomains !== undefined) {
      const { domains } = transaction;
      const isNew = !domains.has(forwardPath.domain.toLowerCase());
      if (isNew && domains.size >= maxRecipientDomains) {
        return this.#refuseTooMany(transaction, 'too-many-recipient-domains');
      }
    }
    const { envelope } = transaction;
    return this.#ask('RCPT', { kind: 'forward-path', forwardPath, parameters, envelope }, state);
  }

  /** Not held against the client, within reason: it may not know our limits. */
  #refuseTooMany(transaction: Transaction, rule: Rule): void {
    this.#refuse('RCPT', rule, ++transaction.recipientsTooMany > RECIPIENT_OVERSHOOT);
  }

  #checkData(argument: string): void {
    const state = this.#state;
    if (argument !== '') return this.#refuse('DATA', 'argument-syntax');
    const transaction = transactionOf(state);
    const { envelope } = transaction;
    // RFC 3030 section 3: what is not made of lines cannot end with one.
    if (envelope.parameters.body === 'BINARYMIME')
      return this.#refuse('DATA', 'binary-needs-chunks');
    const rule = ruleAgainstMessage(transaction);
    if (rule !== undefined) return this.#refuse('DATA', rule);
    return this.#ask('DATA', { kind: 'open-message', envelope }, state);
  }

  /**
   * RFC 3030 section 2. The octets of the chunk follow whatever the reply is: if its size cannot be read
   * they cannot be told from commands, and the session ends.
   */
  #checkBdat(argument: string, rule: Rule | undefined): void {
    const size = parseChunkSize(argument);
    if (size === undefined) {
      this.#refuse('BDAT', 'chunk-size-syntax');
      return this.#end('chunk-size-unread');
    }
    const state = this.#state;
    const against = this.#options.chunking === false ? 'not-implemented' : rule;
    if (against !== undefined) return this.#refuseChunk(size, against);
    if (state.name === 'chunking') return this.#startChunk(state.transaction, state.decoder, size);
    const transaction = transactionOf(state);
    const without = ruleAgainstMessage(transaction);
    if (without !== undefined) return this.#refuseChunk(size, without);
    const { envelope } = transaction;
    this.#ask('BDAT', { kind: 'open-message', envelope }, state, size);
  }

  #startChunk(transaction: Transaction, decoder: MessageDecoder, size: ChunkSize): void {
    const { octets: remainingOctets, isLast } = size;
    this.#state = { name: 'chunk', transaction, decoder, remainingOctets, isLast };
  }

  /** The reply comes before the octets of the chunk, and they come to nothing. */
  #refuseChunk(size: ChunkSize, rule: Rule): void {
    this.#refuse('BDAT', rule);
    this.#skip(size);
  }

  #skip({ octets }: ChunkSize): void {
    if (this.#state.name === 'closed') return;
    this.#state = { name: 'skipping', remainingOctets: octets, next: this.#state };
  }

  /** RFC 3207 section 4.2: all that was learned in the clear is forgotten, unread octets included. */
  #startTls(argument: string): void {
    if (argument !== '') return this.#refuse('STARTTLS', 'argument-syntax');
    if (this.#facts.tls !== null) return this.#refuse('STARTTLS', 'tls-active');
    if (this.#options.tls !== 'starttls') return this.#refuse('STARTTLS', 'not-implemented');
    this.#text += rendered.readyForTls;
    this.#flush();
    this.#outputs.push({ kind: 'upgrade-tls' });
    this.#facts = {
      ...this.#facts,
      clientDomain: '',
      protocol: this.#firstProtocol(),
      identity: null,
    };
    this.#state = UPGRADING;
    this.#input.forget();
  }

  /** The session begins anew, as the client whom the proxy speaks for. */
  #becomeProxied(argument: string): void {
    if (!this.#isXclientTrusted) return this.#refuse('XCLIENT', 'xclient-denied');
    const proxied: ProxiedFacts | undefined = parseXclient(argument);
    if (proxied === undefined) return this.#refuse('XCLIENT', 'argument-syntax');
    const forgotten = { clientDomain: '', protocol: this.#firstProtocol(), identity: null };
    this.#facts = { ...this.#facts, ...forgotten, ...proxied };
    this.#state = CONNECTED;
    this.#text += this.#greeting();
  }

  #greeting(): string {
    const protocol = this.#options.protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
    return `220 ${this.#options.hostname} ${protocol}\r\n`;
  }

  #firstProtocol(): 'LMTP' | 'SMTP' {
    return this.#options.protocol === 'lmtp' ? 'LMTP' : 'SMTP';
  }

  // Sign-in

  #startExchange(argument: string): void {
    const begun = beginDialogue(argument, this.#options, this.#exchangeContext());
    if (!begun.ok) return this.#refuse('AUTH', begun.rule);
    return this.#take(begun.dialogue.begin(begun.initialResponse), begun.dialogue);
  }

  #exchangeContext(): ExchangeContext {
    return { facts: this.#facts, channelBinding: this.#channelBinding };
  }

  #readResponse(dialogue: Dialogue): void {
    const { chunk, lineStart, lineEnd, lineOctets } = this.#input;
    if (lineOctets > AUTH_LINE_OCTETS) return this.#breakOff('exchange-line-too-long');
    if (chunk[lineEnd - 1] !== CR) return this.#breakOff('bare-newline-in-command');
    return this.#take(dialogue.read(chunk.toString('latin1', lineStart, lineEnd - 1)), dialogue);
  }

  #take(step: DialogueStep, dialogue: Dialogue): void {
    switch (step.kind) {
      case 'challenge':
        this.#text += `334 ${step.data.toString('base64')}\r\n`;
        this.#state = { name: 'exchange', dialogue };
        return;
      case 'ask':
        return this.#ask('AUTH', step.question, { name: 'exchange', dialogue });
      case 'accept': {
        const { identity } = step;
        this.#facts = { ...this.#facts, identity };
        this.#state = GREETED;
        this.#text += rendered.signedIn;
        const { mechanism, username } = identity;
        this.#outputs.push({ kind: 'note', note: { kind: 'signed-in', mechanism, username } });
        return;
      }
      case 'refuse': {
        const reply = asRefusal(step.reply);
        const { code } = reply;
        const { mechanism } = dialogue;
        this.#state = GREETED;
        this.#outputs.push({ kind: 'note', note: { kind: 'sign-in-refused', mechanism, code } });
        if (code >= 500) this.#signInFailures++;
        this.#say('AUTH', reply, step.rule);
        if (this.#signInFailures > this.#options.maxSignInFailures) {
          this.#farewell('too-many-sign-in-failures');
        }
        return;
      }
      case 'broken':
        return this.#breakOff(step.rule);
    }
  }

  #breakOff(rule: Rule): void {
    this.#state = GREETED;
    this.#refuse('AUTH', rule);
  }

  // Answers: proceed with what was checked

  #proceed(asking: Asking, answer: Answer | SignInAnswer): void {
    const { question, within, verb } = asking;
    this.#state = within;
    if (question.kind === 'sign-in' || question.kind === 'settle-sign-in') {
      if (within.name !== 'exchange' || !isSignInAnswer(answer)) throw wrongAnswer(question);
      return this.#take(within.dialogue.answered(answer), within.dialogue);
    }
    if (!isAnswer(answer)) throw wrongAnswer(question);
    if (question.kind === 'message') return this.#proceedMessage(question.envelope, answer);
    if (answer.kind === 'each') throw wrongAnswer(question);

    const refusal = refusalIn(answer);
    if (refusal !== undefined) {
      if (question.kind === 'forward-path') transactionOf(within).refusedRecipients++;
      // A message that may not come ends its transaction.
      if (question.kind === 'open-message') this.#state = GREETED;
      this.#say(verb, refusal);
      if (asking.chunk !== undefined) this.#skip(asking.chunk);
      return;
    }
    const { reply } = answer;
    switch (question.kind) {
      case 'helo':
        return this.#proceedHelo(verb, question.clientDomain, reply);
      case 'reverse-path': {
        const { reversePath, parameters } = question;
        this.#transactions++;
        const transaction = newTransaction(reversePath, parameters);
        this.#state = { name: 'transaction', transaction };
        this.#text += reply === undefined ? rendered.senderOk : renderReply(reply);
        return;
      }
      case 'forward-path': {
        const { forwardPath, parameters } = question;
        const { recipients, domains } = transactionOf(within);
        recipients.push({ forwardPath, parameters });
        if (this.#options.maxRecipientDomains !== undefined) {
          domains.add(forwardPath.domain.toLowerCase());
        }
        this.#text += reply === undefined ? rendered.recipientOk : renderReply(reply);
        return;
      }
      case 'open-message':
        return this.#openMessage(transactionOf(within), asking.chunk);
    }
  }

  #openMessage(transaction: Transaction, chunk: ChunkSize | undefined): void {
    const isBinary = transaction.envelope.parameters.body === 'BINARYMIME';
    const decoder = new MessageDecoder(this.#options, isBinary);
    if (chunk !== undefined) return this.#startChunk(transaction, decoder, chunk);
    this.#state = { name: 'data', transaction, decoder };
    this.#text += rendered.startMail;
  }

  #proceedHelo(verb: string, clientDomain: string, reply: Reply | undefined): void {
    const protocol = verb === 'HELO' ? 'SMTP' : verb === 'EHLO' ? 'ESMTP' : 'LMTP';
    this.#facts = { ...this.#facts, clientDomain, protocol };
    this.#dropTransaction();
    if (verb === 'HELO') {
      const ok = { code: 250, text: this.#options.hostname };
      this.#text += renderReply(reply ?? ok);
    } else {
      // The extensions must be told, so that a policy's own reply finds no room here.
      const context = this.#exchangeContext();
      const lines = ehloLines(this.#options, this.#facts, context, this.#isXclientTrusted);
      this.#text += renderReply({ code: 250, text: lines });
    }
  }

  #proceedMessage(envelope: Envelope, answer: Answer): void {
    const isLmtp = this.#options.protocol === 'lmtp';
    const { length } = envelope.recipients;
    this.#sayToMessage(repliesToMessage(answer, length, isLmtp, replies.messageOk));
  }

  // Output

  #ask(verb: string, question: Question, within: State, chunk?: ChunkSize): void {
    // With commands still unread their replies may yet join these.
    if (this.#input.pendingOctets === 0) this.#flush();
    this.#state = { name: 'asking', verb, question, within, chunk };
    this.#outputs.push({ kind: 'ask', question });
  }

  #refuse(verb: string, rule: Rule, counts = true): void {
    this.#text += renderedRefusals[rule];
    this.#note(verb, refusals[rule].code, rule);
    if (counts) this.#countError();
  }

  /** A refusal that a policy gave, or the rule that is named. */
  #say(verb: string, reply: Reply, rule = 'policy'): void {
    this.#text += renderReply(reply);
    this.#note(verb, reply.code, rule);
    if (reply.code === 421) this.#end('policy');
    // To be told to come back later is no error of the client's; to sign in again and again may be one.
    else if (reply.code >= 500 || verb === 'AUTH') this.#countError();
  }

  #sayToMessage(said: readonly Reply[]): void {
    let ends = false;
    let refused: Reply | undefined;
    for (const reply of said) {
      this.#text += renderReply(reply);
      if (reply.code >= 400) refused ??= reply;
      ends ||= reply.code === 421;
    }
    if (refused === undefined) return;
    this.#note('message', refused.code, 'policy');
    if (ends) this.#end('policy');
    else if (said.some(({ code }) => code >= 500)) this.#countError();
  }

  /** The message broke a rule and is discarded already. */
  #refuseMessage(rule: Rule, { recipients }: Transaction): void {
    const times = this.#options.protocol === 'lmtp' ? recipients.length : 1;
    this.#text += renderedRefusals[rule].repeat(times);
    this.#note('message', refusals[rule].code, rule);
    this.#countError();
  }

  #note(verb: string, code: number, rule: string): void {
    this.#outputs.push({ kind: 'note', note: { kind: 'refused', verb, code, rule } });
  }

  #countError(): void {
    if (++this.#errors > this.#options.maxErrors) this.#farewell('too-many-errors');
  }

  /** Says why, and ends the session. */
  #farewell(rule: Farewell): void {
    if (this.#state.name === 'closed') return;
    this.#text += renderFarewell(farewells[rule], this.#options.hostname);
    this.#end(rule);
  }

  /** Ends the session: nothing is read or said after it. */
  #end(rule: string, hangsUp = true): void {
    // The reply before may have been one error too many.
    if (this.#state.name === 'closed') return;
    if (this.#state.name === 'asking' && this.#state.within.name === 'chunking') {
      this.#discard(this.#state.within.decoder);
    } else if ('decoder' in this.#state) {
      this.#discard(this.#state.decoder);
    }
    this.#flush();
    this.#outputs.push({ kind: 'note', note: { kind: 'ended', rule } });
    if (hangsUp) this.#outputs.push({ kind: 'hang-up' });
    this.#state = CLOSED;
    this.#input.forget();
  }
}

function newTransaction(reversePath: ReversePath, parameters: MailParameters): Transaction {
  const recipients: Recipient[] = [];
  const envelope = { reversePath, parameters, recipients };
  return { envelope, recipients, refusedRecipients: 0, recipientsTooMany: 0, domains: new Set() };
}

/** The rule by which no message may come in this transaction. */
function ruleAgainstMessage({ recipients, refusedRecipients }: Transaction): Rule | undefined {
  if (recipients.length > 0) return undefined;
  return refusedRecipients > 0 ? 'no-recipients' : 'bad-sequence';
}
