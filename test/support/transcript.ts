// Conversations as text files, and their replay on the pure session.
//
//   # a comment                        C: a line of the client         c: the same without its CRLF
//   O: {"maxRecipients": 1}            S: a line of the server         !: another output, as `hang-up`
//   B: tls | refusal 421 3.2 Closed    M: a line of the message stored so far in this step
//   m: the same without its CRLF       B: xclient, of a proxy that is trusted
//   ?: KIND [SUBJECT] -> accept | accept CODE STATUS TEXT | refuse CODE STATUS TEXT | each CODE …; CODE …
//   E: secured | expire | drain | lost
//
// C: lines without an S:, !:, M: or m: line between them come in one packet. `?:` sets the answer to the next
// question of that kind in the step; without one the answer is to accept. Escapes in C:, c:, S: and M: are
// those of `unescape`.
import { readFileSync, readdirSync } from 'node:fs';
import type {
  Answer,
  Output,
  Question,
  Reply,
  Session,
  SessionOptions,
  SignInAnswer,
  TlsFacts,
} from '../../src/smtp/index.ts';
import { unescape } from './splits.ts';

export interface ScriptedAnswer {
  readonly kind: Question['kind'];
  readonly subject: string;
  readonly answer: Answer;
}

export type Event = 'secured' | 'expire' | 'drain' | 'lost' | 'begin';

/** One thing that happens, and what must come of it. */
export interface Step {
  readonly line: number;
  event: Event | null;
  packet: Buffer;
  readonly answers: ScriptedAnswer[];
  /** What is said. */
  text: string;
  /** The other outputs but questions, notes and message octets. */
  readonly outputs: string[];
  /** The message octets, where the transcript looks at them. */
  message: string | null;
}

export interface Transcript {
  readonly name: string;
  readonly options: Partial<SessionOptions>;
  readonly tls: boolean;
  readonly isXclientTrusted: boolean;
  readonly refusal: Reply | undefined;
  readonly steps: readonly Step[];
}

/** Every transcript in a folder. */
export function readTranscripts(folder: URL): Transcript[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.smtp'));
  return files.map((file) => parseTranscript(file, readFileSync(new URL(file, folder), 'utf8')));
}

export function parseTranscript(name: string, source: string): Transcript {
  let options: Partial<SessionOptions> = {};
  let tls = false;
  let isXclientTrusted = false;
  let refusal: Reply | undefined;
  const begin = newStep(0, 'begin');
  const steps = [begin];
  let step = begin;
  let isExpecting = false;
  for (const [index, line] of source.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const tag = line.slice(0, 2);
    const rest = line.slice(3);
    if (line[2] !== ' ' && line.length > 2)
      throw new Error(`${name}:${index + 1}: no space after tag`);
    const isInput = tag === 'C:' || tag === 'c:' || tag === 'E:';
    if (isInput && (isExpecting || step === begin || step.event !== null || tag === 'E:')) {
      step = newStep(index + 1, tag === 'E:' ? parseEvent(rest) : null);
      steps.push(step);
      isExpecting = false;
    }
    if (tag === 'O:') options = { ...options, ...(JSON.parse(rest) as Partial<SessionOptions>) };
    else if (tag === 'B:' && rest === 'tls') tls = true;
    else if (tag === 'B:' && rest === 'xclient') isXclientTrusted = true;
    else if (tag === 'B:') refusal = parseReply(rest.replace(/^refusal /, ''));
    else if (tag === '?:') step.answers.push(parseAnswer(rest));
    else if (tag === 'C:') step.packet = Buffer.concat([step.packet, unescape(`${rest}\\r\\n`)]);
    else if (tag === 'c:') step.packet = Buffer.concat([step.packet, unescape(rest)]);
    else if (tag === 'S:') step.text += `${unescape(rest).toString()}\r\n`;
    else if (tag === '!:') step.outputs.push(rest);
    else if (tag === 'M:' || tag === 'm:') {
      const octets = unescape(rest).toString('latin1');
      step.message = `${step.message ?? ''}${octets}${tag === 'M:' ? '\r\n' : ''}`;
    } else if (tag !== 'E:') throw new Error(`${name}:${index + 1}: unknown tag ${tag}`);
    if ('S:!:M:m:'.includes(tag)) isExpecting = true;
  }
  return { name, options, tls, isXclientTrusted, refusal, steps };
}

