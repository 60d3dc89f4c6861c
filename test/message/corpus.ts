// Mails made by rule: encoded words in every charset, encoding and split, and addresses with every name, comment and
// list around them. Each says what it means, so that no parser is needed to know.
import iconv from 'iconv-lite';

export interface MadeMail {
  /** What the mail is an example of; differences between parsers are explained by it. */
  readonly traits: readonly string[];
  readonly header: Buffer;
  readonly meant: Meaning;
}

export interface Meaning {
  readonly subject?: string;
  readonly to?: readonly MeantMailbox[];
}

export interface MeantMailbox {
  readonly name: string;
  readonly address: string;
}

type Encode = (text: string) => Buffer;

const jis: Encode = (text) => {
  const octets = iconv.encode(text, 'euc-jp').map((octet) => octet & 0x7f);
  return Buffer.concat([Buffer.from('\x1b$B'), octets, Buffer.from('\x1b(B')]);
};
const iso2022Kr: Encode = (text) => {
  const octets = iconv.encode(text, 'euc-kr').map((octet) => octet & 0x7f);
  return Buffer.concat([Buffer.from('\x1b$)C\x0e'), octets, Buffer.from('\x0f')]);
};

/** Label → two pieces of text that its words hold, and how they are encoded. */
const charsets: readonly (readonly [string, readonly [string, string], Encode?])[] = [
  ['utf-8', ['Grüße', '日本😀']],
  ['UTF-8', ['Grüße', '日本😀']],
  ['utf8', ['Grüße', '日本']],
  ['UTF_8', ['Grüße', '日本']],
  ['us-ascii', ['Hello', 'World']],
  ['iso-8859-1', ['Grü', 'ße']],
  ['latin-1', ['Grü', 'ße']],
  ['iso-8859-2', ['Łó', 'dź']],
  ['iso-8859-5', ['При', 'вет']],
  ['iso-8859-7', ['Γει', 'ά']],
  ['iso-8859-9', ['İst', 'ğı']],
  ['iso-8859-15', ['5 €', 'Œ']],
  ['windows-1250', ['Łó', 'dź']],
  ['windows-1251', ['При', 'вет']],
  ['windows-1252', ['“5', '€”']],
  ['cp1252', ['“5', '€”']],
  ['windows-1256', ['سل', 'ام']],
  ['koi8-r', ['При', 'вет']],
  ['koi8-u', ['Ки', 'їв']],
  ['cp850', ['Grü', 'ße']],
  ['cp437', ['Grü', 'é']],
  ['cp866', ['При', 'вет']],
  ['macintosh', ['Grü', 'é']],
  ['tis-620', ['กข', 'คง']],
  ['shift_jis', ['日本', '語']],
  ['cp932', ['日本', '語①']],
  ['windows-31j', ['日本', '語①']],
  ['euc-jp', ['日本', '語']],
  ['iso-2022-jp', ['日本', '語'], jis],
  ['gb2312', ['中文', '你好']],
  ['gbk', ['中文', '你好']],
  ['gb18030', ['中文', '㐀']],
  ['big5', ['中文', '你好']],
  ['euc-kr', ['한글', '말']],
  ['ks_c_5601-1987', ['한글', '말']],
  ['cp949', ['한글', '똠']],
  ['iso-2022-kr', ['한글', '말'], iso2022Kr],
  ['utf-7', ['Grüße', '日本']],
];

