import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HttpAnswerError, readHttpAnswer } from '../../../src/bridge/aws/http-answer.ts';

const read = (text: string) => readHttpAnswer(Buffer.from(text, 'latin1'));

/** Written as it stands, with CRLF for each line end. */
const lines = (...text: string[]): string => text.join('\r\n');

const STORED = lines('HTTP/1.1 200 OK', 'ETag: "abc"', 'Content-Length: 0', '', '');
const REFUSED = lines(
  'HTTP/1.1 412 Precondition Failed',
  'Content-Type: application/xml',
  'Transfer-Encoding: chunked',
  '',
  '6;name=value',
  '<Code>',
  '1B',
  'PreconditionFailed</Code>\r\n',
  '0',
  'x-trailer: 1',
  '',
  '',
);

describe('an answer', () => {
  test.each([
    ['without a body', STORED, { status: 200, etag: '"abc"', text: '', isReusable: true }],
    [
      'with a length, in any case of its names and any blanks',
      lines('HTTP/1.1 503 Slow Down', 'CONTENT-length:   4 ', '', 'busy'),
      { status: 503, etag: '', text: 'busy', isReusable: true },
    ],
    [
      'in chunks, with an extension and a trailer',
      REFUSED,
      { status: 412, etag: '', text: '<Code>PreconditionFailed</Code>\r\n', isReusable: true },
    ],
    [
      'behind 100 and 103',
      `${lines('HTTP/1.1 100 Continue', '', '')}${lines('HTTP/1.1 103 Early Hints', 'Link: x', '', '')}${STORED}`,
      { status: 200, etag: '"abc"', text: '', isReusable: true },
    ],
    [
      'that closes its connection',
      lines('HTTP/1.1 200 OK', 'Connection: Close', 'Content-Length: 2', '', 'ok'),
      { status: 200, etag: '', text: 'ok', isReusable: false },
    ],
    [
      'with more behind it than it said',
      `${STORED}HTTP`,
      { status: 200, etag: '"abc"', text: '', isReusable: false },
    ],
    [
      'of a status that has no body',
      lines('HTTP/1.1 204 No Content', '', ''),
      { status: 204, etag: '', text: '', isReusable: true },
    ],
    [
      'without a reason phrase',
      lines('HTTP/1.1 200', 'Content-Length: 0', '', ''),
      { status: 200, etag: '', text: '', isReusable: true },
    ],
    [
      'in UTF-8',
      `${lines('HTTP/1.1 400 Bad', 'Content-Length: 2', '', '')}\u00c3\u00bc`,
      { status: 400, etag: '', text: 'ü', isReusable: true },
    ],
  ])('an HTTP answer %s', (_, text, answer) => {
    const { headers, ...others } = read(text) ?? {};
    expect({ ...others, etag: headers?.['etag'] ?? '' }).toEqual(answer);
  });

  test.each([STORED, REFUSED])('an HTTP answer is not there before its last octet', (text) => {
    for (let octets = 0; octets < text.length; octets++) {
      expect(read(text.slice(0, octets))).toBeUndefined();
    }
    expect(read(text)).toBeDefined();
  });

  test.each([
    ['HTTP/1.0', lines('HTTP/1.0 200 OK', 'Content-Length: 0', '', '')],
    ['another protocol', lines('220 mx.example ESMTP', '', '')],
    ['a status that there is not', lines('HTTP/1.1 999 Odd', '', '')],
    ['no length', lines('HTTP/1.1 200 OK', '', '')],
    ['a length that is none', lines('HTTP/1.1 200 OK', 'Content-Length: -1', '', '')],
    ['another transfer coding', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip', '', '')],
    ['a chunk without a size', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', 'x', '')],
    [
      'a chunk longer than its size',
      lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1', 'abc', ''),
    ],
    [
      'a body beyond any that is expected',
      lines('HTTP/1.1 200 OK', 'Content-Length: 999999', '', ''),
    ],
    ['a header without an end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`],
  ])('an HTTP answer with %s is not understood', (_, text) => {
    expect(() => read(text)).toThrow(HttpAnswerError);
  });
});

test('any octets are an answer, the start of one, or not understood', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'HTTP/1.1 200 OK\r\n',
      'Content-Length: 3\r\n',
      '\r\n',
      'abc',
      '5\r\n',
      '0\r\n',
    ),
    fc.constantFrom('Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'etag: x\r\n'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const octets = Buffer.from(pieces.join(''), 'latin1');
      let before: ReturnType<typeof readHttpAnswer>;
      try {
        before = readHttpAnswer(octets);
      } catch (error) {
        expect(error).toBeInstanceOf(HttpAnswerError);
        return;
      }
      if (before === undefined) return;
      // What follows an answer does not change it.
      const after = readHttpAnswer(Buffer.concat([octets, Buffer.from('x')]));
      expect(after).toEqual({ ...before, isReusable: false });
    }),
    { numRuns: 2000 },
  );
});
