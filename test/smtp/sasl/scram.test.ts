import { expect, test } from 'vitest';
import type {
  ChannelBinding,
  Exchange,
  ScramVerifier,
  SignInAnswer,
  SignInQuestion,
  Step,
  Wait,
} from '../../../src/smtp/index.ts';
import { scramSha256, scramSha256Plus } from '../../../src/smtp/sasl/scram.ts';
import { ScramClient, verifierOf } from '../../support/scram-client.ts';
import { newSession } from '../../support/session.ts';

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const pencil = verifierOf('pencil', salt, 4096);
const crayon = verifierOf('crayon', salt, 4096);
const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const identity = { username: 'user', mechanism: 'SCRAM-SHA-256' };
const refusal = { code: 535, status: '7.8', text: 'No' };

const exporter: ChannelBinding = (type) =>
  type === 'tls-exporter' ? Buffer.from('exported') : undefined;
const endPoint: ChannelBinding = (type) =>
  type === 'tls-server-end-point' ? Buffer.from('hashed') : undefined;

function start(channelBinding?: ChannelBinding, offered = ['SCRAM-SHA-256']): Exchange {
  const { facts } = newSession();
  return scramSha256(() => serverNonce).start({ facts, channelBinding }, offered);
}

function startPlus(channelBinding?: ChannelBinding): Exchange {
  const { facts } = newSession();
  return scramSha256Plus(() => serverNonce).start({ facts, channelBinding }, [
    'SCRAM-SHA-256-PLUS',
  ]);
}

function verify(...verifiers: ScramVerifier[]): SignInAnswer {
  return { kind: 'verify', verifiers, settle: () => ({ kind: 'accept', identity }) };
}

function challengeOf(step: Step | Wait): string {
  if (step.kind !== 'challenge') throw new Error(`not a challenge: ${step.kind}`);
  return step.data.toString();
}

function questionOf(step: Step | Wait): SignInQuestion {
  if (step.kind !== 'ask') throw new Error(`not a question: ${step.kind}`);
  return step.question;
}

/** Runs an exchange up to the question whether the proof was right. */
function prove(exchange: Exchange, client: ScramClient, ...verifiers: ScramVerifier[]): boolean {
  questionOf(exchange.respond(Buffer.from(client.first())));
  const serverFirst = challengeOf(exchange.answered(verify(...verifiers)));
  const question = questionOf(exchange.respond(Buffer.from(client.final(serverFirst))));
  if (question.kind !== 'settle-sign-in') throw new Error(question.kind);
  return question.proved;
}

