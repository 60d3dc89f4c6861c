import { expect, test } from 'vitest';
import type { Exchange, SessionFacts } from '../../../src/smtp/index.ts';
import { oauthBearer, xoauth2 } from '../../../src/smtp/sasl/bearer.ts';
import { newSession } from '../../support/session.ts';

const facts: SessionFacts = newSession().facts;
const reply = { code: 535, status: '7.8', text: 'No' };
const identity = { username: 'user@example.com', mechanism: 'OAUTHBEARER' };

const mechanisms = { OAUTHBEARER: oauthBearer, XOAUTH2: xoauth2 };

function start(name: keyof typeof mechanisms): Exchange {
  return mechanisms[name].start({ facts, channelBinding: undefined }, []);
}

/** `^A` stands for the separator. */
function say(text: string): Buffer {
  return Buffer.from(text.replaceAll('^A', '\x01'));
}

test.each<[keyof typeof mechanisms, string, string, string]>([
  // RFC 7628 section 4.1
  [
    'OAUTHBEARER',
    'n,a=user@example.com,^Ahost=server.example.com^Aport=143^Aauth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^A^A',
    'user@example.com',
    'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==',
  ],
  ['OAUTHBEARER', 'n,,^Aauth=bearer  tok3n ^A^A', '', 'tok3n'],
  ['OAUTHBEARER', 'y,a=a=2Cb=3Dc,^AAUTH=Bearer tok3n^A^A', 'a,b=c', 'tok3n'],
  // Google's documentation of XOAUTH2
  [
    'XOAUTH2',
    'user=someuser@example.com^Aauth=Bearer ya29.vF9dft4qmTc2Nvb3Rlcg^A^A',
    'someuser@example.com',
    'ya29.vF9dft4qmTc2Nvb3Rlcg',
  ],
])('%s takes %s', (mechanism, text, username, token) => {
  const step = start(mechanism).respond(say(text));
  expect(step).toMatchObject({
    question: { kind: 'sign-in', attempt: { kind: 'token', mechanism, username } },
  });
  const attempt = step.kind === 'ask' && step.question.kind === 'sign-in' && step.question.attempt;
  expect(attempt && attempt.kind === 'token' && attempt.token.reveal()).toBe(token);
  expect(JSON.stringify(step)).not.toContain(token);
});

test.each<[keyof typeof mechanisms, string]>([
  ['OAUTHBEARER', ''],
  ['OAUTHBEARER', 'n,,'],
  ['OAUTHBEARER', 'n,,^A'],
  ['OAUTHBEARER', 'n,,^Aauth=Bearer token^A'],
  ['OAUTHBEARER', 'n,,^Aauth=Basic token^A^A'],
  ['OAUTHBEARER', 'n,,^Aauth=Bearer ^A^A'],
  ['OAUTHBEARER', 'n,,^Ano pair^Aauth=Bearer token^A^A'],
  ['OAUTHBEARER', 'n,,^Aauth=Bearer t\u0007oken^A^A'],
  ['OAUTHBEARER', 'p=tls-exporter,,^Aauth=Bearer token^A^A'],
  ['OAUTHBEARER', 'n,a=us=er,^Aauth=Bearer token^A^A'],
  ['OAUTHBEARER', 'n,b=user,^Aauth=Bearer token^A^A'],
  ['XOAUTH2', 'user=someone^A^A'],
  ['XOAUTH2', 'user=some\0one^Aauth=Bearer token^A^A'],
  ['XOAUTH2', 'name=someone^Aauth=Bearer token^A^A'],
  ['XOAUTH2', 'user=someone^Aauth=Bearer token'],
])('%s: %j is malformed', (mechanism, text) => {
  expect(start(mechanism).respond(say(text))).toEqual({ kind: 'malformed' });
});

test('octets that are no UTF-8 are malformed', () => {
  expect(start('OAUTHBEARER').respond(Buffer.from('n,\xff,', 'latin1'))).toEqual({
    kind: 'malformed',
  });
});

test.each<[keyof typeof mechanisms, string, string, string]>([
  ['OAUTHBEARER', 'n,,^Aauth=Bearer token^A^A', '{"status":"invalid_token","scope":""}', '^A'],
  [
    'XOAUTH2',
    'user=a^Aauth=Bearer token^A^A',
    '{"status":"401","schemes":"bearer","scope":""}',
    '',
  ],
])('%s: a bad token is explained, and refused after the response to that', (...row) => {
  const [mechanism, text, explanation, dummy] = row;
  const exchange = start(mechanism);
  expect(exchange.begin()).toEqual({ kind: 'challenge', data: Buffer.alloc(0) });
  exchange.respond(say(text));
  expect(exchange.answered({ kind: 'refuse', reply })).toEqual({
    kind: 'challenge',
    data: Buffer.from(explanation),
  });
  expect(exchange.respond(say(dummy))).toEqual({ kind: 'refuse', reply });
});

test('a client without a token gets what it needs for one', () => {
  const exchange = start('OAUTHBEARER');
  for (const text of ['n,,^A^A', 'n,,^Aauth=^A^A']) {
    expect(start('OAUTHBEARER').respond(say(text))).toMatchObject({ kind: 'challenge' });
  }
  exchange.respond(say('n,,^A^A'));
  expect(exchange.respond(say('^A'))).toMatchObject({ kind: 'refuse', reply: { code: 535 } });
});

test('a good token is accepted, and a table that is away is not the fault of the token', () => {
  const answers = [
    { kind: 'accept', identity },
    { kind: 'refuse', reply: { code: 454, status: '7.0', text: 'Later' } },
  ] as const;
  for (const answer of answers) {
    const exchange = start('OAUTHBEARER');
    exchange.respond(say('n,,^Aauth=Bearer token^A^A'));
    expect(exchange.answered(answer)).toEqual(answer);
  }
});

test('they are offered wherever they are configured', () => {
  const context = { facts, channelBinding: undefined };
  expect([oauthBearer, xoauth2].map((mechanism) => mechanism.isOffered(context))).toEqual([
    true,
    true,
  ]);
});