function word(label: string, encoding: string, octets: Buffer): string {
  if (encoding.toUpperCase() === 'B')
    return `=?${label}?${encoding}?${octets.toString('base64')}?=`;
  const text = [...octets].map((octet) => {
    if (octet === 0x20) return '_';
    const char = String.fromCharCode(octet);
    return /[A-Za-z0-9]/.test(char)
      ? char
      : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `=?${label}?${encoding}?${text.join('')}?=`;
}

function* makeSubjects(): Generator<MadeMail> {
  for (const [
    label,
    [one, other],
    encode = (text: string) => iconv.encode(text, label),
  ] of charsets) {
    for (const encoding of ['B', 'Q', 'b', 'q']) {
      const first = word(label, encoding, encode(one));
      const second = word(label, encoding, encode(other));
      const both = encode(one + other);
      const forms: readonly (readonly [string, string, string])[] = [
        ['one word', word(label, encoding, both), one + other],
        ['two words', `${first} ${second}`, one + other],
        ['two words on two lines', `${first}\r\n ${second}`, one + other],
        ['two words without a blank', `${first}${second}`, one + other],
        ['words and text', `Re: ${first} and ${second} x`, `Re: ${one} and ${other} x`],
        ['a language', first.replace(label, `${label}*en`), one],
      ];
      for (const [form, value, subject] of forms) {
        yield made([`charset ${label.toLowerCase()}`, form], `Subject: ${value}`, { subject });
      }
      const last = encode(other).length;
      // Where the last character has several octets without shifts, cut it in two.
      if (encode === jis || encode === iso2022Kr || label === 'utf-7' || last <= other.length)
        continue;
      const [head, tail] = [both.subarray(0, -1), both.subarray(-1)];
      const value = `${word(label, encoding, head)} ${word(label, encoding, tail)}`;
      const traits = [`charset ${label.toLowerCase()}`, 'cut within a character'];
      yield made(traits, `Subject: ${value}`, { subject: one + other });
    }
  }
  const raw: readonly (readonly [string, Buffer, string])[] = [
    ['raw UTF-8', Buffer.from('Grüße 日本'), 'Grüße 日本'],
    ['raw windows-1252', Buffer.from('Gr\xfc\xdfe \x80', 'latin1'), 'Grüße €'],
    ['raw UTF-8 in a word', Buffer.from('=?utf-8?Q?grüße_=C3=A4?='), 'grüße ä'],
    ['a control character', Buffer.from('a\x01b'), 'a\ufffdb'],
    ['a tab', Buffer.from('a\tb'), 'a b'],
    ['a control character in a word', Buffer.from('=?utf-8?Q?a=00b?='), 'a\ufffdb'],
    ['a line end in a word', Buffer.from('=?utf-8?Q?a=0D=0AX:_b?='), 'a X: b'],
    [
      'an unknown charset',
      Buffer.from('=?x-none?Q?a?= =?x-none?Q?b?='),
      '=?x-none?Q?a?= =?x-none?Q?b?=',
    ],
    ['no word', Buffer.from('a =?utf-8?X?b?= c =?'), 'a =?utf-8?X?b?= c =?'],
  ];
  for (const [trait, value, subject] of raw) {
    yield {
      traits: [trait],
      header: Buffer.concat([Buffer.from('Subject: '), value]),
      meant: { subject },
    };
  }
}

/** What is written, and the name that it means. */
const names: readonly (readonly [string, string, string])[] = [
  ['no name', '', ''],
  ['a name', 'Ann', 'Ann'],
  ['a name with dots', 'Ann B. Doe', 'Ann B. Doe'],
  ['a quoted name', '"Doe, Ann"', 'Doe, Ann'],
  ['a quoted name with escapes', '"A \\"x\\" \\\\ B"', 'A "x" \\ B'],
  ['a quoted name with an address', '"A <b@c.example>"', 'A <b@c.example>'],
  ['an encoded name', '=?utf-8?Q?M=C3=BC?=', 'Mü'],
  ['an encoded name with a comma', '=?utf-8?Q?A=2C_B?=', 'A, B'],
  ['an encoded name with an address', '=?utf-8?Q?A_=3Cb=40c.example=3E?=', 'A <b@c.example>'],
  ['two encoded words', '=?utf-8?Q?=C3=A4?= =?iso-8859-1?Q?=F6?=', 'äö'],
  ['a name in UTF-8', 'Mü', 'Mü'],
];

const addresses: readonly (readonly [string, string, string])[] = [
  ['an address', 'a@b.example', 'a@b.example'],
  ['an address with a tag', "o'neil.x+tag=1@b.example", "o'neil.x+tag=1@b.example"],
  ['a quoted local-part', '"a b"@c.example', '"a b"@c.example'],
  ['a literal', 'a@[192.0.2.1]', 'a@[192.0.2.1]'],
  ['an IPv6 literal', 'a@[IPv6:2001:db8::1]', 'a@[IPv6:2001:db8::1]'],
  ['blanks in an address', 'a . b @ c . example', 'a.b@c.example'],
  ['an address in UTF-8', 'ü@ö.example', 'ü@ö.example'],
];

const comments: readonly (readonly [string, string])[] = [
  ['no comment', ''],
  ['a comment', '(x)'],
  ['nested comments', '((x) y)'],
  ['a comment with a comma', '(a, b)'],
  ['a comment with an address', '(x <y@z.example>)'],
];

const second: MeantMailbox = { name: '', address: 'z@z.example' };
const lists: readonly (readonly [string, (mailbox: string) => string, boolean])[] = [
  ['alone', (mailbox) => mailbox, false],
  ['in a list', (mailbox) => `${mailbox}, z@z.example`, true],
  ['on two lines', (mailbox) => `${mailbox},\r\n z@z.example`, true],
  ['in a group', (mailbox) => `Team: ${mailbox}, z@z.example;`, true],
  ['in front of an empty group', (mailbox) => `${mailbox}, none:;, z@z.example`, true],
  ['between empty elements', (mailbox) => `, ${mailbox},, z@z.example,`, true],
];

function* makeAddresses(): Generator<MadeMail> {
  for (const [nameTrait, writtenName, name] of names) {
    for (const [addressTrait, writtenAddress, address] of addresses) {
      for (const [commentTrait, comment] of comments) {
        for (const [listTrait, inList, hasSecond] of lists) {
          const mailbox = name === '' ? writtenAddress : `${writtenName} <${writtenAddress}>`;
          const value = inList(`${mailbox}${comment === '' ? '' : ` ${comment}`}`);
          const to = hasSecond ? [{ name, address }, second] : [{ name, address }];
          const traits = [nameTrait, addressTrait, commentTrait, listTrait];
          yield made(traits, `To: ${value}`, { to });
        }
      }
    }
  }
}

function made(traits: readonly string[], field: string, meant: Meaning): MadeMail {
  return { traits, header: Buffer.from(field), meant };
}

export function makeCorpus(): MadeMail[] {
  return [...makeSubjects(), ...makeAddresses()];
}
