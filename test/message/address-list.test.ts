import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddressList } from '../../src/message/address-list.ts';

/** `text` of each mailbox, and its address where that is not the text itself. */
function read(value: string): string[] {
  return parseAddressList(value).map(({ text, address }) =>
    text === address ? text : `${text} = ${address}`,
  );
}

describe('forms of RFC 5322', () => {
  test.each([
    ['an address', 'a@b.example', ['a@b.example']],
    ['a name', 'A B <a@b.example>', ['A B <a@b.example> = a@b.example']],
    ['a name without a blank', 'A<a@b.example>', ['A<a@b.example> = a@b.example']],
    ['no name', '<a@b.example>', ['<a@b.example> = a@b.example']],
    ['a quoted local-part', '"a b"@c.example', ['"a b"@c.example']],
    ['a quoted local-part with an @', '"a@b"@c.example', ['"a@b"@c.example']],
    [
      'a quoted local-part between brackets',
      'A <"a>b"@c.example>',
      ['A <"a>b"@c.example> = "a>b"@c.example'],
    ],
    ['an IPv4 literal', 'a@[192.0.2.1]', ['a@[192.0.2.1]']],
    [
      'an IPv6 literal',
      'A <a@[IPv6:2001:db8::1]>, b@c.example',
      ['A <a@[IPv6:2001:db8::1]> = a@[IPv6:2001:db8::1]', 'b@c.example'],
    ],
    ['a literal with a comma', 'a@[x,y], b@c.example', ['a@[x,y]', 'b@c.example']],
    ['UTF-8 (RFC 6532)', 'ü <ü@ö.example>', ['ü <ü@ö.example> = ü@ö.example']],
    [
      'a comment in front, one within and one behind',
      '(x) a(y)@b.example (z)',
      ['a@b.example (x) (y) (z) = a@b.example'],
    ],
    ['nested comments', 'a@b.example ((x)(y)) (z)', ['a@b.example ((x)(y)) (z) = a@b.example']],
    [
      'a comment with quotes in it',
      'a@b.example (say "x), c@d.example',
      ['a@b.example (say "x) = a@b.example', 'c@d.example'],
    ],
    [
      'a comment behind a named address',
      'A <a@b.example> (c <d@e.example>)',
      ['A <a@b.example> = a@b.example'],
    ],
    ['a comment within a name', 'A (x) B <a@b.example>', ['A B <a@b.example> = a@b.example']],
    ['a comment behind brackets alone', '<a@b.example> (A)', ['<a@b.example> (A) = a@b.example']],
    ['a comment within brackets', '<a@b.example (A)>', ['<a@b.example> (A) = a@b.example']],
    [
      'a group',
      'T: a@b.example, C <c@d.example>;, e@f.example',
      ['a@b.example', 'C <c@d.example> = c@d.example', 'e@f.example'],
    ],
    ['a quoted name of a group', '"T, U": a@b.example;', ['a@b.example']],
    ['an empty group', 'undisclosed-recipients:;', []],
    ['an empty group and a comment', 'unlisted-recipients:; (no To-header on input)', []],
    ['nothing but a comment', '(nobody)', []],
    ['nothing', ' ', []],
  ] as const)('the reader takes %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  test.each([
    ['blanks around dots and @', 'a . b @ c . example', ['a.b@c.example']],
    [
      'comments around dots and @',
      'a(x).(y)b@(z)c.example',
      ['a.b@c.example (x) (y) (z) = a.b@c.example'],
    ],
    ['blanks within brackets', 'A < a @ b.example >', ['A <a@b.example> = a@b.example']],
    ['a quoted word of a local-part', '"a".b@c.example', ['"a".b@c.example']],
    ['a dot in a name', 'J. Q. Doe <a@b.example>', ['J. Q. Doe <a@b.example> = a@b.example']],
    ['empty elements', ', a@b.example,, ,c@d.example,', ['a@b.example', 'c@d.example']],
    [
      'a source route',
      'A <@x.example,@y.example:a@b.example>, c@d.example',
      ['A <@x.example,@y.example:a@b.example> = a@b.example', 'c@d.example'],
    ],
    [
      'a comment in a source route',
      '<@x.example(<e@v.example>):a@b.example>',
      ['<a@b.example> = a@b.example'],
    ],
    ['empty brackets', 'Daemon <>', ['Daemon <> = ']],
  ] as const)('the reader takes the obsolete form with %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });
});

