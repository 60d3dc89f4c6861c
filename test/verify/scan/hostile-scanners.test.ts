// Whatever answers in the place of a scanner: a mail has its result within the time that the scanner may take, and the
// result says what is known.
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { ScanFailureReason } from '../../../src/verify/index.ts';
import { freePort } from '../../support/free-port.ts';
import { httpAnswer, startFake, startHttp } from './fakes.ts';
import { Arriving, scanSmall, spansOf, testedScanners } from './scanning.ts';

const CONTENT = 'From: <a@a.example>\r\n\r\nHello.\r\n';
const TIMEOUT_MILLIS = 400;
const GOOD = { score: 1, action: 'no action', symbols: {} };

type Answer = (socket: Socket) => void;

/** Writes without an end. */
function pour(socket: Socket, text: string): void {
  if (socket.destroyed) return;
  socket.write(text, () => setImmediate(() => pour(socket, text)));
}

/** One octet in each 20 ms. */
function drip(socket: Socket, text: string): void {
  if (text === '' || socket.destroyed) return;
  socket.write(text.slice(0, 1));
  setTimeout(() => drip(socket, text.slice(1)), 20);
}

const json = (document: unknown): Answer => text(httpAnswer(JSON.stringify(document)));
const text =
  (answer: string): Answer =>
  (socket) =>
    socket.write(answer);

const RSPAMD: Readonly<Record<string, readonly [Answer, ScanFailureReason]>> = {
  'a page of HTML': [
    text(httpAnswer('<html><body>Welcome</body></html>', '200 OK', 'Content-Type: text/html\r\n')),
    'answer',
  ],
  'no document at all': [text(httpAnswer('')), 'answer'],
  'half a document': [text(httpAnswer('{"score": 1, "act')), 'answer'],
  'a list': [json([GOOD]), 'answer'],
  'a number': [json(7), 'answer'],
  null: [json(null), 'answer'],
  'no score': [json({ ...GOOD, score: undefined }), 'answer'],
  'a score as text': [json({ ...GOOD, score: '1' }), 'answer'],
  'a score that is null': [json({ ...GOOD, score: null }), 'answer'],
  'a score NaN': [text(httpAnswer('{"score": NaN, "action": "no action"}')), 'answer'],
  'a score without an end': [text(httpAnswer('{"score": 1e999, "action": "x"}')), 'answer'],
  'no action': [json({ ...GOOD, action: undefined }), 'answer'],
  'an action of another type': [json({ ...GOOD, action: ['reject'] }), 'answer'],
  'symbols as a list': [json({ ...GOOD, symbols: ['A'] }), 'answer'],
  'a symbol as a number': [json({ ...GOOD, symbols: { A: 1 } }), 'answer'],
  'is_skipped as text': [json({ ...GOOD, is_skipped: 'no' }), 'answer'],
  'an error of rspamd': [json({ error: 'cannot\u001b[31m parse' }), 'answer'],
  'an error with a result': [json({ ...GOOD, error: 'late' }), 'answer'],
  'HTTP 503 with a result': [
    text(httpAnswer(JSON.stringify(GOOD), '503 Service Unavailable')),
    'answer',
  ],
  'a redirection': [
    text(httpAnswer('', '302 Found', 'Location: http://127.0.0.1:1/\r\n')),
    'answer',
  ],
  'an answer of a megabyte': [json({ ...GOOD, messages: 'x'.repeat(1_000_000) }), 'answer'],
  'an answer without an end': [
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      pour(socket, ' '.repeat(65_536));
    },
    'answer',
  ],
  'header fields without an end': [
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, `X: ${'y'.repeat(4000)}\r\n`);
    },
    'answer',
  ],
  'what is no HTTP': [text('220 mx.test ESMTP\r\n'), 'answer'],
  'octets at random': [text('\0\xff\xfe\x01'.repeat(100)), 'answer'],
  'a reset': [(socket) => void socket.resetAndDestroy(), 'cut'],
  'the end of the connection': [(socket) => socket.end(), 'cut'],
  'an answer that is cut off': [
    (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"score": 1'),
    'cut',
  ],
  'no answer': [() => {}, 'timeout'],
  'a slow answer': [(socket) => drip(socket, httpAnswer(JSON.stringify(GOOD))), 'timeout'],
};

