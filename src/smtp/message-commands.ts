// DATA and BDAT: the commands, the octets that follow them, and the replies after the last of these.
import { repliesToMessage } from './answers.ts';
import { MessageDecoder } from './data/message-decoder.ts';
import type { Envelope } from './envelope.ts';
import { chunking } from './extensions.ts';
import { type ChunkSize, parseChunkSize } from './grammar/chunk-size.ts';
import type { Answer } from './question.ts';
import { rendered, renderedRefusals } from './render-reply.ts';
import { type Rule, refusals, replies } from './replies.ts';
import type { Reply } from './reply.ts';
import { LINE_COST, SMALL_CHUNK_OCTETS } from './session-cost.ts';
import { Event, type State, transactionOf } from './state.ts';
import { type Transaction, ruleAgainstMessage } from './transaction.ts';
import type { Turn } from './turn.ts';

type InData = Extract<State, { name: 'data' }>;
type InChunk = Extract<State, { name: 'chunk' }>;
type Skipping = Extract<State, { name: 'skipping' }>;

// The commands

export function checkData(turn: Turn, argument: string): void {
  if (argument !== '') return turn.refuse('DATA', 'argument-syntax');
  const transaction = transactionOf(turn.state);
  const { envelope } = transaction;
  // RFC 3030 section 3: what is not made of lines cannot end with one.
  if (isBinary(envelope)) return turn.refuse('DATA', 'binary-needs-chunks');
  const rule = ruleAgainstMessage(transaction);
  if (rule !== undefined) return turn.refuse('DATA', rule);
  return turn.ask('DATA', { kind: 'open-message', envelope });
}

/**
 * RFC 3030 section 2. The octets of the chunk follow whatever the reply is. If their number cannot be read, they
 * cannot be distinguished from commands, and the session ends. `rule` is what refuses any BDAT now.
 */
export function checkBdat(turn: Turn, argument: string, rule: Rule | undefined): void {
  const size = parseChunkSize(argument, turn.context.options.addressSyntax === 'internet');
  if (size === undefined) {
    turn.refuse('BDAT', 'chunk-size-syntax');
    return turn.end('chunk-size-unread');
  }
  if (size.octets < SMALL_CHUNK_OCTETS && !turn.spend(LINE_COST)) return undefined;
  const against = chunking.isOffered(turn.context) ? rule : 'not-implemented';
  if (against !== undefined) return refuseChunk(turn, size, against);
  const { state } = turn;
  if (state.name === 'chunking') return startChunk(turn, state.transaction, state.decoder, size);
  const transaction = transactionOf(state);
  const without = ruleAgainstMessage(transaction);
  if (without !== undefined) return refuseChunk(turn, size, without);
  return turn.ask('BDAT', { kind: 'open-message', envelope: transaction.envelope }, size);
}

/** The reply comes before the octets of the chunk, which are thrown away. */
function refuseChunk(turn: Turn, size: ChunkSize, rule: Rule): void {
  turn.refuse('BDAT', rule);
  skipChunk(turn, size);
}

/** Throws the octets of a chunk away that is refused. */
export function skipChunk(turn: Turn, { octets }: ChunkSize): void {
  const { state } = turn;
  if (state.name === 'closed') return;
  turn.step(Event['chunk-refused'], { name: 'skipping', remainingOctets: octets, back: state });
}

function startChunk(
  turn: Turn,
  transaction: Transaction,
  decoder: MessageDecoder,
  { octets: remainingOctets, isLast }: ChunkSize,
): void {
  turn.step(Event.BDAT, { name: 'chunk', transaction, decoder, remainingOctets, isLast });
}

/** The message may come. `chunk` is the first chunk of BDAT; DATA has none. */
export function proceedOpen(turn: Turn, chunk: ChunkSize | undefined): void {
  const transaction = transactionOf(turn.state);
  const decoder = new MessageDecoder(turn.context.options);
  if (chunk !== undefined) return startChunk(turn, transaction, decoder, chunk);
  turn.step(Event.DATA, { name: 'data', transaction, decoder });
  return turn.say(rendered.startMail);
}

function isBinary({ parameters }: Envelope): boolean {
  return parameters.body === 'BINARYMIME';
}

// The octets

export function readData(turn: Turn, { transaction, decoder }: InData): void {
  const { input } = turn;
  const end = decoder.takeData(input.chunk, input.at, turn.outputs);
  input.at = end === -1 ? input.chunk.length : end;
  if (end !== -1) endMessage(turn, 'DATA', transaction, decoder);
}

/** Reads what has come of a chunk; `false` if there is more to come. */
export function readChunk(turn: Turn, state: InChunk): boolean {
  const { transaction, decoder } = state;
  const octets = turn.input.take(state.remainingOctets);
  if (octets.length > 0) decoder.takeOctets(octets, turn.outputs);
  state.remainingOctets -= octets.length;
  if (state.remainingOctets > 0) return false;
  if (state.isLast) {
    decoder.end(turn.outputs);
    endMessage(turn, 'BDAT', transaction, decoder);
  } else if (decoder.refusal !== null) {
    turn.step(Event['message-refused']);
    turn.refuse('BDAT', decoder.refusal);
  } else {
    turn.step(Event['chunk-received'], { name: 'chunking', transaction, decoder });
    turn.say(rendered.chunkOk);
  }
  return true;
}

/** Reads what has come of a refused chunk; `false` if there is more to come. */
export function readSkipped(turn: Turn, state: Skipping): boolean {
  state.remainingOctets -= turn.input.take(state.remainingOctets).length;
  if (state.remainingOctets > 0) return false;
  turn.step(Event['chunk-skipped']);
  return true;
}

/** All of the message came. */
function endMessage(
  turn: Turn,
  verb: 'DATA' | 'BDAT',
  transaction: Transaction,
  decoder: MessageDecoder,
): void {
  const { envelope } = transaction;
  const { refusal, sizeInOctets } = decoder;
  turn.step(Event['message-received']);
  if (refusal !== null) return refuseMessage(turn, refusal, envelope);
  return turn.ask(verb, { kind: 'message', envelope, sizeInOctets });
}

// The replies after the data: in LMTP one for each recipient (RFC 2033 section 4.2)

/** The message broke a rule and is discarded already. */
function refuseMessage(turn: Turn, rule: Rule, { recipients }: Envelope): void {
  const times = turn.context.options.protocol === 'lmtp' ? recipients.length : 1;
  turn.say(renderedRefusals[rule].repeat(times));
  turn.noteRefusal('message', refusals[rule].code, rule);
  turn.countError();
}

export function proceedMessage(turn: Turn, { recipients }: Envelope, answer: Answer): void {
  const isLmtp = turn.context.options.protocol === 'lmtp';
  const said = repliesToMessage(answer, recipients.length, isLmtp, replies.messageOk);
  let ends = false;
  let refused: Reply | undefined;
  for (const reply of said) {
    turn.reply(reply);
    if (reply.code >= 400) refused ??= reply;
    ends ||= reply.code === 421;
  }
  if (refused === undefined) return;
  turn.noteRefusal('message', refused.code, 'policy');
  if (ends) turn.end('policy');
  else if (said.some(({ code }) => code >= 500)) turn.countError();
}
