// The connections of the fast path against a real server on loopback, which answers when it is told to.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpConnections } from '../../../src/bridge/aws/http-connections.ts';

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

function make(maxConnections = 8): HttpConnections {
  const connections = new HttpConnections({
    connect: () => connect({ host: '127.0.0.1', port }),
    maxConnections,
  });
  open.push(connections);
  return connections;
}

const put = (connections: HttpConnections, name: string, signal = never, patience = PATIENCE) =>
  connections.exchange(`PUT /${name} HTTP/1.1\r\n\r\n`, [Buffer.from('body')], patience, signal);

test('sends head and body, and takes the same connection again', async () => {
  const connections = make();
  expect(await put(connections, 'a')).toMatchObject({ status: 200, headers: { etag: '"1"' } });
  expect(await put(connections, 'b')).toMatchObject({ status: 200 });
  expect(received).toEqual(['PUT /a HTTP/1.1\r\n\r\nbodyPUT /b HTTP/1.1\r\n\r\nbody']);
});

test('sends a large body whole and in its order', async () => {
  const body = Array.from({ length: 20 }, (_, at) => Buffer.alloc(256 * 1024, 97 + at));
  const whole = Buffer.concat(body).toString();
  const head = 'PUT /large HTTP/1.1\r\n\r\n';
  onRequest = (socket) => {
    if (received[0]?.length === head.length + whole.length) socket.write(OK);
  };
  expect(await make().exchange(head, body, PATIENCE, never)).toMatchObject({ status: 200 });
  expect(received[0] === head + whole).toBe(true);
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
  const answer = await connections.exchange('PUT /a HTTP/1.1\r\n\r\n', body, PATIENCE, never);
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
  await expect(put(connections, 'e', never, 20)).rejects.toThrow('given up');
  await expect(put(connections, 'f', AbortSignal.abort())).rejects.toThrow('given up');
  expect(received.join('')).not.toContain('PUT /f');
});

test('a connection that cannot be opened, or an agent that gives none, is a rejection', async () => {
  server.close();
  await once(server, 'close');
  await expect(put(make(), 'a')).rejects.toThrow('ECONNREFUSED');
  const broken = new HttpConnections({
    connect: () => {
      throw new Error('no socket');
    },
    maxConnections: 1,
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
