import { createTransport } from 'nodemailer';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { HookAnswer, ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const NO = { code: 550, status: '7.1', text: 'No' };

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

type Add = (server: SmtpServer, hook: () => HookAnswer | Promise<HookAnswer>) => void;

const hooks: readonly [string, Add, string][] = [
  ['onHelo', (server, hook) => void server.onHelo(hook), 'EHLO c'],
  ['onSender', (server, hook) => void server.onSender(hook), 'MAIL FROM:<a@example.com>'],
  ['onRecipient', (server, hook) => void server.onRecipient(hook), 'RCPT TO:<b@example.com>'],
  ['onMail', (server, hook) => void server.onMail(hook), 'hi\r\n.'],
];

/** Walks through a whole transaction and gives the reply to the one line in question. */
async function replyTo(line: string, add: (server: SmtpServer) => void): Promise<string> {
  const { port } = await startServer({ nextMessageId: () => 'id' }, (server) => {
    add(server);
    server.onMail(() => {});
  });
  const client = await TestClient.connect(port);
  await client.reply();
  const lines = [
    'EHLO c',
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'DATA',
    'hi\r\n.',
  ];
  for (const each of lines) {
    const reply = await client.say(each);
    if (each === line) {
      client.destroy();
      return reply;
    }
  }
  throw new Error(`${line} is no line of a transaction`);
}

describe.each(hooks)('%s', (hook, add, line) => {
  test(`${hook} refuses with its own reply, at once or later`, async () => {
    expect(await replyTo(line, (server) => add(server, () => NO))).toBe('550 5.7.1 No');
    expect(await replyTo(line, (server) => add(server, async () => NO))).toBe('550 5.7.1 No');
  });

  test(`${hook} goes on when it says nothing, at once or later`, async () => {
    expect(await replyTo(line, (server) => add(server, () => {}))).toMatch(/^250/);
    expect(await replyTo(line, (server) => add(server, async () => {}))).toMatch(/^250/);
  });

  test(`${hook} is asked after another that agreed, and its refusal counts`, async () => {
    for (const first of [() => undefined, async () => undefined]) {
      const reply = await replyTo(line, (server) => {
        add(server, first);
        add(server, async () => undefined);
        add(server, () => NO);
      });
      expect(reply).toBe('550 5.7.1 No');
    }
  });

  test(`${hook} that fails is 451 4.3.0, at once or later`, async () => {
    const fail = (): never => {
      throw new Error('broken');
    };
    expect(await replyTo(line, (server) => add(server, fail))).toMatch(/^451 4\.3\.0 /);
    expect(await replyTo(line, (server) => add(server, async () => fail()))).toMatch(
      /^451 4\.3\.0 /,
    );
  });
});

test.each(hooks.slice(1))('%s may accept in its own words', async (_, add, line) => {
  const own = { code: 250, status: '2.5', text: 'With pleasure' };
  const reply = await replyTo(line, (server) => add(server, async () => own));
  expect(reply).toBe('250 2.2.5 With pleasure');
});

test('the hooks before a mail are asked one after another, and not after a refusal', async () => {
  const asked: string[] = [];
  await replyTo('RCPT TO:<b@example.com>', (server) => {
    server
      .onRecipient(async () => void asked.push('first'))
      .onRecipient(() => {
        asked.push('second');
        return NO;
      })
      .onRecipient(() => void asked.push('third'));
  });
  expect(asked).toEqual(['first', 'second']);
});

test('the same EHLO again is asked about once, and anew for another name, another verb, and after STARTTLS', async () => {
  const told: string[] = [];
  const listeners = [
    { name: 'mx', host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'optional' } as const,
  ];
  const { port } = await startServer(
    { listeners, tls: { certificates: [certificate] } },
    (server) => {
      server
        .onHelo(async ({ clientDomain, session: { tls } }) => {
          told.push(`${clientDomain} ${tls === null ? 'clear' : 'tls'}`);
          return { code: 250, text: `hello ${clientDomain}` };
        })
        .onSignIn(() => true)
        .onMail(() => {});
    },
  );
  const client = await TestClient.connect(port);
  await client.reply();
  for (let again = 0; again < 50; again += 1) {
    expect(await client.say('EHLO c')).toMatch(/^250-/);
    expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^250 /);
  }
  expect(told.splice(0)).toEqual(['c clear']);
  expect(await client.say('HELO c')).toBe('250 localhost hello c');
  expect(await client.say('HELO c')).toBe('250 localhost hello c');
  expect(await client.say('EHLO d')).toMatch(/^250-/);
  expect(told.splice(0)).toEqual(['c clear', 'd clear']);
  await client.say('STARTTLS');
  await client.secure();
  expect(await client.say('EHLO d')).not.toMatch(/STARTTLS/);
  await client.say('EHLO d');
  expect(told.splice(0)).toEqual(['d tls']);
  expect(await client.say(`AUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}`)).toMatch(
    /^235 /,
  );
  await client.say('EHLO d');
  await client.say('EHLO d');
  expect(told.splice(0)).toEqual(['d tls']);
  client.destroy();
});