describe.each(Object.entries(RSPAMD))('rspamd answers %s', (_name, [answer, reason]) => {
  test.each(['accept', 'defer'] as const)('the mail is not scanned: %s', async (onFailure) => {
    await using server = await startHttp(answer);
    await using tested = testedScanners({
      spam: { url: `http://127.0.0.1:${server.port}`, maxOctets: 1e6, reject: 0, quarantine: 0 },
      timeoutMillis: TIMEOUT_MILLIS,
      onFailure,
    });
    const result = await scanSmall(tested.scanners, CONTENT);
    expect(result.scan).toEqual({ spam: { verdict: 'GRAY', notScanned: 'failed' } });
    expect(result.quarantine).toBeUndefined();
    expect(result.refusal?.reply.code).toBe(onFailure === 'defer' ? 451 : undefined);
    expect(tested.events).toMatchObject([{ kind: 'scan-failed', scanner: 'rspamd', reason }]);
    expect(tested.events[0]?.detail).toMatch(/^[\x20-\x7e]{1,200}$/);
  });
});

test('of an answer with many symbols, those that count most are kept, and shown safely', async () => {
  const symbols = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [`S${at}`, { score: at / 10, options: ['x'] }]),
  );
  const hostile = { '\u001b[2J\u202eEVIL\r\n': { score: -900 }, __proto__: { score: 'x' } };
  await using server = await startHttp(
    text(httpAnswer(JSON.stringify({ ...GOOD, symbols: { ...symbols, ...hostile } }))),
  );
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${server.port}`, maxOctets: 1e6 },
  });
  const { scan } = await scanSmall(tested.scanners, CONTENT);
  const names = scan.spam?.symbols ?? [];
  expect(names).toHaveLength(50);
  expect(names.slice(0, 3)).toEqual(['?[2J?EVIL??', 'S499', 'S498']);
  expect(names.every((name) => /^[\x20-\x7e]+$/.test(name))).toBe(true);
});

test.each([
  ['no action', 'PASS'],
  ['greylist', 'GRAY'],
  ['soft reject', 'GRAY'],
  ['add header', 'FAIL'],
  ['rewrite subject', 'FAIL'],
  ['reject', 'FAIL'],
  ['an action of the operator', 'GRAY'],
])('the action %j of rspamd is the verdict %s', async (action, verdict) => {
  await using server = await startHttp(json({ ...GOOD, action }));
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${server.port}`, maxOctets: 1e6 },
  });
  expect((await scanSmall(tested.scanners, CONTENT)).spam).toBe(verdict);
});

