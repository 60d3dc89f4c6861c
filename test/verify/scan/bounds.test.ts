// What a scanner costs: connections, held mail, pauses of clients; and what it hears of a mail.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { CircuitBreaker } from '../../../src/verify/scan/circuit-breaker.ts';
import { httpAnswer, startFake, startHttp, startInstream } from './fakes.ts';
import { Arriving, MAIL, scanSmall, spansOf, testedScanners } from './scanning.ts';

const CONTENT = 'From: <a@a.example>\r\n\r\nHello.\r\n';
const GOOD = httpAnswer('{"score": 0, "action": "no action", "symbols": {}}');

afterEach(() => {
  vi.useRealTimers();
});

test('a mail that is refused while it is small opens no connection', async () => {
  await using clamd = await startFake(() => {});
  await using rspamd = await startFake(() => {});
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}`, maxOctets: 1e6 },
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark' },
  });
  const arriving = new Arriving(tested.scanners);
  for (const span of spansOf(60_000)) await arriving.bring(span);
  arriving.scan.discard();
  await sleep(100);
  expect([clamd.accepted.length, rspamd.accepted.length]).toEqual([0, 0]);
  expect(tested.events).toEqual([]);
});

test('a mail that breaks off closes its connection to clamd', async () => {
  await using clamd = await startInstream(() => {});
  await using tested = testedScanners({
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark' },
  });
  const arriving = new Arriving(tested.scanners);
  for (const span of spansOf(500_000)) await arriving.bring(span);
  await vi.waitUntil(() => clamd.open() === 1);
  arriving.scan.discard();
  await vi.waitUntil(() => clamd.open() === 0);
  expect(tested.events).toEqual([]);
});

test('clamd gets every octet in its order, whatever the sizes of the spans', async () => {
  const received: Buffer[] = [];
  await using clamd = await startInstream((socket, content) => {
    received.push(content);
    socket.end('stream: OK\0');
  });
  await using tested = testedScanners({
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark' },
  });
  for (const sizes of [[10], [70_000], [65_535, 1, 0, 3], [1, 200_000, 7, 1_000_000]]) {
    const octets = sizes.reduce((sum, size) => sum + size, 0);
    const mail = Buffer.from(Array.from({ length: octets }, (_, at) => (at * 7919) % 251));
    const arriving = new Arriving(tested.scanners);
    let at = 0;
    for (const size of sizes) {
      await arriving.bring(mail.subarray(at, at + size));
      at += size;
    }
    expect((await arriving.scan.end(undefined)).virus).toBe('PASS');
    expect(received.pop()?.equals(mail)).toBe(true);
  }
});

test('at most maxConnections at one time, and every mail has its turn', async () => {
  const working = { clamd: 0, rspamd: 0 };
  const most = { clamd: 0, rspamd: 0 };
  const work = (scanner: keyof typeof working, answer: () => void) => {
    working[scanner] += 1;
    most[scanner] = Math.max(most[scanner], working[scanner]);
    setTimeout(() => {
      working[scanner] -= 1;
      answer();
    }, 20);
  };
  await using clamd = await startInstream((socket) =>
    work('clamd', () => socket.end('stream: OK\0')),
  );
  await using rspamd = await startHttp((socket) => work('rspamd', () => socket.write(GOOD)));
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}`, maxOctets: 1e6, maxConnections: 3 },
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark', maxConnections: 2 },
  });
  const results = await Promise.all(
    Array.from({ length: 40 }, () => scanSmall(tested.scanners, CONTENT)),
  );
  expect(results.every(({ spam, virus }) => spam === 'PASS' && virus === 'PASS')).toBe(true);
  expect(most).toEqual({ clamd: 2, rspamd: 3 });
  // They are used again.
  expect(rspamd.accepted).toHaveLength(3);
});

