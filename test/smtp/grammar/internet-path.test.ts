import { expect, test } from 'vitest';
import { readInternetPath } from '../../../src/smtp/grammar/internet-path.ts';

const local65 = 'l'.repeat(65);
const label63 = 'd'.repeat(63);

test.each([
  // Long local parts, up to a path of 900 octets
  [`<${local65}@x.test>`, local65, 'x.test', `${local65}@x.test`],
  [`<${'l'.repeat(893)}@x.test>`, 'l'.repeat(893), 'x.test', `${'l'.repeat(893)}@x.test`],
  // Dots anywhere
  ['<try..this..0511@x.test>', 'try..this..0511', 'x.test', 'try..this..0511@x.test'],
  ['<.a@x.test>', '.a', 'x.test', '.a@x.test'],
  ['<a.@x.test>', 'a.', 'x.test', 'a.@x.test'],
  ['<..@x.test>', '..', 'x.test', '..@x.test'],
  // Characters that need quotes by the grammar stay as they were sent
  ['<a@b@x.test>', 'a@b', 'x.test', 'a@b@x.test'],
  ['<@a@x.test>', '@a', 'x.test', '@a@x.test'],
  ['<@x.test>', '', 'x.test', '@x.test'],
  ['<mailto:a@x.test>', 'mailto:a', 'x.test', 'mailto:a@x.test'],
  ['<a)@x.test>', 'a)', 'x.test', 'a)@x.test'],
  ['<a]b@x.test>', 'a]b', 'x.test', 'a]b@x.test'],
  // Quotes and backslashes in places where the grammar has none: normalized
  ['<a."b c"@x.test>', 'a.b c', 'x.test', '"a.b c"@x.test'],
  ['<"a"."b"@x.test>', 'a.b', 'x.test', 'a.b@x.test'],
  ['<"a".b.@x.test>', 'a.b.', 'x.test', '"a.b."@x.test'],
  ['<\\"a@x.test>', '"a', 'x.test', '"\\"a"@x.test'],
  ['<a\\b@x.test>', 'ab', 'x.test', 'ab@x.test'],
  ['"a b"@x.test', 'a b', 'x.test', '"a b"@x.test'],
  ['"\\\\ \\"a"@x.test', '\\ "a', 'x.test', '"\\\\ \\"a"@x.test'],
  // Without brackets, or with more of them
  ['a@x.test', 'a', 'x.test', 'a@x.test'],
  ['a@x.test>', 'a', 'x.test', 'a@x.test'],
  ['<<a@x.test>>', 'a', 'x.test', 'a@x.test'],
  ['<a@x.test>>', 'a', 'x.test', 'a@x.test'],
  // Blanks around words and separators
  ['< a@x.test>', 'a', 'x.test', 'a@x.test'],
  ['<a@x.test >', 'a', 'x.test', 'a@x.test'],
  ['<  a@x.test  >', 'a', 'x.test', 'a@x.test'],
  ['<a @ x.test>', 'a', 'x.test', 'a@x.test'],
  ['<a . b@x .test>', 'a.b', 'x.test', 'a.b@x.test'],
  ['<"a b" @x.test>', 'a b', 'x.test', '"a b"@x.test'],
  // Comments
  ['<a(b)@x.test>', 'a', 'x.test', 'a@x.test'],
  ['<(c)a@x.test>', 'a', 'x.test', 'a@x.test'],
  ['<a@x.test (c (d) \\) e)>', 'a', 'x.test', 'a@x.test'],
  // Separators of a list of one
  ['<a@x.test>,', 'a', 'x.test', 'a@x.test'],
  ['<a@x.test;>', 'a', 'x.test', 'a@x.test'],
  [',a@x.test;', 'a', 'x.test', 'a@x.test'],
  // Source routes
  ['<@y.test:@z.test: a@x.test>', 'a', 'x.test', 'a@x.test'],
  ['@[IPv6:::1],@y.test:a@x.test', 'a', 'x.test', 'a@x.test'],
  ['<@:a@x.test>', 'a', 'x.test', 'a@x.test'],
  // Behind a comment it is a local part, and stays one when the address is read again
  ['<(c)@y.test:a@x.test>', '@y.test:a', 'x.test', '"@y.test:a"@x.test'],
  // Domains
  ['<a@x_y.test>', 'a', 'x_y.test', 'a@x_y.test'],
  ['<a@_x.test>', 'a', '_x.test', 'a@_x.test'],
  ['<a@x.test.>', 'a', 'x.test.', 'a@x.test.'],
  [`<a@${label63}.>`, 'a', `${label63}.`, `a@${label63}.`],
  ['<a@[192.0.2.1].>', 'a', '[192.0.2.1]', 'a@[192.0.2.1]'],
  ['a@[IPv6:2001:db8::1]', 'a', '[IPv6:2001:db8::1]', 'a@[IPv6:2001:db8::1]'],
  // No domain
  ['<root>', 'root', '', 'root'],
  ['root', 'root', '', 'root'],
  ['postmaster', 'postmaster', '', 'postmaster'],
  ['"a b"', 'a b', '', '"a b"'],
  ['a\\@x.test', 'a@x.test', '', '"a@x.test"'],
])('%s is a path', (text, localPart, domain, address) => {
  for (const after of ['', ' SIZE=1']) {
    expect(readInternetPath(`FROM:${text}${after}`, 5)).toEqual({
      mailbox: { localPart, domain, address },
      isAscii: true,
      end: 5 + text.length,
    });
  }
});