test('a mail that rspamd left out is not scanned, and no failure', async () => {
  await using server = await startHttp(json({ ...GOOD, is_skipped: true }));
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${server.port}`, maxOctets: 1e6, quarantine: 0 },
    onFailure: 'defer',
  });
  expect(await scanSmall(tested.scanners, CONTENT)).toEqual({
    spam: 'GRAY',
    virus: 'GRAY',
    scan: { spam: { verdict: 'GRAY', notScanned: 'skipped' } },
  });
  expect(tested.events).toEqual([]);
});

const CLAMD: Readonly<Record<string, readonly [Answer, ScanFailureReason]>> = {
  'a page of HTML': [text(`${httpAnswer('<html></html>')}\0`), 'answer'],
  'an error': [text("stream: Can't allocate memory ERROR\0"), 'answer'],
  'an unknown command': [text('UNKNOWN COMMAND\0'), 'answer'],
  'nothing but a NUL': [text('\0'), 'answer'],
  'a virus without a name': [text('stream:  FOUND\0'), 'answer'],
  'escape sequences': [text('\u001b[2J\u202e\0'), 'answer'],
  'a line without an end': [(socket) => pour(socket, 'stream: '.repeat(1000)), 'answer'],
  'a reset': [(socket) => void socket.resetAndDestroy(), 'cut'],
  'the end of the connection': [(socket) => socket.end(), 'cut'],
  'half a line': [(socket) => socket.end('stream: O'), 'cut'],
  'no answer': [() => {}, 'timeout'],
  'a slow answer': [(socket) => drip(socket, 'stream: OK\0'.padStart(60, 'x')), 'timeout'],
};

describe.each(Object.entries(CLAMD))('clamd answers %s', (_name, [answer, reason]) => {
  test.each([
    ['accept', 'small'],
    ['defer', 'small'],
    ['accept', 'large'],
    ['defer', 'large'],
  ] as const)('the mail is not scanned: %s, %s', async (onFailure, size) => {
    await using server = await startFake((socket) => {
      // Before the end of a mail that is streamed; of a small one, all is there with the first read.
      socket.once('data', () => answer(socket)).resume();
    });
    await using tested = testedScanners({
      virus: { address: `127.0.0.1:${server.port}`, action: 'reject' },
      timeoutMillis: TIMEOUT_MILLIS,
      onFailure,
    });
    const arriving = new Arriving(tested.scanners);
    const octets = size === 'small' ? 200 : 1_000_000;
    for (const span of spansOf(octets)) await arriving.bring(span);
    const result = await arriving.scan.end(undefined);
    expect(result.scan).toEqual({ virus: { verdict: 'GRAY', notScanned: 'failed' } });
    expect(result.refusal?.reply.code).toBe(onFailure === 'defer' ? 451 : undefined);
    expect(tested.events).toMatchObject([{ kind: 'scan-failed', scanner: 'clamd' }]);
    // What is written to a connection that has ended can hide an answer.
    expect([reason, 'cut']).toContain(tested.events[0]?.reason);
    expect(tested.events[0]?.detail).toMatch(/^[\x20-\x7e]{0,200}$/);
    expect(arriving.pauses).toBe(arriving.resumes);
  });
});

test.each(['OK', 'Virus FOUND'])(
  'a result %s before the end of the mail is no result',
  async (result) => {
    const answered = Promise.withResolvers<void>();
    await using server = await startFake((socket) => {
      socket
        .once('data', () => socket.end(`stream: ${result}\0`))
        .once('close', () => answered.resolve())
        .resume();
    });
    await using tested = testedScanners({
      virus: { address: `127.0.0.1:${server.port}`, action: 'reject' },
    });
    const arriving = new Arriving(tested.scanners);
    for (const span of spansOf(200_000)) await arriving.bring(span);
    // The client has read it by then, and has closed.
    await answered.promise;
    for (const span of spansOf(200_000)) await arriving.bring(span);
    expect((await arriving.scan.end(undefined)).virus).toBe('GRAY');
    expect(tested.events).toMatchObject([{ scanner: 'clamd', reason: 'answer' }]);
  },
);

test('a scanner that nobody listens for is unreachable', async () => {
  const port = await freePort();
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${port}`, maxOctets: 1e6 },
    virus: { address: `127.0.0.1:${port}`, action: 'reject' },
    onFailure: 'defer',
  });
  const result = await scanSmall(tested.scanners, CONTENT);
  expect(result).toMatchObject({ spam: 'GRAY', virus: 'GRAY', refusal: { rule: 'scan-failed' } });
  expect(tested.events).toMatchObject([
    { scanner: 'rspamd', reason: 'unreachable' },
    { scanner: 'clamd', reason: 'unreachable' },
  ]);
});

test('a Unix socket that is not there is unreachable', async () => {
  await using tested = testedScanners({
    virus: { address: '/nonexistent/clamd.ctl', action: 'mark' },
  });
  expect((await scanSmall(tested.scanners, CONTENT)).virus).toBe('GRAY');
  expect(tested.events).toMatchObject([{ scanner: 'clamd', reason: 'unreachable' }]);
});
