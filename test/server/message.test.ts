import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { createTransport } from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { OptionsError, SmtpServer } from '../../src/server/index.ts';
import { TestClient } from '../support/smtp-client.ts';
import { makeKeeper, startServer } from '../support/smtp-server.ts';

const OK = { code: 250, status: '0.0', text: 'Ok' };

describe('a message', () => {
  test('a message is taken in byte for byte and answered with its id', async () => {
    const { kept, keep } = makeKeeper();
    const { port } = await startServer({ nextMessageId: () => 'id-1' }, keep);
    const client = await TestClient.connect(port);
    await client.openMessage('b@example.com');
    client.send('Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n');
    expect(await client.reply()).toBe('250 2.0.0 Ok: queued as id-1');
    expect(kept.get('b@example.com')?.toString()).toBe('Subject: x\r\n\r\n.dot\r\nend\r\n');
    expect(await client.say('QUIT')).toMatch(/^221 /);
    expect(await client.rest()).toBe('');
  });

  test('a message comes the same in one packet with its commands', async () => {
    const { kept, keep } = makeKeeper();
    const { port, log } = await startServer({}, keep);
    const client = await TestClient.connect(port);
    client.send(
      'EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n',
    );
    const text = await client.rest();
    expect(text.match(/^\d{3}(?= )/gm)).toEqual(['220', '250', '250', '250', '354', '250', '221']);
    expect(kept.get('b@example.com')?.toString()).toBe('hi\r\n');
    const closed = await log.next('connection-closed');
    expect(closed).toMatchObject({ cause: 'ended', messages: 1, connections: 0 });
  });

  test('a message sent by nodemailer arrives whole, 20 MB long', async () => {
    const { kept, keep } = makeKeeper();
    const { port } = await startServer({}, keep);
    const raw = Buffer.from(`Subject: big\r\n\r\n${'.0123456789abcdef\r\n'.repeat(1_100_000)}`);
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
    await transport.sendMail({ envelope: { from: 'a@example.com', to: 'b@example.com' }, raw });
    transport.close();
    expect(kept.get('b@example.com')?.equals(raw)).toBe(true);
  });

  test('a message over the limit is refused after its real end, and discarded', async () => {
    const { port, log } = await startServer({ limits: { maxMessageSize: 1024 } });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send(`${'x'.repeat(2000)}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'too-large' });
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.destroy();
  });

  test('a message is answered although the client closed its side after the final dot', async () => {
    const { port, log } = await startServer();
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('hi\r\n.\r\n').endOutput();
    expect(await client.reply()).toMatch(/^250 2.0.0 Ok/);
    expect(await client.rest()).toBe('');
    expect(await log.next('message-accepted')).toMatchObject({ sizeInOctets: 4 });
  });

  test('a message is answered after its client closed its side, when the hook takes its time', async () => {
    const release = Promise.withResolvers<void>();
    const { port } = await startServer({}, (server) => {
      server.onMail(async () => release.promise);
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('hi\r\n.\r\nQUIT\r\n').endOutput();
    await once(client.socket, 'finish');
    release.resolve();
    expect(await client.reply()).toMatch(/^250 2.0.0 Ok/);
    expect(await client.reply()).toMatch(/^221 /);
  });

  test('a message cut off by the client is discarded, and its hook hears of it', async () => {
    const aborted = Promise.withResolvers<string>();
    const { port, log } = await startServer({}, (server) => {
      server.onMail(async ({ mail }) => {
        mail.signal.addEventListener('abort', () => aborted.resolve(String(mail.signal.reason)));
        await buffer(mail.content);
      });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('half a mes').reset();
    expect(await aborted.promise).toMatch(/is gone: the message was discarded: aborted/);
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
    expect(await log.next('connection-closed')).toMatchObject({ cause: 'lost' });
    expect(log.of('message-accepted')).toEqual([]);
  });

  test('a message of which the client closes its side half way is discarded', async () => {
    const { port, log } = await startServer();
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('half a mes').endOutput();
    expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
    expect(await client.rest()).toBe('');
  });

  test('a message whose hook fails is deferred, and the reason stays with us', async () => {
    const { port, log } = await startServer({}, (server) => {
      server.onMail(async () => {
        throw new Error('secret-bucket is full');
      });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toBe('451 4.3.0 Message not stored, try again later');
    const failure = await log.next('failure');
    expect(failure).toMatchObject({ where: 'message', error: new Error('secret-bucket is full') });
    expect(await log.next('message-deferred')).toMatchObject({ replies: [{ code: 451 }] });
  });

  test('a message is committed although its client went away meanwhile, and is reported as accepted', async () => {
    const release = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    const { port, log } = await startServer({}, (server) => {
      server.onMail(async ({ mail }) => {
        await buffer(mail.content);
        read.resolve();
        await release.promise;
      });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.send('hi\r\n.\r\n');
    await read.promise;
    client.reset();
    await log.next('connection-closed');
    release.resolve();
    expect(await log.next('message-accepted')).toMatchObject({ sizeInOctets: 4 });
  });
});

describe('a sink of the caller', () => {
  test('a message writer of the caller is asked before the 354, and its refusal is what the client hears', async () => {
    const refusal = { code: 452, status: '3.1', text: 'Later' };
    const { port } = await startServer(
      { openMessage: () => ({ kind: 'refuse', reply: refusal }) },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
    expect(await client.say('DATA')).toBe('452 4.3.1 Later');
    client.destroy();
  });

  test('a message writer of the caller that says false gets nothing more from the socket until it resumes', async () => {
    const spans: Buffer[] = [];
    const paused = Promise.withResolvers<() => void>();
    const { port } = await startServer(
      {
        openMessage: (_facts, resume) => ({
          kind: 'accept',
          writer: {
            write(span) {
              spans.push(span);
              if (spans.length > 1) return true;
              paused.resolve(resume);
              return false;
            },
            commit: () => OK,
            discard: () => {},
          },
        }),
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.openMessage();
    const body = Buffer.from(`${'x'.repeat(78)}\r\n`.repeat(100_000));
    client.send(body).send('.\r\n');
    const resume = await paused.promise;
    // The process goes on with other work, and this socket stays unread.
    const other = await TestClient.connect(port);
    await other.reply();
    expect(await other.sayAll('NOOP', 'NOOP', 'NOOP')).toBe('250 250 250');
    expect(spans.length).toBe(1);
    resume();
    expect(await client.reply()).toBe('250 2.0.0 Ok');
    expect(Buffer.concat(spans).equals(body)).toBe(true);
    other.destroy();
    client.destroy();
  });

  test('a message writer of the caller that opens later and whose commit rejects is answered 354 and 451', async () => {
    const { port } = await startServer(
      {
        openMessage: async () => ({
          kind: 'accept',
          writer: {
            write: () => true,
            commit: async () => {
              throw new Error('no store');
            },
            discard: () => {},
          },
        }),
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toMatch(/^451 4.3.0 /);
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.destroy();
  });

  test('a message writer of the caller that throws is answered 451, and the session goes on', async () => {
    const { port } = await startServer(
      {
        openMessage: () => {
          throw new Error('no memory');
        },
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
    expect(await client.say('DATA')).toMatch(/^451 4\.3\.0 /);
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.destroy();
  });

  test('a message writer of the caller that is still opening when the client goes has to discard the message', async () => {
    const asked = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const discarded = Promise.withResolvers<string>();
    const { port, log } = await startServer(
      {
        openMessage: async () => {
          asked.resolve();
          await open.promise;
          const writer = { write: () => true, commit: () => OK, discard: discarded.resolve };
          return { kind: 'accept', writer };
        },
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
    client.send('DATA\r\n');
    await asked.promise;
    client.reset();
    await log.next('connection-closed');
    open.resolve();
    expect(await discarded.promise).toBe('aborted');
  });

  test('a message writer of the caller that fails to open after its client was told to try later leaves the next message alone', async () => {
    const first = Promise.withResolvers<never>();
    let opened = 0;
    const { port, log } = await startServer(
      {
        limits: { answerTimeoutSeconds: 0.2 },
        openMessage: () => {
          const writer = { write: () => true, commit: () => OK, discard: () => {} };
          return opened++ === 0 ? first.promise : { kind: 'accept', writer };
        },
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
    expect(await client.say('DATA')).toMatch(/^451 4\.3\.0 /);
    expect(await client.sayAll('MAIL FROM:<>', 'RCPT TO:<b@example.com>', 'DATA')).toBe(
      '250 250 354',
    );
    first.reject(new Error('no memory'));
    await expect.poll(() => log.of('failure').length).toBe(2);
    expect(await client.say('hi\r\n.')).toBe('250 2.0.0 Ok');
    client.destroy();
  });

  test('a message writer of the caller whose message ended long ago does not end the pause of the next', async () => {
    const resumes: (() => void)[] = [];
    const spans: Buffer[] = [];
    const { port } = await startServer(
      {
        openMessage: (_facts, resume) => {
          resumes.push(resume);
          const write = (span: Buffer): boolean => resumes.length === 1 || spans.push(span) === 0;
          return { kind: 'accept', writer: { write, commit: () => OK, discard: () => {} } };
        },
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toBe('250 2.0.0 Ok');
    await client.sayAll('MAIL FROM:<>', 'RCPT TO:<b@example.com>', 'DATA');
    client.send(`${'x'.repeat(78)}\r\n`.repeat(100_000)).send('.\r\n');
    await expect.poll(() => spans.length).toBe(1);
    resumes[0]?.();
    const other = await TestClient.connect(port);
    await other.reply();
    expect(await other.sayAll('NOOP', 'NOOP', 'NOOP')).toBe('250 250 250');
    expect(spans.length).toBe(1);
    const answer = client.reply();
    const goOn = setInterval(() => resumes[1]?.(), 1);
    expect(await answer).toBe('250 2.0.0 Ok');
    clearInterval(goOn);
    other.destroy();
    client.destroy();
  });

  test('a message writer of the caller excludes the mail hooks and the loop', () => {
    const server = new SmtpServer({
      openMessage: () => ({ kind: 'refuse', reply: { code: 451, text: 'No' } }),
    });
    expect(() => server.onMail(() => {})).toThrow(OptionsError);
    expect(() => server[Symbol.asyncIterator]()).toThrow(OptionsError);
  });
});