describe('the arguments of hooks', () => {
  test('hooks get the session, the paths, the parameters and what was accepted before', async () => {
    const told: unknown[] = [];
    const { port } = await startServer({}, (server) => {
      server
        .onConnect(
          ({ session: { clientAddress, clientDomain, tls } }) =>
            void told.push(['connect', clientAddress, clientDomain, tls]),
        )
        .onHelo(({ clientDomain }) => void told.push(['helo', clientDomain]))
        .onSender(
          ({ reversePath, session, parameters }) =>
            void told.push(['sender', reversePath?.address, session.clientDomain, parameters.size]),
        )
        .onRecipient(
          ({ forwardPath, envelope, parameters }) =>
            void told.push([
              'recipient',
              forwardPath.address,
              envelope.recipients.length,
              parameters.notify,
            ]),
        )
        .onData(({ envelope }) => void told.push(['data', envelope.recipients.length]))
        .onMail(({ envelope }) => void told.push(['mail', envelope.recipients.length]))
        .onClose(({ session }) => void told.push(['close', session.clientDomain]));
    });
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll(
      'EHLO client.example',
      'MAIL FROM:<a@example.com> SIZE=5',
      'RCPT TO:<b@example.com>',
      'RCPT TO:<c@example.com>',
      'DATA',
      'hi\r\n.',
      'QUIT',
    );
    await client.rest();
    await expect.poll(() => told.at(-1)).toEqual(['close', 'client.example']);
    expect(told).toEqual([
      ['connect', '127.0.0.1', '', null],
      ['helo', 'client.example'],
      ['sender', 'a@example.com', 'client.example', 5],
      ['recipient', 'b@example.com', 0, undefined],
      ['recipient', 'c@example.com', 1, undefined],
      ['data', 2],
      ['mail', 2],
      ['close', 'client.example'],
    ]);
  });
});

describe('onConnect', () => {
  test.each([
    ['at once', (): HookAnswer => ({ code: 554, status: '7.1', text: 'Go away' })],
    ['later', async (): Promise<HookAnswer> => ({ code: 554, status: '7.1', text: 'Go away' })],
  ])('onConnect refuses in the place of the greeting, %s', async (_, hook) => {
    const { port } = await startServer({}, (server) => void server.onConnect(hook));
    const client = await TestClient.connect(port);
    expect(await client.rest()).toBe('554 5.7.1 Go away\r\n');
  });

  test('onConnect that fails turns the client away for now', async () => {
    const { port } = await startServer({}, (server) => {
      server.onConnect(async () => {
        throw new Error('broken');
      });
    });
    const client = await TestClient.connect(port);
    expect(await client.rest()).toMatch(/^421 4\.3\.0 /);
  });
});

