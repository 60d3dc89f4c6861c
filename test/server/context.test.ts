// What every hook is called with: one session, one state, replies and refusals; and hooks in chains.
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type HookContext,
  type Middleware,
  Refusal,
  type ServerOptions,
  SmtpServer,
} from '../../src/server/index.ts';
import type { SessionFacts } from '../../src/smtp/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const SUBMISSION: ServerOptions = {
  listeners: [
    { name: 'in', host: '127.0.0.1', port: 0, auth: 'optional', allowInsecureAuth: true },
  ],
};
const PLAIN = `AUTH PLAIN ${Buffer.from('\0ann\0pw').toString('base64')}`;
/** One line for each hook that a client can cause, in their order. */
const LINES = {
  onHelo: 'EHLO c',
  onSignIn: PLAIN,
  onSender: 'MAIL FROM:<a@example.com>',
  onRecipient: 'RCPT TO:<b@example.com>',
  onData: 'DATA',
  onMail: 'hi\r\n.',
} as const;
type Asked = keyof typeof LINES;
const asked = Object.keys(LINES) as Asked[];

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

/** The reply to the line that asks the hook; and that the session, if it goes on, does. */
async function replyTo(name: Asked, middleware: Middleware): Promise<[string, unknown[]]> {
  const { port, log } = await startServer(SUBMISSION, (server) => {
    server.use(middleware);
    if (name !== 'onSignIn') server.onSignIn(() => true);
    if (name !== 'onMail') server.onMail(() => {});
  });
  const client = await TestClient.connect(port);
  await client.reply();
  for (const each of asked) {
    const reply = await client.say(LINES[each]);
    if (each !== name) continue;
    expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
    client.destroy();
    return [reply, log.of('failure').map(({ error }) => String(error))];
  }
  throw new Error(`${name} was not asked`);
}

