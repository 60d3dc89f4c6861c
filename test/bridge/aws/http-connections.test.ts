// The connections of the fast path against a real server on loopback, which answers when a test says so.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  HttpConnections,
  type HttpConnectionsOptions,
  type HttpRequest,
  HttpStalledError,
} from '../../../src/bridge/aws/http-connections.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n';
const PATIENCE = 20_000;
const never = new AbortController().signal;

let server: Server;
let port: number;
/** What came on each connection, and the connections themselves. */
let received: string[];
let sockets: Socket[];
/** Called with each read. */
let onRequest: (socket: Socket, text: string) => void;
let open: HttpConnections[];

beforeEach(async () => {
  received = [];
  sockets = [];
  open = [];
  onRequest = (socket) => socket.write(OK);
  server = createServer((socket) => {
    const at = sockets.push(socket) - 1;
    received.push('');
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received[at] += chunk.toString('latin1');
      onRequest(socket, chunk.toString('latin1'));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  for (const connections of open) connections[Symbol.dispose]();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function make(maxConnections = 8, options: Partial<HttpConnectionsOptions> = {}): HttpConnections {
  const connections = new HttpConnections({
    origin: `http://127.0.0.1:${port}`,
    connect: () => connect({ host: '127.0.0.1', port }),
    connectMillis: PATIENCE,
    maxConnections,
    maxAgeMillis: PATIENCE,
    ...options,
  });
  open.push(connections);
  return connections;
}

const send = (connections: HttpConnections, name: string, request: Partial<HttpRequest>) =>
  connections.exchange({
    method: 'PUT',
    path: `/${name}`,
    headers: { 'x-name': name },
    body: [Buffer.from('body')],
    stallMillis: PATIENCE,
    signal: never,
    ...request,
  });

const put = (connections: HttpConnections, name: string, signal = never, stallMillis = PATIENCE) =>
  send(connections, name, { signal, stallMillis });

test('sends head and body, and takes the same connection again', async () => {
  const connections = make();
  expect(await put(connections, 'a')).toMatchObject({ status: 200, headers: { etag: '"1"' } });
  await turn();
  expect(await put(connections, 'b')).toMatchObject({ status: 200 });
  const request = (name: string): string =>
    `PUT /${name} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: keep-alive\r\nx-name: ${name}\r\ncontent-length: 4\r\n\r\nbody`;
  expect(received).toEqual([request('a') + request('b')]);
});

test('sends a large body whole and in its order', async () => {
  const body = Array.from({ length: 20 }, (_, at) => Buffer.alloc(256 * 1024, 97 + at));
  const whole = Buffer.concat(body).toString();
  const headers = { 'content-length': String(whole.length) };
  const head = /^PUT \/large HTTP\/1\.1\r\n(?:.+\r\n)+\r\n/;
  const receivedBody = (): string => received[0]?.replace(head, '') ?? '';
  onRequest = (socket) => {
    if (receivedBody().length === whole.length) socket.write(OK);
  };
  let progress = 0;
  const onProgress = (): void => {
    progress += 1;
  };
  const answer = await send(make(), 'large', { headers, body, onProgress });
  expect(answer).toMatchObject({ status: 200 });
  expect(receivedBody() === whole).toBe(true);
  expect(progress).toBe(body.length - 1);
});

test('opens no more connections than it may', async () => {
  const connections = make(2);
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => put(connections, name)));
  expect(sockets).toHaveLength(2);
  expect(received.join('').match(/PUT \/[a-e]/g)).toHaveLength(5);
});

test('serves who waits for a connection in the order of coming', async () => {
  const connections = make(1);
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => put(connections, name)));
  expect(received.join('').match(/PUT \/[a-d]/g)).toEqual(['PUT /a', 'PUT /b', 'PUT /c', 'PUT /d']);
});