test('a mail for which no connection was free in time is not scanned', async () => {
  await using clamd = await startInstream((socket) => socket.end('stream: OK\0'));
  await using tested = testedScanners({
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark', maxConnections: 1 },
    timeoutMillis: 500,
  });
  const streamed = new Arriving(tested.scanners);
  for (const span of spansOf(100_000)) await streamed.bring(span);
  await vi.waitUntil(() => clamd.open() === 1);
  expect((await scanSmall(tested.scanners, CONTENT)).virus).toBe('GRAY');
  expect(tested.events).toMatchObject([{ scanner: 'clamd', reason: 'busy' }]);
  // clamd did not fail, and the other mail is not harmed.
  expect((await streamed.scan.end(undefined)).virus).toBe('PASS');
  expect(clamd.mostOpen()).toBe(1);
});

test.each([
  ['nothing', 0],
  ['little', 100],
])(
  'a client that brings %s gives its connection to a mail that waits, and its own mail is scanned at its end',
  async (_name, octets) => {
    await using clamd = await startInstream((socket) => socket.end('stream: OK\0'));
    await using tested = testedScanners({
      virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark', maxConnections: 1 },
    });
    const slow = new Arriving(tested.scanners);
    const mail = [Buffer.concat([...spansOf(200_000)])];
    await slow.bring(mail[0] ?? Buffer.alloc(0));
    await vi.waitUntil(() => clamd.open() === 1);
    const dripping = setInterval(() => {
      mail.push(Buffer.alloc(octets, 0x61));
      slow.scan.write(Buffer.alloc(octets, 0x61));
    }, 100);
    try {
      expect((await scanSmall(tested.scanners, CONTENT)).virus).toBe('PASS');
    } finally {
      clearInterval(dripping);
    }
    expect((await slow.scan.end(mail)).virus).toBe('PASS');
    expect(tested.events).toEqual([]);
  },
);

test('a slow clamd holds up its client, and not for longer than its time', async () => {
  await using clamd = await startFake((socket) => void socket.pause());
  await using tested = testedScanners({
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark' },
    timeoutMillis: 500,
  });
  const arriving = new Arriving(tested.scanners);
  // More than the buffers of both sockets take.
  for (const span of spansOf(30_000_000)) await arriving.bring(span);
  expect(arriving.pauses).toBeGreaterThan(0);
  expect(arriving.resumes).toBe(arriving.pauses);
  expect((await arriving.scan.end(undefined)).scan.virus).toEqual({
    verdict: 'GRAY',
    notScanned: 'failed',
  });
  expect(tested.events).toMatchObject([{ scanner: 'clamd', reason: 'timeout' }]);
});

test('a mail that waits for a connection is held up in bounded memory, and goes on when there is one', async () => {
  const sockets: (() => void)[] = [];
  await using clamd = await startInstream((socket) => {
    sockets.push(() => void socket.end('stream: OK\0'));
  });
  await using tested = testedScanners({
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark', maxConnections: 1 },
  });
  const first = scanSmall(tested.scanners, CONTENT);
  await vi.waitUntil(() => sockets.length === 1);
  const second = new Arriving(tested.scanners);
  let isPaused = true;
  const brought = second.bring(Buffer.alloc(70_000, 0x61)).then(() => (isPaused = false));
  await sleep(50);
  expect(isPaused).toBe(true);
  sockets[0]?.();
  await brought;
  const result = second.scan.end(undefined);
  await vi.waitUntil(() => sockets.length === 2);
  sockets[1]?.();
  expect([(await first).virus, (await result).virus]).toEqual(['PASS', 'PASS']);
});

