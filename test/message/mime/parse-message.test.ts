// Parsed messages: like mailparser's own where that is right, other where it is not, and refused beyond the limits.
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { simpleParser, type SimpleParserOptions } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { MailUnparsableError } from '../../../src/message/mime/errors.ts';
import { parseMessage } from '../../../src/message/mime/parse-message.ts';
import { stringsOf } from '../../support/strings.ts';

/** One character for each octet. */
function parse(text: string, options?: SimpleParserOptions, chunkOctets = 1000) {
  const octets = Buffer.from(text, 'latin1');
  const chunks = Array.from({ length: Math.ceil(octets.length / chunkOctets) }, (_, at) =>
    octets.subarray(at * chunkOctets, (at + 1) * chunkOctets),
  );
  return parseMessage(Readable.from(chunks, { objectMode: false }), options);
}

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');
const multipart = (subtype: string, ...parts: readonly string[]): string =>
  lines(
    'From: A <a@client.example>',
    'Subject: parts',
    `Content-Type: multipart/${subtype}; boundary=x`,
    '',
    ...parts.flatMap((part) => ['--x', part]),
    '--x--',
  );

const PNG = lines(
  'Content-Type: image/png; name=dot.png',
  'Content-ID: <dot>',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw==',
);

const ORDINARY: Readonly<Record<string, string>> = {
  'an empty message': '',
  'a header alone': 'Subject: only\r\n',
  'a body alone': '\r\nHello\r\n',
  'a plain text': lines('From: "B, C" <b@x.test>', 'To: c@x.test, D <d@x.test>', '', 'Hello', ''),
  'encoded words': lines('Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=', 'Date: 1 Jan 2026 10:00 GMT', ''),
  'raw UTF-8': Buffer.from(lines('Subject: Grüße', 'From: Müller <m@x.test>', '')).toString(
    'latin1',
  ),
  'text and HTML': multipart(
    'alternative',
    lines('Content-Type: text/plain; charset=iso-8859-1', '', 'gr\xfcn'),
    lines('Content-Type: text/html', '', '<p>gr&uuml;n</p>'),
  ),
  'an image in HTML': multipart(
    'related',
    lines('Content-Type: text/html', '', '<img src="cid:dot">'),
    PNG,
  ),
  'a message within': multipart(
    'mixed',
    lines(
      'Content-Type: message/rfc822',
      'Content-Disposition: inline',
      '',
      'Subject: in',
      '',
      'x',
    ),
    lines('Content-Type: message/rfc822', '', 'Subject: attached', '', 'y'),
  ),
  'a text that flows': lines('Content-Type: text/plain; format=flowed; delsp=yes', '', 'a \r\nb'),
  'a delivery status': multipart('report', 'Content-Type: message/delivery-status\r\n\r\nA: b\r\n'),
  'an attachment alone': lines('Content-Type: application/pdf; name=a.pdf', '', '%PDF', ''),
  'list fields and repeated fields': lines(
    'List-Id: <l.x.test>',
    'List-Unsubscribe: <mailto:u@x.test>, <https://x.test/u>',
    'Received: one',
    'Received: two',
    'References: <a@x> <b@x>',
    '',
  ),
};

describe.each([{}, { keepCidLinks: true }, { skipTextToHtml: true, checksumAlgo: 'sha256' }])(
  'with the options %j',
  (options) => {
    test.each(Object.entries(ORDINARY))('%s is parsed as by mailparser', async (_, text) => {
      const theirs = await simpleParser(Buffer.from(text, 'latin1'), options);
      expect(await parse(text, options)).toEqual(theirs);
      expect(await parse(text, options, 1)).toEqual(theirs);
    });
  },
);

/** A message whose deepest part is `depth` levels under the message. */
function nested(depth: number): string {
  const levels = Array.from(
    { length: depth },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
  );
  return `Subject: deep\r\n${levels.join('')}\r\nbottom\r\n`;
}

