// What a session notes for who watches it: each command and each reply, in their order, and nothing of a credential.
import { expect, test } from 'vitest';
import type { Answer, Output, SignInAnswer } from '../../src/smtp/index.ts';
import { newSession } from '../support/session.ts';
import { everySplit } from '../support/splits.ts';

const OPTIONS = {
  auth: 'optional',
  allowInsecureAuth: true,
  mechanisms: ['PLAIN', 'LOGIN'],
} as const;

/** `> command` and `< reply` for all that was noted; what a question is answered is to accept, and a password is wrong. */
function noted(chunks: readonly Buffer[], options: object = { notesDialogue: true }): string[] {
  const session = newSession({ ...OPTIONS, ...options });
  const lines: string[] = [];
  const act = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      if (output.kind === 'note' && output.note.kind === 'command')
        lines.push(`> ${output.note.line}`);
      if (output.kind === 'note' && output.note.kind === 'reply')
        lines.push(...output.note.text.split('\r\n').map((line) => `< ${line}`));
      if (output.kind === 'ask') {
        const answer: Answer | SignInAnswer =
          output.question.kind === 'sign-in'
            ? { kind: 'refuse', reply: { code: 535, status: '7.8', text: 'No' } }
            : { kind: 'accept' };
        act(session.answer(answer));
      }
    }
  };
  act(session.begin());
  for (const chunk of chunks) act(session.receive(chunk));
  return lines;
}

const SECRET = Buffer.from('\0alice\0hunter2').toString('base64');
const CONVERSATION = [
  'EHLO client.example',
  `AUTH PLAIN ${SECRET}`,
  'AUTH LOGIN',
  Buffer.from('alice').toString('base64'),
  Buffer.from('hunter2').toString('base64'),
  'AUTH hunter2',
  'hunter2',
  'NOOP hunter2',
  'MAIL FROM:<a@client.example>',
  'RCPT TO:<b@example.com>',
  'DATA',
  'Subject: hunter2',
  '',
  'hunter2',
  '.',
  'QUIT',
].map((line) => `${line}\r\n`);

test('commands and replies are noted in their order, with *** for what may be a credential, however they are cut', () => {
  const expected = [
    '< 220 mx.example ESMTP',
    '> EHLO client.example',
    expect.stringMatching(/^< 250-mx\.example/),
    '> AUTH PLAIN ***',
    '< 535 5.7.8 No',
    '> AUTH LOGIN',
    '< 334 ***',
    '> ***',
    '< 334 ***',
    '> ***',
    '< 535 5.7.8 No',
    '> AUTH ***',
    expect.stringMatching(/^< 50\d/),
    '> ***',
    expect.stringMatching(/^< 500 /),
    '> NOOP ***',
    '< 250 2.0.0 Ok',
    '> MAIL FROM:<a@client.example>',
    expect.stringMatching(/^< 250 /),
    '> RCPT TO:<b@example.com>',
    expect.stringMatching(/^< 250 /),
    '> DATA',
    expect.stringMatching(/^< 354 /),
    expect.stringMatching(/^< 250 /),
    '> QUIT',
    expect.stringMatching(/^< 221 /),
  ];
  let runs = 0;
  for (const chunks of everySplit(Buffer.from(CONVERSATION.join('')))) {
    const lines = noted(chunks).filter((line) => !/^< 250[- ](?!mx|2)/.test(line));
    expect(lines).toEqual(expected);
    expect(lines.join('\n')).not.toContain('hunter2');
    runs++;
  }
  expect(runs).toBeGreaterThan(100);
});

test('nothing of a dialogue is noted where it was not asked for', () => {
  expect(noted([Buffer.from(CONVERSATION.join(''))], {})).toEqual([]);
});
