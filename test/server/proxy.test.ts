import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OptionsError, type ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import type { EventLog } from '../support/events.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const V1 = 'PROXY TCP4 203.0.113.7 192.0.2.1 54004 25\r\n';
const SIGNATURE = '0d0a0d0a000d0a515549540a';
const V2 = Buffer.from(`${SIGNATURE}21110011cb007107c0000201d2f40019ea00020178`, 'hex');
const LOCAL = Buffer.from(`${SIGNATURE}20000000`, 'hex');

/** Headers that name no client, and whether the session has a proxy beside its client. */
const OWN = [
  ['LOCAL of version 2', LOCAL, false],
  // Section 2.2: addresses and TLVs behind LOCAL are skipped.
  [
    'LOCAL with addresses',
    Buffer.from(`${SIGNATURE}20110011cb007107c0000201d2f40019ea00020178`, 'hex'),
    false,
  ],
  ['UNKNOWN of version 1', Buffer.from('PROXY UNKNOWN\r\n'), true],
  ['UNKNOWN with addresses', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 25\r\n'), true],
  ['AF_UNSPEC of version 2', Buffer.from(`${SIGNATURE}21000000`, 'hex'), true],
] as const;

/** The kinds of the events about sessions. */
function sessionEvents({ all }: EventLog): { kinds: string[] } {
  return {
    kinds: all
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'listening' && kind !== 'certificates-served'),
  };
}

const behindProxy = (more: Partial<ServerOptions> = {}): ServerOptions => ({
  listeners: [
    {
      name: 'mx',
      host: '127.0.0.1',
      port: 0,
      clientAddress: 'proxy',
      trustedProxies: ['127.0.0.1'],
    },
  ],
  ...more,
});

