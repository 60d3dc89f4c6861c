// Conversations as text files, and their replay on the pure session.
//
//   # a comment
//   O: {"maxRecipients": 1}            session options that differ from the usual ones
//   B: tls                             the session begins under TLS
//   B: xclient                         the client is a trusted proxy
//   B: trusted                         the client is in the trusted networks
//   B: refusal 421 3.2 Closed          the connection is refused
//   N: a hook cannot refuse with 2yz   why no real server can replay this conversation
//   C: a line of the client            c: the same without its CRLF
//   S: a line of the server            !: another output, such as `hang-up`
//   M: a line of the message stored so far in this step
//   m: the same without its CRLF
//   ?: KIND [SUBJECT] -> accept | accept CODE STATUS TEXT | refuse CODE STATUS TEXT | each CODE …; CODE …
//   E: secured | expire | drain | drainIdle | close | lost
//
// C: lines without an S:, !:, M: or m: line between them come in one packet. `?:` sets the answer to the next
// question of that kind in the step; the default is to accept. Escapes in C:, c:, S: and M: are those of
// `unescape`. An option that is unknown, has a value of the wrong type, or is missing although the conversation
// needs it, is an error that names the transcript and the option.
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

export type Event = 'secured' | 'expire' | 'drain' | 'drainIdle' | 'close' | 'lost' | 'begin';

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
  readonly isTrusted: boolean;
  readonly refusal: Reply | undefined;
  /** Why no real server can replay it, if so. */
  readonly notLive: string | undefined;
  readonly steps: readonly Step[];
}

type OptionName = keyof SessionOptions;

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): boolean => typeof value === 'string';
const isOneOf =
  (...words: readonly string[]) =>
  (value: unknown): boolean =>
    words.some((word) => word === value);
const isRecordOf =
  (fields: Readonly<Record<string, (value: unknown) => boolean>>) =>
  (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).join() === Object.keys(fields).join() &&
    Object.entries(value).every(([name, each]) => fields[name]?.(each));

/** What may be said of each option in `O:`. An option of the session that has no row does not compile. */
const optionChecks: Readonly<Record<OptionName, (value: unknown) => boolean>> = {
  hostname: isText,
  banner: isText,
  protocol: isOneOf('smtp', 'lmtp'),
  tls: isOneOf('none', 'starttls', 'implicit'),
  requireTls: isBoolean,
  auth: isOneOf('none', 'optional', 'required'),
  allowInsecureAuth: isBoolean,
  mechanisms: (value) => Array.isArray(value) && value.every(isText),
  // Code, and so nothing that a text can say
  customMechanisms: () => false,
  bareNewline: isOneOf('reject', 'normalize', 'accept'),
  addressSyntax: isOneOf('internet', 'strict'),
  // Code, and so nothing that a text can say: see `B: trusted`
  trustedNetworks: () => false,
  smtpUtf8: isBoolean,
  maxMessageSize: isCount,
  maxRecipients: isCount,
  maxMessages: isCount,
  maxErrors: isCount,
  maxSignInFailures: isCount,
  chunking: isBoolean,
  dsn: isBoolean,
  requireTlsExtension: isBoolean,
  limits: isBoolean,
  maxRecipientDomains: isCount,
  mtPriority: isBoolean,
  deliverBy: isRecordOf({ minSeconds: isCount }),
  futureRelease: isRecordOf({ maxSeconds: isCount, maxDateTime: isText }),
  notesDialogue: isBoolean,
};

/** Every transcript in a folder. */
export function readTranscripts(folder: URL): Transcript[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.smtp'));
  return files.map((file) => parseTranscript(file, readFileSync(new URL(file, folder), 'utf8')));
}

export function parseTranscript(name: string, source: string): Transcript {
  let options: Partial<SessionOptions> = {};
  let tls = false;
  let isXclientTrusted = false;
  let isTrusted = false;
  let refusal: Reply | undefined;
  let notLive: string | undefined;
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
    if (tag === 'O:') options = { ...options, ...parseOptions(name, rest) };
    else if (tag === 'N:') notLive = rest;
    else if (tag === 'B:' && rest === 'tls') tls = true;
    else if (tag === 'B:' && rest === 'xclient') isXclientTrusted = true;
    else if (tag === 'B:' && rest === 'trusted') isTrusted = true;
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
  const transcript = { name, options, tls, isXclientTrusted, isTrusted, refusal, notLive, steps };
  requireOptions(transcript);
  return transcript;
}

function parseOptions(name: string, text: string): Partial<SessionOptions> {
  const options = JSON.parse(text) as Record<string, unknown>;
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(optionChecks, option)) throw new Error(`${name}: unknown option ${option}`);
    if (!optionChecks[option as OptionName](value)) {
      throw new Error(`${name}: option ${option} cannot be ${JSON.stringify(value)}`);
    }
  }
  return options;
}

/** What happens in a conversation must have been turned on. */
function requireOptions({ name, options, tls, steps }: Transcript): void {
  const isAsked = (kind: Question['kind']): boolean =>
    steps.some(({ answers }) => answers.some((answer) => answer.kind === kind));
  const isUpgraded = steps.some(({ outputs }) => outputs.includes('upgrade-tls'));
  const { auth = 'none', tls: mode = 'none', allowInsecureAuth = false } = options;
  const missing: string[] = [];
  if (tls && mode !== 'implicit') missing.push('tls is not "implicit", but it has B: tls');
  if (mode === 'implicit' && !tls) missing.push('tls is "implicit", but it lacks B: tls');
  if (isUpgraded && mode !== 'starttls') missing.push('tls is not "starttls", but it upgrades');
  if (isAsked('sign-in') && auth === 'none') missing.push('auth is "none", but it signs in');
  if (auth !== 'none' && mode === 'none' && !allowInsecureAuth) {
    missing.push('allowInsecureAuth is false, but it has auth and no tls');
  }
  if (missing.length > 0) throw new Error(`${name}: option ${missing.join('; option ')}`);
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
  const events: Event[] = ['secured', 'expire', 'drain', 'drainIdle', 'close', 'lost'];
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
    case 'sign-in-step':
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

/** The default answers to sign-in questions: every client is who it says. */
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
  let resumes = false;
  const act = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      if (output.kind === 'send') outcome.text += output.text;
      else if (output.kind === 'write-message') outcome.message += output.span.toString('latin1');
      else if (output.kind === 'ask') open.push(output.question);
      else if (output.kind === 'give-way') resumes = true;
      else if (output.kind === 'discard-message')
        outcome.outputs.push(`discard-message ${output.cause}`);
      else if (output.kind !== 'note') outcome.outputs.push(output.kind);
    }
    if (!late) settle();
    if (!resumes) return;
    resumes = false;
    act(session.resume());
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
