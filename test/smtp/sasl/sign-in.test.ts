// Sign-in through the session: what is said, asked and noted for the mechanisms of more than one question.
import { expect, test } from 'vitest';
import {
  type Mechanism,
  type Output,
  type Question,
  Secret,
  type Session,
  type SignInAnswer,
  type TlsFacts,
} from '../../../src/smtp/index.ts';
import { ScramClient, verifierOf } from '../../support/scram-client.ts';
import { newSession } from '../../support/session.ts';

const verifier = verifierOf('pencil', Buffer.from('salt'), 4096);
const identity = { username: 'user', mechanism: 'SCRAM-SHA-256' };
const tls: TlsFacts = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const no = { code: 535, status: '7.8', text: 'No' };

function textOf(outputs: readonly Output[]): string {
  return outputs.map((output) => (output.kind === 'send' ? output.text : '')).join('');
}

function notesOf(outputs: readonly Output[]): unknown[] {
  return outputs.flatMap((output) => (output.kind === 'note' ? [output.note] : []));
}

function questionOf(outputs: readonly Output[]): Question {
  const asked = outputs.find((output) => output.kind === 'ask');
  if (asked === undefined) throw new Error(`no question in ${JSON.stringify(outputs)}`);
  return asked.question;
}

function send(session: Session, line: string): Output[] {
  return session.receive(Buffer.from(`${line}\r\n`));
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const unbase64 = (line: string): string => Buffer.from(line.slice(4), 'base64').toString();

function greeted(mechanisms: string[], secured: TlsFacts = tls, custom: Mechanism[] = []): Session {
  const session = newSession({ auth: 'optional', mechanisms, customMechanisms: custom });
  session.begin({
    tls: secured,
    channelBinding: (type) => (type === 'tls-exporter' ? Buffer.from('exported') : undefined),
  });
  send(session, 'EHLO client.example');
  session.answer({ kind: 'accept' });
  return session;
}

async function signInByScram(
  session: Session,
  client: ScramClient,
  name: string,
): Promise<Output[]> {
  const asked = questionOf(send(session, `AUTH ${name} ${base64(client.first())}`));
  expect(asked).toMatchObject({ kind: 'sign-in', attempt: { kind: 'scram', mechanism: name } });
  const settle = (proved: boolean): SignInAnswer =>
    proved ? { kind: 'accept', identity } : { kind: 'refuse', reply: no };
  const challenge = session.answer({ kind: 'verify', verifiers: [verifier], settle });
  const final = client.final(unbase64(textOf(challenge)));
  const settling = questionOf(send(session, base64(final)));
  if (settling.kind !== 'settle-sign-in') throw new Error(settling.kind);
  return session.answer(settle(settling.proved));
}

test('SCRAM: the proof is settled, the server proves itself, and then it is 235', async () => {
  const session = greeted(['SCRAM-SHA-256']);
  const client = new ScramClient('user', 'pencil', 'abc');
  expect(unbase64(textOf(await signInByScram(session, client, 'SCRAM-SHA-256')))).toBe(
    client.serverFinal,
  );
  expect(session.facts.identity).toBeNull();
  const done = send(session, '');
  expect(textOf(done)).toBe('235 2.7.0 Authentication successful\r\n');
  expect(notesOf(done)).toEqual([
    { kind: 'signed-in', mechanism: 'SCRAM-SHA-256', username: 'user' },
  ]);
  expect(session.facts.identity).toEqual(identity);
});

test('SCRAM: a wrong password is refused and counted', async () => {
  const session = greeted(['SCRAM-SHA-256']);
  const outputs = await signInByScram(
    session,
    new ScramClient('user', 'x', 'abc'),
    'SCRAM-SHA-256',
  );
  expect(textOf(outputs)).toBe('535 5.7.8 No\r\n');
  expect(notesOf(outputs)).toContainEqual({
    kind: 'sign-in-refused',
    mechanism: 'SCRAM-SHA-256',
    code: 535,
  });
});

test('SCRAM-SHA-256-PLUS is bound to what the driver says of the TLS', async () => {
  const session = greeted(['SCRAM-SHA-256-PLUS']);
  const client = new ScramClient('user', 'pencil', 'abc', 'p=tls-exporter,,', 'exported');
  const outputs = await signInByScram(session, client, 'SCRAM-SHA-256-PLUS');
  expect(unbase64(textOf(outputs))).toBe(client.serverFinal);
});

test('EXTERNAL asks about the certificate, and is offered only where there is one', () => {
  const clientCertificate = { subject: 'CN=device', fingerprint256: 'AA:BB' };
  const session = greeted(['EXTERNAL'], { ...tls, clientCertificate });
  expect(textOf(send(session, 'AUTH EXTERNAL'))).toBe('334 \r\n');
  expect(questionOf(send(session, base64('admin')))).toEqual({
    kind: 'sign-in',
    attempt: {
      kind: 'certificate',
      mechanism: 'EXTERNAL',
      authorizationId: 'admin',
      ...clientCertificate,
    },
  });
  const accepted = session.answer({
    kind: 'accept',
    identity: { username: 'device', mechanism: 'EXTERNAL' },
  });
  expect(textOf(accepted)).toMatch(/^235 /);

  for (const response of ['AA==', '/w==']) {
    const other = greeted(['EXTERNAL'], { ...tls, clientCertificate });
    expect(textOf(send(other, `AUTH EXTERNAL ${response}`))).toMatch(/^501 5\.5\.2 /);
  }
  expect(
    questionOf(send(greeted(['EXTERNAL'], { ...tls, clientCertificate }), 'AUTH EXTERNAL =')),
  ).toMatchObject({
    attempt: { authorizationId: '' },
  });
  expect(textOf(send(greeted(['EXTERNAL']), 'AUTH EXTERNAL ='))).toMatch(/^504 /);
});

test('a mechanism of the embedder is offered, and goes before ours of the same name', () => {
  const magic: Mechanism = {
    name: 'PLAIN',
    isOffered: () => true,
    start: () => ({
      begin: () => ({ kind: 'challenge', data: Buffer.from('magic word?') }),
      respond: () => ({ kind: 'accept', identity }),
      answered: () => ({ kind: 'malformed' }),
    }),
  };
  const session = greeted(['PLAIN', 'NOT-KNOWN'], tls, [magic]);
  expect(unbase64(textOf(send(session, 'AUTH PLAIN')))).toBe('magic word?');
  expect(textOf(send(session, base64('please')))).toMatch(/^235 /);
});

test('an answer of the wrong kind is an error of the caller', () => {
  for (const mechanism of ['PLAIN', 'LOGIN']) {
    const session = greeted([mechanism]);
    send(
      session,
      mechanism === 'PLAIN' ? `AUTH PLAIN ${base64('\0a\0b')}` : `AUTH LOGIN ${base64('a')}`,
    );
    if (mechanism === 'LOGIN') send(session, base64('b'));
    const settle = (): SignInAnswer => ({ kind: 'refuse', reply: no });
    expect(() => session.answer({ kind: 'verify', verifiers: [], settle })).toThrow(TypeError);
  }
  const session = greeted(['PLAIN']);
  send(session, `AUTH PLAIN ${base64('\0a\0b')}`);
  expect(() => session.answer({ kind: 'accept' })).toThrow(TypeError);
});

test('no output of a sign-in shows the password', () => {
  const session = greeted(['PLAIN']);
  const outputs = send(session, `AUTH PLAIN ${base64('admin\0user\0hunter2')}`);
  const attempt = questionOf(outputs);
  expect(attempt).toMatchObject({ attempt: { authorizationId: 'admin', username: 'user' } });
  const asked = session.answer({ kind: 'refuse', reply: no });
  expect(JSON.stringify([outputs, asked])).not.toMatch(/hunter2|aHVudGVy/);
});

test('a secret shows itself only when asked', async () => {
  const { inspect } = await import('node:util');
  const secret = new Secret('hunter2');
  const shown = [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ secret })];
  for (const text of shown) {
    expect(text).toContain('[secret]');
    expect(text).not.toContain('hunter2');
  }
  expect(secret.reveal()).toBe('hunter2');
});

