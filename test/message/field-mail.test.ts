// Mails whose header sections other software reads wrong or does not expect. Each is one file in field/, and what
// subscribers get of it is written here by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readAuthors, readCommonHeaders } from '../../src/message/common-headers.ts';
import { readHeaderSection } from '../../src/message/header-section.ts';

const folder = new URL('field/', import.meta.url);

/** What `commonHeaders` has besides `returnPath`; the fields that most of the mails have alike are below. */
interface Expected {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  readonly sender?: string;
  readonly subject?: string;
  readonly date?: string;
  readonly messageId?: string;
  readonly destination?: readonly string[];
}

const usual = {
  from: ['a@s.example'],
  subject: 's',
  date: 'Mon, 1 Jun 2026 10:00:00 +0000',
  messageId: '<t@s.example>',
};
/** Of the mails that came from another collection. */
const other = {
  ...usual,
  from: ['"A B" <a@sender.example>'],
  to: ['c@rcpt.example'],
  messageId: '<t1@sender.example>',
  destination: ['c@rcpt.example'],
};

const expectations: Readonly<Record<string, Expected>> = {
  // 93 FA 96 7B is 日本 in Microsoft's Shift_JIS, 8C EA is 語.
  '49-ew-cp932-ms932.eml': { ...other, subject: '日本語語' },
  '50-ew-misc-labels.eml': { ...other, subject: Array.from({ length: 12 }, () => 'é').join(' | ') },
  'colon-in-name.eml': {
    ...usual,
    from: ['"Re: hello" <a@s.example>'],
    to: ['"Team: A" <c@r.example>', '"Room 10:30" <d@r.example>'],
    destination: ['c@r.example', 'd@r.example'],
  },
  'comment-only-to.eml': { ...usual, to: [], destination: [] },
  'cp1252-raw.eml': { ...usual, subject: '100 € – “quoted”' },
  'ctrl-subject-multircpt.eml': {
    ...usual,
    to: ['c@r.example'],
    subject: '\ufffd',
    destination: ['c@r.example'],
  },
  // The To field alone has more than is read.
  'cut-in-field.eml': { from: ['a@s.example'] },
  'ew-raw-8bit-inside.eml': { ...usual, subject: 'grüße ä' },
  'jp-two-words.eml': {
    ...usual,
    from: ['山田太郎 <yamada@s.example>'],
    to: ['c@r.example'],
    subject: '会議のお知らせと資料',
    destination: ['c@r.example'],
  },
  'name-spoof-noaddr.eml': { ...usual, from: ['"ceo@corp.example"'] },
  'nul-subject.eml': {
    ...usual,
    from: ['a\ufffdb <a@s.example>'],
    to: ['c\ufffd@r.example'],
    subject: 'a\ufffdb',
    messageId: '<a\ufffd@x>',
    destination: ['c\ufffd@r.example'],
  },
  'one-bad-octet.eml': {
    ...usual,
    from: ['Müller <m@s.example>'],
    to: ['"Büro Köln" <c@r.example>'],
    subject: '日本',
    destination: ['c@r.example'],
  },
  'quoted-name-lt.eml': {
    ...usual,
    from: ['"A <b>" <a@s.example>'],
    to: ['c@r.example (x <y@z.example>)'],
    destination: ['c@r.example'],
  },
  's5-nest-1000.eml': {
    from: ['a@s.example'],
    to: ['c@r.example'],
    subject: 'deep',
    destination: ['c@r.example'],
  },
  'sender-comma.eml': { ...usual, sender: '"A, B" <x@s.example>' },
  'smiley-paren.eml': {
    ...usual,
    to: ['"Bob :)" <b@r.example>', '"Al :(" <c@r.example>', 'd@r.example'],
    destination: ['b@r.example', 'c@r.example', 'd@r.example'],
  },
  // C7 D1 is 한 in Microsoft's Korean code page.
  'space-sep-unknown.eml': { ...usual, subject: '한한x한' },
  'utf8-bom.eml': { ...usual, to: ['c@r.example'], destination: ['c@r.example'] },
};

function read(file: string) {
  return readHeaderSection(readFileSync(new URL(file, folder)), true);
}

test.each(readdirSync(folder))(
  'subscribers get the header fields of %s as they are meant',
  (file) => {
    const { destination = [], ...commonHeaders } = expectations[file] ?? {};
    expect(readCommonHeaders(read(file).fields, 'r@s.example')).toEqual({
      commonHeaders: { returnPath: 'r@s.example', ...commonHeaders },
      destination,
    });
  },
);

test('every expectation has its mail', () => {
  expect(readdirSync(folder).toSorted()).toEqual(Object.keys(expectations).toSorted());
});

test.each([
  ['one-bad-octet.eml', 'X-Spam-Report', 'café'],
  ['one-bad-octet.eml', 'To', '"Büro Köln" <c@r.example>'],
  ['one-bad-octet.eml', 'From', '=?utf-8?Q?M=C3=BCller?= <m@s.example>'],
  ['ew-raw-8bit-inside.eml', 'Subject', '=?utf-8?Q?grüße_=C3=A4?='],
  ['cp1252-raw.eml', 'Subject', '100 € – “quoted”'],
] as const)(
  'the list of header fields of %s decides the charset of %s by the field alone',
  (file, name, value) => {
    expect(read(file).fields).toContainEqual({ name, value });
  },
);

test('the cut at 64 KiB is in front of a field that goes on', () => {
  expect(read('cut-in-field.eml')).toEqual({
    fields: [{ name: 'From', value: 'a@s.example' }],
    truncated: true,
  });
});

test.each([
  ['name-spoof-noaddr.eml', ['']],
  ['quoted-name-lt.eml', ['a@s.example']],
  ['colon-in-name.eml', ['a@s.example']],
  ['jp-two-words.eml', ['yamada@s.example']],
] as const)('a check of the author of %s reads what is shown as its From', (file, addresses) => {
  const { fields } = read(file);
  const authors = readAuthors(fields);
  expect(authors.map(({ address }) => address)).toEqual(addresses);
  expect(readCommonHeaders(fields, '').commonHeaders.from).toEqual(authors.map(({ text }) => text));
});
