// Messages as nobody should send them: fields that are none, words of any charset, addresses that do not end, line
// ends of every kind, parts within parts, and octets.
import fc from 'fast-check';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const joined = (pieces: readonly Buffer[]): Buffer => Buffer.concat(pieces);
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Buffer.from(some));

const charset = fc.constantFrom(
  ...['utf-8', 'UTF-8*en', 'iso-8859-1', 'windows-1252', 'utf-16le', 'utf-16be', 'utf-7', 'cesu-8'],
  ...['iso-2022-jp', 'shift_jis', 'gb18030', 'big5', 'euc-kr', 'x-unknown', '', 'base64', 'hex'],
);
const encodedWord = fc
  .tuple(charset, fc.constantFrom('B', 'Q', 'b', 'q', 'X'), octets(24))
  .map(([label, encoding, some]) => {
    const text = /b/i.test(encoding)
      ? some.toString('base64')
      : some.reduce((all, octet) => `${all}=${octet.toString(16).padStart(2, '0')}`, '');
    return latin1(`=?${label}?${encoding}?${text}?=`);
  });
const word = fc.oneof(
  { weight: 4, arbitrary: encodedWord },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(
        ...['hello', ' ', '\t', ' \r\n ', '\r\n\t', '"', '\\', '(', ')', '<', '>', ',', ';', ':'],
        ...['a@x.test', '<a@x.test>', '"A, B" <c@x.test>', 'g: a@x.test, b@x.test;', '=?', '?='],
        ...[
          '@',
          '.',
          '..',
          '[192.0.2.1]',
          '=?utf-8?q?',
          'multipart/mixed; boundary=b',
          ' name*0*=',
        ],
        ...["utf-16le''%00%d8", 'message/rfc822', 'text/html', 'base64', 'x-uuencode', 'inline'],
        ...[
          '1 Jan 2026 10:00 +0000',
          '\u0000',
          '\u0001',
          '\u001b[31m',
          '\u007f',
          '\u0085',
          '\u2028',
        ],
        ...[
          '\ufeff',
          '\ufffe',
          '\uffff',
          '\u{1f600}',
          '\u{10ffff}',
          'grüße',
          'e\u0301',
          '\r',
          '\n',
        ],
      )
      .map((text) => Buffer.from(text)),
  },
  { weight: 2, arbitrary: octets(12) },
);
const lineEnd = fc
  .constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r')
  .map(latin1);
const name = fc
  .constantFrom(
    ...['Subject', 'From', 'To', 'Cc', 'Bcc', 'Sender', 'Reply-To', 'Date', 'Message-ID', 'X-Any'],
    ...[
      'Content-Type',
      'Content-Disposition',
      'Content-Transfer-Encoding',
      'References',
      'List-Id',
    ],
    ...['Return-Path', 'Received', 'subject', '', 'two words', 'X\u0000Y', '__proto__', ' From'],
  )
  .map(latin1);
const field = fc
  .tuple(name, fc.constantFrom(':', ': ', ' : ', '').map(latin1), fc.array(word, { maxLength: 8 }))
  .chain(([first, colon, words]) => lineEnd.map((end) => joined([first, colon, ...words, end])));

const bodyPiece = fc.oneof(
  fc
    .constantFrom(
      ...[
        'Hello\r\n',
        '.\r\n',
        '..\r\n',
        '\r\n.\r\n',
        '\n.\n',
        '\r.\r',
        '--b\r\n',
        '--b--\r\n',
        '\r\n',
      ],
      ...['begin 644 a\r\n#0V%T\r\n`\r\nend\r\n', 'JVBERi0=', '=E4=\r\n', '<b>', '&#0;&#xd800;'],
      ...['Content-Type: multipart/mixed; boundary=b\r\n\r\n', 'QUIT\r\n', 'x'.repeat(1200)],
    )
    .map(latin1),
  octets(40),
);

/** How often a piece is repeated: up to the bounds of what is read of a header section, and past them. */
const times = fc.oneof(
  { weight: 12, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 900 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 6000 }) },
);
const repeated = (piece: fc.Arbitrary<Buffer>) =>
  fc.tuple(piece, times).map(([some, count]) => Buffer.alloc(some.length * count, some));

const whole = fc
  .tuple(
    fc.array(repeated(field), { maxLength: 10 }),
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '').map(latin1),
    fc.array(repeated(bodyPiece), { maxLength: 8 }),
  )
  .map(([fields, end, body]) => joined([...fields, end, ...body]));

/** Past the size from which a message is uploaded in parts. */
const large = fc.tuple(whole, octets(64)).map(([message, some]) => {
  const filling = some.length === 0 ? latin1('x') : some;
  return joined([message, Buffer.alloc(9_000_000, filling)]);
});

export const anyMessage = fc.oneof(
  { weight: 60, arbitrary: whole },
  { weight: 10, arbitrary: octets(400) },
  { weight: 1, arbitrary: large },
);
