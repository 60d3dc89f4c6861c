// The one reading of From, as tables: what is one clear mailbox, what is judged and never authenticated, and what is unclear.
import { expect, test } from 'vitest';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { type Author, readAuthor } from '../../../src/verify/sender/author/author.ts';

/** Octets as latin1, line ends as they stand; `text` is the header section without its empty line. */
function authorOf(text: string | Buffer): Author {
  const section = Buffer.concat([
    Buffer.isBuffer(text) ? text : Buffer.from(text, 'utf8'),
    Buffer.from('\r\n\r\n'),
  ]);
  return readAuthor(readHeaderSection(section, true), section);
}

const clear: readonly (readonly [from: string, address: string, domain: string])[] = [
  ['a@x.example', 'a@x.example', 'x.example'],
  ['<a@x.example>', 'a@x.example', 'x.example'],
  ['Alice <a@x.example>', 'a@x.example', 'x.example'],
  ['"Alice, CEO" <a@x.example>', 'a@x.example', 'x.example'],
  ['J. R. Doe <j.r@x.example>', 'j.r@x.example', 'x.example'],
  ['\r\n a@x.example', 'a@x.example', 'x.example'],
  ['\r\n =?utf-8?q?J=C3=B6rg?=\r\n <a@x.example>', 'a@x.example', 'x.example'],
  ['Alice\r\n <a@x.example>', 'a@x.example', 'x.example'],
  ['Alice\r\n\t<a@x.example>', 'a@x.example', 'x.example'],
  ['a@x.example (Alice)', 'a@x.example', 'x.example'],
  ['Alice (Sales) <a@x.example>', 'a@x.example', 'x.example'],
  ['=?utf-8?q?J=C3=B6rg?= <a@x.example>', 'a@x.example', 'x.example'],
  ['Jörg Müller <a@x.example>', 'a@x.example', 'x.example'],
  ['"a@x.example" <a@x.example>', 'a@x.example', 'x.example'],
  [`"'A@X.example'" <a@x.example>`, 'a@x.example', 'x.example'],
  ['"info@x.example" <no-reply@x.example>', 'no-reply@x.example', 'x.example'],
  ['"Info (info@X.Example)" <no-reply@x.example>', 'no-reply@x.example', 'x.example'],
  ['"Jobs @ Company" <jobs@x.example>', 'jobs@x.example', 'x.example'],
  ['"@alice" <a@x.example>', 'a@x.example', 'x.example'],
  [
    '"a@münchen.example" <a@xn--mnchen-3ya.example>',
    'a@xn--mnchen-3ya.example',
    'xn--mnchen-3ya.example',
  ],
  ['A@X.EXAMPLE', 'A@X.EXAMPLE', 'x.example'],
  ['a@münchen.example', 'a@münchen.example', 'xn--mnchen-3ya.example'],
  ['a@MÜNCHEN.example', 'a@MÜNCHEN.example', 'xn--mnchen-3ya.example'],
  ['a@xn--mnchen-3ya.example', 'a@xn--mnchen-3ya.example', 'xn--mnchen-3ya.example'],
  // A homograph is another domain, and shown as one.
  ['a@x.exаmple', 'a@x.exаmple', 'x.xn--exmple-4nf'],
  ['"john doe"@x.example', '"john doe"@x.example', 'x.example'],
  ['bounce+b=y.example@x.example', 'bounce+b=y.example@x.example', 'x.example'],
  ['a@x_y.example', 'a@x_y.example', 'x_y.example'],
  ['a@sub.x.example', 'a@sub.x.example', 'sub.x.example'],
];

test.each(clear)('the author in From: %s is %s', (from, address, domain) => {
  expect(authorOf(`To: b@y.example\r\nFrom: ${from}\r\nSubject: x`)).toEqual({
    kind: 'mailbox',
    address,
    domain,
  });
});

