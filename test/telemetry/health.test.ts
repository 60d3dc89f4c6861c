import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { HealthServer } from '../../src/telemetry/health.ts';
import { clientNetwork } from '../../src/net/addresses.ts';
import { proxyPrefixLength } from '../../src/net/proxy-header.ts';

let reasons: string[] = [];
const servers: HealthServer[] = [];

async function startHealth(port = 0): Promise<HealthServer> {
  const health = await HealthServer.start({
    host: '127.0.0.1',
    port,
    reasonsNotReady: () => reasons,
    metricsText: () => 'mailsluice_up 1\n',
    prefixLength: proxyPrefixLength,
    clientOf: clientNetwork,
  });
  servers.push(health);
  return health;
}

afterEach(async () => {
  reasons = [];
  for (const server of servers.splice(0)) await server.close();
});

function get(health: HealthServer, path: string, init?: RequestInit): Promise<Response> {
  return fetch(`http://127.0.0.1:${health.address.port}${path}`, init);
}

/** Sends the pieces, each in a packet of its own, and returns all that comes until the server closes. */
async function exchange(health: HealthServer, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect(health.address.port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string | Buffer) => {
    heard += text.toString();
  });
  const closed = once(socket, 'close');
  for (const piece of pieces) {
    await new Promise<void>((resolve) => {
      socket.write(piece, () => setImmediate(resolve));
    });
  }
  await closed;
  return heard;
}

const request = Buffer.from('GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const local = Buffer.concat([signature, Buffer.from([0x20, 0x00, 0, 0])]);
const proxiedOverIpv4 = Buffer.concat([
  signature,
  Buffer.from([0x21, 0x11, 0, 12 + 4]),
  Buffer.from([10, 0, 0, 1, 10, 0, 0, 2, 0x80, 0, 0x1f, 0x90]),
  // A TLV of one octet, as a load balancer's endpoint id.
  Buffer.from([0xea, 0, 1, 7]),
]);

test('ready, live and metrics answer as what they are', async () => {
  const health = await startHealth();
  const ready = await get(health, '/ready');
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
  const live = await get(health, '/live');
  expect([live.status, await live.json()]).toEqual([200, { status: 'live' }]);
  const metrics = await get(health, '/metrics?x=1');
  expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
  expect(await metrics.text()).toBe('mailsluice_up 1\n');
});

test('not ready is 503 with its reasons, while live stays 200', async () => {
  const health = await startHealth();
  reasons = ['no certificate', 'draining'];
  const ready = await get(health, '/ready');
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: 'not ready', reasons });
  expect((await get(health, '/live')).status).toBe(200);
});

test.each([
  ['/', 'GET', 404],
  ['/live/x', 'GET', 404],
  ['/live', 'POST', 405],
  ['/ready', 'DELETE', 405],
  ['/live', 'HEAD', 200],
])('%s by %s is %i', async (path, method, status) => {
  const response = await get(await startHealth(), path, {
    method,
    ...(method === 'POST' ? { body: 'x'.repeat(1e5) } : {}),
  });
  expect(response.status).toBe(status);
});

test.each([
  ['no header', Buffer.alloc(0)],
  ['a v1 header', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 32768 8080\r\n')],
  ['a v1 UNKNOWN header', Buffer.from('PROXY UNKNOWN\r\n')],
  ['a v2 LOCAL header, as a health check carries', local],
  ['a v2 header with address and TLV', proxiedOverIpv4],
])(
  '%s before the request is skipped, in one packet, in two, and octet by octet',
  async (_, header) => {
    const health = await startHealth();
    const whole = Buffer.concat([header, request]);
    expect(await exchange(health, [whole])).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exchange(health, [header, request])).toMatch(/^HTTP\/1\.1 200 /);
    const octets = Array.from(whole, (octet) => Buffer.from([octet]));
    expect(await exchange(health, octets)).toMatch(/^HTTP\/1\.1 200 /);
  },
);

