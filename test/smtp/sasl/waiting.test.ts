// An exchange whose step comes later: the session asks, and goes on with the answer.
import { expect, test } from 'vitest';
import type {
  Answer,
  Exchange,
  Output,
  Session,
  SignInAnswer,
  Step,
} from '../../../src/smtp/index.ts';
import { newSession } from '../../support/session.ts';

const ON = Symbol('what is waited for');
const REFUSED = { code: 535, status: '7.8', text: 'No' };

/** A session that has asked for the step that follows the client's response. */
function waiting(): [Session, Output[]] {
  const exchange: Exchange = {
    begin: () => ({ kind: 'challenge', data: Buffer.from('?') }),
    respond: () => ({ kind: 'wait', on: ON }),
    answered: () => ({ kind: 'malformed' }),
  };
  const session = newSession({
    auth: 'optional',
    allowInsecureAuth: true,
    mechanisms: ['X-LATER'],
    customMechanisms: [{ name: 'X-LATER', isOffered: () => true, start: () => exchange }],
  });
  session.begin();
  session.receive(Buffer.from('EHLO c\r\n'));
  session.answer({ kind: 'accept' });
  session.receive(Buffer.from('AUTH X-LATER\r\n'));
  return [session, session.receive(Buffer.from('aGk=\r\nNOOP\r\n'))];
}

const said = (outputs: readonly Output[]): string =>
  outputs.map((output) => (output.kind === 'send' ? output.text : '')).join('');

test('the question holds what the exchange waits for, and the commands behind it wait too', () => {
  const [session, outputs] = waiting();
  expect(outputs).toEqual([{ kind: 'ask', question: { kind: 'sign-in-step', on: ON } }]);
  expect(session.isInExchange).toBe(true);
});

test.each<[Step, RegExp, string | undefined]>([
  [
    { kind: 'accept', identity: { username: 'ann', mechanism: 'X-LATER' } },
    /^235 [^\r]*\r\n250 /,
    'ann',
  ],
  [{ kind: 'refuse', reply: REFUSED }, /^535 5\.7\.8 No\r\n250 /, undefined],
  [{ kind: 'malformed' }, /^501 [^\r]*\r\n250 /, undefined],
])('the step %j of the answer is taken', (step, replies, username) => {
  const [session] = waiting();
  expect(said(session.answer({ kind: 'step', step }))).toMatch(replies);
  expect(session.facts.identity?.username).toBe(username);
});

test('a challenge may follow, and the next line is its response', () => {
  const [session] = waiting();
  const step: Step = { kind: 'challenge', data: Buffer.from('again') };
  // The line that was sent behind is base64 by chance, and its step comes later too.
  expect(session.answer({ kind: 'step', step })).toEqual([
    { kind: 'send', text: '334 YWdhaW4=\r\n' },
    { kind: 'ask', question: { kind: 'sign-in-step', on: ON } },
  ]);
});

test('a refusal is an answer too, and anything else is the caller’s mistake', () => {
  const [session] = waiting();
  expect(said(session.answer({ kind: 'refuse', reply: REFUSED }))).toMatch(/^535 /);
  const wrong: readonly (Answer | SignInAnswer)[] = [
    { kind: 'accept' },
    { kind: 'accept', identity: { username: 'ann', mechanism: 'X' } },
    { kind: 'verify', verifiers: [], settle: () => ({ kind: 'refuse', reply: REFUSED }) },
  ];
  for (const answer of wrong) {
    const [asked] = waiting();
    expect(() => asked.answer(answer)).toThrow(
      'Session.answer: not an answer to a sign-in-step question',
    );
  }
});

test('a step is no answer to another question', () => {
  const session = newSession();
  session.begin();
  session.receive(Buffer.from('EHLO c\r\n'));
  expect(() => session.answer({ kind: 'step', step: { kind: 'malformed' } })).toThrow(
    'Session.answer: not an answer to a helo question',
  );
});
