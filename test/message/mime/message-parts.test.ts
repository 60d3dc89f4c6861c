// The parts of a message as streams: like Python's parser in content and order, bounded, and safe to leave at any point.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { parseMessage } from '../../../src/message/mime/parse-message.ts';
import {
  type MessagePart,
  type MessagePartsOptions,
  readMessageParts,
} from '../../../src/message/mime/message-parts.ts';

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');

const MESSAGE = lines(
  'Subject: parts',
  'Content-Type: multipart/mixed; boundary=out',
  '',
  'preamble',
  '--out',
  'Content-Type: multipart/alternative; boundary=in',
  '',
  '--in',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'gr=FCn =',
  'rot',
  '--in',
  'Content-Type: TEXT/HTML',
  '',
  '<p>x</p>',
  '--in--',
  '',
  '--out',
  'Content-Type: application/pdf',
  "Content-Disposition: attachment; filename*=utf-8''%C3%9C.pdf",
  'Content-ID: <id@x>',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBE',
  'Ri0x',
  '--out',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  '',
  'Hello',
  '--out--',
  'epilogue',
);

function chunked(text: string, octets: number): Readable {
  const all = Buffer.from(text, 'latin1');
  return Readable.from(
    Array.from({ length: Math.ceil(all.length / octets) }, (_, at) =>
      all.subarray(at * octets, (at + 1) * octets),
    ),
    { objectMode: false },
  );
}

async function partsOf(text: string, options?: MessagePartsOptions, octets = 1000) {
  const parts: [MessagePart, Buffer][] = [];
  for await (const part of readMessageParts(chunked(text, octets), options)) {
    parts.push([part, await buffer(part.content)]);
  }
  return parts;
}

test.each([1, 2, 7, 1000])(
  'parts of a message that comes by %i octets are the same',
  async (octets) => {
    const parts = await partsOf(MESSAGE, {}, octets);
    expect(
      parts.map(([{ number, contentType, charset, disposition, filename, contentId }, content]) => [
        number,
        contentType,
        charset,
        disposition,
        filename,
        contentId,
        content.toString('latin1'),
      ]),
    ).toEqual([
      ['1.1', 'text/plain', 'iso-8859-1', undefined, undefined, undefined, 'gr\xfcn rot'],
      ['1.2', 'text/html', undefined, undefined, undefined, undefined, '<p>x</p>'],
      ['2', 'application/pdf', undefined, 'attachment', 'Ü.pdf', 'id@x', '%PDF-1'],
      [
        '3',
        'message/rfc822',
        undefined,
        undefined,
        undefined,
        undefined,
        'Subject: inner\r\n\r\nHello',
      ],
    ]);
    expect(parts[0]?.[0]).not.toHaveProperty('filename');
    expect(parts[2]?.[0].headers.at(-1)).toEqual({
      name: 'Content-Transfer-Encoding',
      value: 'base64',
    });
  },
);

test('a part that is not read, or read in part, is skipped, and the next one is whole', async () => {
  const seen: string[] = [];
  for await (const part of readMessageParts(chunked(MESSAGE, 5))) {
    seen.push(part.number);
    if (part.number === '1.2') for await (const _ of part.content) break;
    if (part.number === '2') expect((await buffer(part.content)).toString()).toBe('%PDF-1');
  }
  expect(seen).toEqual(['1.1', '1.2', '2', '3']);
});

test('the content of a part cannot be read after the next one was asked for', async () => {
  const parts: MessagePart[] = [];
  for await (const part of readMessageParts(chunked(MESSAGE, 1000))) parts.push(part);
  await expect(buffer(parts[0]?.content ?? Readable.from([]))).rejects.toMatchObject({
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });
});

test('the end of the iteration destroys the source', async () => {
  for (const stopAt of ['1.1', 'never']) {
    const source = chunked(MESSAGE, 10);
    for await (const part of readMessageParts(source)) if (part.number === stopAt) break;
    expect(source.destroyed).toBe(true);
  }
});

test.each([
  ['no header', '\r\nHello', 'text/plain', 'Hello'],
  ['nothing', '', 'text/plain', ''],
  ['a header alone', 'Subject: x\r\n', 'text/plain', ''],
  [
    'uuencode',
    lines('Content-Transfer-Encoding: x-uuencode', '', 'begin 644 a', '#0V%T', 'end'),
    'text/plain',
    'Cat',
  ],
])('a message of %s is one part at most', async (_, text, contentType, content) => {
  const [first] = await partsOf(text);
  expect(first?.[0].contentType).toBe(contentType);
  expect(first?.[1].toString()).toBe(content);
});

