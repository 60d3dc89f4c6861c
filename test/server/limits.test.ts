import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

/** Sends `octets` again and again until what is awaited is there. */
async function whileSending<T>(
  client: TestClient,
  octets: string,
  awaited: () => Promise<T>,
): Promise<T> {
  const drip = setInterval(() => client.send(octets), 10);
  try {
    return await awaited();
  } finally {
    clearInterval(drip);
  }
}

describe('the caps', () => {
  test('the caps turn away a connection too many with 421 4.3.2, and take one when there is room', async () => {
    const { port, log } = await startServer({ limits: { maxConnections: 2 } });
    const first = await TestClient.connect(port);
    const second = await TestClient.connect(port);
    await first.reply();
    await second.reply();
    const third = await TestClient.connect(port);
    expect(await third.rest()).toBe('421 4.3.2 Too many connections, try again later\r\n');
    expect(log.of('connection-refused')).toMatchObject([{ rule: 'too-many-connections' }]);
    first.destroy();
    await log.next('connection-closed');
    const fourth = await TestClient.connect(port);
    expect(await fourth.reply()).toMatch(/^220 /);
    second.destroy();
    fourth.destroy();
  });

  test('the caps of one listener leave the others their room, and all share that of the server', async () => {
    const { portOf } = await startServer({
      limits: { maxConnections: 3 },
      listeners: [
        { name: 'wide', host: '127.0.0.1', port: 0 },
        { name: 'narrow', host: '127.0.0.1', port: 0, limits: { maxConnections: 1 } },
      ],
    });
    const open = async (name: string): Promise<string> => {
      const client = await TestClient.connect(portOf(name));
      onTestFinished(() => client.destroy());
      return (await client.reply()).slice(0, 3);
    };
    expect(await open('wide')).toBe('220');
    expect(await open('narrow')).toBe('220');
    expect(await open('narrow')).toBe('421');
    expect(await open('wide')).toBe('220');
    expect(await open('wide')).toBe('421');
  });

  test('the caps turn away too many from one address with 421 4.7.0, and not one from another', async () => {
    const { port } = await startServer({
      listeners: [{ name: 'all', host: '::', port: 0 }],
      limits: { maxConnectionsPerAddress: 1 },
    });
    const first = await TestClient.connect(port, '127.0.0.1');
    await first.reply();
    const second = await TestClient.connect(port, '127.0.0.1');
    expect(await second.rest()).toMatch(/^421 4\.7\.0 /);
    const other = await TestClient.connect(port, '::1');
    expect(await other.reply()).toMatch(/^220 /);
    first.destroy();
    other.destroy();
  });

  test('the caps on errors end the session with 421 4.7.0', async () => {
    const { port } = await startServer({ limits: { maxErrors: 2 } });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.sayAll('BAD', 'BAD')).toBe('500 500');
    expect(await client.say('BAD')).toMatch(/^500 /);
    expect(await client.rest()).toMatch(/^421 4\.7\.0 /);
  });

  test('the commands of a client that closes its side behind them are all answered, a hundred at a time', async () => {
    const { port } = await startServer();
    const client = await TestClient.connect(port);
    await client.reply();
    client.send('NOOP\r\n'.repeat(1050)).endOutput();
    const replies = (await client.rest()).match(/^250 2\.0\.0/gm);
    expect(replies?.length).toBe(1050);
  });

  test('a read with a thousand commands gives way to what came before and after it from others', async () => {
    const heard: string[] = [];
    const { port } = await startServer(
      {
        limits: { maxErrors: 10_000 },
        observe: (event) => {
          if (event.kind === 'note' && event.note.kind === 'refused') heard.push(event.note.verb);
        },
      },
      (server) => server.onMail(() => {}),
    );
    const [before, flood, after] = [
      await TestClient.connect(port),
      await TestClient.connect(port),
      await TestClient.connect(port),
    ];
    for (const client of [before, flood, after]) await client.reply();
    before.send('MAIL FROM:<a@b.example>\r\n');
    flood.send('EXPN a\r\n'.repeat(1000));
    after.send('MAIL FROM:<a@b.example>\r\n');
    expect(await before.reply()).toMatch(/^503 /);
    expect(await after.reply()).toMatch(/^503 /);
    await expect.poll(() => heard.length).toBe(1002);
    // At most a hundred, and those of the read that the other's came with.
    expect(heard.lastIndexOf('MAIL')).toBeLessThan(300);
    for (const client of [before, flood, after]) client.destroy();
  });

  test('the caps on what waits for an answer stop the reading, and lose nothing', async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    // So many messages that as many commands are within the budget of the session.
    const { port } = await startServer({ limits: { maxMessages: 100_000 } }, (server) => {
      server.onSender(async () => {
        asked.resolve();
        await release.promise;
      });
      server.onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    client.send('MAIL FROM:<>\r\n');
    await asked.promise;
    const count = 400_000;
    client.send('NOOP\r\n'.repeat(count)).send('QUIT\r\n');
    release.resolve();
    const replies = (await client.rest()).match(/^250 2\.0\.0/gm);
    expect(replies?.length).toBe(count);
  });

  test('the caps on a client that sends and never reads hold: it is not read either', async () => {
    const { port, log } = await startServer({ limits: { commandTimeoutSeconds: 0.4 } });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    const flood = Buffer.from('NOOP\r\n'.repeat(20_000));
    const sendOn = (): void => {
      while (socket.writable && socket.write(flood)) continue;
    };
    socket.on('drain', sendOn);
    sendOn();
    const closed = await log.next('connection-closed');
    // No more than the two kernels hold of it, and not all that it would send.
    expect(closed.octetsReceived).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
  });
});

