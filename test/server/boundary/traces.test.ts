// Failures leave a trace whether or not somebody observes, mail that nobody can take is not taken, and the session is
// one object.
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import type { ServerOptions, SmtpServer } from '../../../src/server/index.ts';
import { MailTakers } from '../../../src/server/mail/takers.ts';
import { makeWarnings } from '../../../src/server/report-failure.ts';
import type { SessionFacts } from '../../../src/smtp/index.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { startServer } from '../../support/smtp-server.ts';

let warn: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});

const unobserved = { observe: undefined } as unknown as ServerOptions;
const boom = (): never => {
  throw new Error('boom\r\nfrom \u202eafar');
};

/** Greets and sends one mail; gives the codes. */
async function sendTo(port: number, more: readonly string[] = []): Promise<string> {
  const client = await TestClient.connect(port);
  const greeting = (await client.reply().catch(() => '')).slice(0, 3);
  if (greeting !== '220') return greeting;
  const codes = await client.sayAll(
    'EHLO c',
    ...more,
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'DATA',
    'hi\r\n.',
    'QUIT',
  );
  await client.rest();
  return codes;
}

describe('without observe', () => {
  test.each([
    ['onConnect', 'connect'],
    ['onHelo', 'helo'],
    ['onSender', 'reverse-path'],
    ['onRecipient', 'forward-path'],
    ['onMail', 'message'],
    ['onClose', 'close'],
  ] as const)('%s that throws or rejects is one warning that says where', async (name, where) => {
    for (const hook of [boom, async () => boom()]) {
      warn.mockClear();
      const { port } = await startServer(unobserved, (server) => {
        server[name](hook);
        if (name !== 'onMail') server.onMail(() => {});
      });
      for (const _ of [1, 2, 3]) await sendTo(port).catch(() => '');
      await expect.poll(() => warn.mock.calls.length).toBe(1);
      const [message, details] = warn.mock.calls[0] ?? [];
      expect(message).toBe(`SmtpServer: ${where} failed: boom??from ?afar`);
      expect(details).toMatchObject({
        type: 'MailsluiceWarning',
        code: 'MAILSLUICE_HOOK_FAILED',
        detail: expect.stringMatching(
          /^at .*traces\.test\.ts.*\nThe option observe gets every failure\.$/,
        ),
      });
    }
  });

  test('an answer that is not valid is a warning with the code of its error', async () => {
    const { port } = await startServer(unobserved, (server) => {
      server.onMail((() => false) as never);
    });
    expect(await sendTo(port)).toBe('250 250 250 354 451 221');
    expect(warn.mock.calls).toEqual([
      [
        'SmtpServer: message failed: HookAnswerError: onMail: expected nothing or a reply { code, status, text }, got false',
        expect.objectContaining({ code: 'MAILSLUICE_HOOK_ANSWER_INVALID' }),
      ],
    ]);
  });

  test('a mail hook that failed before its mail was discarded is a warning too', async () => {
    const { port } = await startServer(unobserved, (server) => server.onMail(boom));
    const client = await TestClient.connect(port);
    await client.openMessage();
    client.reset();
    await expect.poll(() => warn.mock.calls.length).toBe(1);
  });

  test('whatever was thrown, the warning can be written, once a minute for each place', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const warnings = makeWarnings();
      const thrower = new Proxy(new Error('x'), { get: boom, getPrototypeOf: boom });
      const cyclic: unknown[] = [];
      cyclic.push(cyclic);
      const thrown = [undefined, null, 5, Symbol('s'), cyclic, Object.create(null), thrower];
      for (const [index, error] of thrown.entries()) warnings(`place ${index}`, error);
      expect(warn.mock.calls.length).toBe(thrown.length);
      warn.mockClear();
      for (const _ of [1, 2, 3]) warnings('hook', new Error('x'));
      vi.advanceTimersByTime(61_000);
      warnings('hook', new Error('x'));
      expect(warn.mock.calls.map(([message]) => message)).toEqual([
        'SmtpServer: hook failed: x',
        'SmtpServer: hook failed: x (and 2 more since the last warning)',
      ]);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('an observer that rejects is a warning and not the end of the process', async () => {
  const { port } = await startServer({
    observe: (async () => boom()) as () => void,
  });
  expect(await sendTo(port)).toBe('250 250 250 354 250 221');
  expect(warn.mock.calls.length).toBeGreaterThan(0);
});

describe('a server that nobody takes a mail from', () => {
  const hasty: ServerOptions = { limits: { answerTimeoutSeconds: 0.4 } };

  test.each([
    [120, 5000],
    [4, 2000],
  ])('with answers within %d s the wait is %d ms', async (answerTimeoutSeconds, milliseconds) => {
    vi.useFakeTimers();
    try {
      const ended: boolean[] = [];
      const takers = new MailTakers(() => false);
      void Promise.resolve(takers.has(answerTimeoutSeconds)).then((is) => ended.push(is));
      await vi.advanceTimersByTimeAsync(milliseconds - 1);
      expect(ended).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(ended).toEqual([false]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('MAIL is 451 4.3.2 after a wait, the observer hears why, and the session goes on', async () => {
    const { port, log } = await startServer(hasty, () => {});
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<a@example.com>')).toMatch(/^451 4\.3\.2 /);
    expect(await client.sayAll('RCPT TO:<b@example.com>', 'NOOP', 'QUIT')).toBe('503 250 221');
    expect(log.of('failure')).toMatchObject([
      {
        where: 'reverse-path',
        error: {
          code: 'MAILSLUICE_NO_MAIL_HOOK',
          message: 'expected an onMail hook or a loop over the server that has begun, got neither',
        },
      },
    ]);
    client.destroy();
  });

  test('without observe one warning names the cause', async () => {
    const { port } = await startServer({ ...unobserved, ...hasty }, () => {});
    for (const _ of [1, 2]) {
      expect(await sendTo(port)).toBe('250 451 503 503 500 500');
    }
    expect(warn.mock.calls).toEqual([
      [
        expect.stringContaining('expected an onMail hook or a loop over the server'),
        expect.objectContaining({ code: 'MAILSLUICE_NO_MAIL_HOOK' }),
      ],
    ]);
  });

  test.each([
    [
      'a hook that is added',
      async (server: SmtpServer) => {
        server.onMail(() => {});
      },
    ],
    [
      'a loop that begins',
      async (server: SmtpServer) => {
        for await (const mail of server) mail.accept();
      },
    ],
  ])('MAIL waits for %s', async (_, take) => {
    const { server, port, log } = await startServer({}, () => {});
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    const reply = client.say('MAIL FROM:<a@example.com>');
    // Mostly the command has been heard by then; if not, the reply is the same.
    await setTimeout(50);
    void take(server);
    expect(await reply).toMatch(/^250 /);
    expect(await client.sayAll('RCPT TO:<b@example.com>', 'DATA', 'hi\r\n.')).toBe('250 354 250');
    expect(log.of('failure')).toEqual([]);
    client.destroy();
  });

  test('a loop that was left between MAIL and DATA takes nothing either', async () => {
    const { server, port, log } = await startServer(hasty, () => {});
    const loop = server[Symbol.asyncIterator]();
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>');
    await loop.return?.();
    expect(await client.say('DATA')).toMatch(/^451 4\.3\.0 /);
    expect(log.of('failure')).toMatchObject([{ error: { code: 'MAILSLUICE_NO_MAIL_HOOK' } }]);
    client.destroy();
  });
});

test('the session is one object for all hooks, from the connection to its end', async () => {
  const certificate = await makeCertificate();
  const seen = new Map<string, SessionFacts>();
  const forgotten = new WeakMap<SessionFacts, string[]>();
  const mark = (hook: string, session: SessionFacts): void => {
    seen.set(hook, session);
    forgotten.set(session, [...(forgotten.get(session) ?? []), hook]);
  };
  const options: ServerOptions = {
    tls: { certificates: [certificate] },
    listeners: [{ name: 'in', host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'optional' }],
  };
  const { port } = await startServer(options, (server) => {
    server
      .onConnect(({ session }) => mark('connect', session))
      .onSecured(({ session }) => mark('secured', session))
      .onHelo(({ session }) => mark('helo', session))
      .onSignIn(({ session }) => {
        mark('sign-in', session);
        return true;
      })
      .onSender(({ session }) => mark('sender', session))
      .onRecipient(({ session }) => mark('recipient', session))
      .onData(({ session }) => mark('data', session))
      .onMail(({ session }) => mark('mail', session))
      .onClose(({ session }) => mark('close', session));
  });
  const client = await TestClient.connect(port);
  await client.reply();
  await client.say('EHLO c');
  await client.startTls();
  await client.sayAll(
    'EHLO c',
    `AUTH PLAIN ${Buffer.from('\0ann\0pw').toString('base64')}`,
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'DATA',
    'hi\r\n.',
    'QUIT',
  );
  await client.rest();
  await expect.poll(() => seen.has('close')).toBe(true);
  const [session] = seen.values();
  expect(session && forgotten.get(session)).toEqual([
    ...[
      'connect',
      'helo',
      'secured',
      'helo',
      'sign-in',
      'sender',
      'recipient',
      'data',
      'mail',
      'close',
    ],
  ]);
  expect(session).toMatchObject({ identity: { username: 'ann' }, tls: { version: 'TLSv1.3' } });
});

test('an event has the session as it was when its message was opened', async () => {
  let answer: (() => void) | undefined;
  const { port, log } = await startServer({ limits: { answerTimeoutSeconds: 0.2 } }, (server) => {
    server.onMail(() => new Promise((resolve) => (answer = resolve)));
  });
  const client = await TestClient.connect(port);
  await client.openMessage();
  expect(await client.say('hi\r\n.')).toMatch(/^451 /);
  await client.say('EHLO another.example');
  answer?.();
  const { message } = await log.next('message-deferred');
  expect(message.session.clientDomain).toBe('client.example');
  client.destroy();
});