test('the example of RFC 7677 section 3, message by message', () => {
  const exchange = start();
  expect(challengeOf(exchange.begin())).toBe('');
  const asked = questionOf(exchange.respond(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')));
  expect(asked).toEqual({
    kind: 'sign-in',
    attempt: { kind: 'scram', mechanism: 'SCRAM-SHA-256', username: 'user' },
  });
  expect(challengeOf(exchange.answered(verify(pencil)))).toBe(
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  );
  const settling = questionOf(
    exchange.respond(
      Buffer.from(
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      ),
    ),
  );
  expect(settling).toMatchObject({ kind: 'settle-sign-in', proved: true });
  expect(challengeOf(exchange.answered({ kind: 'accept', identity }))).toBe(
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
  expect(exchange.respond(Buffer.alloc(0))).toEqual({ kind: 'accept', identity });
});

test('a wrong password proves nothing, and the settled refusal is what is said', () => {
  const exchange = start();
  expect(prove(exchange, new ScramClient('user', 'pen', 'abc'), pencil)).toBe(false);
  expect(exchange.answered({ kind: 'refuse', reply: refusal })).toEqual({
    kind: 'refuse',
    reply: refusal,
  });
});

test('a wrong proof cannot be accepted, whatever the settling says', () => {
  const exchange = start();
  expect(prove(exchange, new ScramClient('user', 'pen', 'abc'), pencil)).toBe(false);
  expect(() => exchange.answered({ kind: 'accept', identity })).toThrow(TypeError);
});

test('any of several verifiers will do, and the server signs with the one that fitted', () => {
  for (const password of ['pencil', 'crayon']) {
    const exchange = start();
    const client = new ScramClient('user', password, 'abc');
    expect(prove(exchange, client, pencil, crayon)).toBe(true);
    expect(challengeOf(exchange.answered({ kind: 'accept', identity }))).toBe(client.serverFinal);
  }
});

test('the names come out of their escapes', () => {
  const exchange = start();
  expect(
    questionOf(exchange.respond(Buffer.from('n,a=ad=2Cmin,n=us=3Der=3D2C,r=abc'))),
  ).toMatchObject({
    attempt: { username: 'us=er=2C', authorizationId: 'ad,min' },
  });
});

test.each([
  [''],
  ['n'],
  ['n,'],
  ['n,,'],
  ['x,,n=user,r=abc'],
  ['n,b=x,n=user,r=abc'],
  ['n,a=,n=user,r=abc'],
  ['n,,n=,r=abc'],
  ['n,,n=us=er,r=abc'],
  ['n,,n=us\0er,r=abc'],
  ['n,,m=x,n=user,r=abc'],
  ['n,,n=user'],
  ['n,,n=user,r='],
  ['n,,n=user,r=a b'],
  ['n,,n=user,r=é'],
  ['p=tls-exporter,,n=user,r=abc'],
])('%j is no first message of SCRAM-SHA-256', (text) => {
  expect(start().respond(Buffer.from(text))).toEqual({ kind: 'malformed' });
});

test('octets that are no UTF-8 are no message', () => {
  expect(start().respond(Buffer.from('n,,n=\xff,r=abc', 'latin1'))).toEqual({ kind: 'malformed' });
});

test.each([
  [''],
  ['c=biws,r=NONCE'],
  ['c=biws,r=NONCE,p=no'],
  ['c=no,r=NONCE,p=AAAA'],
  ['x=biws,r=NONCE,p=AAAA'],
  ['c=biws,x=NONCE,p=AAAA'],
  ['c=biws,p=AAAA'],
])('%j is no final message', (text) => {
  const exchange = start();
  exchange.respond(Buffer.from('n,,n=user,r=abc'));
  exchange.answered(verify(pencil));
  const response = Buffer.from(text.replace('NONCE', `abc${serverNonce}`));
  expect(exchange.respond(response)).toEqual({ kind: 'malformed' });
});

test.each([
  ['a proof of another length', `c=biws,r=abc${serverNonce},p=AAAA`],
  ['a proof of zeros', `c=biws,r=abc${serverNonce},p=${Buffer.alloc(32).toString('base64')}`],
])('%s proves nothing', (_, text) => {
  const exchange = start();
  exchange.respond(Buffer.from('n,,n=user,r=abc'));
  exchange.answered(verify(pencil));
  expect(questionOf(exchange.respond(Buffer.from(text)))).toMatchObject({ proved: false });
});

test('a right proof over another nonce or another header proves nothing', () => {
  for (const forge of [
    (first: string) => first.replace(serverNonce, `${serverNonce}x`),
    (first: string) => first,
  ]) {
    const exchange = start();
    const client = new ScramClient('user', 'pencil', 'abc');
    // The header that is signed is not the one that was sent.
    const sent = forge('same') === 'same' ? client.first().replace('n,,', 'y,,') : client.first();
    exchange.respond(Buffer.from(sent));
    const serverFirst = challengeOf(exchange.answered(verify(pencil)));
    const final = client.final(forge(serverFirst));
    expect(questionOf(exchange.respond(Buffer.from(final)))).toMatchObject({ proved: false });
  }
});

test('what comes after the end is malformed', () => {
  const exchange = start();
  prove(exchange, new ScramClient('user', 'pencil', 'abc'), pencil);
  expect(exchange.respond(Buffer.from('x'))).toEqual({ kind: 'malformed' });
  exchange.answered({ kind: 'accept', identity });
  expect(exchange.respond(Buffer.from('x'))).toEqual({ kind: 'malformed' });
});

test('an unknown user may be refused before the proof', () => {
  const exchange = start();
  exchange.respond(Buffer.from('n,,n=user,r=abc'));
  expect(exchange.answered({ kind: 'refuse', reply: refusal })).toMatchObject({ kind: 'refuse' });
});

test('answers that are none are errors of the caller', () => {
  const exchange = start();
  exchange.respond(Buffer.from('n,,n=user,r=abc'));
  expect(() => exchange.answered({ kind: 'accept', identity })).toThrow(TypeError);
  expect(() => exchange.answered(verify())).toThrow(TypeError);
});

test.each([
  ['tls-exporter', exporter, 'exported'],
  ['tls-server-end-point', endPoint, 'hashed'],
])('SCRAM-SHA-256-PLUS is bound to %s', (type, binding, octets) => {
  const header = `p=${type},,`;
  expect(
    prove(startPlus(binding), new ScramClient('u', 'pencil', 'abc', header, octets), pencil),
  ).toBe(true);
  // A man in the middle has another TLS on each side.
  expect(
    prove(startPlus(binding), new ScramClient('u', 'pencil', 'abc', header, 'other'), pencil),
  ).toBe(false);
});

test('SCRAM-SHA-256-PLUS needs a binding that both sides have', () => {
  const malformed = { kind: 'malformed' };
  const first = (header: string) => Buffer.from(`${header}n=user,r=abc`);
  expect(startPlus(exporter).respond(first('n,,'))).toEqual(malformed);
  expect(startPlus(exporter).respond(first('y,,'))).toEqual(malformed);
  expect(startPlus(exporter).respond(first('p=tls-unique,,'))).toEqual(malformed);
  expect(startPlus(exporter).respond(first('p=tls-server-end-point,,'))).toEqual(malformed);
  expect(startPlus().respond(first('p=tls-exporter,,'))).toEqual(malformed);
});

test('a client that was told of no -PLUS while it is offered was lied to', () => {
  const first = Buffer.from('y,,n=user,r=abc');
  const both = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];
  expect(start(exporter, both).respond(first)).toEqual({ kind: 'malformed' });
  expect(start(exporter).respond(first)).toMatchObject({ kind: 'ask' });
});

test('-PLUS is offered where something binds', () => {
  const { facts } = newSession();
  const isOffered = (channelBinding?: ChannelBinding) =>
    scramSha256Plus().isOffered({ facts, channelBinding });
  expect(isOffered()).toBe(false);
  expect(isOffered(() => undefined)).toBe(false);
  expect(isOffered(exporter)).toBe(true);
  expect(isOffered(endPoint)).toBe(true);
});

test('no two exchanges have the same nonce', () => {
  const nonces = new Set<string>();
  for (let run = 0; run < 5; run++) {
    const { facts } = newSession();
    const exchange = scramSha256().start({ facts, channelBinding: undefined }, []);
    exchange.respond(Buffer.from('n,,n=user,r=abc'));
    nonces.add(challengeOf(exchange.answered(verify(pencil))));
  }
  expect(nonces.size).toBe(5);
});