test('a bearer without a token is noted under its own rule, a refused token under the policy', () => {
  const rulesAfter = (initialResponse: string, answer?: SignInAnswer): unknown[] => {
    const session = greeted(['OAUTHBEARER']);
    send(session, `AUTH OAUTHBEARER ${base64(initialResponse)}`);
    if (answer !== undefined) session.answer(answer);
    return notesOf(send(session, base64('\x01'))).map((note) => (note as { rule?: string }).rule);
  };
  expect(rulesAfter('n,,\x01\x01')).toEqual([undefined, 'no-token']);
  expect(rulesAfter('n,,\x01auth=Bearer x\x01\x01', { kind: 'refuse', reply: no })).toEqual([
    undefined,
    'policy',
  ]);
});

test.each([
  ['a control', 'ann\u001b[2J'],
  ['a line end', 'ann\r\n'],
  ['a right-to-left override', 'ann\u202e'],
  ['a line separator', 'ann\u2028'],
])('a user name with %s is asked of nobody', (_, username) => {
  for (const response of [`\0${username}\0secret`, `${username}\0ann\0secret`]) {
    const session = greeted(['PLAIN']);
    const outputs = send(session, `AUTH PLAIN ${Buffer.from(response).toString('base64')}`);
    expect(outputs.some(({ kind }) => kind === 'ask')).toBe(false);
    const reply = outputs.find((output) => output.kind === 'send');
    expect(reply?.text).toMatch(/^501 5\.5\.2 /);
  }
});