describe('onSecured', () => {
  const options = (tls: 'starttls' | 'implicit'): ServerOptions => ({
    tls: { certificates: [certificate] },
    listeners: [{ name: 'in', host: '127.0.0.1', port: 0, tls }],
  });

  test('onSecured refuses in the place of the greeting of implicit TLS', async () => {
    const { port } = await startServer(options('implicit'), (server) => {
      server.onSecured(async ({ tls: { version } }) => ({
        code: 554,
        status: '7.1',
        text: `No ${version}`,
      }));
    });
    const client = await TestClient.connectTls(port);
    expect(await client.rest()).toBe('554 5.7.1 No TLSv1.3\r\n');
  });

  test('onSecured refuses the EHLO after STARTTLS', async () => {
    const { port } = await startServer(options('starttls'), (server) => {
      server.onSecured(() => NO);
    });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.say('EHLO c')).toMatch(/^250/);
    await client.startTls();
    expect(await client.say('EHLO c')).toBe('550 5.7.1 No');
    client.destroy();
  });
});

describe('onSignIn', () => {
  const submission: ServerOptions = {
    listeners: [
      { name: 'in', host: '127.0.0.1', port: 0, auth: 'required', allowInsecureAuth: true },
    ],
  };
  const plain = (username: string, password: string): string =>
    `AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`;

  async function signIn(add: (server: SmtpServer) => void): Promise<string> {
    const { port } = await startServer(submission, add);
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    const reply = await client.say(plain('ann', 'right'));
    client.destroy();
    return reply;
  }

  test('onSignIn that says true signs the client in, and the mail knows who it is', async () => {
    const { port, log } = await startServer(submission, (server) => {
      server
        .onSignIn(
          ({ attempt }) =>
            attempt.kind === 'password' &&
            attempt.username === 'ann' &&
            attempt.password.reveal() === 'right',
        )
        .onMail(() => {});
    });
    for (const [pass, outcome] of [
      ['wrong', /535/],
      ['right', undefined],
    ] as const) {
      const transport = createTransport({ host: '127.0.0.1', port, auth: { user: 'ann', pass } });
      const sent = transport.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'hi' });
      if (outcome) await expect(sent).rejects.toThrow(outcome);
      else await sent;
      transport.close();
    }
    const { message } = await log.next('message-accepted');
    expect(message.session.identity).toEqual({ username: 'ann', mechanism: 'PLAIN' });
    expect(JSON.stringify(log.all)).not.toMatch(/right|wrong|cmlnaHQ|d3Jvbmc/);
  });

  test.each<[string, RegExp, (server: SmtpServer) => void]>([
    ['that says false refuses', /^535 5\.7\.8 /, (server) => void server.onSignIn(() => false)],
    [
      'that says nothing signs nobody in',
      /^535 5\.7\.8 /,
      (server) => void server.onSignIn(() => {}),
    ],
    ['may refuse in its own words', /^550 5\.7\.1 No/, (server) => void server.onSignIn(() => NO)],
    [
      'that refuses outweighs one that agreed',
      /^535 5\.7\.8 /,
      (server) => void server.onSignIn(() => true).onSignIn(async () => false),
    ],
    [
      'that says nothing leaves it to the next',
      /^235 /,
      (server) => void server.onSignIn(async () => undefined).onSignIn(async () => true),
    ],
    [
      'may name another identity',
      /^235 /,
      (server) =>
        void server.onSignIn(({ attempt: { mechanism } }) => ({
          kind: 'accept',
          identity: { username: 'team', mechanism },
        })),
    ],
    [
      'that fails is 454 and never 535',
      /^454 4\.7\.0 /,
      (server) =>
        void server.onSignIn(async () => {
          throw new Error('no table');
        }),
    ],
  ])('onSignIn %s', async (_, expected, add) => {
    expect(await signIn(add)).toMatch(expected);
  });
});

test('an observer that throws touches no session, and is warned of', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { port } = await startServer({
    observe() {
      throw new Error('full disk');
    },
  });
  const client = await TestClient.connect(port);
  expect(await client.reply()).toMatch(/^220 /);
  expect(warn.mock.calls[0]).toEqual([new Error('full disk')]);
  client.destroy();
});
