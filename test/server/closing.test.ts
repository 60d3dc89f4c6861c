import { describe, expect, test } from 'vitest';
import { SmtpServer } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

describe('closing', () => {
  test('closing says 421 4.3.2 to idle clients at once and lets a message finish', async () => {
    const { server, port } = await startServer();
    const idle = await TestClient.connect(port);
    await idle.reply();
    const busy = await TestClient.connect(port);
    await busy.openMessage();
    const closed = server.close({ drain: 30 });
    expect(await idle.rest()).toMatch(/^421 4\.3\.2 /);
    busy.send('hi\r\n.\r\n');
    expect(await busy.reply()).toMatch(/^250 /);
    expect(await busy.reply()).toMatch(/^421 4\.3\.2 /);
    await busy.rest();
    expect(await closed).toEqual({ cut: 0 });
    await expect(TestClient.connect(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('closing greets new clients with 421 4.3.2, in TLS too, until the last old one has gone', async () => {
    const { server, portOf } = await startServer({
      tls: { certificates: [await makeCertificate()] },
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: 0 },
        { name: 'smtps', host: '127.0.0.1', port: 0, tls: 'implicit' },
      ],
    });
    const busy = await TestClient.connect(portOf('mx'));
    await busy.openMessage();
    const closed = server.close({ drain: 600 });
    const late = await TestClient.connect(portOf('mx'));
    expect(await late.rest()).toMatch(/^421 4\.3\.2 /);
    const lateInTls = await TestClient.connectTls(portOf('smtps'));
    expect(await lateInTls.rest()).toMatch(/^421 4\.3\.2 /);
    // Turned away, and staying all the same: nobody waits for this one.
    const staying = await TestClient.connect(portOf('mx'));
    expect(await staying.reply()).toMatch(/^421 4\.3\.2 /);
    busy.send('hi\r\n.\r\n');
    expect(await busy.reply()).toMatch(/^250 /);
    await busy.rest();
    expect(await closed).toEqual({ cut: 0 });
    await staying.rest();
  });

  test.each(['starttls', 'implicit'] as const)(
    'closing in the moment in which a late onSecured hook has ended a connection (%s) passes it over',
    async (tls) => {
      const failures: unknown[] = [];
      const { server, port } = await startServer(
        {
          tls: { certificates: [await makeCertificate()] },
          listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls }],
          limits: { answerTimeoutSeconds: 0.2 },
          observe(event) {
            if (event.kind !== 'failure') return;
            failures.push(event.error);
            void server.close({ drain: 0 });
          },
        },
        (each) => void each.onSecured(() => new Promise(() => {})).onMail(() => {}),
      );
      const connect = tls === 'implicit' ? TestClient.connectTls(port) : TestClient.connect(port);
      const client = await connect;
      if (tls === 'starttls') {
        await client.reply();
        await client.say('EHLO c');
        await client.startTls();
      }
      expect(await client.rest()).toBe('');
      expect(failures).toHaveLength(1);
      expect(await server.close()).toEqual({ cut: 0 });
    },
  );

  test('closing cuts what is left when the time is over, and says how many', async () => {
    const { server, port, log } = await startServer();
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('half');
    expect(await server.close({ drain: 0.1 })).toEqual({ cut: 1 });
    expect(log.of('message-discarded')).toMatchObject([{ cause: 'closing' }]);
    expect(log.of('connection-closed')).toMatchObject([{ cause: 'closing' }]);
    expect(log.all.at(-1)).toEqual({ kind: 'closed', cut: 1 });
    client.destroy();
  });

  test('closing can be hurried by a second call', async () => {
    const { server, port } = await startServer();
    const client = await TestClient.connect(port);
    await client.openMessage();
    const first = server.close({ drain: 600 });
    expect(await server.close({ drain: 0 })).toEqual({ cut: 1 });
    expect(await first).toEqual({ cut: 1 });
    client.destroy();
  });

  test('closing can be hurried by a signal, also one that fired before', async () => {
    for (const isEarly of [true, false]) {
      const { server, port } = await startServer();
      const client = await TestClient.connect(port);
      await client.openMessage();
      const hurry = new AbortController();
      if (isEarly) hurry.abort();
      const closed = server.close({ drain: 600, signal: hurry.signal });
      hurry.abort();
      expect(await closed).toEqual({ cut: 1 });
      client.destroy();
    }
  });

  test('closing waits for the hooks of a connection that just came', async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { server, port } = await startServer({}, (created) => {
      created.onConnect(async () => {
        asked.resolve();
        await release.promise;
      });
    });
    const client = await TestClient.connect(port);
    await asked.promise;
    const closed = server.close();
    release.resolve();
    expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
    expect(await closed).toEqual({ cut: 0 });
  });

  test('closing by a hook comes after the reply that the hook gave', async () => {
    const { server, port } = await startServer({}, (created) => {
      created.onSender(() => {
        void created.close();
        return { code: 451, status: '3.2', text: 'Closing' };
      });
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<>')).toBe('451 4.3.2 Closing');
    expect(await client.reply()).toMatch(/^421 4\.3\.2 /);
    await client.rest();
    expect(await server.close()).toEqual({ cut: 0 });
  });

  test('closing follows an abort signal', async () => {
    const abort = new AbortController();
    const { server, port } = await startServer({ signal: abort.signal });
    const client = await TestClient.connect(port);
    await client.reply();
    abort.abort();
    expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
    await server.close();
    expect(server.addresses).toEqual([]);
  });

  test('closing comes with the end of a block', async () => {
    const ended = await (async () => {
      await using server = await new SmtpServer().listen();
      expect(server.addresses.length).toBe(1);
      return server;
    })();
    expect(ended.addresses).toEqual([]);
  });
});

test('resets at every point of a session leave the server working', async () => {
  const { port, log } = await startServer();
  const script = ['EHLO c\r\n', 'MAIL FROM:<a@b.example>\r\n', 'RCPT TO:<b@b.example>\r\n'];
  script.push('DATA\r\n', 'text\r\n', '.\r\n', 'QUIT\r\n');
  for (let length = 0; length <= script.length; length++) {
    for (const isPolite of [true, false]) {
      const client = await TestClient.connect(port);
      client.send(script.slice(0, length).join(''));
      if (isPolite) await client.reply();
      client.reset();
    }
  }
  const count = 2 * (script.length + 1);
  await log.next('connection-closed', () => log.of('connection-closed').length === count);
  expect(log.of('failure')).toEqual([]);
  const client = await TestClient.connect(port);
  expect(await client.reply()).toMatch(/^220 /);
  client.destroy();
});
