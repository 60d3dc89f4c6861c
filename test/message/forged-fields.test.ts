import { expect, test } from 'vitest';
import {
  claimsToBeOurs,
  FORMER_NAMES,
  type TraceFieldName,
} from '../../src/message/forged-fields.ts';

const HOST = 'mx.in.example';

test('each field is renamed to a name of the same length', () => {
  expect(FORMER_NAMES).toEqual({
    'authentication-results': 'X-Former-Authn-Results',
    'received-spf': 'X-Former-SPF',
    'return-path': 'X-Former-RP',
  });
  for (const [name, former] of Object.entries(FORMER_NAMES)) {
    expect(former).toHaveLength(name.length);
  }
});

test.each<[TraceFieldName, string, boolean]>([
  ['authentication-results', ' mx.in.example; dmarc=pass header.from=bank.example', true],
  ['authentication-results', 'MX.In.Example;dmarc=pass', true],
  ['authentication-results', ' mx.in.example 1; dmarc=pass', true],
  ['authentication-results', ' mx.in.example', true],
  ['authentication-results', ' mx.in.example.; dmarc=pass', true],
  ['authentication-results', ' (a (nested\\) comment)) mx.in.example (another); spf=pass', true],
  ['authentication-results', '\r\n\tmx.in.example;\r\n\tdmarc=pass', true],
  ['authentication-results', ' "mx.in.example"; dmarc=pass', true],
  ['authentication-results', ' "mx\\.in.example"; dmarc=pass', true],
  ['authentication-results', ' =?utf-8?q?mx=2Ein=2Eexample=3B_dmarc=3Dpass?=', true],
  ['authentication-results', ' =?utf-8?b?bXguaW4uZXhhbXBsZQ==?=; dmarc=pass', true],
  ['authentication-results', ' (a comment without end mx.in.example; dmarc=pass', true],
  ['authentication-results', ' \u0001mx.in.example; dmarc=pass', true],
  ['authentication-results', ' mx.\u0000in.example; dmarc=pass', true],
  ['authentication-results', ' x\u0001mx.in.example; dmarc=pass', false],
  ['authentication-results', ' =?utf-8?q?mx=E2=80=8B.in.example?=; dmarc=pass', true],
  ['authentication-results', ' mx.other.example; dmarc=pass', false],
  ['authentication-results', ' mx.in.example.other.example; dmarc=pass', false],
  ['authentication-results', ' not-mx.in.example; dmarc=pass', false],
  ['authentication-results', ' (mx.in.example) mx.other.example; dmarc=pass', false],
  ['authentication-results', ' mx.other.example; dmarc=pass (mx.in.example)', false],
  ['received-spf', ' pass (mx.other.example: allowed) client-ip=192.0.2.1; helo=x', true],
  ['received-spf', ' pass client-ip=192.0.2.1; receiver=mx.in.example; helo=x', true],
  ['received-spf', ' pass client-ip=192.0.2.1; receiver = "MX.in.example"', true],
  ['received-spf', ' pass receiver=mx.other.example; receiver=mx.in.example', true],
  ['received-spf', ' pass (receiver=mx.other.example) client-ip=192.0.2.1', true],
  ['received-spf', ' pass client-ip=192.0.2.1; receiver=mx.other.example; helo=x', false],
  ['return-path', ' <anybody@other.example>', true],
  ['return-path', '', true],
])('%s:%j claims to be ours: %s', (name, value, expected) => {
  expect(claimsToBeOurs(name, value, HOST)).toBe(expected);
});

test('a host name of ours in its Unicode form is ours', () => {
  const value = Buffer.from(' mx.bücher.example; dmarc=pass').toString('latin1');
  expect(claimsToBeOurs('authentication-results', value, 'mx.xn--bcher-kva.example')).toBe(true);
});