describe('what is no address list', () => {
  test.each([
    [
      'a colon',
      'Re: hello <a@b.example>, c@d.example',
      ['"Re: hello" <a@b.example> = a@b.example', 'c@d.example'],
    ],
    [
      'colons in several names',
      'T: A <a@b.example>, 10:30 <c@d.example>',
      ['"T: A" <a@b.example> = a@b.example', '"10:30" <c@d.example> = c@d.example'],
    ],
    [
      'a colon within a group',
      'T: A: B <a@b.example>, c@d.example; e@f.example',
      ['"A: B" <a@b.example> = a@b.example', 'c@d.example', 'e@f.example'],
    ],
    [
      'parentheses',
      'Bob :) <b@r.example>, Al :( <c@r.example>, d@r.example',
      [
        '"Bob :)" <b@r.example> = b@r.example',
        '"Al :(" <c@r.example> = c@r.example',
        'd@r.example',
      ],
    ],
    [
      'a quotation mark',
      'A" <a@b.example>, c@d.example',
      ['"A\\"" <a@b.example> = a@b.example', 'c@d.example'],
    ],
    [
      'a quotation mark behind a backslash',
      '"C:\\" <a@b.example>, c@d.example',
      ['"\\"C:\\\\\\"" <a@b.example> = a@b.example', 'c@d.example'],
    ],
    [
      'an angle bracket',
      'A <a@b.example, C <c@d.example>',
      ['A <a@b.example> = a@b.example', 'C <c@d.example> = c@d.example'],
    ],
    ['an angle bracket at the end', 'a@b.example>, c@d.example', ['a@b.example', 'c@d.example']],
    ['a source route', '<@x.example, a@b.example', ['a@b.example']],
    ['a square bracket', 'a@[192.0.2.1, c@d.example', ['a@[192.0.2.1', 'c@d.example']],
  ] as const)('%s that closes nothing hides no other mailbox', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  test.each([
    [
      'semicolons between addresses',
      'a@b.example; C <c@d.example>',
      ['a@b.example', 'C <c@d.example> = c@d.example'],
    ],
    [
      'no separator',
      'A <a@b.example> B <c@d.example>',
      ['A <a@b.example> = a@b.example', 'B <c@d.example> = c@d.example'],
    ],
    ['no separator and no brackets', 'a@b.example c@d.example', ['a@b.example', 'c@d.example']],
    [
      'an address behind brackets',
      'A <a@b.example> c@d.example',
      ['A <a@b.example> = a@b.example', 'c@d.example'],
    ],
    ['words behind brackets', 'A <a@b.example> B', ['A <a@b.example> = a@b.example']],
    ['a name without brackets', 'A B a@b.example', ['A B <a@b.example> = a@b.example']],
    [
      'an address as a name',
      'a@b.example <c@d.example>',
      ['"a@b.example" <c@d.example> = c@d.example'],
    ],
    [
      'a quoted address as a name',
      '"a@b.example" <c@d.example>',
      ['"a@b.example" <c@d.example> = c@d.example'],
    ],
    [
      'brackets in a name',
      '[List] A, B <a@b.example>',
      ['"[List] A" = ', 'B <a@b.example> = a@b.example'],
    ],
    [
      'a backslash in a name',
      'DOM\\user <a@b.example>',
      ['"DOM\\\\user" <a@b.example> = a@b.example'],
    ],
    ['a blank in a local-part', '<a b@c.example>', ['<a b@c.example> = a b@c.example']],
    ['a local user in brackets', 'Cron <root>', ['Cron <root> = root']],
    ['a local user alone', 'root', ['root = ']],
    ['a name alone', 'A B', ['A B = ']],
    ['an @ without a local-part', '@a', ['"@a" = ']],
    ['an @ without a domain', 'a@', ['"a@" = ']],
    ['two @', 'a@b@c.example', ['a@b@c.example']],
    ['mailto', 'mailto:a@b.example', ['"mailto:" <a@b.example> = a@b.example']],
  ] as const)('the reader makes the best of %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });
});

describe('encoded words', () => {
  test.each([
    ['a name', '=?utf-8?Q?M=C3=BC?= <a@b.example>', ['Mü <a@b.example> = a@b.example']],
    [
      'a name with a comma',
      '=?utf-8?Q?A=2C_B?= <a@b.example>',
      ['"A, B" <a@b.example> = a@b.example'],
    ],
    [
      'a comma as it is',
      '=?utf-8?Q?A,_B?= <a@b.example>, c@d.example',
      ['"A, B" <a@b.example> = a@b.example', 'c@d.example'],
    ],
    [
      'a name with quotes',
      '=?utf-8?Q?"A=5C"?= <a@b.example>',
      ['"\\"A\\\\\\"" <a@b.example> = a@b.example'],
    ],
    ['a name in quotes', '"=?utf-8?Q?M=C3=BC?=" <a@b.example>', ['Mü <a@b.example> = a@b.example']],
    [
      'words and text',
      'A =?utf-8?Q?=C3=BC?= "B, C" <a@b.example>',
      ['"A ü B, C" <a@b.example> = a@b.example'],
    ],
    ['nothing but an encoded address', '=?utf-8?Q?a=40b.example?=', ['"a@b.example" = ']],
    ['nothing but an address in an encoded word', '=?utf-8?Q?a@b.example?=', ['"a@b.example" = ']],
    [
      'an encoded address in brackets',
      '=?utf-8?Q?A_=3Ca=40b.example=3E?= <c@d.example>',
      ['"A <a@b.example>" <c@d.example> = c@d.example'],
    ],
    [
      'brackets within a word, which other readers see',
      '=?utf-8?Q?A_<a@b.example>?= <c@d.example>',
      ['=?utf-8?Q?A_ <a@b.example> = a@b.example', '?= <c@d.example> = c@d.example'],
    ],
    [
      'an unknown charset',
      '=?x-none?Q?A,B?= <a@b.example>',
      ['"=?x-none?Q?A,B?=" <a@b.example> = a@b.example'],
    ],
    ['a comment', 'a@b.example (=?utf-8?Q?M=C3=BC_=29?=)', ['a@b.example (Mü \\)) = a@b.example']],
    ['an empty word', '=?utf-8?Q??=, a@b.example', ['a@b.example']],
  ] as const)('the reader decodes %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });
});

const piece = fc.constantFrom(
  ...[
    'a',
    'b.c',
    '@',
    '@d.example',
    '<',
    '>',
    '(',
    ')',
    '"',
    '\\',
    ',',
    ';',
    ':',
    '[',
    ']',
    '.',
    ' ',
    'ü',
  ],
  ...[
    '=?utf-8?Q?M=C3=BC?=',
    '=?utf-8?Q?a=40b,_c?=',
    '=?utf-8?B?PGFAYj4sIChc?=',
    '=?x?q?(?=',
    '=?',
    '?=',
  ],
  ...['a@b.example', 'A B <a@b.example>', '"x, y" <e@f.example>', 'T: ', '(c)'],
);
const hostile = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''));

test('the text of a mailbox reads as this one mailbox with the same address', () => {
  fc.assert(
    fc.property(hostile, (value) => {
      for (const { text, address } of parseAddressList(value)) {
        expect(parseAddressList(text).map((each) => each.address)).toEqual([address]);
      }
    }),
    { numRuns: 5000 },
  );
});

test('the quick reader of regular lists and the reader of all others agree', () => {
  const mailbox = fc.constantFrom(
    ...[
      'a@b.example',
      ' <a@b.example> ',
      'A  B <a@b.example>',
      '"A, <B>" <a@b.example>',
      'A.B<a@b.example>',
      '=?utf-8?Q?M=C3=BC?= <a@b.example>',
      '=?utf-8?Q?A=2C?= B.  =?utf-8?Q?C?=<a@b.example>',
      '=?utf-8?Q?A=22?= x =?utf-8?Q?C?= =?utf-8?Q?D?= <a@b.example>',
      '=?utf-8?Q??= <a@b.example>',
      '=?x-none?Q?a?= <=?utf-8?Q?a?=@b.example>',
      '=?utf-8?Q?a?=@b.example',
      '"=?utf-8?Q?a=2C?=" <a@b.example>',
    ],
    ...[
      'ü@ö.example',
      '\u00a0 <a@b.example>',
      '',
      '"A"<a@b.example>',
      'a.@b',
      "o'neil <a=b@c.example>",
    ],
  );
  fc.assert(
    fc.property(fc.array(mailbox, { maxLength: 4 }), (mailboxes) => {
      const list = mailboxes.join(',');
      // The quick reader does not take a group.
      expect(parseAddressList(list)).toEqual(parseAddressList(`G:;${list}`));
    }),
  );
});