test('a multipart without a boundary is a part that says so, with everything in it', async () => {
  const body = lines('--x', 'Content-Type: text/plain', '', 'Hello', '--x--');
  for (const type of ['multipart/mixed', 'multipart/mixed; boundary=""']) {
    const message = lines(`Content-Type: ${type}`, '') + body;
    const [[part, content] = []] = await partsOf(message);
    expect(part).toMatchObject({ contentType: 'multipart/mixed', problem: 'no-boundary' });
    expect(content?.toString()).toBe(body);
    // parseMail has it as an attachment, where mailparser has nothing.
    const { attachments } = await parseMessage(chunked(message, 1000));
    expect(attachments.map((each) => [each.contentType, each.content.toString()])).toEqual([
      ['multipart/mixed', body],
    ]);
  }
});

test('within another multipart, a multipart without a boundary ends with its own part', async () => {
  const message = lines(
    'Content-Type: multipart/mixed; boundary=o',
    '',
    '--o',
    'Content-Type: multipart/related',
    '',
    'lost?',
    '--o',
    '',
    'Hello',
    '--o--',
  );
  const parts = await partsOf(message);
  expect(parts.map(([{ problem }, content]) => [problem, content.toString()])).toEqual([
    ['no-boundary', 'lost?'],
    [undefined, 'Hello'],
  ]);
});

const many = (count: number): string =>
  lines('Content-Type: multipart/mixed; boundary=x', '', ...Array(count).fill('--x\r\n\r\na'));

test.each([
  ['too-many-parts', many(10), { maxParts: 5 }, 'expected at most 5 parts, got more'],
  ['too-many-parts', many(1001), {}, 'expected at most 1000 parts, got more'],
  [
    'header-too-large',
    `X: ${'a'.repeat(2000)}\r\n\r\n`,
    { maxHeaderOctets: 1000 },
    'expected a header section of at most 1000 octets, got more',
  ],
  [
    'too-deep',
    Array.from({ length: 102 }, (_, at) =>
      lines(`Content-Type: multipart/mixed; boundary=b${at}`, '', `--b${at}`),
    ).join(''),
    {},
    'expected parts at most 100 levels deep, got more',
  ],
])('a message beyond a limit is refused with %s', async (reason, text, options, message) => {
  await expect(partsOf(text, options)).rejects.toMatchObject({
    code: 'MAILSLUICE_MAIL_UNPARSABLE',
    reason,
    message,
  });
});

test('an error of the source fails the content and the iteration, with and without a listener', async () => {
  for (const listens of [true, false]) {
    const failing = Readable.from(
      (async function* () {
        yield Buffer.from(lines('Content-Type: application/pdf', '', 'x'.repeat(200_000)));
        throw new Error('gone');
      })(),
      { objectMode: false },
    );
    const read = async (): Promise<void> => {
      for await (const part of readMessageParts(failing)) {
        if (listens) await expect(buffer(part.content)).rejects.toThrow('gone');
        else part.content.resume();
        await new Promise((resolve) => part.content.once('close', resolve));
      }
    };
    await expect(read()).rejects.toThrow('gone');
  }
});

test.each([
  ['iso-8859-1', 'gr\xfcn', 'grün'],
  ['utf-8', 'gr\xc3\xbcn', 'grün'],
  ['koi8-r', '\xcd\xc9\xd2', 'мир'],
  ['us-ascii', 'gr\xc3\xbcn', 'grün'],
  ['us-ascii', 'gr\xfcn \x80', 'grün €'],
  ['unknown-8bit', 'gr\xfcn\0', 'grün\ufffd'],
])('the text of a part in %s is decoded', async (charset, octets, text) => {
  const message = lines(`Content-Type: text/plain; charset=${charset}`, '', `${octets}\r\nx`);
  for await (const part of readMessageParts(chunked(message, 3))) {
    expect(await part.text()).toBe(`${text}\nx\n`);
  }
});

test('a text beyond the limit is refused, and its octets can be read instead', async () => {
  const message = `\r\n${'a'.repeat(5000)}`;
  for await (const part of readMessageParts(chunked(message, 1000))) {
    await expect(part.text({ maxOctets: 4999 })).rejects.toMatchObject({
      reason: 'text-too-large',
    });
  }
  for await (const part of readMessageParts(chunked(message, 1000))) {
    expect(await part.text({ maxOctets: 5000 })).toHaveLength(5000);
  }
});