describe('the timeouts', () => {
  test('the timeouts end an idle session with 421 4.4.2', async () => {
    const { port, log } = await startServer({ limits: { commandTimeoutSeconds: 0.1 } });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.rest()).toMatch(/^421 4\.4\.2 /);
    expect(await log.next('connection-closed')).toMatchObject({ cause: 'ended' });
  });

  test('the timeouts are not put off by octets that make no command', async () => {
    const { port } = await startServer({ limits: { commandTimeoutSeconds: 0.3 } });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await whileSending(client, 'N', () => client.rest())).toMatch(/^421 4\.4\.2 /);
  });

  test('the timeouts end a message that is silent for too long, and discard it', async () => {
    const { port, log } = await startServer({ limits: { dataTimeoutSeconds: 0.1 } });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('half');
    expect(await client.rest()).toMatch(/^421 4\.4\.2 /);
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
  });

  test('the timeouts end a message that comes byte by byte', async () => {
    const { port, log } = await startServer({
      limits: { dataTimeoutSeconds: 0.3, minDataRate: 10_000 },
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await whileSending(client, 'x', () => client.rest())).toMatch(/^421 4\.4\.2 /);
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
  });

  test('the timeouts end a message that takes too long as a whole', async () => {
    const { port } = await startServer({ limits: { messageSeconds: 0.3, minDataRate: 0 } });
    const client = await TestClient.connect(port);
    await client.openMessage();
    const text = 'x'.repeat(10_000);
    expect(await whileSending(client, text, () => client.rest())).toMatch(/^421 4\.4\.2 /);
  });

  test('the timeouts end a session that is too old, however busy, when no transaction is open', async () => {
    const { port } = await startServer({ limits: { sessionSeconds: 0.3 } });
    const client = await TestClient.connect(port);
    await client.reply();
    const text = await whileSending(client, 'NOOP\r\n', () => client.rest());
    expect(text).toMatch(/^(250 [^\r\n]*\r\n)+421 4\.3\.2 [^\r\n]*\r\n$/);
  });

  test('the timeouts answer 451 for a hook that never does, and go on', async () => {
    const { port, log } = await startServer({ limits: { answerTimeoutSeconds: 0.1 } }, (server) => {
      server.onRecipient(async () => new Promise<undefined>(() => {})).onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<>');
    expect(await client.say('RCPT TO:<b@example.com>')).toMatch(/^451 4\.3\.0 /);
    expect(await client.say('NOOP')).toMatch(/^250/);
    expect(await log.next('failure')).toMatchObject({ where: 'forward-path' });
    client.destroy();
  });

  test('the timeouts answer 451 for a mail hook that never does, and tell it so', async () => {
    const aborted = Promise.withResolvers<void>();
    const { port } = await startServer({ limits: { answerTimeoutSeconds: 0.1 } }, (server) => {
      server.onMail(async ({ mail }) => {
        mail.signal.addEventListener('abort', () => aborted.resolve());
        await new Promise(() => {});
      });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toMatch(/^451 4\.3\.0 /);
    await aborted.promise;
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.destroy();
  });

  test('the timeouts end a mail that its hook does not read on', async () => {
    const { port, log } = await startServer({ limits: { answerTimeoutSeconds: 0.2 } }, (server) => {
      server.onMail(async ({ mail }) => {
        for await (const _ of mail.content) await new Promise(() => {});
      });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('x'.repeat(10_000_000));
    expect(await client.rest()).toMatch(/^421 4\.4\.2 /);
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
  });
});