test('a header that is none closes the connection without an answer', async () => {
  const health = await startHealth();
  const wrongVersion = Buffer.concat([signature, Buffer.from([0x11, 0x00, 0, 0])]);
  expect(await exchange(health, [wrongVersion, request])).toBe('');
  expect(await exchange(health, [Buffer.from(`PROXY ${'x'.repeat(200)}\r\n`)])).toBe('');
});

test('the length of a header can be read from every part of it', () => {
  for (const header of [local, proxiedOverIpv4, Buffer.from('PROXY UNKNOWN\r\n')]) {
    for (let cut = 0; cut < header.length; cut++) {
      expect(proxyPrefixLength(header.subarray(0, cut))).toBe('more');
    }
    expect(proxyPrefixLength(Buffer.concat([header, request]))).toBe(header.length);
  }
});

test('a client that connects and goes away, or talks nonsense, does no harm', async () => {
  const health = await startHealth();
  const silent = connect(health.address.port, '127.0.0.1');
  await once(silent, 'connect');
  silent.resetAndDestroy();
  expect(await exchange(health, [Buffer.from('EHLO a\r\n\r\n')])).toMatch(/^HTTP\/1\.1 400 /);
  expect((await get(health, '/live')).status).toBe(200);
});

test.each([
  ['a request line that is none', 'GET /live\r\n\r\n', 400],
  ['another protocol', 'GET /live HTTP/2.0\r\n\r\n', 400],
  ['a field without a name', 'GET /live HTTP/1.1\r\n: a\r\n\r\n', 400],
  ['a field that is folded', 'GET /live HTTP/1.1\r\nA: b\r\n c\r\n\r\n', 400],
  ['header fields of more than 8 KiB', `GET /live HTTP/1.1\r\nA: ${'x'.repeat(9000)}`, 431],
  ['HTTP/1.0, as HAProxy asks', 'GET /ready HTTP/1.0\r\n\r\n', 200],
  ['a target in absolute form', 'GET http://a/live?x=1 HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ['a second request, which is not answered', request.toString().repeat(2), 200],
])('%s is answered once: %s', async (_, text, status) => {
  const heard = await exchange(await startHealth(), [Buffer.from(text)]);
  expect(heard.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`]);
});

async function open(health: HealthServer, localAddress: string): Promise<Socket> {
  const socket = connect({ port: health.address.port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

test('a new connection takes the place of the oldest one of the client that has the most', async () => {
  const health = await startHealth();
  const crowd: Socket[] = [];
  for (let index = 0; index < 32; index += 1) crowd.push(await open(health, '127.0.0.2'));
  const other = await open(health, '127.0.0.3');
  const closed = crowd.map((socket) => once(socket, 'close'));
  // Younger ones stay: their request is on its way.
  await pause(300);
  const another = await open(health, '127.0.0.2');
  await closed[0];
  expect((await get(health, '/live')).status).toBe(200);
  expect(crowd.filter(({ destroyed }) => destroyed)).toHaveLength(1);
  for (const socket of [...crowd, other, another]) socket.destroy();
});

test('a connection has 5 s for everything, however busy it is', async () => {
  const health = await startHealth();
  const socket = await open(health, '127.0.0.2');
  const begun = performance.now();
  const timer = setInterval(() => socket.write('GET'), 200);
  await once(socket, 'close');
  clearInterval(timer);
  expect(performance.now() - begun).toBeGreaterThan(4000);
}, 10_000);

test('a port in use is an error that says so', async () => {
  const health = await startHealth();
  await expect(startHealth(health.address.port)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    address: '127.0.0.1',
    port: health.address.port,
  });
});

test('close ends what is open', async () => {
  const health = await startHealth();
  const { port } = health.address;
  const idle = await open(health, '127.0.0.1');
  const closed = once(idle, 'close');
  await health.close();
  await closed;
  await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow();
});