test('an answer in many pieces is put together', async () => {
  onRequest = (socket) => {
    const pieces = OK.split('');
    const next = (): void => {
      const piece = pieces.shift();
      if (piece !== undefined) socket.write(piece, next);
    };
    socket.setNoDelay(true);
    next();
  };
  expect(await put(make(), 'a')).toMatchObject({ status: 200, headers: { etag: '"1"' } });
});

test.each([
  ['closes without an answer', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ['closes in the middle', (socket: Socket) => socket.end(OK.slice(0, 30))],
  ['says something else', (socket: Socket) => socket.write('220 mx.example ESMTP\r\n\r\n')],
])(
  'a service that %s: the outcome is unknown, and the next request has a new connection',
  async (_, act) => {
    const connections = make();
    onRequest = act;
    await expect(put(connections, 'a')).rejects.toThrow();
    onRequest = (socket) => socket.write(OK);
    expect(await put(connections, 'b')).toMatchObject({ status: 200 });
    expect(sockets).toHaveLength(2);
  },
);

test('a connection that the service closed while it was idle is not used again', async () => {
  const connections = make();
  await put(connections, 'a');
  const [first] = sockets;
  first?.end();
  if (first !== undefined) await once(first, 'close');
  expect(await put(connections, 'b')).toMatchObject({ status: 200 });
  expect(received).toHaveLength(2);
});

test('a connection is not used again after `Connection: close`, nor where more came than the answer', async () => {
  const connections = make();
  onRequest = (socket) => socket.write(OK.replace('ETag', 'Connection: close\r\nETag'));
  await put(connections, 'a');
  onRequest = (socket) => socket.write(`${OK}HTTP/1.1 200 OK\r\n`);
  await put(connections, 'b');
  onRequest = (socket) => socket.write(OK);
  await put(connections, 'c');
  expect(received).toHaveLength(3);
});

test('a refusal that comes before the body is out ends the connection', async () => {
  const connections = make();
  const body = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024));
  onRequest = (socket) => {
    socket.pause();
    socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  };
  const headers = { 'content-length': String(64 * 1024 * 1024) };
  const answer = await send(connections, 'a', { headers, body });
  expect(answer).toMatchObject({ status: 403 });
  onRequest = (socket) => socket.write(OK);
  expect(await put(connections, 'b')).toMatchObject({ status: 200 });
  expect(sockets).toHaveLength(2);
});

test('gives up by signal and by time, on a connection and in the queue, and others go on', async () => {
  const connections = make(1);
  const abort = new AbortController();
  const queued = new AbortController();
  const come = new Promise<void>((resolve) => {
    onRequest = () => resolve();
  });
  const running = put(connections, 'a', abort.signal);
  const waiting = put(connections, 'b', queued.signal);
  const late = put(connections, 'c', never, 20);
  late.catch(() => undefined);
  await come;
  queued.abort();
  await expect(waiting).rejects.toThrow('given up');
  await expect(late).rejects.toThrow('given up');
  const last = put(connections, 'd');
  onRequest = (socket) => socket.write(OK);
  abort.abort();
  await expect(running).rejects.toThrow('given up');
  expect(await last).toMatchObject({ status: 200 });
  expect(received.join('')).not.toMatch(/PUT \/[bc]/);

  onRequest = () => undefined;
  await expect(put(connections, 'e', never, 20)).rejects.toThrow(HttpStalledError);
  await expect(put(connections, 'f', AbortSignal.abort())).rejects.toThrow('given up');
  expect(received.join('')).not.toContain('PUT /f');
});

test('a connection that cannot be opened, or an agent that gives none, is a rejection', async () => {
  server.close();
  await once(server, 'close');
  await expect(put(make(), 'a')).rejects.toThrow('ECONNREFUSED');
  const broken = make(1, {
    connect: () => {
      throw new Error('no socket');
    },
  });
  await expect(put(broken, 'a')).rejects.toThrow('no socket');
  await expect(put(broken, 'b')).rejects.toThrow('no socket');
});

