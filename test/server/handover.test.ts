// Connections that come from elsewhere: sockets, streams and TLS that other code accepted, and Unix sockets.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { createTransport } from 'nodemailer';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type HandedOver,
  type ListenerOptions,
  type ServerOptions,
  SmtpServer,
} from '../../src/server/index.ts';
import type { SessionFacts } from '../../src/smtp/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer, type TestServer } from '../support/smtp-server.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailsluice-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

const MAIL = 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n';

/** A server that listens nowhere, with the facts of the sessions that sent it a mail. */
async function start(
  more: Partial<ListenerOptions> = {},
): Promise<TestServer & { readonly seen: SessionFacts[] }> {
  const seen: SessionFacts[] = [];
  const options: ServerOptions = {
    listeners: [{ name: 'in', listens: false, ...more }],
    tls: { certificates: [certificate] },
  };
  const started = await startServer(options, (server) => {
    server.onMail(({ session }) => void seen.push({ ...session }));
  });
  return { ...started, seen };
}

/** A server of another kind, that hands over what it accepts. */
async function listen(other: Server): Promise<number> {
  onTestFinished(() => void other.close());
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Says the lines on a stream, closes that side, and gives all that came back. */
async function sayOn(stream: Duplex, lines = MAIL): Promise<string> {
  stream.end(lines);
  return text(stream);
}

describe('accept', () => {
  test('a socket of another server has its session, its address and its counts', async () => {
    const { server, seen, log } = await start();
    const port = await listen(createServer((socket) => server.accept('in', socket)));
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect([...server.sessions].length).toBe(1);
    // It closes its side, and still hears its reply.
    client.send('hi\r\n.\r\n').endOutput();
    expect(await client.rest()).toMatch(/^250 /);
    expect(seen).toMatchObject([{ clientAddress: '127.0.0.1', listener: 'in' }]);
    expect(seen[0]?.clientPort).toBeGreaterThan(0);
    const closed = await log.next('connection-closed');
    expect(closed.octetsReceived).toBeGreaterThan(40);
    expect(closed.octetsSent).toBeGreaterThan(100);
  });

  test('octets that were read before are given back with unshift', async () => {
    const { server, seen } = await start();
    const port = await listen(
      createServer((socket: Socket) => {
        socket.once('data', (first: Buffer) => {
          socket.pause();
          socket.unshift(first);
          server.accept('in', socket);
        });
      }),
    );
    expect(await sayOn(connect(port, '127.0.0.1'))).toMatch(/^220 [^]*\r\n221 /);
    expect(seen.length).toBe(1);
  });

  test('a stream without a socket has the address that it is given, or that of the loopback', async () => {
    const { server, seen, log } = await start();
    for (const facts of [{ clientAddress: '::ffff:192.0.2.7', clientPort: 25 }, undefined]) {
      const [near, far] = duplexPair();
      server.accept('in', far, facts);
      const replies = await sayOn(near);
      expect(replies).toMatch(/^220 [^]*\r\n221 /);
      const closed = await log.next('connection-closed');
      expect(closed).toMatchObject({ octetsReceived: MAIL.length, octetsSent: replies.length });
      log.all.length = 0;
    }
    expect(seen).toMatchObject([
      { clientAddress: '192.0.2.7', clientPort: 25 },
      { clientAddress: '127.0.0.1', clientPort: 0 },
    ]);
  });

  test('STARTTLS works over a stream that is no socket', async () => {
    const { server, seen } = await start({ tls: 'starttls' });
    const [near, far] = duplexPair();
    server.accept('in', far);
    let plain = '';
    const hear = (chunk: Buffer): void => void (plain += String(chunk));
    near.on('data', hear);
    near.write('EHLO c\r\n');
    await expect.poll(() => plain).toMatch(/\r\n250 /);
    near.write('STARTTLS\r\n');
    await expect.poll(() => plain).toMatch(/\r\n220 /);
    near.off('data', hear);
    const secured = connectTls({ socket: near, rejectUnauthorized: false });
    await once(secured, 'secureConnect');
    secured.write(MAIL);
    expect(await text(secured)).toMatch(/\r\n221 /);
    expect(seen).toMatchObject([{ tls: { version: 'TLSv1.3' } }]);
  });

  test('the handshake of implicit TLS is made, unless the stream is secured already', async () => {
    const { server, seen, log } = await start({ tls: 'implicit' });
    const [near, far] = duplexPair();
    server.accept('in', far);
    const first = connectTls({ socket: near, rejectUnauthorized: false });
    first.write(MAIL);
    expect(await text(first)).toMatch(/\r\n221 /);
    expect(log.of('tls-established').length).toBe(1);

    const { cert, key } = certificate;
    const secure = createTlsServer({ cert, key }, (socket) => server.accept('in', socket));
    const client = await TestClient.connectTls(await listen(secure));
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.say('EHLO c')).not.toContain('STARTTLS');
    client.send(MAIL);
    expect(await client.rest()).toMatch(/\r\n221 /);
    expect(log.of('tls-established').length).toBe(1);
    expect(seen.map(({ tls }) => tls?.version)).toEqual(['TLSv1.3', 'TLSv1.3']);
  });

  test('TLS that ended in front of the stream counts, for the hooks and for sign-in', async () => {
    const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', serverName: 'mx.example' };
    const heard: unknown[] = [];
    const { server } = await startServer(
      {
        listeners: [{ name: 'in', listens: false, tls: 'starttls', auth: 'required' }],
        tls: { certificates: [certificate] },
      },
      (created) => {
        created
          .onSecured((ctx) => void heard.push(ctx.tls))
          .onConnect(({ session }) => void heard.push(session.tls))
          .onSignIn(() => true)
          .onMail(({ session }) => void heard.push(session.tls));
      },
    );
    const [near, far] = duplexPair();
    server.accept('in', far, { tls });
    const plain = `AUTH PLAIN ${Buffer.from('\0ann\0pw').toString('base64')}\r\n`;
    const replies = await sayOn(near, MAIL.replace('MAIL', `${plain}MAIL`));
    expect(replies).toMatch(/\r\n235 [^]*\r\n221 /);
    expect(replies).not.toContain('STARTTLS');
    expect(heard).toEqual([tls, null, tls]);
  });

  test('a PROXY header is read, unless the address is told', async () => {
    const { server, seen } = await start({
      clientAddress: 'proxy',
      trustedProxies: ['127.0.0.1'],
    });
    const header = 'PROXY TCP4 198.51.100.9 192.0.2.1 4000 25\r\n';
    for (const facts of [undefined, { clientAddress: '203.0.113.5' }]) {
      const [near, far] = duplexPair();
      server.accept('in', far, facts);
      await sayOn(near, `${facts ? '' : header}${MAIL}`);
    }
    expect(seen.map(({ clientAddress }) => clientAddress)).toEqual(['198.51.100.9', '203.0.113.5']);
  });

  test('limits hold for what is handed over, and closing ends it', async () => {
    const { server } = await start({ limits: { maxConnectionsPerAddress: 1 } });
    const [near, far] = duplexPair();
    server.accept('in', far);
    near.write('NOOP\r\n');
    await once(near, 'data');
    const [second, other] = duplexPair();
    server.accept('in', other);
    expect(await sayOn(second, '')).toMatch(/^421 4\.7\.0 /);
    const closed = server.close({ drain: 0 });
    expect(await text(near)).toMatch(/421 4\.3\.2 /);
    near.end();
    await closed;
    const [, late] = duplexPair();
    server.accept('in', late);
    expect(late.destroyed).toBe(true);
  });

  test('a stream that fails or is destroyed ends its session and nothing else', async () => {
    const { server, log } = await start();
    const [near, far] = duplexPair();
    server.accept('in', far);
    near.write('NOOP\r\n');
    await once(near, 'data');
    far.destroy(new Error('broken'));
    await log.next('connection-closed');
    const [, gone] = duplexPair();
    gone.destroy();
    server.accept('in', gone);
    expect([server.connections, log.of('failure')]).toEqual([0, []]);
  });

  test.each<[string, unknown, unknown, string]>([
    ['another name', 'mx', new PassThrough(), 'accept(): listener: expected one of in, got "mx"'],
    [
      'no stream',
      'in',
      undefined,
      'accept(): stream: expected a socket or another Duplex, got nothing',
    ],
    [
      'a server',
      'in',
      createServer(),
      'accept(): stream: expected a socket or another Duplex, got an object of another kind (Server)',
    ],
    [
      'objects',
      'in',
      new PassThrough({ objectMode: true }),
      'accept(): stream: expected a stream of octets, got one in object mode',
    ],
    [
      'text',
      'in',
      new PassThrough({ encoding: 'utf8' }),
      'accept(): stream: expected a stream without setEncoding, got one that reads as utf8',
    ],
  ])('%s is refused with a clear error', async (_, listener, stream, message) => {
    const { server } = await start();
    expect(() => server.accept(listener as string, stream as Duplex)).toThrow(
      expect.objectContaining({ code: 'MAILSLUICE_OPTIONS_INVALID', message }),
    );
  });

  test('facts that are wrong are refused, all together', async () => {
    const { server } = await start();
    const facts = {
      clientAddress: 'here',
      clientPort: -1,
      tls: {},
      name: 'x',
    } as unknown as HandedOver;
    expect(() => server.accept('in', new PassThrough(), facts)).toThrow(
      expect.objectContaining({
        message: [
          'accept(): facts.clientAddress: expected an IP address, got "here"',
          'accept(): facts.clientPort: expected a port from 0 to 65535, got -1',
          'accept(): facts.tls.version: expected text, got nothing',
          'accept(): facts.tls.cipher: expected text, got nothing',
          'accept(): facts.name: expected no such option, got a string',
        ].join('\n'),
      }),
    );
  });

  test('before listen nothing is taken', () => {
    const server = new SmtpServer();
    expect(() => server.accept('smtp', new PassThrough())).toThrow(
      'accept(): expected a server that listens, got one before listen()',
    );
  });
});