test('a dead scanner costs a few mails their time, and is tried again', async () => {
  await using clamd = await startFake((socket) => socket.resume());
  await using rspamd = await startFake((socket) => socket.resume());
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}`, maxOctets: 1e6 },
    virus: { address: `127.0.0.1:${clamd.port}`, action: 'mark' },
    timeoutMillis: 100,
    onFailure: 'defer',
  });
  for (let at = 0; at < 20; at++) {
    expect(await scanSmall(tested.scanners, CONTENT)).toMatchObject({
      refusal: { rule: 'scan-failed', reply: { code: 451 } },
    });
  }
  const reasons = (scanner: string) =>
    tested.events.filter((event) => event.scanner === scanner).map(({ reason }) => reason);
  const expected = [
    ...Array.from({ length: 3 }, () => 'timeout'),
    ...Array.from({ length: 17 }, () => 'circuit-open'),
  ];
  expect(reasons('rspamd')).toEqual(expected);
  expect(reasons('clamd')).toEqual(expected);
  expect([clamd.accepted.length, rspamd.accepted.length]).toEqual([3, 3]);
});

test('an open circuit lets one mail at a time try, and closes at the first success', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const breaker = new CircuitBreaker();
  for (let at = 0; at < 3; at++) {
    expect(breaker.admits()).toBe(true);
    breaker.record(true);
  }
  expect(breaker.admits()).toBe(false);
  vi.advanceTimersByTime(5000);
  expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
  breaker.record(true);
  expect(breaker.admits()).toBe(false);
  vi.advanceTimersByTime(5000);
  expect(breaker.admits()).toBe(true);
  breaker.record(false);
  expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
});

test('a connection that rspamd closed between two mails costs nothing', async () => {
  await using rspamd = await startHttp((socket) => {
    // Kept by its answer, and closed all the same.
    socket.write(GOOD, () => socket.destroySoon());
  });
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}`, maxOctets: 1e6 },
  });
  for (let at = 0; at < 10; at++) {
    expect((await scanSmall(tested.scanners, CONTENT)).spam).toBe('PASS');
  }
  expect(tested.events).toEqual([]);
});

test('no value of the envelope becomes a header field or a request of its own', async () => {
  const requests: string[] = [];
  await using rspamd = await startHttp((socket, request) => {
    requests.push(request);
    socket.write(GOOD);
  });
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}/proxy/`, maxOctets: 1e6, password: 'pass-word' },
  });
  const evil = 'x\r\nUser: admin\r\n\r\nPOST /evil HTTP/1.1\0\u2028';
  await scanSmall(tested.scanners, CONTENT, {
    id: evil,
    listener: evil,
    clientAddress: '2001:db8::7',
    clientName: evil,
    heloName: evil,
    reversePath: `${evil}@a.example`,
    forwardPaths: [evil, 'jürgen@bücher.example', 'x'.repeat(2000), '\ud800@lone.example'],
    user: evil,
    tls: { version: evil, cipher: evil },
  });
  expect(requests).toHaveLength(1);
  const [head = '', body] = (requests[0] ?? '').split('\r\n\r\n', 2);
  const [line, ...fields] = head.split('\r\n');
  expect(line).toBe('POST /proxy/checkv2 HTTP/1.1');
  expect(body).toBe('From: <a@a.example>');
  const cleaned = 'x??User: admin????POST /evil HTTP/1.1??';
  expect(fields.filter((field) => !/^(host|connection|content-length):/i.test(field))).toEqual([
    'IP: 2001:db8::7',
    `Hostname: ${cleaned}`,
    `Helo: ${cleaned}`,
    `From: <${cleaned}@a.example>`,
    `Rcpt: <${cleaned}>`,
    `Rcpt: <${Buffer.from('jürgen@bücher.example').toString('latin1')}>`,
    `Rcpt: <${Buffer.from('\ufffd@lone.example').toString('latin1')}>`,
    `User: ${cleaned}`,
    `Queue-Id: ${cleaned}`,
    `TLS-Version: ${cleaned}`,
    `TLS-Cipher: ${cleaned}`,
    'MTA-Name: mx.test',
    `MTA-Tag: ${cleaned}`,
    'Password: pass-word',
  ]);
});

test('a mail of a thousand recipients goes to rspamd with the first hundred', async () => {
  const requests: string[] = [];
  await using rspamd = await startHttp((socket, request) => {
    requests.push(request);
    socket.write(GOOD);
  });
  await using tested = testedScanners({
    spam: { url: `http://127.0.0.1:${rspamd.port}`, maxOctets: 1e6 },
  });
  const forwardPaths = Array.from({ length: 1000 }, (_, at) => `r${at}@to.example`);
  await scanSmall(tested.scanners, CONTENT, { ...MAIL, reversePath: '', forwardPaths });
  const recipients = requests[0]?.match(/^Rcpt: .*$/gm) ?? [];
  expect(recipients).toHaveLength(100);
  expect(recipients[99]).toBe('Rcpt: <r99@to.example>');
  expect(requests[0]).toMatch(/^From: <>$/m);
});