test('closes what is idle at once, and what is busy after its answer', async () => {
  const connections = make();
  const answers: (() => void)[] = [];
  onRequest = (socket) => answers.push(() => socket.write(OK));
  const both = [put(connections, 'a'), put(connections, 'b')];
  await expect.poll(() => answers.length, { timeout: PATIENCE }).toBe(2);
  answers[0]?.();
  await Promise.race(both);
  const closed = sockets.map((socket) => once(socket, 'close'));
  connections[Symbol.dispose]();
  await Promise.race(closed);
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1);
  answers[1]?.();
  expect(await Promise.all(both)).toMatchObject([{ status: 200 }, { status: 200 }]);
  await Promise.all(closed);
});

test('a connection that is not there in time is given up', async () => {
  const silent = make(1, { connect: () => new Socket(), connectMillis: 20 });
  await expect(put(silent, 'a')).rejects.toThrow(HttpStalledError);
  await expect(put(silent, 'b')).rejects.toThrow('no connection in 20 ms');
});

test('a connection that is too old takes no further request', async () => {
  const connections = make(1, { maxAgeMillis: 50 });
  await put(connections, 'a');
  await turn();
  await put(connections, 'b');
  await sleep(100);
  await put(connections, 'c');
  expect(received).toHaveLength(2);
  expect(received[0]).toMatch(/PUT \/a[\s\S]+PUT \/b/);
});

test('time without progress is limited, not the time for all', async () => {
  const body = Array.from({ length: 48 }, () => Buffer.alloc(256 * 1024));
  const headers = { 'content-length': String(48 * 256 * 1024) };
  let octets = 0;
  onRequest = (socket, text) => {
    octets += text.length;
    if (octets > 48 * 256 * 1024) socket.write(OK);
    socket.pause();
    setTimeout(() => socket.resume(), 15);
  };
  const began = performance.now();
  const answer = await send(make(), 'slow', { headers, body, stallMillis: 1800 });
  expect(answer).toMatchObject({ status: 200 });
  expect(performance.now() - began).toBeGreaterThan(1800);
});