const doubtful: readonly (readonly [from: string, doubt: RegExp])[] = [
  ['"ceo@v.example" <a@x.example>', /address of another domain/],
  ['"ceo＠v.example" <a@x.example>', /address of another domain/],
  ['"ceo﹫v.example" <a@x.example>', /address of another domain/],
  ['=?utf-8?q?ceo=40v.example?= <a@x.example>', /address of another domain/],
  ['=?utf-8?b?Y2VvQHYuZXhhbXBsZQ==?= <a@x.example>', /address of another domain/],
  ['"=?utf-8?q?ceo=40v.example?=" <a@x.example>', /address of another domain/],
  ['=?x-unknown?q?ceo=40v.example?= <a@x.example>', /cannot be decoded/],
  ['"ceo @ v.example" <a@x.example>', /address of another domain/],
  ['"ceo@v .example" <a@x.example>', /address of another domain/],
  ['"ceo@v. example" <a@x.example>', /address of another domain/],
  ['"ceo@v。example" <a@x.example>', /address of another domain/],
  ['"ceo@v​.example" <a@x.example>', /address of another domain/],
  ['"ceo@v.example." <a@x.example>', /address of another domain/],
  ['"ceo@x.example.v.example" <a@x.example>', /address of another domain/],
  ['"ceo@sub.x.example" <a@x.example>', /address of another domain/],
  ['"a@x.example ceo@v.example" <a@x.example>', /address of another domain/],
  ['a@x.example (ceo@v.example)', /address of another domain/],
  ['(ceo@v.example) a@x.example', /address of another domain/],
  ['Alice (ceo@v.example) <a@x.example>', /address of another domain/],
  ['"\u202eelpmaxe.v\u202c" <a@x.example>', /change its order/],
  ['"ceo@v.example"@x.example', /another route/],
  ['ceo%v.example@x.example', /another route/],
  ['v.example!ceo@x.example', /another route/],
  ['"<ceo>"@x.example', /another route/],
  ['ceo\u200b@x.example', /not shown/],
  ['=?utf-8?q?ceo=40v.example?=@x.example', /not shown/],
];

test.each(doubtful)('From: %s is judged, and never authenticated', (from, doubt) => {
  const author = authorOf(`From: ${from}\r\nSubject: x`);
  expect(author).toMatchObject({ kind: 'mailbox', domain: 'x.example' });
  expect(author.kind === 'mailbox' ? author.doubt : undefined).toMatch(doubt);
});

const unclear: readonly (readonly [header: string, domains: readonly string[]])[] = [
  // More than one field, in whatever spelling
  ['From: a@x.example\r\nFrom: ceo@v.example', ['x.example', 'v.example']],
  ['From: ceo@v.example\r\nfrom: a@x.example', ['v.example', 'x.example']],
  ['From: a@x.example\r\nFROM : ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nFrom\t: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nFrom\r\n : ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nFr\0om: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nFrom\u00a0: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\n\u200bFrom: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nSubject: x\rFrom: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nSubject: x\nFrom: ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\nno field here\r\nFrom: ceo@v.example', ['x.example', 'v.example']],
  // A name that readers do not agree on
  ['From : a@x.example', ['x.example']],
  ['From\t: a@x.example', ['x.example']],
  ['\ufeffFrom: a@x.example', ['x.example']],
  ['Subject: x\rFrom: a@x.example', ['x.example']],
  ['Subject: x\r\nno field here\r\nFrom: a@x.example', ['x.example']],
  ['Subject: x\r\n \r\nFrom: a@x.example', ['x.example']],
  ['From a@x.example Mon Jan  1 00:00:00 2026\r\nFrom: a@x.example', ['x.example']],
  [' folded: x\r\nFrom: a@x.example', ['x.example']],
  ['X: y\r\r\nFrom: a@x.example', ['x.example']],
  ['From:\r<a@x.example>', ['x.example']],
  ['From: a@x.example\r\r\n ,ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\u0085', ['x.example']],
  ['From: a@x.example\u2028', ['x.example']],
  ['From: a@x.example\r\n\t\u0085', ['x.example']],
  // More than one mailbox
  ['From: a@x.example, ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example; ceo@v.example', ['x.example', 'v.example']],
  ['From: <a@x.example> <ceo@v.example>', ['x.example', 'v.example']],
  ['From: a@x.example <ceo@v.example>', ['x.example', 'v.example']],
  ['From: ceo@v.example <a@x.example>', ['v.example', 'x.example']],
  ['From: a@x.example ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example,', ['x.example']],
  ['From: ,a@x.example', ['x.example']],
  // Groups
  ['From: Team: a@x.example;', ['x.example']],
  ['From: Team: a@x.example, ceo@v.example;', ['x.example', 'v.example']],
  ['From: undisclosed:;', []],
  // No mailbox
  ['From:', []],
  ['From: ceo', []],
  ['From: "ceo@v.example"', ['v.example']],
  ['From: =?utf-8?q?ceo=40v.example?=', ['v.example']],
  ['From: (ceo@v.example)', ['v.example']],
  ['From: <>', []],
  // Controls
  ['From: ceo@v.example\0', ['v.example']],
  ['From: ceo@v.example\0@x.example', ['v.example', 'x.example']],
  ['From: a@x.example\x0b', ['x.example']],
  ['From: "\x07" <a@x.example>', ['x.example']],
  ['From: a@x.example\r ceo@v.example', ['x.example', 'v.example']],
  ['From: a@x.example\r\n \r\n ,ceo@v.example', ['x.example', 'v.example']],
  // Addresses that are read in more ways than one
  ['From: ceo@v.example@x.example', ['v.example', 'x.example']],
  ['From: <ceo@v.example@x.example>', ['v.example', 'x.example']],
  ['From: a@x.example.', ['x.example']],
  ['From: a@x..example', ['x.example']],
  ['From: a.@x.example', ['x.example']],
  ['From: <@v.example:a@x.example>', ['x.example', 'v.example']],
  ['From: <@v.example,@w.example:a@x.example>', ['x.example', 'v.example', 'w.example']],
  ['From: a@x.example(.v.example)', ['x.example']],
  ["From: 'ceo@v.example' <a@x.example>", ['v.example', 'x.example']],
  ['From: a@x(comment).example', ['x.example', 'x']],
  ['From: a @ x.example', ['x.example']],
  ['From: a@ x.example', ['x.example']],
  ['From: <a@x.\r\n example>', ['x.example', 'x']],
  ['From: "ceo\\"@v.example"@x.example', ['x.example', 'v.example']],
  ['From: Alice <a@x.example', ['x.example']],
  ['From: Alice a@x.example>', ['x.example']],
  ['From: Alice <a@x.example> more', ['x.example']],
  ['From: Re: hello <a@x.example>', ['x.example']],
  ['From: a@x.example (a (nested) comment)', ['x.example']],
  ['From: Alice (open <a@x.example>', ['x.example']],
  ['From: "Alice <a@x.example>', ['x.example']],
  ['From: a@[192.0.2.1]', []],
  ['From: a@192.0.2.1', []],
  ['From: ceo@ｖ.example', ['v.example']],
  ['From: ceo@v。example', ['v.example']],
  ['From: ceo@v\u00ad.example', ['v.example']],
  ['From: ceo@v\u200d.example', ['v.example']],
  [`From: ceo@${'a'.repeat(64)}.example`, []],
];

