import { buffer, text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type Mail, MailGoneError, type SmtpServer } from '../../../src/server/index.ts';
import type { Reply } from '../../../src/smtp/index.ts';
import type { EventLog } from '../../support/events.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { startServer } from '../../support/smtp-server.ts';

/** Sends one mail and gives the reply to its final dot. */
async function sendMail(port: number, content = 'hi\r\n', recipient?: string): Promise<string> {
  const client = await TestClient.connect(port);
  await client.openMessage(recipient);
  const reply = await client.send(`${content}.\r\n`).reply();
  client.destroy();
  return reply;
}

describe("a mail's content", () => {
  test('a mail’s content can be read by each hook, and each gets all of it', async () => {
    const read: string[] = [];
    const { port } = await startServer({}, (server) => {
      server
        .onMail(async ({ mail }) => void read.push(await text(mail.content)))
        .onMail(async ({ mail }) => void read.push(await text(mail.content)))
        .onMail(() => {});
    });
    const content = `${'x'.repeat(70)}\r\n`.repeat(20_000);
    expect(await sendMail(port, content)).toMatch(/^250 /);
    expect(read).toEqual([content, content]);
  });

  test('a mail’s content comes at the pace of the slowest hook, within a bound', async () => {
    const mayRead = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let ahead = 0;
    let slow = 0;
    const { port } = await startServer({}, (server) => {
      server
        .onMail(async ({ mail }) => {
          for await (const chunk of mail.content) ahead += chunk.length;
        })
        .onMail(async ({ mail }) => {
          begun.resolve();
          await mayRead.promise;
          for await (const chunk of mail.content) slow += chunk.length;
        });
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    const size = 20_000_000;
    client.send(Buffer.alloc(size, 'x')).send('\r\n.\r\n');
    await begun.promise;
    await expect.poll(() => ahead).toBeGreaterThan(200_000);
    // 256 KiB and the read that went over it.
    expect(ahead).toBeLessThan(400_000);
    mayRead.resolve();
    expect(await client.reply()).toMatch(/^250 /);
    expect([ahead, slow]).toEqual([size + 2, size + 2]);
    client.destroy();
  });

  test('a mail’s content that no hook reads on does not hold up the sender', async () => {
    const { port } = await startServer({}, (server) => {
      server.onMail(async ({ mail }) => {
        for await (const _ of mail.content) break;
      });
    });
    expect(await sendMail(port, `${'x'.repeat(998)}\r\n`.repeat(3000))).toMatch(/^250 /);
  });

  test('a mail’s content can be read once, and not after the answer', async () => {
    const mails: Mail[] = [];
    const { port } = await startServer({}, (server) => {
      server.onMail(async ({ mail }) => {
        mails.push(mail);
        await buffer(mail.content);
        await expect(buffer(mail.content)).rejects.toThrow(MailGoneError);
      });
    });
    expect(await sendMail(port)).toMatch(/^250 /);
    const [mail] = mails;
    await expect(mail ? buffer(mail.content) : undefined).rejects.toThrow(MailGoneError);
  });

  test('a mail’s content fails for its reader when another hook refuses the mail, and the signal fires', async () => {
    const heard = Promise.withResolvers<unknown>();
    const { port } = await startServer({}, (server) => {
      server
        .onMail(async ({ mail }) => {
          const thrown = await buffer(mail.content).catch((error: unknown) => error);
          heard.resolve([thrown, mail.signal.aborted]);
        })
        .onMail(() => ({ code: 550, status: '7.1', text: 'No' }));
    });
    expect(await sendMail(port)).toBe('550 5.7.1 No');
    expect(await heard.promise).toEqual([expect.any(MailGoneError), true]);
  });

  test('a mail’s content is parsed by mailparser', async () => {
    const subjects: unknown[] = [];
    const { port } = await startServer({}, (server) => {
      server.onMail(async ({ mail }) => {
        const { subject, attachments, text: body } = await mail.parse();
        subjects.push([subject, attachments.length, body]);
      });
    });
    await sendMail(port, 'Subject: =?utf-8?q?gr=C3=BCn?=\r\n\r\nbody\r\n');
    expect(subjects).toEqual([['grün', 0, 'body\n']]);
  });
});

describe('the loop', () => {
  test('the loop over mails answers each mail when it accepts or rejects it', async () => {
    const { server, port } = await startServer({ nextMessageId: () => 'id' }, () => {});
    const loop = (async () => {
      const seen: string[] = [];
      for await (const mail of server) {
        const content = await text(mail.content);
        seen.push(content.trim());
        if (content.startsWith('good')) mail.accept();
        else if (content.startsWith('own')) mail.accept({ code: 250, status: '0.0', text: 'Mine' });
        else mail.reject({ code: 550, status: '6.0', text: 'Bad' });
      }
      return seen;
    })();
    expect(await sendMail(port, 'good\r\n')).toBe('250 2.0.0 Ok: queued as id');
    expect(await sendMail(port, 'own\r\n')).toBe('250 2.0.0 Mine');
    expect(await sendMail(port, 'bad\r\n')).toBe('550 5.6.0 Bad');
    await server.close();
    expect(await loop).toEqual(['good', 'own', 'bad']);
  });

  test('the loop over mails takes mails that came before it began, each once, also with several loops', async () => {
    const { server, port } = await startServer({}, () => {});
    const senders = Array.from({ length: 10 }, (_, index) => sendMail(port, `${index}\r\n`));
    const seen: string[] = [];
    const loops = [1, 2, 3].map(async () => {
      for await (const mail of server) {
        seen.push((await text(mail.content)).trim());
        mail.accept();
      }
    });
    const replies = await Promise.all(senders);
    expect(replies.every((reply) => reply.startsWith('250'))).toBe(true);
    await server.close();
    await Promise.all(loops);
    expect(seen.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('the loop over mails gives the senders its pace: nothing is answered that it did not come to', async () => {
    const { server, port } = await startServer({}, () => {});
    const iterator = server[Symbol.asyncIterator]();
    const first = sendMail(port, 'first\r\n');
    const taken = await iterator.next();
    const second = await TestClient.connect(port);
    await second.openMessage();
    second.send('second\r\n.\r\n');
    const third = await TestClient.connect(port);
    await third.reply();
    expect(await third.sayAll('NOOP', 'NOOP', 'QUIT')).toBe('250 250 221');
    expect(second.unread).toBe('');
    taken.value?.accept();
    expect(await first).toMatch(/^250 /);
    (await iterator.next()).value?.accept();
    expect(await second.reply()).toMatch(/^250 /);
    second.destroy();
    third.destroy();
  });

  test('the loop over mails that is left defers what it took, and what it says later is not heard', async () => {
    const { server, port } = await startServer({}, () => {});
    const sent = sendMail(port);
    for await (const mail of server) {
      queueMicrotask(() => void mail);
      break;
    }
    expect(await sent).toMatch(/^451 4\.3\.0 /);
  });

  test('the loop over mails tells who accepts too late that the sender does not hear of it', async () => {
    const { server, port, log } = await startServer({}, () => {});
    const loop = server[Symbol.asyncIterator]();
    const client = await TestClient.connect(port);
    await client.openMessage();
    const { value: mail } = await loop.next();
    client.reset();
    await log.next('connection-closed');
    expect(mail?.signal.aborted).toBe(true);
    expect(mail?.accept()).toBe(false);
  });

  test('the loop over mails never gets a mail whose client went away before its turn', async () => {
    const { server, port, log } = await startServer({}, () => {});
    const loop = server[Symbol.asyncIterator]();
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.reset();
    await log.next('connection-closed');
    const sent = sendMail(port, 'second\r\n');
    const { value: mail } = await loop.next();
    expect(mail && (await text(mail.content))).toBe('second\r\n');
    mail?.accept();
    expect(await sent).toMatch(/^250 /);
  });

  test('the loop over mails must agree with the hooks', async () => {
    const accepting = async (server: SmtpServer): Promise<void> => {
      for await (const mail of server) mail.accept();
    };
    const { server, port } = await startServer({}, (created) => {
      created.onMail(async ({ mail }) => {
        if ((await text(mail.content)).includes('spam')) return { code: 550, text: 'Spam' };
        return undefined;
      });
    });
    const loop = accepting(server);
    expect(await sendMail(port, 'spam\r\n')).toBe('550 Spam');
    expect(await sendMail(port, 'ham\r\n')).toMatch(/^250 /);
    await server.close();
    await loop;
  });
});

describe('LMTP', () => {
  async function deliver(
    add: (server: SmtpServer) => void,
    watch?: (log: EventLog) => void,
  ): Promise<string[]> {
    const { port, log } = await startServer(
      {
        nextMessageId: () => 'id',
        listeners: [{ name: 'lmtp', host: '127.0.0.1', port: 0, protocol: 'lmtp' }],
      },
      add,
    );
    watch?.(log);
    const client = await TestClient.connect(port);
    expect(await client.reply()).toContain('LMTP');
    expect(await client.say('EHLO c')).toMatch(/^5/);
    const codes = await client.sayAll(
      'LHLO c',
      'MAIL FROM:<>',
      'RCPT TO:<a@example.com>',
      'RCPT TO:<b@example.com>',
      'DATA',
    );
    expect(codes).toBe('250 250 250 250 354');
    client.send('hi\r\n.\r\n');
    const replies = [await client.reply(), await client.reply()];
    client.destroy();
    return replies;
  }

  test('LMTP answers each recipient, one refused and one accepted', async () => {
    const full = { code: 452, status: '2.2', text: 'Mailbox full' };
    const fine = { code: 250, status: '1.5', text: 'Delivered' };
    expect(await deliver((server) => void server.onMail(async () => [full, fine]))).toEqual([
      '452 4.2.2 Mailbox full',
      '250 2.1.5 Delivered',
    ]);
  });

  const byAddress: [string, Reply][] = [
    ['b@example.com', { code: 250, status: '1.5', text: 'Delivered' }],
    ['a@example.com', { code: 452, status: '2.2', text: 'Mailbox full' }],
  ];
  test.each([
    ['a Map', new Map(byAddress)],
    ['an object', Object.fromEntries(byAddress)],
  ])('LMTP answers each recipient by its address, from %s in any order', async (_, said) => {
    for (const hook of [() => said, async () => said]) {
      expect(await deliver((server) => void server.onMail(hook))).toEqual([
        '452 4.2.2 Mailbox full',
        '250 2.1.5 Delivered',
      ]);
    }
  });

  test('two hooks are combined for each recipient, whatever form they answer in', async () => {
    const fine = { code: 250, text: 'Fine' };
    const no = { code: 550, text: 'No' };
    const replies = await deliver((server) => {
      server
        .onMail(() => new Map(byAddress))
        .onMail(() => ({ 'a@example.com': fine, 'b@example.com': no }))
        .onMail(() => [fine, fine]);
    });
    expect(replies).toEqual(['452 4.2.2 Mailbox full', '550 No']);
  });

  test.each<[string, unknown, string]>([
    [
      'a Map without one of them',
      new Map(byAddress.slice(1)),
      'expected a reply { code, status, text } for recipient 2 of 2, got nothing',
    ],
    [
      'an object without one of them',
      Object.fromEntries(byAddress.slice(1)),
      'expected a reply { code, status, text } for recipient 2 of 2, got nothing',
    ],
    ['an empty Map', new Map(), 'expected a reply { code, status, text } for recipient 1 of 2'],
    [
      'a Map with another address',
      new Map([...byAddress, ['A@example.com', { code: 250, text: 'Ok' }]]),
      'got one for a string that is the address of none',
    ],
    [
      'a Map with a reply that is none',
      new Map([...byAddress.slice(1), ['b@example.com', { code: 354, text: 'Ok' }]]),
      'code: expected 400 to 459 or 500 to 559, or 250 to 252, got 354',
    ],
    ['a Map by something else', new Map([[5, { code: 250, text: 'Ok' }]]), 'got one for 5 that'],
  ])('LMTP hears 451 for both after %s', async (_, said, detail) => {
    let log: EventLog | undefined;
    const replies = await deliver(
      (server) => void server.onMail(() => said as never),
      (started) => (log = started),
    );
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual(['451 4.3.0', '451 4.3.0']);
    expect(String(log?.of('failure')[0]?.error)).toContain(detail);
  });

  test('LMTP answers all alike where the hook does', async () => {
    expect(await deliver((server) => void server.onMail(() => {}))).toEqual([
      '250 2.0.0 Ok: queued as id',
      '250 2.0.0 Ok: queued as id',
    ]);
  });
});
