import { expect, test } from 'vitest';
import { DataDecoder } from '../../../src/smtp/data/data-decoder.ts';
import { decodeByReference } from '../../support/reference-decoder.ts';
import { cutAt, everySplit, unescape } from '../../support/splits.ts';

/** What a decoder makes of chunks: the message, and the octets that are left after the end of the data. */
function decode(chunks: readonly Buffer[]): { message: string; left: string | null } {
  const decoder = new DataDecoder();
  const message: Buffer[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const before = Buffer.from(chunk);
    const spans: Buffer[] = [];
    const end = decoder.decode(chunk, 0, spans);
    expect(chunk.equals(before)).toBe(true);
    message.push(...spans);
    if (end !== -1) {
      const left = Buffer.concat([chunk.subarray(end), ...chunks.slice(index + 1)]);
      return { message: Buffer.concat(message).toString('latin1'), left: left.toString('latin1') };
    }
  }
  return { message: Buffer.concat(message).toString('latin1'), left: null };
}

// Only CRLF ends a line, one leading dot is removed, the CRLF before the final dot belongs to the message:
// RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2.
test.each([
  ['an empty message', '.\\r\\n', ''],
  ['a line keeps its CRLF', 'a\\r\\n.\\r\\n', 'a\\r\\n'],
  ['one of two dots is removed', 'a\\r\\n..b\\r\\n.\\r\\n', 'a\\r\\n.b\\r\\n'],
  ['a single dot before text is removed', 'a\\r\\n.b\\r\\n.\\r\\n', 'a\\r\\nb\\r\\n'],
  ['the first line may begin with dots', '..b\\r\\n.\\r\\n', '.b\\r\\n'],
  ['dot CR is not the end', 'a\\r\\n.\\rb\\r\\n.\\r\\n', 'a\\r\\n\\rb\\r\\n'],
  ['CR CR LF ends a line', 'a\\r\\r\\n.\\r\\n', 'a\\r\\r\\n'],
  ['LF dot CRLF is data', 'a\\n.\\r\\nb\\r\\n.\\r\\n', 'a\\n.\\r\\nb\\r\\n'],
  ['LF dot LF is data', 'a\\n.\\nb\\r\\n.\\r\\n', 'a\\n.\\nb\\r\\n'],
  ['a dot after LF is not stuffing', 'a\\n..b\\r\\n.\\r\\n', 'a\\n..b\\r\\n'],
  ['dot CR CR LF is data', 'a\\r\\n.\\r\\r\\nb\\r\\n.\\r\\n', 'a\\r\\n\\r\\r\\nb\\r\\n'],
  ['dot LF is data', 'a\\r\\n.\\nb\\r\\n.\\r\\n', 'a\\r\\n\\nb\\r\\n'],
  // The rest of the smuggling shapes (CVE-2023-51764 and its kin), and what else was ever got wrong
  ['CR dot CR is data', 'a\\r.\\rb\\r\\n.\\r\\n', 'a\\r.\\rb\\r\\n'],
  ['CR dot CRLF is data', 'a\\r.\\r\\nb\\r\\n.\\r\\n', 'a\\r.\\r\\nb\\r\\n'],
  ['CRLF dot CR dot CRLF is data', 'a\\r\\n.\\r.\\r\\nb\\r\\n.\\r\\n', 'a\\r\\n\\r.\\r\\nb\\r\\n'],
  ['NUL is data', 'a\\r\\n.\\0\\r\\n\\0.\\r\\n.\\r\\n', 'a\\r\\n\\0\\r\\n\\0.\\r\\n'],
  ['CRLF NUL dot CRLF is data', '\\r\\n\\0.\\r\\n.\\r\\n', '\\r\\n\\0.\\r\\n'],
  ['a blank line stays', '\\r\\n.\\r\\n', '\\r\\n'],
  ['a line of two dots is one dot', '..\\r\\n.\\r\\n', '.\\r\\n'],
  ['LF LF is no blank line', 'a\\n\\n.\\n\\r\\n.\\r\\n', 'a\\n\\n.\\n\\r\\n'],
])('%s', (_, escaped, expected) => {
  const message = unescape(expected).toString('latin1');
  const rest = 'MAIL FROM:<>\r\n';
  const bytes = Buffer.concat([unescape(escaped), Buffer.from(rest)]);
  for (const split of everySplit(bytes)) expect(decode(split)).toEqual({ message, left: rest });
});

test('a chunk full of dots becomes few spans, however it ends', () => {
  const lines = '.x\r\n'.repeat(2000);
  for (const tail of [
    '.\r\n',
    '..\r\n.\r\n',
    '.\r\r\n.\r\n',
    '.\n.\r\n\r\n.\r\n',
    'y\r\r\n.\r\n',
  ]) {
    const bytes = Buffer.from(`${lines}${tail}QUIT`, 'latin1');
    const { message, end } = decodeByReference(bytes);
    const spans: Buffer[] = [];
    expect(new DataDecoder().decode(bytes, 0, spans)).toBe(end);
    expect(Buffer.concat(spans).equals(message)).toBe(true);
    expect(spans.length).toBeLessThan(40);
    // Cut in the tail, so that every state is carried out of the compacted part.
    for (let cut = lines.length; cut < bytes.length; cut++) {
      const got = decode(cutAt(bytes, [cut]));
      expect(got).toEqual({ message: message.toString('latin1'), left: 'QUIT' });
    }
  }
});

test('dots far apart and close together in one chunk are all removed', () => {
  const close = '.x\r\n'.repeat(40);
  const far = `..${'y'.repeat(100)}\r\n`.repeat(3);
  const text = `.${'z'.repeat(30)}`;
  const cases = [
    `${text}\r\n.\r\n`,
    `${text}\r\n.\rz\r\n.\r\n`,
    `${text}\r\n\r\n`,
    `${text}\r`,
    text,
  ];
  for (const tail of cases) {
    for (const middle of [far, `${far}.\r\r\n${close}`, `${far}${close}${far}`]) {
      const bytes = Buffer.from(`${close}${middle}${tail}`);
      const { message, end } = decodeByReference(bytes);
      const left = end === -1 ? null : bytes.toString('latin1', end);
      for (let cut = close.length; cut <= bytes.length; cut++) {
        const got = decode(cutAt(bytes, [cut]));
        expect(got).toEqual({ message: message.toString('latin1'), left });
      }
    }
  }
});

test('the end of the data may come at the very dot from which on the chunk is copied', () => {
  for (let lines = 30; lines < 36; lines++) {
    const bytes = Buffer.from(`${'.x\r\n'.repeat(lines)}.\r\nQUIT`);
    const expected = { message: 'x\r\n'.repeat(lines), left: 'QUIT' };
    for (const split of everySplit(bytes)) expect(decode(split)).toEqual(expected);
  }
});

test('a chunk of nothing but dots that ends in one has no empty span', () => {
  const spans: Buffer[] = [];
  expect(new DataDecoder().decode(Buffer.from(`${'.\n'.repeat(3)}`), 0, spans)).toBe(-1);
  expect(spans.every((span) => span.length > 0)).toBe(true);
});
