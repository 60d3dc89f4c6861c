import { expect, test } from 'vitest';
import { canonicalMailbox } from '../../src/policy/address-pattern.ts';
import { mailbox } from '../bridge/support.ts';

test.each([
  ['bob@example.com', 'BOB@Example.COM', 'bob@example.com.'],
  ['a..b@x.example', 'A..B@x.example', 'a..b@X.EXAMPLE.'],
  ['j\u00fcrgen@x.example', 'ju\u0308rgen@x.example', 'J\u00dcRGEN@x.example'],
  ['a@b\u00fccher.example', 'a@xn--bcher-kva.example', 'a@B\u00dcCHER.example.'],
  ['postmaster', 'Postmaster@mx.example', 'postmaster@MX.example.'],
  ['a@[IPv6:2001:db8::1]', 'a@[ipv6:2001:DB8:0::1]', 'A@[IPv6:2001:db8:0:0:0:0:0:1]'],
])('%s and its other spellings are one mailbox', (...spellings) => {
  const canonical = spellings.map((each) => canonicalMailbox(mailbox(each), 'mx.example'));
  expect(new Set(canonical).size).toBe(1);
});

test('other mailboxes are others', () => {
  const others = [
    'a@x.example',
    'a.@x.example',
    'a+b@x.example',
    'a@y.example',
    'a@x',
    '@x.example',
  ];
  const canonical = others.map((each) => canonicalMailbox(mailbox(each), 'mx.example'));
  expect(new Set(canonical).size).toBe(others.length);
});