describe('a Unix socket', () => {
  const options = (path: string): ServerOptions => ({ listeners: [{ name: 'in', path }] });

  test('nodemailer sends a mail over it, and it is removed at the end', async () => {
    const path = join(folder, 'smtp.sock');
    const seen: SessionFacts[] = [];
    const { server, log } = await startServer(options(path), (created) => {
      created.onMail(({ session }) => void seen.push({ ...session }));
    });
    expect(server.addresses).toEqual([{ listener: 'in', address: path, port: 0 }]);
    expect(log.of('listening')).toMatchObject([{ address: path, port: 0 }]);
    expect(() => server.port).toThrow('expected a server that listens on a port');
    const socket = connect({ path });
    await once(socket, 'connect');
    const transport = createTransport({ connection: socket } as object);
    await transport.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'hi' });
    transport.close();
    expect(seen).toMatchObject([{ clientAddress: '127.0.0.1', clientPort: 0 }]);
    await server.close({ drain: 0 });
    await expect(once(connect({ path }), 'connect')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('one that a dead process left is replaced, one that is alive is not', async () => {
    const path = join(folder, 'smtp.sock');
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', program]), 'exit');
    expect(lstatSync(path).isSocket()).toBe(true);
    const { server } = await startServer(options(path));
    expect(server.addresses.length).toBe(1);
    await expect(new SmtpServer(options(path)).listen()).rejects.toMatchObject({
      code: 'MAILSLUICE_LISTEN_FAILED',
      systemCode: 'EADDRINUSE',
      message: `listener in: expected a free address, got ${path}, one that another program listens on`,
    });
    expect(await sayOn(connect({ path }), 'QUIT\r\n')).toMatch(/221 /);
  });

  test('a file that is no socket is left alone', async () => {
    const path = join(folder, 'mails.txt');
    await writeFile(path, 'precious');
    await expect(new SmtpServer(options(path)).listen()).rejects.toMatchObject({
      systemCode: 'EADDRINUSE',
    });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  test('a folder that is not there is named', async () => {
    const path = join(folder, 'none', 'smtp.sock');
    await expect(new SmtpServer(options(path)).listen()).rejects.toThrow(
      /^listener in: expected a free address, got .*smtp\.sock, a path in a folder that does not exist or may not be written$/,
    );
  });
});
