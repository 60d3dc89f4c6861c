// Connections as nodemailer's documentation of the SMTP transport describes them: `secure`, `requireTLS`, `ignoreTLS`,
// `opportunisticTLS`, `tls`, `name`, `localAddress`, `socket`, `connection`, `getSocket`, `proxy`, timeouts, `verify()`.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createTransport } from 'nodemailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ListenerOptions, SessionFacts } from '../../../src/index.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { certificate, MAIL, outcome, Scene, type Serving } from './scene.ts';

interface Case extends Serving {
  readonly name: string;
  readonly transport?: SMTPTransportOptions;
  readonly outcome: string;
  /** What the session of the mail that arrived shows; none arrives with another outcome than `250`. */
  readonly session?: object;
}

const inTls = { tls: { version: 'TLSv1.3' } };
const inTheClear = { tls: null };

const connections: readonly Case[] = [
  { name: 'no TLS', outcome: '250 2.0.0', session: inTheClear },
  {
    name: 'STARTTLS because it is offered',
    listener: { tls: 'starttls' },
    outcome: '250 2.0.0',
    session: { ...inTls, protocol: 'ESMTP' },
  },
  {
    name: 'requireTLS where it is offered',
    listener: { tls: 'starttls' },
    transport: { requireTLS: true },
    outcome: '250 2.0.0',
    session: inTls,
  },
  {
    name: 'requireTLS where it is not offered',
    transport: { requireTLS: true },
    outcome: 'ETLS at STARTTLS: 502 5.5.1',
  },
  {
    name: 'requireTLS wins over ignoreTLS',
    listener: { tls: 'starttls' },
    transport: { requireTLS: true, ignoreTLS: true },
    outcome: '250 2.0.0',
    session: inTls,
  },
  {
    name: 'ignoreTLS where it is offered',
    listener: { tls: 'starttls' },
    transport: { ignoreTLS: true },
    outcome: '250 2.0.0',
    session: inTheClear,
  },
  {
    name: 'ignoreTLS where it is required',
    listener: { tls: 'starttls', requireTls: true },
    transport: { ignoreTLS: true },
    outcome: 'EENVELOPE at MAIL FROM: 530 5.7.0',
  },
  {
    name: 'opportunisticTLS where it is offered',
    listener: { tls: 'starttls' },
    transport: { opportunisticTLS: true },
    outcome: '250 2.0.0',
    session: inTls,
  },
  {
    name: 'opportunisticTLS where it is not offered',
    transport: { opportunisticTLS: true },
    outcome: '250 2.0.0',
    session: inTheClear,
  },
  {
    name: 'implicit TLS',
    listener: { tls: 'implicit' },
    transport: { secure: true },
    outcome: '250 2.0.0',
    session: inTls,
  },
  {
    name: 'implicit TLS with TLS 1.2 as the highest version',
    listener: { tls: 'implicit' },
    transport: { secure: true, tls: { maxVersion: 'TLSv1.2' } },
    outcome: '250 2.0.0',
    session: { tls: { version: 'TLSv1.2' } },
  },
  {
    name: 'a server name for SNI',
    listener: { tls: 'starttls' },
    transport: { tls: { servername: 'two.example.com' } },
    outcome: '250 2.0.0',
    session: { tls: { serverName: 'two.example.com' } },
  },
  {
    name: 'the name of the client',
    transport: { name: 'client.example' },
    outcome: '250 2.0.0',
    session: { clientDomain: 'client.example' },
  },
  {
    name: 'an address literal as the name of the client',
    transport: { name: '[192.0.2.7]' },
    outcome: '250 2.0.0',
    session: { clientDomain: '[192.0.2.7]' },
  },
  {
    name: 'a local address',
    transport: { localAddress: '127.0.0.9' },
    outcome: '250 2.0.0',
    session: { clientAddress: '127.0.0.9' },
  },
  {
    name: 'IPv6',
    listener: { host: '::1' },
    transport: { host: '::1' },
    outcome: '250 2.0.0',
    session: { clientAddress: '::1' },
  },
  {
    name: 'a host name',
    transport: { host: 'localhost' },
    outcome: '250 2.0.0',
    session: { clientAddress: '127.0.0.1' },
  },
  {
    name: 'a client in the clear at a listener with implicit TLS',
    listener: { tls: 'implicit' },
    transport: { greetingTimeout: 200 },
    outcome: 'ETIMEDOUT at CONN: Greeting never received',
  },
  {
    name: 'a greeting that is later than greetingTimeout',
    prepare: (server) =>
      void server.onConnect(() => new Promise((resolve) => setTimeout(resolve, 1_000))),
    transport: { greetingTimeout: 100 },
    outcome: 'ETIMEDOUT at CONN: Greeting never received',
  },
  {
    name: 'a late greeting within greetingTimeout',
    prepare: (server) =>
      void server.onConnect(() => new Promise((resolve) => setTimeout(resolve, 200))),
    transport: { greetingTimeout: 20_000 },
    outcome: '250 2.0.0',
    session: {},
  },
  {
    name: 'an answer that is later than socketTimeout',
    prepare: (server) =>
      void server.onSender(() => new Promise((resolve) => setTimeout(resolve, 1_000))),
    transport: { socketTimeout: 100 },
    outcome: 'ETIMEDOUT at CONN: Timeout',
  },
];