function newStep(line: number, event: Event | null): Step {
  return {
    line,
    event,
    packet: Buffer.alloc(0),
    answers: [],
    text: '',
    outputs: [],
    message: null,
  };
}

function parseEvent(text: string): Event {
  const events: Event[] = ['secured', 'expire', 'drain', 'lost'];
  const event = events.find((one) => one === text);
  if (event === undefined) throw new Error(`unknown event ${text}`);
  return event;
}

function parseAnswer(text: string): ScriptedAnswer {
  const match = /^([a-z-]+)(?: (.*?))? -> (accept|refuse|each)(?: (.*))?$/.exec(text);
  if (match === null) throw new Error(`not an answer: ${text}`);
  const [, kind = '', subject = '', verb, rest] = match;
  const answer: Answer =
    verb === 'accept'
      ? { kind: 'accept', ...(rest !== undefined && { reply: parseReply(rest) }) }
      : verb === 'refuse'
        ? { kind: 'refuse', reply: parseReply(rest ?? '') }
        : { kind: 'each', replies: (rest ?? '').split('; ').map(parseReply) };
  return { kind: kind as Question['kind'], subject, answer };
}

function parseReply(text: string): Reply {
  const match = /^(\d{3}) (\d\.\d+) (.*)$/.exec(text);
  if (match === null) throw new Error(`not a reply: ${text}`);
  const [, code, status = '', rest = ''] = match;
  return { code: Number(code), status, text: rest };
}

/** What a question is about, to tell it from others of its kind. */
function subjectOf(question: Question): string {
  switch (question.kind) {
    case 'helo':
      return question.clientDomain;
    case 'sign-in':
      return 'username' in question.attempt ? question.attempt.username : '';
    case 'settle-sign-in':
      return String(question.proved);
    case 'reverse-path':
      return question.reversePath?.address ?? '<>';
    case 'forward-path':
      return question.forwardPath.address;
    case 'message':
      return String(question.sizeInOctets);
    case 'open-message':
      return '';
  }
}

/** What came of one step. */
export interface Outcome {
  text: string;
  readonly outputs: string[];
  message: string;
  /** Scripted answers that no question asked for. */
  readonly unasked: readonly ScriptedAnswer[];
}

export const TLS: TlsFacts = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

/** The default answers to sign-in questions: whoever it is, it is them. */
function signInAnswer(question: Question): SignInAnswer {
  const attempt = question.kind === 'sign-in' ? question.attempt : undefined;
  const username = attempt !== undefined && 'username' in attempt ? attempt.username : 'certified';
  return { kind: 'accept', identity: { username, mechanism: attempt?.mechanism ?? 'SCRAM' } };
}

/**
 * Replays one step on a session, its packet in pieces. `late`: the answers come only when all the pieces
 * were received, as when a policy has to look something up.
 */
export function replayStep(
  session: Session,
  step: Step,
  pieces: readonly Buffer[],
  late: boolean,
  begin: () => Output[],
): Outcome {
  const answers = [...step.answers];
  const outcome: Outcome = { text: '', outputs: [], message: '', unasked: answers };
  const open: Question[] = [];
  const act = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      if (output.kind === 'send') outcome.text += output.text;
      else if (output.kind === 'write-message') outcome.message += output.span.toString('latin1');
      else if (output.kind === 'ask') open.push(output.question);
      else if (output.kind === 'discard-message')
        outcome.outputs.push(`discard-message ${output.cause}`);
      else if (output.kind !== 'note') outcome.outputs.push(output.kind);
    }
    if (!late) settle();
  };
  const settle = (): void => {
    for (let question = open.shift(); question !== undefined; question = open.shift()) {
      act(session.answer(answerTo(question)));
    }
  };
  const answerTo = (question: Question): Answer | SignInAnswer => {
    const at = answers.findIndex(
      ({ kind, subject }) =>
        kind === question.kind && (subject === '' || subject === subjectOf(question)),
    );
    const scripted = at === -1 ? undefined : answers.splice(at, 1)[0]?.answer;
    const isSignIn = question.kind === 'sign-in' || question.kind === 'settle-sign-in';
    if (isSignIn && scripted?.kind !== 'refuse') return signInAnswer(question);
    return scripted ?? { kind: 'accept' };
  };
  if (step.event === 'begin') act(begin());
  else if (step.event === 'secured') act(session.secured(TLS));
  else if (step.event !== null) act(session[step.event]());
  for (const piece of pieces) act(session.receive(piece));
  settle();
  return outcome;
}