/** Messages within messages, each of them shown. */
function forwarded(depth: number): string {
  return `${'Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n'.repeat(depth)}\r\nx`;
}

describe('beyond a limit', () => {
  const parts = (count: number): string => multipart('mixed', ...Array(count).fill('\r\nx'));
  const header = (octets: number): string => `X: ${'a'.repeat(octets - 7)}\r\n\r\n`;
  const partHeader = (octets: number): string => multipart('mixed', header(octets));

  test.each([
    ['parts 100 levels deep', nested(100), {}, undefined],
    ['parts 101 levels deep', nested(101), {}, 'too-deep'],
    ['parts 100,000 levels deep', nested(100_000), {}, 'too-deep'],
    ['messages within 100 messages', forwarded(100), {}, undefined],
    ['messages within 101 messages', forwarded(101), {}, 'too-deep'],
    ['999 parts', parts(999), {}, undefined],
    ['1,000 parts', parts(1000), {}, 'too-many-parts'],
    ['50 parts of 50', parts(49), { maxChildNodes: 50 }, undefined],
    ['51 parts of 50', parts(50), { maxChildNodes: 50 }, 'too-many-parts'],
    ['a header section of 1 MiB', header(1024 * 1024), {}, undefined],
    ['a header section of 1 MiB and an octet', header(1024 * 1024 + 1), {}, 'header-too-large'],
    ['the header section of a part', partHeader(1024 * 1024 + 1), {}, 'header-too-large'],
    ['a header line without an end', 'a'.repeat(2_000_000), {}, 'header-too-large'],
    ['20,000 short fields', `${'a:\r\n'.repeat(20_000)}\r\n`, {}, 'header-too-large'],
    ['1,001 octets of 1,000', header(1001), { maxHeadSize: 1000 }, 'header-too-large'],
  ])('%s', async (_, text, options, reason) => {
    const parsing = parse(text, options, 65_536);
    if (reason === undefined) {
      await expect(parsing).resolves.toBeDefined();
      return;
    }
    await expect(parsing).rejects.toBeInstanceOf(MailUnparsableError);
    await expect(parsing).rejects.toMatchObject({ code: 'MAILSLUICE_MAIL_UNPARSABLE', reason });
  });

  test('a real message is refused: 1,000 levels, in every size of its chunks', async () => {
    const text = readFileSync(new URL('nested-1000.eml', import.meta.url), 'latin1');
    for (const chunkOctets of [100, 65_536, text.length]) {
      await expect(parse(text, {}, chunkOctets)).rejects.toMatchObject({
        reason: 'too-deep',
        message: 'expected parts at most 100 levels deep, got more',
      });
    }
  });

  test.each([
    [
      'levels',
      'too-deep',
      (at: number) => `Content-Type: multipart/x; boundary=${at}\r\n\r\n--${at}`,
    ],
    ['parts', 'too-many-parts', (at: number) => (at === 0 ? parts(0).slice(0, -7) : '\r\n--x')],
    ['header fields', 'header-too-large', (at: number) => `X-${at}: y`],
  ])('a message without an end is refused before 4 MiB of its %s', async (_, reason, piece) => {
    let octets = 0;
    const endless = function* (): Generator<Buffer> {
      for (let at = 0; octets < 100_000_000; at += 500) {
        const pieces = Array.from({ length: 500 }, (_each, more) => `${piece(at + more)}\r\n`);
        const chunk = Buffer.from(pieces.join(''));
        octets += chunk.length;
        yield chunk;
      }
    };
    const source = Readable.from(endless(), { objectMode: false });
    await expect(parseMessage(source)).rejects.toMatchObject({ reason });
    expect(octets).toBeLessThan(4 * 1024 * 1024);
    expect(source.destroyed).toBe(true);
  });
});

test('a stream that fails within an attachment rejects with its error', async () => {
  const source = Readable.from(
    (async function* () {
      yield Buffer.from(ORDINARY['an attachment alone'] ?? '');
      throw new Error('connection lost');
    })(),
    { objectMode: false },
  );
  await expect(parseMessage(source)).rejects.toThrow('connection lost');
});

