// Drives a session through any input and holds its outputs to the rules of the machine: one question at a
// time, nothing after hang-up, octets only into an open message, each message ended once.
import { expect } from 'vitest';
import type {
  Answer,
  Output,
  Question,
  Session,
  SessionOptions,
  SignInAnswer,
} from '../../src/smtp/index.ts';
import { verifierOf } from '../support/scram-client.ts';
import { newSession } from '../support/session.ts';
import { TLS } from '../support/transcript.ts';

/** What came of a run, in a form that does not depend on how the input was cut. */
export interface Run {
  readonly text: string;
  /** All outputs but text, the octets of each whole message put together. */
  readonly events: readonly string[];
  readonly expects: Session['expects'];
  readonly facts: unknown;
}

const verifier = verifierOf('pencil', Buffer.from('salt'), 1);

/** The longest that is held while nothing is asked: RFC 4954's AUTH line. */
const HELD_OCTETS = 12_288;

/**
 * Answers the n-th question: by `choices`, over and over, so that the answers are the same for every split.
 * 0 accepts, 1 defers, 2 refuses, 3 ends the session.
 */
function answerTo(question: Question, choice: number): Answer | SignInAnswer {
  const code = [250, 451, 550, 421][choice] ?? 250;
  const isSignIn = question.kind === 'sign-in' || question.kind === 'settle-sign-in';
  if (code !== 250) return { kind: 'refuse', reply: { code, status: '7.1', text: 'No' } };
  if (question.kind === 'sign-in' && question.attempt.kind === 'scram') {
    const settle = (): SignInAnswer => ({ kind: 'refuse', reply: { code: 535, text: 'No' } });
    return { kind: 'verify', verifiers: [verifier], settle };
  }
  if (question.kind === 'settle-sign-in' && !question.proved) {
    return { kind: 'refuse', reply: { code: 535, status: '7.8', text: 'No' } };
  }
  if (isSignIn) return { kind: 'accept', identity: { username: 'user', mechanism: 'PLAIN' } };
  return { kind: 'accept' };
}

/** Runs `chunks`; `late`: the answers come after all of them. Ends with the connection lost, if it is still there. */
export function drive(
  options: Partial<SessionOptions>,
  chunks: readonly Buffer[],
  choices: readonly number[],
  late: boolean,
): Run {
  const session = newSession(options, { isXclientTrusted: true });
  const open: Question[] = [];
  const events: string[] = [];
  const message: Buffer[] = [];
  let text = '';
  let asked = 0;
  let resumes = false;
  let isMessageOpen = false;
  let receivedOctets = 0;
  let isOver = false;

  const act = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      expect(isOver).toBe(false);
      switch (output.kind) {
        case 'send':
          text += output.text;
          break;
        case 'write-message': {
          expect(isMessageOpen).toBe(true);
          expect(output.span.length).toBeGreaterThan(0);
          message.push(output.span);
          // Normalized line ends are stored with more octets than came.
          receivedOctets += (output.received ?? output.span).length;
          break;
        }
        case 'ask':
          expect(open).toEqual([]);
          // Plain values: a function would not be cloned.
          expect(() => structuredClone(output)).not.toThrow();
          open.push(output.question);
          if (output.question.kind === 'message') {
            expect(isMessageOpen).toBe(true);
            isMessageOpen = false;
            const octets = Buffer.concat(message);
            expect(receivedOctets).toBe(output.question.sizeInOctets);
            events.push(`message ${octets.toString('hex')}`);
            message.length = 0;
            receivedOctets = 0;
          }
          events.push(`ask ${JSON.stringify(output.question)}`);
          break;
        case 'discard-message':
          expect(isMessageOpen).toBe(true);
          isMessageOpen = false;
          // How much of a message was written before it was discarded is up to the network.
          message.length = 0;
          receivedOctets = 0;
          events.push(`discard ${output.cause}`);
          break;
        case 'note':
          events.push(`note ${JSON.stringify(output.note)}`);
          break;
        case 'give-way':
          resumes = true;
          break;
        case 'upgrade-tls':
          events.push(output.kind);
          break;
        case 'hang-up':
          events.push(output.kind);
          isOver = true;
          break;
      }
    }
    if (resumes) {
      resumes = false;
      act(session.resume());
    }
    if (session.expects !== 'answer')
      expect(session.pendingOctets).toBeLessThanOrEqual(HELD_OCTETS);
    expect(session.expects === 'answer').toBe(open.length === 1);
  };
  const settle = (): void => {
    for (let question = open.shift(); question !== undefined; question = open.shift()) {
      const answer = answerTo(question, choices[asked++ % choices.length] ?? 0);
      if (question.kind === 'open-message' && answer.kind === 'accept') isMessageOpen = true;
      act(session.answer(answer));
    }
  };

  act(session.begin());
  for (const chunk of chunks) {
    act(session.receive(chunk));
    if (!late) settle();
  }
  settle();
  if (session.expects === 'handshake') act(session.secured(TLS));
  const { expects, snapshot: facts } = session;
  act(session.lost());
  expect(isMessageOpen).toBe(false);
  expect(session.expects).toBe('nothing');
  return { text, events, expects, facts };
}