describe('behind a proxy', () => {
  test.each([
    ['version 1', Buffer.from(V1)],
    ['version 2', V2],
  ])('a header of %s tells whose connection it is', async (_, header) => {
    const { port, log } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    client.send(header);
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.say('EHLO c')).toMatch(/^250/);
    expect(log.of('connection-opened')).toMatchObject([
      { peer: { clientAddress: '203.0.113.7', clientPort: 54004 } },
    ]);
    client.destroy();
  });

  test('what comes with the header in one packet is the session, and comes byte by byte as well', async () => {
    const { port } = await startServer(behindProxy());
    const octets = Buffer.concat([V2, Buffer.from('EHLO c\r\nQUIT\r\n')]);
    const whole = await TestClient.connect(port);
    whole.send(octets);
    const text = await whole.rest();
    expect(text).toMatch(/^220 [^]*\r\n250 [^]*\r\n221 /);
    const slow = await TestClient.connect(port);
    slow.socket.setNoDelay(true);
    for (const octet of octets) slow.send(Buffer.from([octet]));
    expect(await slow.rest()).toBe(text);
  });

  test('hooks see the proxy and its TLVs', async () => {
    const seen: unknown[] = [];
    const { port } = await startServer(behindProxy(), (server) => {
      server.onConnect(({ session }) => void seen.push(session.proxy));
    });
    const client = await TestClient.connect(port);
    await client.send(V2).reply();
    expect(seen).toEqual([
      { address: '127.0.0.1', tlvs: [{ type: 0xea, value: Buffer.from('\x01x') }] },
    ]);
    client.destroy();
  });

  test.each(OWN)('%s is a session of the proxy itself', async (_, header, hasProxy) => {
    const { port, log } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    await client.send(header).openMessage();
    expect(await client.say('text\r\n.')).toMatch(/^250 /);
    const { localPort: clientPort } = client.socket;
    const peer = { clientAddress: '127.0.0.1', clientPort };
    expect(log.of('connection-opened')).toMatchObject([{ peer }]);
    const [accepted] = log.of('message-accepted');
    expect(accepted?.message.session).toMatchObject(peer);
    expect(accepted?.message.session.proxy !== undefined).toBe(hasProxy);
    expect(await client.say('QUIT')).toMatch(/^221 /);
    client.destroy();
    await log.next('connection-closed');
    const { kinds } = sessionEvents(log);
    expect(kinds).toEqual(['connection-opened', 'message-accepted', 'note', 'connection-closed']);
  });

  test.each(OWN)(
    '%s is not reported while the client says what a probe says',
    async (_, header) => {
      const { server, port, log } = await startServer(behindProxy());
      for (const lines of [[], ['QUIT'], ['HELO c', 'QUIT'], ['EHLO c', 'NOOP', 'NOOP', 'QUIT']]) {
        const probe = await TestClient.connect(port);
        expect(await probe.send(header).reply()).toMatch(/^220 /);
        for (const line of lines) expect(await probe.say(line)).toMatch(/^2[25][01][ -]/);
        probe.destroy();
        await expect.poll(() => server.connections).toBe(0);
      }
      expect(sessionEvents(log).kinds).toEqual([]);
    },
  );

  test.each([
    ['a command that is refused', 'MAIL FROM:<a@b'],
    ['an HTTP request', 'GET / HTTP/1.1'],
    ['a TLS hello', '\u0016\u0003\u0001'],
    ['a line without end', 'x'.repeat(70_000)],
  ])('%s on a connection of the proxy itself is reported, from the beginning', async (_, line) => {
    const { port, log } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    await client.send(LOCAL).reply();
    client.send(`${line}\r\n`);
    await expect.poll(() => sessionEvents(log).kinds).toEqual(['connection-opened', 'note']);
    client.destroy();
    await log.next('connection-closed');
  });

  test('a probe of implicit TLS that leaves is not reported, and one that speaks no TLS is', async () => {
    const { server, port, log } = await startServer({
      tls: { certificates: [await makeCertificate()] },
      listeners: [
        {
          ...{ name: 'smtps', host: '127.0.0.1', port: 0, tls: 'implicit' },
          ...{ clientAddress: 'proxy', trustedProxies: ['127.0.0.1'] },
        },
      ],
    });
    const leaving = await TestClient.connect(port);
    leaving.send(LOCAL).endOutput();
    expect(await leaving.rest()).toBe('');
    const secured = await TestClient.connect(port);
    await secured.send(LOCAL).secure();
    expect(await secured.reply()).toMatch(/^220 /);
    expect(await secured.say('QUIT')).toMatch(/^221 /);
    secured.destroy();
    await expect.poll(() => server.connections).toBe(0);
    expect(sessionEvents(log).kinds).toEqual([]);
    const clear = await TestClient.connect(port);
    clear.send(LOCAL).send('EHLO c\r\n');
    await expect
      .poll(() => sessionEvents(log).kinds)
      .toEqual(['connection-opened', 'tls-failed', 'connection-closed']);
    clear.destroy();
  });

  test('caps count the clients and not the proxy', async () => {
    const { port } = await startServer(behindProxy({ limits: { maxConnectionsPerAddress: 1 } }));
    const open = async (address: string): Promise<TestClient> =>
      (await TestClient.connect(port)).send(`PROXY TCP4 ${address} 192.0.2.1 1 25\r\n`);
    const first = await open('203.0.113.1');
    expect(await first.reply()).toMatch(/^220 /);
    const second = await open('203.0.113.2');
    expect(await second.reply()).toMatch(/^220 /);
    expect(await (await open('203.0.113.1')).reply()).toMatch(/^421 4\.7\.0 /);
    first.destroy();
    second.destroy();
  });

  test('implicit TLS begins after the header, also in the same packet', async () => {
    const certificate = await makeCertificate();
    const { port, log } = await startServer({
      tls: { certificates: [certificate] },
      listeners: [
        {
          name: 'smtps',
          host: '127.0.0.1',
          port: 0,
          tls: 'implicit',
          clientAddress: 'proxy',
          trustedProxies: ['127.0.0.0/8'],
        },
      ],
    });
    // As an NLB does it: the header goes with the client's first octets.
    const proxy = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      client.once('data', (hello) => {
        upstream.write(Buffer.concat([V2, hello]));
        client.pipe(upstream).pipe(client);
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    const client = await TestClient.connectTls(portOf(proxy));
    expect(await client.reply()).toMatch(/^220 /);
    expect(await log.next('tls-established')).toMatchObject({
      peer: { clientAddress: '203.0.113.7' },
    });
    client.destroy();
    const other = await TestClient.connect(port);
    await other.send(V1).secure();
    expect(await other.reply()).toMatch(/^220 /);
    other.destroy();
  });

  test('a second header is a command that nobody knows', async () => {
    const { port } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    await client.send(V1).reply();
    expect(await client.say('PROXY TCP4 198.51.100.9 192.0.2.1 1 25')).toMatch(/^500 /);
    client.destroy();
  });

  test.each([
    ['a probe that says nothing', Buffer.alloc(0)],
    ['a probe that goes half way', V2.subarray(0, 9)],
  ])('%s is left alone: no banner, no event', async (_, octets) => {
    const { port, log } = await startServer(behindProxy());
    const probe = await TestClient.connect(port);
    probe.send(octets).endOutput();
    expect(await probe.rest()).toBe('');
    const client = await TestClient.connect(port);
    await client.send(V1).reply();
    expect(log.all.map(({ kind }) => kind)).toEqual(['listening', 'connection-opened']);
    client.destroy();
  });

  test.each([
    ['no header', Buffer.from('EHLO c\r\n'), 'bad-proxy-header'],
    ['a TLS handshake', Buffer.from('1603010200', 'hex'), 'bad-proxy-header'],
  ])('%s ends the connection without a word', async (_, octets, rule) => {
    const { port, log } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    client.send(octets);
    expect(await client.rest()).toBe('');
    expect(log.of('connection-refused')).toMatchObject([{ rule, clientAddress: '127.0.0.1' }]);
    expect(log.of('connection-opened')).toEqual([]);
  });

  test('a header that does not come is not waited for without end', async () => {
    const { port, log } = await startServer(
      behindProxy({ limits: { handshakeTimeoutSeconds: 0.1 } }),
    );
    const client = await TestClient.connect(port);
    client.send(V2.subarray(0, 20));
    expect(await client.rest()).toBe('');
    expect(await log.next('connection-refused')).toMatchObject({ rule: 'proxy-header-timeout' });
  });

  test('nobody but the proxy is believed, or heard at all', async () => {
    const { port, log } = await startServer({
      listeners: [
        {
          name: 'mx',
          host: '127.0.0.1',
          port: 0,
          clientAddress: 'proxy',
          trustedProxies: ['10.0.0.0/8', '2001:db8::/32'],
        },
      ],
    });
    const client = await TestClient.connect(port);
    client.send(V1);
    expect(await client.rest()).toBe('');
    expect(log.of('connection-refused')).toMatchObject([{ rule: 'untrusted-proxy' }]);
  });

  test('closing does not wait for a header', async () => {
    const { server, port } = await startServer(behindProxy());
    const client = await TestClient.connect(port);
    await expect.poll(() => server.addresses.length).toBe(1);
    await server.close();
    expect(await client.rest()).toBe('');
  });
});

test.each([
  [[], 'at least one network, because anybody else could claim any address, got []'],
  [['10.0.0.0/33'], 'an address or a network like 10.0.0.0/8, got "10.0.0.0/33"'],
  [['proxy.example'], 'an address or a network like 10.0.0.0/8, got "proxy.example"'],
])('the proxies %j are refused in words', (trustedProxies, message) => {
  const listener = { name: 'mx', port: 0, clientAddress: 'proxy' as const, trustedProxies };
  expect(() => new SmtpServer({ listeners: [listener] })).toThrow(OptionsError);
  expect(() => new SmtpServer({ listeners: [listener] })).toThrow(message);
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