describe('the date', () => {
  test.each([
    ['Mon, 23 Nov 2026 13:14:15 +0100', '2026-11-23T12:14:15.000Z'],
    ['23 Nov 26 13:14 GMT', '2026-11-23T13:14:00.000Z'],
    ['Mon, 23 Nov 2026\r\n 13:14:15 +0000 (UTC)', '2026-11-23T13:14:15.000Z'],
    ['2026-11-23', '2026-11-23T00:00:00.000Z'],
    ['', undefined],
    ['yesterday', undefined],
    ['5', undefined],
    ['Mon, 45 Nov 2026 13:14:15 +0000', undefined],
    ['Mon, 23 Nov 2026 25:14:15 +0000', undefined],
    [' '.repeat(500_000), undefined],
  ])('of Date: %s', async (value, expected) => {
    const { date, headers } = await parse(`Date: ${value}\r\n\r\n`);
    expect(date?.toISOString()).toBe(expected);
    expect(headers.has('date')).toBe(expected !== undefined);
  });

  test('is absent without the field, and is not in the text for a message within', async () => {
    expect(await parse('Subject: x\r\n\r\n')).not.toHaveProperty('date');
    const inner = lines(
      'Content-Disposition: inline',
      'Content-Type: message/rfc822',
      '',
      'Date: ?',
    );
    const { text } = await parse(multipart('mixed', 'Content-Type: text/plain\r\n', inner));
    expect(text).not.toContain('Date');
  });
});

describe('NUL and surrogates without their pair', () => {
  test.each([
    ['in a subject', 'Subject: a\0b\r\n\r\n', 'a\ufffdb'],
    ['in an encoded word', 'Subject: =?utf-16le?B?ANhBAA==?=\r\n\r\n', '\ufffdA'],
    ['in the name of a field', 'X\0Y: z\r\n\r\n', 'x\ufffdy'],
    ['in the name of a parameter', 'Content-Type: text/plain; a\0b=c\r\n\r\n', 'a\ufffdb'],
    ['in a parameter', "Content-Type: x/y; name*=utf-16le''%00%D8a%00\r\n\r\n", '\ufffda'],
    ['in the name of an attachment', "Content-Type: x/y; name*=utf-8''a%00b\r\n\r\n", 'a\ufffdb'],
    ['in a parameter called __proto__', 'Content-Type: x/y; __proto__=a\0b\r\n\r\n', 'a\ufffdb'],
    ['in an address', 'To: "a\0b" <c@x.test>, g: "d\0e" <f@x.test>;\r\n\r\n', undefined],
    ['in a list field', 'List-A\0: <mailto:\0@x.test>\r\n\r\n', undefined],
    ['in a text', '\r\na\0b', 'a\ufffdb'],
    ['in HTML', 'Content-Type: text/html\r\n\r\n<p>a\0b</p>', '<p>a\ufffdb</p>'],
    ['in a part', multipart('mixed', 'X\0Y: a\0b\r\nContent-Type: x/y\r\n'), 'a\ufffdb'],
    [
      'in all octets',
      `Subject: ${Buffer.from([...Array(256).keys()]).toString('latin1')}`,
      undefined,
    ],
  ])('%s are U+FFFD', async (_, text, expected) => {
    const found = stringsOf(await parse(text));
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((each) => each.includes('\0') || !each.isWellFormed())).toEqual([]);
    if (expected !== undefined) expect(found).toContain(expected);
  });

  test('the octets of an attachment are as they were', async () => {
    const { attachments } = await parse('Content-Type: x/y\r\n\r\na\0\xff');
    expect(attachments[0]?.content).toEqual(Buffer.from([0x61, 0, 0xff]));
  });
});

