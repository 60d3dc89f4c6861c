// What a server says of itself: its banner, its port, and the sessions that it has, each of which can be ended.
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { type OpenSession, type ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

const on = (more: object): ServerOptions => ({
  tls: { certificates: [certificate] },
  listeners: [{ name: 'in', host: '127.0.0.1', port: 0, ...more }],
});

describe('the banner', () => {
  test.each([
    ['smtp', 'ESMTP'],
    ['lmtp', 'LMTP'],
  ] as const)('of %s is said behind host name and protocol', async (protocol, word) => {
    const options = { ...on({ protocol }), hostname: 'mx.example.com', banner: 'Example Mail' };
    const { port } = await startServer(options);
    const client = await TestClient.connect(port);
    expect(await client.reply()).toBe(`220 mx.example.com ${word} Example Mail`);
    client.destroy();
  });

  test('a reply of onConnect takes its place, and the longest banner fits the line', async () => {
    const banner = 'x'.repeat(400);
    let greeting: string | undefined;
    const { port } = await startServer({ banner }, (server) => {
      server.onConnect(({ reply }) =>
        greeting === undefined ? undefined : reply(220, undefined, greeting),
      );
    });
    for (const said of [banner, 'Welcome']) {
      const client = await TestClient.connect(port);
      expect(await client.reply()).toBe(`220 localhost ESMTP ${said}`);
      client.destroy();
      greeting = 'Welcome';
    }
  });
});

describe('a client that keeps its side open behind the last word', () => {
  test.each([
    ['QUIT', true],
    ['QUIT\r\nNOOP', false],
    ['GET / HTTP/1.1', false],
  ])('%j: the connection is closed at once: %s', async (said, isClosed) => {
    const { server, port, log } = await startServer(on({}));
    const client = await TestClient.connect(port);
    await client.reply();
    const ended = once(client.socket, 'end');
    client.send(`${said}\r\n`);
    if (said.startsWith('QUIT')) expect(await client.reply()).toMatch(/^221 /);
    await ended;
    if (isClosed) {
      await expect.poll(() => server.connections).toBe(0);
      expect(log.of('connection-closed')).toMatchObject([{ cause: 'ended' }]);
    } else expect(server.connections).toBe(1);
    client.destroy();
    await expect.poll(() => server.connections).toBe(0);
  });
});

describe('port', () => {
  test('is that of the first listener that has one', async () => {
    const { server, portOf } = await startServer({
      listeners: [
        { name: 'handed', listens: false },
        { name: 'mx', host: '127.0.0.1', port: 0 },
        { name: 'other', host: '127.0.0.1', port: 0 },
      ],
    });
    expect(server.port).toBe(portOf('mx'));
    await server.close({ drain: 0 });
    expect(() => server.port).toThrow('expected a server that listens on a port');
  });

  test('before listen it is a clear error', () => {
    expect(() => new SmtpServer().port).toThrow(
      expect.objectContaining({
        code: 'MAILSLUICE_OPTIONS_INVALID',
        message: 'port: expected a server that listens on a port, got one that does not',
      }),
    );
  });
});

describe('sessions', () => {
  const first = (server: SmtpServer): OpenSession => {
    const [open] = server.sessions;
    if (open) return open;
    throw new Error('no session is open');
  };

  test('are listed with their facts and their state, from the connection to the last word', async () => {
    const server = new SmtpServer({ state: () => ({ hellos: 0 }) });
    server.onHelo(({ state }) => void (state.hellos += 1)).onMail(() => {});
    await server.listen();
    try {
      expect([...server.sessions]).toEqual([]);
      const one = await TestClient.connect(server.port);
      const other = await TestClient.connect(server.port);
      await one.reply();
      await other.reply();
      await one.say('EHLO one');
      const told = [...server.sessions].map(({ session, state, ageInSeconds }) => [
        session.clientDomain,
        state.hellos,
        ageInSeconds >= 0 && ageInSeconds < 60,
      ]);
      expect(told).toEqual([
        ['one', 1, true],
        ['', 0, true],
      ]);
      await one.say('QUIT');
      expect([...server.sessions].map(({ session }) => session.clientDomain)).toEqual(['']);
      one.destroy();
      other.destroy();
    } finally {
      await server.close({ drain: 0 });
    }
  });

  test.each<[string, Parameters<OpenSession['end']>, RegExp]>([
    ['without a reply', [], /^421 4\.3\.2 /],
    [
      'with a reply',
      [{ code: 554, status: '7.1', text: 'Signed out' }],
      /^554 5\.7\.1 Signed out\r\n$/,
    ],
  ])('end %s says it and closes, wherever the session is', async (_, reply, said) => {
    const places: readonly (readonly string[])[] = [
      [],
      ['EHLO c'],
      ['EHLO c', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>'],
      ['EHLO c', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>', 'DATA'],
      ['EHLO c', 'AUTH LOGIN'],
    ];
    for (const lines of places) {
      const { port, server, log } = await startServer(
        on({ auth: 'optional', allowInsecureAuth: true }),
        (created) => {
          created.onSignIn(() => true).onMail(() => {});
        },
      );
      const client = await TestClient.connect(port);
      await client.reply();
      await client.sayAll(...lines);
      first(server).end(...reply);
      expect(await client.rest()).toMatch(said);
      expect(await log.next('connection-closed')).toMatchObject({ cause: 'ended' });
      expect(log.of('message-accepted')).toEqual([]);
      expect(log.of('message-discarded').length).toBe(lines.includes('DATA') ? 1 : 0);
      // The server goes on.
      const next = await TestClient.connect(port);
      expect(await next.reply()).toMatch(/^220 /);
      next.destroy();
    }
  });

  test('a session whose hook is asked hears the end in place of its reply', async () => {
    for (const name of ['onConnect', 'onHelo', 'onMail'] as const) {
      const asked = Promise.withResolvers<void>();
      const { port, server } = await startServer({}, (created) => {
        created[name](async () => {
          asked.resolve();
          await new Promise(() => {});
        });
        if (name !== 'onMail') created.onMail(() => {});
      });
      const client = await TestClient.connect(port);
      if (name === 'onMail') (await client.openMessage()).send('hi\r\n.\r\n');
      else if (name === 'onHelo') {
        await client.reply();
        client.send('EHLO c\r\n');
      }
      await asked.promise;
      first(server).end({ code: 450, status: '7.1', text: 'Enough' });
      expect(await client.rest()).toBe('450 4.7.1 Enough\r\n');
    }
  });

  test('in a handshake nothing is said, after it the reply is in TLS', async () => {
    const asked = Promise.withResolvers<void>();
    const { port, server } = await startServer(on({ tls: 'implicit' }), (created) => {
      created.onSecured(async () => {
        asked.resolve();
        await new Promise(() => {});
      });
    });
    const silent = await TestClient.connect(port);
    await expect.poll(() => [...server.sessions].length).toBe(1);
    first(server).end();
    expect(await silent.rest()).toBe('');
    const secured = await TestClient.connectTls(port);
    await asked.promise;
    first(server).end();
    expect(await secured.rest()).toMatch(/^421 4\.3\.2 /);
  });

  test('a session that waits for the secured hooks after STARTTLS hears it in TLS', async () => {
    const asked = Promise.withResolvers<void>();
    const { port, server } = await startServer(on({ tls: 'starttls' }), (created) => {
      created
        .onSecured(async () => {
          asked.resolve();
          await new Promise(() => {});
        })
        .onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    await client.startTls();
    await asked.promise;
    first(server).end({ code: 421, status: '7.0', text: 'Enough' });
    expect(await client.rest()).toBe('421 4.7.0 Enough\r\n');
  });

  test('a hook may end its own session, after its reply; to end it again does nothing', async () => {
    const { port, server, log } = await startServer({}, (created) => {
      created
        .onSender(({ session }) => {
          for (const open of created.sessions) {
            if (open.session === session) {
              open.end();
              open.end();
            }
          }
        })
        .onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    client.send('MAIL FROM:<a@b>\r\n');
    expect(await client.rest()).toMatch(/^250 [^\r]*\r\n421 4\.3\.2 [^\r]*\r\n$/);
    await log.next('connection-closed');
    expect([server.connections, log.of('failure')]).toEqual([0, []]);
  });

  test('end takes no reply that accepts', async () => {
    const { port, server } = await startServer();
    const client = await TestClient.connect(port);
    await client.reply();
    expect(() => first(server).end({ code: 250, text: 'Ok' })).toThrow(
      'end: code: expected 400 to 459 or 500 to 559, got 250',
    );
    expect(await client.sayAll('NOOP')).toBe('250');
    client.destroy();
  });
});