test.each([
  ['ä@x.test', 'ä', 'x.test'],
  ['<ä..b@x.test>', 'ä..b', 'x.test'],
  ['<a@_.ä.test>', 'a', '_.ä.test'],
])('%s is a path that is not ASCII', (text, localPart, domain) => {
  expect(readInternetPath(text, 0)).toMatchObject({
    mailbox: { localPart, domain },
    isAscii: false,
  });
});

test.each([['<>'], ['< >'], ['<  >'], ['<<>>'], ['<>,'], ['<;>']])(
  '%s is the null path',
  (text) => {
    expect(readInternetPath(text, 0)).toEqual({ mailbox: null, isAscii: true, end: text.length });
  },
);

test.each([
  [''],
  [','],
  ['>'],
  ['<'],
  ['<(c)>'],
  // What does not close
  ['<a@x.test'],
  ['<<a@x.test>'],
  ['<"a@x.test>'],
  ['"a@x.test'],
  ['<(c@x.test>'],
  ['<(")"a@x.test>'],
  ['<a@[192.0.2.1>'],
  ['<a\\>'],
  ['a\\'],
  // More than one address, or a name with one
  ['<a@x.test,b@y.test>'],
  ['<a@x.test><b@x.test>'],
  ['Joe<a@x.test>'],
  ['(c)<a@x.test>'],
  ['<>a@x.test'],
  // Words that nothing separates
  ['<a b@x.test>'],
  ['<a(c)b@x.test>'],
  ['<a"b"@x.test>'],
  ['<"a"b@x.test>'],
  ['<"a." b@x.test>'],
  ['<a@x test>'],
  ['<a@x.test (c) y>'],
  // No domain where there is an @
  ['<@>'],
  ['<a@>'],
  ['<a@b@>'],
  ['<a@.>'],
  // No domain at all
  ['<a@x..test>'],
  ['<a@x.test..>'],
  ['<a@.x.test>'],
  ['<a@-x.test>'],
  ['<a@x-.test>'],
  ['<a@x-_.-y>'],
  ['<a@x.test:25>'],
  ['<a@x/y.test>'],
  ['<a@x.te$t>'],
  ['<a@"x.test">'],
  ['<a@[x.test]>'],
  ['<a@[]>'],
  ['<a@x[192.0.2.1]>'],
  ['<a@[192.0.2.1]x>'],
  ['<a@[192.0.2.1]@x.test>'],
  ['<a@[192.0.2.1].x>'],
  ['[192.0.2.1]'],
  ['<@x"y":a@x.test>'],
  [`<a@${label63}d.test>`],
  [`<a@_${`.${label63}`.repeat(4)}>`],
  // Specials and controls
  ['<a,b@x.test>'],
  ['<a;b@x.test>'],
  ['<a[b@x.test>'],
  ['<a<b@x.test>'],
  ['<a\u0085@x.test>'],
  ['<.\\\u0085@x.test>'],
  ['<."\u0085"@x.test>'],
  ['<."\\\u0085"@x.test>'],
  [`<${'l'.repeat(894)}@x.test>`],
  [`<.${'é'.repeat(447)}@x.test>`],
])('%s is no path', (text) => {
  expect(readInternetPath(text, 0)).toBeUndefined();
});