test.each(unclear)('%j has no clear author', (header, domains) => {
  const author = authorOf(header);
  expect(author.kind).toBe('unclear');
  expect(author.kind === 'unclear' ? author.domains.toSorted() : undefined).toEqual(
    domains.toSorted(),
  );
});

test('a From field that is not UTF-8 is judged, and never authenticated', () => {
  const author = authorOf(Buffer.from('From: J\xf6rg <a@x.example>', 'latin1'));
  expect(author).toMatchObject({
    kind: 'mailbox',
    domain: 'x.example',
    doubt: expect.stringMatching(/UTF-8/),
  });
});

test('a message without a From field has no author', () => {
  expect(authorOf('To: b@y.example\r\nResent-From: a@x.example\r\nX-From: a@x.example')).toEqual({
    kind: 'none',
  });
});

test('an author is unclear where the header section continues past what is read', () => {
  const head = Buffer.from(`From: a@x.example\r\n${'X: y\r\n'.repeat(12_000)}`);
  const author = readAuthor(readHeaderSection(head, false), head.subarray(0, 65_536));
  expect(author).toEqual({
    kind: 'unclear',
    reason: 'the header section is too large',
    domains: ['x.example'],
  });
});

test('an unclear author names at most ten domains, the first ones', () => {
  const names = Array.from({ length: 30 }, (_, index) => `d${index}.example`);
  const author = authorOf(`From: ${names.map((name) => `a@${name}`).join(', ')}`);
  expect(author.kind === 'unclear' ? author.domains : undefined).toEqual(names.slice(0, 10));
});

test('an author is unclear where From is longer than one mailbox can be, and is read no further than for its domains', () => {
  const author = authorOf(`From: "${'x'.repeat(5000)}"\r\n <a@x.example>`);
  expect(author).toEqual({
    kind: 'unclear',
    reason: 'the From field is too long',
    domains: ['x.example'],
  });
});