describe('a refusal', () => {
  test.each(asked)('%s refuses by ctx.reply and by a Refusal, at once and later', async (name) => {
    const refusal = (): never => {
      throw new Refusal(554, '7.9', ['Not', 'you']);
    };
    const ways: Middleware[] = [
      { [name]: ({ reply }: HookContext) => reply(554, '7.9', ['Not', 'you']) },
      { [name]: async ({ reply }: HookContext) => reply(554, '7.9', ['Not', 'you']) },
      { [name]: refusal },
      { [name]: async () => refusal() },
      { [name]: async () => Promise.resolve().then(refusal) },
    ];
    for (const middleware of ways) {
      expect(await replyTo(name, middleware)).toEqual(['554-5.7.9 Not\n554 5.7.9 you', []]);
    }
  });

  test.each(asked)('%s that makes a reply which is none fails, and says why', async (name) => {
    for (const middleware of [
      { [name]: ({ reply }: HookContext) => reply(550, '5.7.1', 'No') },
      { [name]: () => new Refusal(550, '5.7.1', 'No').reply },
    ] as Middleware[]) {
      const [reply, failures] = await replyTo(name, middleware);
      expect(reply).toMatch(/^45[14] /);
      expect(failures).toEqual([
        expect.stringMatching(/^HookAnswerError: (?:reply|Refusal): status: expected nothing, or /),
      ]);
    }
  });

  test.each([
    [200, '7.1', 'text'],
    [250, '7.1', 'text'],
    [600, '7.1', 'text'],
    [550, '7', 'text'],
    [550, '7.1', 5],
    ['550', '7.1', 'text'],
  ])('new Refusal(%j, %j, %j) is refused', (code, status, text) => {
    expect(() => new Refusal(code as never, status, text as never)).toThrow(
      expect.objectContaining({ code: 'MAILSLUICE_HOOK_ANSWER_INVALID' }),
    );
  });

  test('a Refusal of another copy of the package counts, and what only looks like one does not', async () => {
    const foreign = Object.assign(new Error('x'), { code: 'MAILSLUICE_REFUSAL' });
    const reject = (error: unknown) => async (): Promise<never> => Promise.reject(error);
    const reply = { code: 550, status: '7.1', text: 'No' };
    expect(
      await replyTo('onSender', { onSender: reject(Object.assign(foreign, { reply })) }),
    ).toEqual(['550 5.7.1 No', []]);
    const accepting = Object.assign(new Error('x'), {
      code: 'MAILSLUICE_REFUSAL',
      reply: { ...reply, code: 250 },
    });
    const [said, failures] = await replyTo('onSender', { onSender: reject(accepting) });
    expect(said).toMatch(/^451 4\.3\.0 /);
    expect(failures).toEqual(['Error: x']);
  });

  test('onConnect and onSecured refuse by it in place of the greeting', async () => {
    for (const name of ['onConnect', 'onSecured'] as const) {
      const options: ServerOptions = {
        tls: { certificates: [certificate] },
        listeners: [{ name: 'in', host: '127.0.0.1', port: 0, tls: 'implicit' }],
      };
      for (const wait of [false, true]) {
        const { port, log } = await startServer(options, (server) => {
          server[name](() => {
            const refusal = new Refusal(554, '7.1', 'Go away');
            if (wait) return Promise.reject(refusal);
            throw refusal;
          });
        });
        const client = await TestClient.connectTls(port);
        expect(await client.rest()).toBe('554 5.7.1 Go away\r\n');
        expect(log.of('failure')).toEqual([]);
      }
    }
  });

  test('onClose has nobody to refuse: a Refusal is a failure there', async () => {
    const { port, log } = await startServer({}, (server) => {
      server.onClose(() => {
        throw new Refusal(550, '7.1', 'No');
      });
    });
    const client = await TestClient.connect(port);
    await client.reply();
    client.destroy();
    expect(await log.next('failure')).toMatchObject({ where: 'close', error: { name: 'Refusal' } });
  });

  test('a Refusal that comes after its time is not heard, and is no second failure', async () => {
    let refuse = (): void => {};
    const { port, log } = await startServer({ limits: { answerTimeoutSeconds: 0.2 } }, (server) => {
      server
        .onSender(
          () =>
            new Promise((_, reject) => {
              refuse = () => reject(new Refusal(550, '7.1', 'No'));
            }),
        )
        .onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<a@example.com>')).toMatch(/^451 /);
    refuse();
    expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
    expect(log.of('failure')).toMatchObject([{ error: { code: 'MAILSLUICE_ANSWER_TIMEOUT' } }]);
    client.destroy();
  });

  test.each(['openMessage', 'write', 'commit', 'commit at once'])(
    '%s of the low-level interface may throw one',
    async (place) => {
      const refuse = (where: string): void => {
        if (where === place) throw new Refusal(552, '2.2', 'No room');
      };
      const { port, log } = await startServer(
        {
          openMessage: async () => {
            refuse('openMessage');
            return {
              kind: 'accept',
              writer: {
                write: () => (refuse('write'), true),
                commit: () => {
                  refuse('commit at once');
                  return Promise.resolve().then(() => {
                    refuse('commit');
                    return { code: 250, text: 'Ok' };
                  });
                },
                discard: () => {},
              },
            };
          },
        },
        () => {},
      );
      const client = await TestClient.connect(port);
      await client.reply();
      await client.sayAll('EHLO c', LINES.onSender, LINES.onRecipient);
      let reply = await client.say('DATA');
      if (reply.startsWith('354')) reply = await client.say('hi\r\n.');
      expect(reply).toBe('552 5.2.2 No room');
      expect(log.of('failure')).toEqual([]);
      expect(log.of('message-refused').length).toBe(place === 'openMessage' ? 0 : 1);
      expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
      client.destroy();
    },
  );
});

test.each([
  ['at once', false],
  ['later', true],
])('settle that throws a Refusal refuses the client with it, %s', async (_, isLater) => {
  const verifier = {
    salt: Buffer.from('salt'),
    iterations: 4096,
    storedKey: Buffer.alloc(32),
    serverKey: Buffer.alloc(32),
  };
  const options: ServerOptions = {
    listeners: [
      {
        ...{ name: 'in', host: '127.0.0.1', port: 0, auth: 'optional', allowInsecureAuth: true },
        mechanisms: ['SCRAM-SHA-256'],
      },
    ],
  };
  const { port, log } = await startServer(options, (server) => {
    server.onSignIn(() => ({
      kind: 'verify',
      verifiers: [verifier],
      settle: () => {
        const refusal = new Refusal(535, '7.9', 'Too many wrong passwords');
        if (isLater) return Promise.reject(refusal);
        throw refusal;
      },
    }));
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const signIn = async (client: TestClient): Promise<string> => {
    await client.reply();
    await client.say('EHLO c');
    const challenge = await client.say(`AUTH SCRAM-SHA-256 ${base64('n,,n=ann,r=nonce')}`);
    return /r=([^,]+)/.exec(Buffer.from(challenge.slice(4), 'base64').toString())?.[1] ?? '';
  };
  const client = await TestClient.connect(port);
  const nonce = await signIn(client);
  const final = base64(`c=biws,r=${nonce},p=${base64('x'.repeat(32))}`);
  expect(await client.say(final)).toBe('535 5.7.9 Too many wrong passwords');
  // One that gives up is settled too, and nobody hears the refusal.
  const quitter = await TestClient.connect(port);
  await signIn(quitter);
  quitter.destroy();
  await log.next('connection-closed');
  expect(log.of('failure')).toEqual([]);
  client.destroy();
});

describe('onData', () => {
  test.each(['DATA', 'BDAT 4 LAST\r\nhi\r\n'])(
    'a refusal answers %j, nothing takes the mail, and another can be sent',
    async (last) => {
      const opened: string[] = [];
      let isRefused = true;
      const { port } = await startServer({}, (server) => {
        server
          .onData(async ({ envelope, reply }) => {
            expect(envelope.recipients.length).toBe(1);
            return isRefused ? reply(550, '7.1', 'Not this one') : undefined;
          })
          .onMail(({ mail }) => void opened.push(mail.messageId));
      });
      const client = await TestClient.connect(port);
      await client.reply();
      await client.say('EHLO c');
      await client.sayAll('MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>');
      const say = async (): Promise<string> => client.send(last.replace(/[A]$/, 'A\r\n')).reply();
      expect(await say()).toBe('550 5.7.1 Not this one');
      expect(opened).toEqual([]);
      isRefused = false;
      await client.sayAll('MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>');
      let reply = await say();
      if (reply.startsWith('354')) reply = await client.say('.');
      expect(reply).toMatch(/^250 /);
      expect(opened.length).toBe(1);
      client.destroy();
    },
  );

  test('a reply that accepts is none of its answers', async () => {
    const [reply, failures] = await replyTo('onData', {
      onData: ({ reply: make }) => make(250, '0.0', 'Ok'),
    });
    expect(reply).toMatch(/^451 4\.3\.0 /);
    expect(failures).toEqual([
      'HookAnswerError: onData: code: expected 400 to 459 or 500 to 559, got 250 in an object with code, status, text',
    ]);
  });

  test('it is asked before openMessage, whose message id is not spent on a refusal', async () => {
    const order: string[] = [];
    const { port } = await startServer(
      {
        nextMessageId: () => (order.push('id'), 'id'),
        openMessage: () => {
          order.push('openMessage');
          return { kind: 'refuse', reply: { code: 452, text: 'Full' } };
        },
      },
      (server) => {
        server.onData(async () => void order.push('onData'));
      },
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', LINES.onSender, LINES.onRecipient);
    expect(await client.say('DATA')).toBe('452 Full');
    expect(order).toEqual(['onData', 'id', 'openMessage']);
    client.destroy();
  });

  test.each(['reset', 'late', 'closed'])(
    'an answer that comes when nobody waits for it opens no message: %s',
    async (how) => {
      const held = Promise.withResolvers<undefined>();
      const called = Promise.withResolvers<void>();
      const opened: string[] = [];
      const { port, server, log } = await startServer(
        { limits: { answerTimeoutSeconds: how === 'late' ? 0.2 : 60 } },
        (created) => {
          created
            .onData(async () => {
              called.resolve();
              return held.promise;
            })
            .onMail(({ mail }) => void opened.push(mail.messageId));
        },
      );
      const client = await TestClient.connect(port);
      await client.reply();
      await client.sayAll('EHLO c', LINES.onSender, LINES.onRecipient);
      client.send('DATA\r\n');
      await called.promise;
      if (how === 'reset') {
        client.reset();
        await log.next('connection-closed');
      } else if (how === 'late') {
        expect(await client.reply()).toMatch(/^451 4\.3\.0 /);
      } else {
        const closed = server.close({ drain: 0 });
        expect(await client.rest()).toMatch(/^421 /);
        await closed;
      }
      held.resolve(undefined);
      await new Promise(setImmediate);
      expect(opened).toEqual([]);
      if (how === 'late') expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
      client.destroy();
    },
  );
});

describe('the session and its state', () => {
  interface Score {
    points: number;
    readonly names: string[];
  }

  test('the state of the option is made once for a session, and all hooks and the loop share it', async () => {
    const made: SessionFacts[] = [];
    const server = new SmtpServer({
      ...SUBMISSION,
      state: (session): Score => {
        made.push(session);
        return { points: 0, names: [] };
      },
    });
    const note = (name: string, { state }: HookContext<Score>): void => {
      state.points += 1;
      state.names.push(name);
    };
    const last = Promise.withResolvers<Score>();
    server
      .onConnect((ctx) => note('connect', ctx))
      .onHelo((ctx) => note('helo', ctx))
      .onSignIn((ctx) => (note('sign-in', ctx), true))
      .onSender((ctx) => note('sender', ctx))
      .onRecipient((ctx) => note('recipient', ctx))
      .onData((ctx) => note('data', ctx))
      .onMail((ctx) => note('mail', ctx))
      .onClose(({ state }) => last.resolve(state));
    const looped = (async () => {
      for await (const mail of server) {
        mail.state.names.push('loop');
        mail.accept();
      }
    })();
    await server.listen();
    try {
      const client = await TestClient.connect(server.addresses[0]?.port ?? 0);
      await client.reply();
      expect(await client.sayAll(...Object.values(LINES), 'RSET', 'QUIT')).toBe(
        '250 235 250 250 354 250 250 221',
      );
      await client.rest();
      expect(await last.promise).toEqual({
        points: 7,
        names: ['connect', 'helo', 'sign-in', 'sender', 'recipient', 'data', 'mail', 'loop'],
      });
      expect(made.length).toBe(1);
      client.destroy();
    } finally {
      await server.close({ drain: 0 });
      await looped;
    }
  });

  test('without the option each session has an empty object of its own', async () => {
    const seen: unknown[] = [];
    const { port } = await startServer({}, (server) => {
      server.onHelo(({ state }) => {
        seen.push({ ...state });
        state['name'] = 'ann';
      });
      server.onSender(({ state }) => void seen.push({ ...state }));
      server.onMail(() => {});
    });
    for (const _ of [1, 2]) {
      const client = await TestClient.connect(port);
      await client.reply();
      await client.sayAll('EHLO c', 'MAIL FROM:<a@example.com>');
      client.destroy();
    }
    expect(seen).toEqual([{}, { name: 'ann' }, {}, { name: 'ann' }]);
  });

  test('an option state that throws fails the hook that asked for it', async () => {
    const { port, log } = await startServer(
      {
        state: () => {
          throw new Error('no state');
        },
      },
      (server) => {
        server.onHelo(({ state }) => void state).onMail(() => {});
      },
    );
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.sayAll('EHLO c', 'NOOP')).toBe('451 250');
    expect(log.of('failure')).toMatchObject([{ where: 'helo', error: { message: 'no state' } }]);
    client.destroy();
  });

  test('a WeakMap keyed by the session works from the connection to its end, whatever happens in between', async () => {
    const noted = new WeakMap<SessionFacts, string[]>();
    const note = (name: string, { session }: { readonly session: SessionFacts }): void => {
      if (!noted.has(session)) noted.set(session, []);
      noted.get(session)?.push(`${name} ${session.identity?.username ?? '-'}`);
    };
    const all = Promise.withResolvers<string[] | undefined>();
    const options: ServerOptions = {
      tls: { certificates: [certificate] },
      listeners: [
        {
          name: 'in',
          host: '127.0.0.1',
          port: 0,
          tls: 'starttls',
          auth: 'optional',
          trustedXclients: ['127.0.0.1'],
        },
      ],
    };
    const { port } = await startServer(options, (server) => {
      server
        .onConnect((ctx) => note('connect', ctx))
        .onSecured((ctx) => note('secured', ctx))
        .onHelo((ctx) => note('helo', ctx))
        .onSignIn((ctx) => (note('sign-in', ctx), true))
        .onSender((ctx) => note('sender', ctx))
        .onMail((ctx) => note('mail', ctx))
        .onClose(({ session }) => all.resolve(noted.get(session)));
    });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.say('XCLIENT ADDR=192.0.2.1')).toMatch(/^220 /);
    await client.say('EHLO c');
    await client.startTls();
    expect(await client.sayAll('EHLO c', PLAIN, 'MAIL FROM:<a@example.com>', 'RSET')).toBe(
      '250 235 250 250',
    );
    expect(await client.sayAll('MAIL FROM:<a@example.com>', LINES.onRecipient, 'DATA', '.')).toBe(
      '250 250 354 250',
    );
    client.destroy();
    expect(await all.promise).toEqual([
      ...['connect -', 'helo -', 'secured -', 'helo -', 'sign-in -'],
      ...['sender ann', 'sender ann', 'mail ann', 'close'].slice(0, 3),
    ]);
  });

  test('hooks of one question share one context, and mail hooks have one each', async () => {
    const contexts: unknown[] = [];
    const { port } = await startServer({}, (server) => {
      for (const _ of [1, 2]) server.onSender((ctx) => void contexts.push(ctx));
      for (const _ of [1, 2]) server.onMail((ctx) => void contexts.push(ctx));
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(contexts.length).toBe(4);
    expect(contexts[0]).toBe(contexts[1]);
    expect(contexts[2]).not.toBe(contexts[3]);
    client.destroy();
  });
});

describe('use', () => {
  test('hooks of middlewares and of onX are called in the order in which they were added', async () => {
    const order: string[] = [];
    const named = (name: string): Middleware => ({
      name,
      onSender: () => void order.push(`${name} sender`),
      onMail: () => void order.push(`${name} mail`),
    });
    const { port } = await startServer({}, (server) => {
      server
        .use(named('a'))
        .onSender(() => void order.push('own sender'))
        .use(named('b'), named('c'));
    });
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toMatch(/^250 /);
    expect(order).toEqual([
      ...['a sender', 'own sender', 'b sender', 'c sender'],
      ...['a mail', 'b mail', 'c mail'],
    ]);
    client.destroy();
  });

  test('a refusal ends the chain, and the hooks have their middleware as this', async () => {
    let count = 0;
    const selves: unknown[] = [];
    const limit: Middleware = {
      onSender() {
        selves.push(this);
        count += 1;
        if (count > 1) throw new Refusal(450, '7.1', 'Too many');
      },
    };
    const later: string[] = [];
    const { port } = await startServer({}, (server) => {
      server.use(limit, { onSender: () => void later.push('asked'), onMail: () => {} });
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    expect(await client.sayAll('MAIL FROM:<a@b>', 'RSET', 'MAIL FROM:<a@b>')).toBe('250 250 450');
    expect([count, later]).toEqual([2, ['asked']]);
    expect(selves).toEqual([limit, limit]);
    client.destroy();
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'use(): expected an object, got nothing'],
    ['a function', () => {}, 'use(): expected an object, got a function'],
    [
      'a hook of another name',
      { onRcpt: () => {} },
      'use(): onRcpt: expected no such hook, got a function',
    ],
    [
      'a hook in other letters',
      { onsender: () => {} },
      'use(): onsender: expected no such hook (there is onSender), got a function',
    ],
    [
      'a hook that is none',
      { onSender: 5, onMail: 'x' },
      'use(): onSender: expected a function, got 5\nuse(): onMail: expected a function, got "x"',
    ],
    [
      'a hook that is none, of a middleware with a name',
      { name: 'rate-limit', onSender: 5 },
      'use(rate-limit): onSender: expected a function, got 5',
    ],
    ['a name that is none', { name: 5 }, 'use(): name: expected a name, got 5'],
  ])('%s is refused, and nothing is added', async (_, middleware, message) => {
    const order: string[] = [];
    const { port } = await startServer({}, (server) => {
      const good: Middleware = { onSender: () => void order.push('good') };
      expect(() => server.use(good, middleware as Middleware)).toThrow(
        expect.objectContaining({ code: 'MAILSLUICE_OPTIONS_INVALID', message }),
      );
      server.onMail(() => {});
    });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.sayAll('EHLO c', 'MAIL FROM:<a@b>')).toBe('250 250');
    expect(order).toEqual([]);
    client.destroy();
  });

  test.each(asked)('an answer of %s that is not valid names the middleware', async (name) => {
    for (const said of [5, Promise.resolve(5), Promise.resolve().then(() => 5)]) {
      const [, failures] = await replyTo(name, {
        name: 'routes',
        [name]: () => said,
      } as Middleware);
      expect(failures).toEqual([
        expect.stringMatching(new RegExp(`^HookAnswerError: ${name} of routes: expected nothing`)),
      ]);
    }
  });

  test('onMail of a middleware cannot be combined with openMessage', () => {
    const server = new SmtpServer({
      openMessage: () => ({ kind: 'refuse', reply: { code: 452, text: 'Full' } }),
    });
    expect(() => server.use({ onMail: () => {} })).toThrow(/^onMail: expected a server without/);
  });
});