test('an idle connection keeps no process running', async () => {
  const script = `
    import { connect } from 'node:net';
    import { HttpConnections } from '${new URL('../../../src/bridge/aws/http-connections.ts', import.meta.url).href}';
    const connections = new HttpConnections({
      origin: 'http://127.0.0.1:${port}',
      connect: () => connect({ host: '127.0.0.1', port: ${port} }),
      connectMillis: ${PATIENCE}, maxConnections: 8, maxAgeMillis: ${PATIENCE},
    });
    const { status } = await connections.exchange({
      method: 'PUT', path: '/a', headers: {}, body: [Buffer.from('body')],
      stallMillis: ${PATIENCE}, signal: new AbortController().signal,
    });
    console.log(status);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { timeout: PATIENCE },
  );
  expect(stdout.trim()).toBe('200');
});

/** Written as it stands, with CRLF for each line end. */
const lines = (...text: string[]): string => text.join('\r\n');

describe('an answer', () => {
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
  test.each([
    ['without a body', STORED, { status: 200, etag: '"abc"', text: '' }],
    [
      'with a length, in any case of its names and any blanks',
      lines('HTTP/1.1 503 Slow Down', 'CONTENT-length:   4', '', 'busy'),
      { status: 503, text: 'busy' },
    ],
    [
      'in chunks, with an extension and a trailer',
      REFUSED,
      { status: 412, text: '<Code>PreconditionFailed</Code>\r\n' },
    ],
    [
      'behind 102 and 103',
      `${lines('HTTP/1.1 102 Processing', '', '')}${lines('HTTP/1.1 103 Early Hints', 'Link: x', '', '')}${STORED}`,
      { status: 200, etag: '"abc"', text: '' },
    ],
    [
      'that closes its connection',
      lines('HTTP/1.1 200 OK', 'Connection: Close', 'Content-Length: 2', '', 'ok'),
      { status: 200, text: 'ok' },
    ],
    ['with more behind it than it said', `${STORED}HTTP`, { status: 200, etag: '"abc"', text: '' }],
    [
      'of a status that has no body',
      lines('HTTP/1.1 204 No Content', '', ''),
      { status: 204, text: '' },
    ],
    [
      'without a reason phrase',
      lines('HTTP/1.1 200', 'Content-Length: 0', '', ''),
      { status: 200, text: '' },
    ],
    [
      'in UTF-8',
      `${lines('HTTP/1.1 400 Bad', 'Content-Length: 2', '', '')}\u00c3\u00bc`,
      { status: 400, text: 'ü' },
    ],
    [
      'of HTTP/1.0',
      lines('HTTP/1.0 200 OK', 'ETag: "abc"', 'Content-Length: 2', '', 'ok'),
      { status: 200, etag: '"abc"', text: 'ok' },
    ],
    [
      'with long fields',
      lines('HTTP/1.1 200 OK', `x: ${'y'.repeat(40_000)}`, 'Content-Length: 0', '', ''),
      { status: 200, text: '' },
    ],
  ])('an HTTP answer %s', async (_, text, expected) => {
    onRequest = (socket) => socket.write(text, 'latin1');
    const { status, headers, text: body } = await put(make(), 'a');
    const { etag } = headers;
    expect({ status, ...(etag !== undefined && { etag }), text: body }).toEqual(expected);
  });

  test.each([
    ['HTTP/1.1', lines('HTTP/1.1 200 OK', 'ETag: "abc"', '', 'all of it')],
    ['HTTP/1.0', lines('HTTP/1.0 200 OK', 'ETag: "abc"', '', 'all of it')],
  ])('an HTTP answer of %s without a length ends with its connection', async (_, text) => {
    onRequest = (socket) => socket.end(text);
    expect(await put(make(), 'a')).toMatchObject({ status: 200, text: 'all of it' });
  });

  test.each([STORED, REFUSED])(
    'an HTTP answer is not there before its last octet',
    async (text) => {
      for (const octets of [0, 1, 9, 20, text.indexOf('\r\n\r\n') + 3, text.length - 1]) {
        onRequest = (socket) => socket.end(text.slice(0, octets), 'latin1');
        await expect(put(make(), 'a')).rejects.toThrow();
      }
    },
  );

  test.each([
    ['another protocol', lines('220 mx.example ESMTP', '', '')],
    ['a length that is none', lines('HTTP/1.1 200 OK', 'Content-Length: -1', '', '')],
    ['a chunk without a size', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', 'x', '')],
    [
      'a chunk longer than its size',
      lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1', 'abc', ''),
    ],
    ['a blank behind its length', lines('HTTP/1.1 200 OK', 'Content-Length: 2 ', '', 'ok')],
    ['100, which nobody asked for', `${lines('HTTP/1.1 100 Continue', '', '')}${STORED}`],
    [
      'a body beyond any that is expected',
      `${lines('HTTP/1.1 200 OK', 'Content-Length: 999999', '', '')}${'y'.repeat(200_000)}`,
    ],
    ['a header without an end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`],
  ])('an HTTP answer with %s is not understood', async (_, text) => {
    onRequest = (socket) => socket.write(text, 'latin1');
    await expect(put(make(), 'a')).rejects.toThrow();
  });

  test('an HTTP answer of any octets is read, or is a rejection', async () => {
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
    const connections = make();
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        onRequest = (socket) => socket.end(pieces.join(''), 'latin1');
        const [outcome] = await Promise.allSettled([put(connections, 'a')]);
        if (outcome.status === 'fulfilled') expect(outcome.value.status).toBe(200);
        else expect(outcome.reason).toBeInstanceOf(Error);
      }),
    );
    onRequest = (socket) => socket.write(OK);
    expect(await put(connections, 'b')).toMatchObject({ status: 200 });
  });
});