describe('a connection', () => {
  test.for(connections)('$name: $outcome', async (each) => {
    const scene = await Scene.start(each);
    expect(await scene.send({}, each.transport)).toBe(each.outcome);
    expect(scene.arrived.map(({ session }) => session)).toEqual(
      each.session === undefined ? [] : [expect.objectContaining(withTls(each.session))],
    );
  });

  function withTls(session: Partial<SessionFacts>): object {
    return session.tls ? { ...session, tls: expect.objectContaining(session.tls) } : session;
  }
});

describe('a handshake that the client refuses', () => {
  test.for<{ name: string; serving: Serving; transport: SMTPTransportOptions; error: RegExp }>([
    {
      name: 'a certificate that it does not trust, at STARTTLS',
      serving: { listener: { tls: 'starttls' } },
      transport: { tls: { rejectUnauthorized: true } },
      error: /^(ESOCKET|ETLS) at (CONN|STARTTLS): self-signed certificate/,
    },
    {
      name: 'a certificate that it does not trust, with implicit TLS',
      serving: { listener: { tls: 'implicit' } },
      transport: { secure: true, tls: { rejectUnauthorized: true } },
      error: /^(ESOCKET|ETLS) at CONN: self-signed certificate/,
    },
    {
      name: 'TLS 1.2 at a server with the profile modern',
      serving: { listener: { tls: 'implicit', tlsProfile: 'modern' } },
      transport: { secure: true, tls: { maxVersion: 'TLSv1.2' } },
      error: /^(ESOCKET|ETLS) at CONN: .*alert protocol version/,
    },
    {
      name: 'implicit TLS at a listener in the clear',
      serving: {},
      transport: { secure: true },
      error: /^(ESOCKET|ETLS) at CONN: .*wrong version number/,
    },
  ])('$name', async ({ serving, transport, error }) => {
    const scene = await Scene.start(serving);
    expect(await scene.send({}, transport)).toMatch(error);
    // The server goes on.
    expect(
      await scene.send({}, { ...transport, secure: serving.listener?.tls === 'implicit', tls: {} }),
    ).toBe('250 2.0.0');
    expect(scene.arrived).toHaveLength(1);
  });
});

test('a certificate of an authority that the client trusts', async () => {
  const authority = await makeCertificate({ names: ['An authority'], isAuthority: true });
  const own = await makeCertificate({ names: ['localhost'], authority });
  const scene = await Scene.start({
    listener: { tls: 'starttls' },
    options: { tls: { certificates: [own] } },
  });
  const transport = {
    requireTLS: true,
    tls: { rejectUnauthorized: true, ca: authority.cert, servername: 'localhost' },
  };
  expect(await scene.send({}, transport)).toBe('250 2.0.0');
});

test('a certificate of the client', async () => {
  const { cert, key } = await makeCertificate({ names: ['client.example'] });
  const scene = await Scene.start({
    listener: { tls: 'starttls', requestClientCertificate: true },
    options: { tls: { certificates: [await certificate()], clientAuthorities: [cert] } },
  });
  expect(await scene.send({}, { tls: { cert, key } })).toBe('250 2.0.0');
  expect(scene.arrived[0]?.session.tls?.clientCertificate?.subject).toBe('CN=client.example');
});

describe('an address of the transport', () => {
  test.for([
    { scheme: 'smtp', tls: 'none', query: '' },
    { scheme: 'smtp', tls: 'starttls', query: '?requireTLS=true&tls.rejectUnauthorized=false' },
    { scheme: 'smtps', tls: 'implicit', query: '?tls.rejectUnauthorized=false' },
  ] as const)('$scheme://…$query, TLS $tls', async ({ scheme, tls, query }) => {
    const scene = await Scene.start({ listener: { tls } });
    const transport = createTransport(`${scheme}://127.0.0.1:${scene.port}/${query}`);
    expect(await outcome(transport.sendMail(MAIL))).toBe('250 2.0.0');
    expect(scene.arrived[0]?.session.tls === null).toBe(tls === 'none');
    transport.close();
  });
});