describe('raw octets in a header', () => {
  test.each([
    ['ISO-8859-1', 'gr\xfc\xdfe', 'grüße'],
    ['windows-1252', '\x80 5 \x96 \x93a\x94', '€ 5 – “a”'],
    ['octets that are not in windows-1252', 'a\x81b', 'a\ufffdb'],
    ['UTF-8', 'gr\xc3\xbc\xc3\x9fe', 'grüße'],
    ['UTF-8 with one octet that is not', '\xc3\xbc\xe4', 'Ã¼ä'],
  ])('%s', async (_, octets, expected) => {
    const parsed = await parse(
      lines(
        `Subject: ${octets}`,
        `From: ${octets} <a@x.test>`,
        'To: b@x.test',
        'Content-Type: application/pdf',
        `Content-Disposition: attachment; filename="${octets}.pdf"`,
        '',
        'x',
      ),
    );
    expect(parsed.subject).toBe(expected);
    expect(parsed.from?.value).toEqual([{ name: expected, address: 'a@x.test' }]);
    expect(parsed.attachments[0]?.headers.get('content-disposition')).toMatchObject({
      params: { filename: `${expected}.pdf` },
    });
    expect(parsed.attachments[0]?.filename).toBe(`${expected}.pdf`);
  });

  test('are judged field by field', async () => {
    const { subject, from } = await parse(
      lines('Subject: gr\xc3\xbcn', 'From: gr\xfcn <a@x.test>', ''),
    );
    expect([subject, from?.value[0]?.name]).toEqual(['grün', 'grün']);
  });
});

describe('a uuencoded part', () => {
  const part = (encoding: string, ...body: readonly string[]): string =>
    lines('Content-Type: x/y', `Content-Transfer-Encoding: ${encoding}`, '', ...body);
  const CAT = ['begin 644 cat.txt', '#0V%T', '`', 'end'];

  test.each([
    ['is decoded', 'x-uuencode', CAT, 'Cat'],
    ['is decoded under each name of the encoding', 'X-UUE', CAT, 'Cat'],
    ['is decoded under each name of the encoding', 'uuencode', CAT, 'Cat'],
    ['is what is between begin and end', 'uue', ['a preamble', '', ...CAT, 'and more'], 'Cat'],
    ['has many lines', 'x-uuencode', ['begin 644 a', '#0V%T', '#0V%T', 'end'], 'CatCat'],
    [
      'may have lost the spaces at the end of its lines',
      'uue',
      ['begin 644 a', '$', 'end'],
      '\0\0\0\0',
    ],
    ['may be cut', 'x-uuencode', ['begin 644 a', '#0V%T'], 'Cat'],
    ['without a begin line is left as it is', 'uue', ['none', '#0V%T'], 'none\r\n#0V%T\r\n'],
    [
      'of another encoding is left as it is',
      '7bit',
      ['begin 644 a', '#0V%T'],
      'begin 644 a\r\n#0V%T\r\n',
    ],
  ])('%s', async (_, encoding, body, expected) => {
    for (const chunkOctets of [1, 7, 65_536]) {
      const { attachments } = await parse(part(encoding, ...body), {}, chunkOctets);
      expect(attachments[0]?.content.toString('latin1')).toBe(expected);
    }
  });

  test('gives nothing for a line that is too long, and holds no more of it than a line', async () => {
    const body = ['begin 644 a', `x${'a'.repeat(100_000)}`, '#0V%T', 'end'];
    for (const chunkOctets of [100, 65_536]) {
      const { attachments } = await parse(part('uue', ...body), {}, chunkOctets);
      expect(attachments[0]?.content.toString('latin1')).toBe('Cat');
    }
  });

  test('without a begin line is as large as it was', async () => {
    const { attachments } = await parse(part('uue', 'x'.repeat(100_000)));
    expect(attachments[0]?.content.toString()).toBe(`${'x'.repeat(100_000)}\r\n`);
  });

  test('of a text is a text', async () => {
    const header = ['Content-Type: text/plain', 'Content-Transfer-Encoding: x-uuencode', ''];
    expect((await parse(lines(...header, ...CAT))).text).toBe('Cat');
  });
});