describe('a socket of the caller', () => {
  interface SocketCase {
    readonly name: string;
    readonly tls?: 'starttls' | 'implicit';
    readonly make: (port: number) => Promise<SMTPTransportOptions> | SMTPTransportOptions;
  }

  async function open(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  test.for<SocketCase>([
    { name: 'socket: one that is not connected', make: () => ({ socket: new Socket() }) },
    {
      name: 'connection: one that is connected',
      make: async (port) => ({ connection: await open(port) }),
    },
    {
      name: 'connection: upgraded by STARTTLS',
      tls: 'starttls',
      make: async (port) => ({ connection: await open(port), requireTLS: true }),
    },
    {
      name: 'connection, secure: the client makes the handshake on it',
      tls: 'implicit',
      make: async (port) => ({ connection: await open(port), secure: true }),
    },
    {
      name: 'connection, secured: already in TLS',
      tls: 'implicit',
      make: async (port) => {
        const connection = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
        await once(connection, 'secureConnect');
        return { connection, secured: true };
      },
    },
    {
      name: 'getSocket',
      make: () => ({
        getSocket: ({ port }, callback) => {
          const connection = connect(Number(port), '127.0.0.1', () =>
            callback(null, { connection }),
          );
        },
      }),
    },
  ])('$name', async ({ tls, make }) => {
    const scene = await Scene.start(tls && { listener: { tls } });
    expect(await scene.send({}, await make(scene.port))).toBe('250 2.0.0');
    expect(scene.arrived[0]?.session.tls === null).toBe(tls === undefined);
  });

  test('connection: of a Unix socket', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'mailsluice-socket-')), 'smtp');
    const scene = await Scene.start({ listener: { path } });
    const connection = connect(path);
    await once(connection, 'connect');
    expect(await scene.send({}, { connection })).toBe('250 2.0.0');
    expect(scene.arrived[0]?.session.clientAddress).toBe('127.0.0.1');
  });

  test.for([
    { name: 'a socket in the clear', tls: 'none', facts: {} },
    { name: 'a socket, upgraded by STARTTLS', tls: 'starttls', facts: {} },
    { name: 'a socket, in TLS from the first octet', tls: 'implicit', facts: {} },
    {
      name: 'a socket of a client that other code knows',
      tls: 'none',
      facts: { clientAddress: '203.0.113.9', clientPort: 4321 },
    },
  ] as const)('accept: $name that another server accepted', async ({ tls, facts }) => {
    const scene = await Scene.start({ listener: { listens: false, tls } });
    const other = createServer((socket) => scene.server.accept('mx', socket, facts));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const transport = { port, secure: tls === 'implicit', requireTLS: tls === 'starttls' };
    expect(await scene.send({}, transport)).toBe('250 2.0.0');
    expect(scene.arrived[0]?.session).toMatchObject({ clientAddress: '127.0.0.1', ...facts });
    expect(scene.arrived[0]?.session.tls === null).toBe(tls === 'none');
  });

  test('connection: with a PROXY header in front', async () => {
    const scene = await Scene.start({
      listener: { clientAddress: 'proxy', trustedProxies: ['127.0.0.1'] },
    });
    const connection = await open(scene.port);
    connection.write('PROXY TCP4 203.0.113.7 192.0.2.1 54004 25\r\n');
    expect(await scene.send({}, { connection })).toBe('250 2.0.0');
    expect(scene.arrived[0]?.session).toMatchObject({
      clientAddress: '203.0.113.7',
      proxy: { address: '127.0.0.1' },
    });
  });

  test.for<NonNullable<ListenerOptions['tls']>>(['none', 'starttls', 'implicit'])(
    'proxy: an HTTP proxy with CONNECT, TLS %s',
    async (tls) => {
      const scene = await Scene.start({ listener: { tls } });
      const asked: string[] = [];
      const proxy = createHttpServer();
      proxy.on('connect', (request, client) => {
        asked.push(request.url ?? '');
        const [host, port] = (request.url ?? '').split(':');
        const upstream = connect(Number(port), host, () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(client).pipe(upstream);
        });
        for (const socket of [upstream, client]) socket.on('error', () => {});
      });
      proxy.listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      onTestFinished(() => void proxy.close());
      const { port } = proxy.address() as AddressInfo;
      const options = { proxy: `http://127.0.0.1:${port}`, secure: tls === 'implicit' };
      expect(await scene.send({}, options)).toBe('250 2.0.0');
      expect(asked).toEqual([`127.0.0.1:${scene.port}`]);
      expect(scene.arrived[0]?.session.tls === null).toBe(tls === 'none');
    },
  );
});

describe('verify()', () => {
  test.for<Omit<Case, 'session'>>([
    { name: 'a server in the clear', outcome: 'ok' },
    { name: 'STARTTLS', listener: { tls: 'starttls' }, outcome: 'ok' },
    {
      name: 'requireTLS where it is not offered',
      transport: { requireTLS: true },
      outcome: 'ETLS at STARTTLS: 502 5.5.1',
    },
    {
      name: 'a right password',
      listener: { auth: 'required', allowInsecureAuth: true },
      prepare: (server) => void server.onSignIn(() => true),
      transport: { auth: { user: 'ann', pass: 'right' } },
      outcome: 'ok',
    },
    {
      name: 'a wrong password',
      listener: { auth: 'required', allowInsecureAuth: true },
      prepare: (server) => void server.onSignIn(() => false),
      transport: { auth: { user: 'ann', pass: 'wrong' } },
      outcome: 'EAUTH at AUTH PLAIN: 535 5.7.8',
    },
    {
      name: 'a client that is not greeted',
      prepare: (server) => void server.onConnect(({ reply }) => reply(554, '7.1', 'Go away')),
      outcome: 'EPROTOCOL at CONN: 554 5.7.1',
    },
  ])('$name: $outcome', async ({ transport, outcome: expected, ...serving }) => {
    const scene = await Scene.start(serving);
    expect(await scene.verify(transport)).toBe(expected);
    expect(scene.arrived).toEqual([]);
  });
});
