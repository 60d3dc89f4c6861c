// Answers that cannot be meant: the client hears a 4yz, observers a documented error, and the session goes on.
import { describe, expect, test } from 'vitest';
import type { LoopMail, ServerOptions, SmtpServer } from '../../../src/server/index.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { startServer } from '../../support/smtp-server.ts';

/** A hook as a program without types writes it. */
type Hook = () => unknown;
type Adder = 'onConnect' | 'onHelo' | 'onSignIn' | 'onSender' | 'onRecipient' | 'onMail';

const add = (server: SmtpServer, name: Adder, hook: Hook): void => {
  (server[name].bind(server) as (hook: Hook) => void)(hook);
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const LMTP: ServerOptions = {
  listeners: [{ name: 'in', host: '127.0.0.1', port: 0, protocol: 'lmtp' }],
};
const SUBMISSION: ServerOptions = {
  listeners: [
    {
      name: 'in',
      host: '127.0.0.1',
      port: 0,
      auth: 'optional',
      allowInsecureAuth: true,
      mechanisms: ['PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'XOAUTH2', 'OAUTHBEARER'],
    },
  ],
};

const OK = { code: 250, status: '2.5', text: 'With pleasure' };
const NO = { code: 550, status: '7.1', text: 'No' };

/** What no hook may answer, and what the error says behind the hook's name. */
const nonsense: readonly (readonly [string, unknown, string])[] = [
  ['false', false, 'expected nothing or a reply { code, status, text }, got false'],
  ['true', true, 'expected nothing or a reply { code, status, text }, got true'],
  ['null', null, 'expected nothing or a reply { code, status, text }, got null'],
  ['a number', 250, 'expected nothing or a reply { code, status, text }, got 250'],
  ['a text', '250 Ok', 'expected nothing or a reply { code, status, text }, got a string'],
  ['a function', () => OK, 'expected nothing or a reply { code, status, text }, got a function'],
  ['a symbol', Symbol('ok'), 'expected nothing or a reply { code, status, text }, got a symbol'],
  [
    'message in place of text',
    { code: 550, message: 'x' },
    'text: expected a string or an array of strings, got nothing in an object with code, message',
  ],
  [
    'a text that is a number',
    { code: 550, text: 5 },
    'text: expected a string or an array of strings, got 5 in an object with code, text',
  ],
  [
    'no lines',
    { code: 550, text: [] },
    'text: expected a string or an array of strings, got an array of 0 in an object with code, text',
  ],
  [
    'lines that are numbers',
    { code: 550, text: ['a', 5] },
    'text: expected a string or an array of strings, got an array of 2 in an object with code, text',
  ],
  ['an answer of the low level', { kind: 'accept' }, 'got nothing in an object with kind'],
  ['a code as text', { ...NO, code: '550' }, 'got a string in an object with code, status, text'],
  ['code 999', { ...NO, code: 999 }, 'got 999 in an object with code, status, text'],
  ['code 354', { ...NO, code: 354 }, 'got 354 in an object with code, status, text'],
  ['code 560', { ...NO, code: 560 }, 'got 560 in an object with code, status, text'],
  ['code 221', { ...NO, code: 221 }, 'got 221 in an object with code, status, text'],
  ['code 550.5', { ...NO, code: 550.5 }, 'got 550.5 in an object with code, status, text'],
  [
    'a status with its class',
    { ...NO, status: '5.7.1' },
    'status: expected nothing, or subject and detail like "7.1", whose class follows from the code, got "5.7.1"',
  ],
  ['a status that is a number', { ...NO, status: 7.1 }, 'got 7.1'],
  ['a status with a line end', { ...NO, status: '7.1\r\n250 Ok' }, 'got "7.1??250 Ok"'],
  ['a thenable that is none', JSON.parse('{"then":5}'), 'got nothing in an object with then'],
];

const lines = ['EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA', 'hi\r\n.'];
const places: readonly (readonly [Adder, number])[] = [
  ['onHelo', 0],
  ['onSender', 1],
  ['onRecipient', 2],
  ['onMail', 4],
];

/** Whether the error stands in the one failure of the log. */
async function failureIn({ log }: Awaited<ReturnType<typeof startServer>>): Promise<string> {
  const { error } = await log.next('failure');
  expect(error).toMatchObject({ name: 'HookAnswerError', code: 'MAILSLUICE_HOOK_ANSWER_INVALID' });
  expect(log.of('failure').length).toBe(1);
  return error instanceof Error ? error.message : '';
}

describe.each(places)('%s', (name, at) => {
  test.each(nonsense)(
    `${name} that answers with %s is 451, an error, and no end`,
    async (_, said, detail) => {
      for (const answer of [() => said, async () => said]) {
        const started = await startServer({}, (server) => {
          add(server, name, answer);
          if (name !== 'onMail') server.onMail(() => {});
        });
        const client = await TestClient.connect(started.port);
        await client.reply();
        const replies: string[] = [];
        for (const line of lines.slice(0, at + 1)) replies.push(await client.say(line));
        expect(replies.at(-1)).toMatch(/^451 4\.3\.0 /);
        expect(replies.slice(0, -1).filter((reply) => !/^[23]/.test(reply))).toEqual([]);
        expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
        const message = await failureIn(started);
        expect(message.startsWith(`${name}: `)).toBe(true);
        expect(message).toContain(detail);
        expect(started.log.of('message-accepted')).toEqual([]);
        client.destroy();
      }
    },
  );
});

describe('onConnect and onSecured', () => {
  test.each([...nonsense, ['code 250', OK, 'got 250 in'] as const])(
    'onConnect that answers with %s turns the client away for now',
    async (_, said, detail) => {
      const started = await startServer({}, (server) => add(server, 'onConnect', () => said));
      const client = await TestClient.connect(started.port);
      expect(await client.rest()).toMatch(/^421 4\.3\.0 [^\r\n]*\r\n$/);
      expect(await failureIn(started)).toContain(detail);
    },
  );

  test('a reply of 220 of onConnect stands in the greeting, behind name and protocol', async () => {
    const { port } = await startServer({ hostname: 'mx.example.com' }, (server) => {
      server.onConnect(() => ({ code: 220, text: ['Welcome', 'to us'] }));
    });
    const client = await TestClient.connect(port);
    expect(await client.reply()).toBe('220 mx.example.com ESMTP Welcome to us');
    client.destroy();
  });

  test('a reply of 250 of onHelo stands in the reply to EHLO and to HELO, behind the name', async () => {
    const { port } = await startServer({ hostname: 'mx.example.com' }, (server) => {
      server.onHelo(() => OK);
    });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.say('EHLO c')).toMatch(
      /^250-mx\.example\.com With pleasure\n250-PIPELINING\n/,
    );
    expect(await client.say('HELO c')).toBe('250 mx.example.com With pleasure');
    client.destroy();
  });

  test('a connect hook that is late leaves a trace', async () => {
    const { port, log } = await startServer({ limits: { answerTimeoutSeconds: 0.1 } }, (server) => {
      server.onConnect(() => new Promise(() => {}));
    });
    const client = await TestClient.connect(port);
    expect(await client.rest()).toBe('');
    const failure = await log.next('failure');
    expect(failure).toMatchObject({ where: 'connect', error: { name: 'AnswerTimeoutError' } });
  });
});

describe('LMTP', () => {
  async function deliver(said: unknown, more: ServerOptions = LMTP): Promise<string[]> {
    const started = await startServer({ ...more, nextMessageId: () => 'id' }, (server) =>
      add(server, 'onMail', async () => said),
    );
    const client = await TestClient.connect(started.port);
    await client.reply();
    const isLmtp = more === LMTP;
    await client.sayAll(
      isLmtp ? 'LHLO c' : 'EHLO c',
      'MAIL FROM:<>',
      'RCPT TO:<a@example.com>',
      'RCPT TO:<b@example.com>',
      'DATA',
    );
    client.send('hi\r\n.\r\n');
    const replies = [await client.reply()];
    if (isLmtp) replies.push(await client.reply());
    expect(await client.sayAll('NOOP')).toBe('250');
    client.destroy();
    if (replies.some((reply) => reply.startsWith('451'))) replies.push(await failureIn(started));
    return replies;
  }
  const deferred = '451 4.3.0 Message not stored, try again later';

  test.each<[string, unknown, string]>([
    ['no reply', [], 'onMail: expected one reply for each of 2 recipients, got 0'],
    ['too few replies', [OK], 'onMail: expected one reply for each of 2 recipients, got 1'],
    [
      'too many replies',
      [OK, OK, OK],
      'onMail: expected one reply for each of 2 recipients, got 3',
    ],
    [
      'a hole',
      [OK, undefined],
      'onMail: expected nothing or a reply { code, status, text }, got nothing',
    ],
    [
      'a reply that is none',
      [OK, false],
      'onMail: expected nothing or a reply { code, status, text }, got false',
    ],
    [
      'replies in replies',
      [OK, [OK]],
      'onMail: expected nothing or a reply { code, status, text }, got an array of 1',
    ],
  ])(
    'LMTP: %s is 451 for every recipient, and for the mail of an SMTP client',
    async (_, said, message) => {
      expect(await deliver(said)).toEqual([deferred, deferred, message]);
      expect(await deliver(said, {})).toEqual([deferred, message]);
    },
  );

  test('LMTP: one reply for each recipient is each one for its recipient', async () => {
    expect(await deliver([OK, NO])).toEqual(['250 2.2.5 With pleasure', '550 5.7.1 No']);
    expect(await deliver([OK, NO], {})).toEqual(['550 5.7.1 No']);
  });
});

describe('the loop', () => {
  type Decide = (mail: LoopMail) => boolean;
  const any = (said: unknown): never => said as never;

  test.each<[string, Decide, string]>([
    ['accepts with 550', (mail) => mail.accept(NO), 'accept: code: expected 250 to 252, got 550'],
    [
      'accepts with false',
      (mail) => mail.accept(any(false)),
      'accept: expected nothing or a reply',
    ],
    [
      'rejects with 250',
      (mail) => mail.reject(OK),
      'reject: code: expected 400 to 459 or 500 to 559, got 250',
    ],
    [
      'rejects without a reply',
      (mail) => mail.reject(any(undefined)),
      'reject: expected a reply { code, status, text }, got nothing',
    ],
  ])('a loop that %s is 451, and hears that it was not taken', async (_, decide, detail) => {
    const started = await startServer({}, () => {});
    const loop = started.server[Symbol.asyncIterator]();
    const client = await TestClient.connect(started.port);
    await client.openMessage();
    client.send('hi\r\n.\r\n');
    const { value: mail } = await loop.next();
    expect(mail && decide(mail)).toBe(false);
    expect(await client.reply()).toMatch(/^451 4\.3\.0 /);
    expect(await failureIn(started)).toContain(detail);
    expect(mail?.accept()).toBe(false);
    client.destroy();
  });
});

describe('sign-in', () => {
  const identity = { username: 'ann', mechanism: 'PLAIN' };

  test.each<[string, unknown, string]>([
    ['null', null, 'expected nothing, true, false, a reply or a SignInAnswer, got null'],
    ['a text', 'ann', 'expected nothing, true, false, a reply or a SignInAnswer, got a string'],
    ['a number', 1, 'expected nothing, true, false, a reply or a SignInAnswer, got 1'],
    [
      'a reply that accepts',
      { ...NO, code: 250 },
      'code: expected 400 to 459 or 500 to 559, got 250',
    ],
    ['a reply of 334', { code: 334, text: '' }, 'code: expected 400 to 459 or 500 to 559, got 334'],
    [
      'accept without an identity',
      { kind: 'accept' },
      'identity: expected { username, mechanism }, got nothing',
    ],
    [
      'an identity without a name',
      { kind: 'accept', identity: { ...identity, username: '' } },
      'identity.username: expected',
    ],
    [
      'a name that is no text',
      { kind: 'accept', identity: { ...identity, username: 5 } },
      'identity.username: expected',
    ],
    [
      'a name with a line end',
      { kind: 'accept', identity: { ...identity, username: 'a\r\nb' } },
      'identity.username: expected',
    ],
    [
      'an identity without a mechanism',
      { kind: 'accept', identity: { username: 'ann' } },
      'identity.mechanism: expected',
    ],
    ['refuse without a reply', { kind: 'refuse' }, 'expected a reply in the refusal, got nothing'],
    [
      'refuse with 250',
      { kind: 'refuse', reply: OK },
      'code: expected 400 to 459 or 500 to 559, got 250',
    ],
    [
      'verify',
      { kind: 'verify', verifiers: [], settle: () => ({}) },
      'kind: expected accept or refuse for PLAIN, got verify',
    ],
    ['another kind', { kind: 'yes' }, 'kind: expected accept or refuse for PLAIN, got a string'],
    [
      'an array',
      [identity],
      'expected nothing or a reply { code, status, text }, got an array of 1',
    ],
  ])(
    'onSignIn that answers with %s is 454, an error, and signs nobody in',
    async (_, said, detail) => {
      for (const answer of [() => said, async () => said]) {
        const started = await startServer(SUBMISSION, (server) => add(server, 'onSignIn', answer));
        const client = await TestClient.connect(started.port);
        await client.reply();
        await client.say('EHLO c');
        expect(await client.say(`AUTH PLAIN ${base64('\0ann\0pw')}`)).toMatch(/^454 4\.7\.0 /);
        expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
        expect(await failureIn(started)).toContain(detail);
        client.destroy();
      }
    },
  );

  const verifier = {
    salt: Buffer.from('salt'),
    iterations: 4096,
    storedKey: Buffer.alloc(32),
    serverKey: Buffer.alloc(32),
  };
  const verify = {
    kind: 'verify',
    verifiers: [verifier],
    settle: () => ({ kind: 'refuse', reply: NO }),
  };

  test.each<[string, unknown, string]>([
    [
      'true',
      true,
      'expected a verify answer to SCRAM-SHA-256, whose proof is checked here, got true',
    ],
    [
      'accept without a proof',
      { kind: 'accept', identity },
      'kind: expected verify or refuse for SCRAM-SHA-256, got accept',
    ],
    [
      'no verifiers',
      { ...verify, verifiers: [] },
      'verifiers: expected an array of at least one, got an array of 0',
    ],
    ['no settle', { ...verify, settle: undefined }, 'settle: expected a function, got nothing'],
    [
      'a short key',
      { ...verify, verifiers: [{ ...verifier, storedKey: Buffer.alloc(5) }] },
      'verifiers[0].storedKey: expected a Buffer of 32 octets, got a Buffer',
    ],
    [
      'a salt as text',
      { ...verify, verifiers: [{ ...verifier, salt: 'salt' }] },
      'verifiers[0].salt: expected a Buffer, got a string',
    ],
    [
      'no iterations',
      { ...verify, verifiers: [{ ...verifier, iterations: 0 }] },
      'verifiers[0].iterations: expected a whole number from 1, got 0',
    ],
    [
      'two salts',
      { ...verify, verifiers: [verifier, { ...verifier, salt: Buffer.from('other') }] },
      'verifiers: expected one salt',
    ],
  ])('onSignIn that answers SCRAM with %s is 454', async (_, said, detail) => {
    const started = await startServer(SUBMISSION, (server) => add(server, 'onSignIn', () => said));
    const client = await TestClient.connect(started.port);
    await client.reply();
    await client.say('EHLO c');
    const first = base64('n,,n=ann,r=nonce');
    expect(await client.say(`AUTH SCRAM-SHA-256 ${first}`)).toMatch(/^454 4\.7\.0 /);
    expect(await failureIn(started)).toContain(detail);
    client.destroy();
  });

  test.each<[string, unknown, string]>([
    [
      'accept',
      { kind: 'accept', identity },
      'settle: kind: expected refuse, because the proof was wrong, got accept',
    ],
    ['true', true, 'settle: expected a SignInAnswer, got true'],
    ['nothing', undefined, 'settle: expected a SignInAnswer, got nothing'],
    [
      'verify again',
      verify,
      'settle: kind: expected refuse, because the proof was wrong, got verify',
    ],
  ])('settle that answers a wrong proof with %s signs nobody in', async (_, said, detail) => {
    for (const settle of [() => said, async () => said]) {
      const started = await startServer(SUBMISSION, (server) =>
        add(server, 'onSignIn', () => ({ ...verify, settle })),
      );
      const client = await TestClient.connect(started.port);
      await client.reply();
      await client.say('EHLO c');
      const challenge = await client.say(`AUTH SCRAM-SHA-256 ${base64('n,,n=ann,r=nonce')}`);
      const nonce = /r=([^,]+)/.exec(Buffer.from(challenge.slice(4), 'base64').toString())?.[1];
      const final = base64(`c=biws,r=${nonce},p=${base64('x'.repeat(32))}`);
      expect(await client.say(final)).toMatch(/^454 4\.7\.0 /);
      expect(await client.sayAll('NOOP')).toBe('250');
      expect(await failureIn(started)).toContain(detail);
      client.destroy();
    }
  });

  test('true cannot sign in a token whose client named no user', async () => {
    const started = await startServer(SUBMISSION, (server) => server.onSignIn(() => true));
    const client = await TestClient.connect(started.port);
    await client.reply();
    await client.say('EHLO c');
    const token = base64('n,,\x01auth=Bearer abc\x01\x01');
    expect(await client.say(`AUTH OAUTHBEARER ${token}`)).toMatch(/^454 4\.7\.0 /);
    expect(await failureIn(started)).toContain('because the client named no user, got true');
    client.destroy();
  });

  test.each([
    ['PLAIN', [`PLAIN ${base64('\0ann\r\nX\0pw')}`]],
    ['PLAIN, acting as another', [`PLAIN ${base64('b\nob\0ann\0pw')}`]],
    ['LOGIN', ['LOGIN', base64('ann\r\nX'), base64('pw')]],
    ['SCRAM', [`SCRAM-SHA-256 ${base64('n,,n=ann\r\nX,r=nonce')}`]],
    ['SCRAM, acting as another', [`SCRAM-SHA-256 ${base64('n,a=b\u2028b,n=ann,r=nonce')}`]],
    ['XOAUTH2', [`XOAUTH2 ${base64('user=ann\r\nX\x01auth=Bearer abc\x01\x01')}`]],
    ['OAUTHBEARER', [`OAUTHBEARER ${base64('n,a=ann\u202eX,\x01auth=Bearer abc\x01\x01')}`]],
  ])(
    'a user name with a line end or a mark reaches no hook, by %s',
    async (_, [auth, ...responses]) => {
      const asked: unknown[] = [];
      const { port, log } = await startServer(SUBMISSION, (server) => {
        server.onSignIn(({ attempt }) => {
          asked.push(attempt);
          return true;
        });
      });
      const client = await TestClient.connect(port);
      await client.reply();
      await client.say('EHLO c');
      let reply = await client.say(`AUTH ${auth}`);
      for (const response of responses) reply = await client.say(response);
      expect(reply).toMatch(/^50[01] /);
      expect(asked).toEqual([]);
      expect(JSON.stringify(log.all)).not.toMatch(/ann\\r\\n|\u2028|\u202e/);
      client.destroy();
    },
  );
});

describe('an own mechanism', () => {
  const options = (mechanism: object): ServerOptions => ({
    listeners: [
      {
        name: 'in',
        host: '127.0.0.1',
        port: 0,
        auth: 'required',
        allowInsecureAuth: true,
        mechanisms: ['X-OWN'],
        customMechanisms: [{ name: 'X-OWN', isOffered: () => true, ...mechanism } as never],
      },
    ],
  });
  const fail = (): never => {
    throw new Error('broken');
  };
  const begins = (step: unknown): object => ({
    start: () => ({ begin: () => step, answered: (answer: unknown) => answer }),
  });

  test.each<[string, object]>([
    ['does not start', { start: fail }],
    ['starts nothing', { start: () => null }],
    ['throws', { start: () => ({ begin: fail }) }],
    ['has no step', begins(undefined)],
    ['has a step later', { start: () => ({ begin: async () => fail() }) }],
    ['has a step of no kind', begins({ kind: 'wait' })],
    ['challenges with a text', begins({ kind: 'challenge', data: 'hi' })],
    ['accepts nobody', begins({ kind: 'accept' })],
    [
      'accepts a name with a line end',
      begins({ kind: 'accept', identity: { username: 'a\nb', mechanism: 'X' } }),
    ],
    ['refuses with 235', begins({ kind: 'refuse', reply: { code: 235, text: 'in' } })],
    ['asks nothing', begins({ kind: 'ask' })],
    [
      'asks about a name that is none',
      begins({
        kind: 'ask',
        question: {
          kind: 'sign-in',
          attempt: { kind: 'password', mechanism: 'X-OWN', username: 5 },
        },
      }),
    ],
    [
      'settles what was never begun',
      begins({ kind: 'ask', question: { kind: 'settle-sign-in', proved: true } }),
    ],
  ])('a mechanism that %s is 454, an error, and no end', async (_, mechanism) => {
    const { port, log } = await startServer(options(mechanism));
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say('AUTH X-OWN')).toMatch(/^454 4\.7\.0 /);
    expect(await client.sayAll('NOOP', 'MAIL FROM:<a@b>', 'QUIT')).toBe('250 530 221');
    expect(log.of('failure').length).toBe(1);
    client.destroy();
  });

  test.each<[string, Hook]>([
    ['throws', fail],
    ['answers with a text', () => 'yes'],
  ])('a mechanism whose isOffered %s is not offered', async (_, isOffered) => {
    const { port, log } = await startServer(
      options({ isOffered, ...begins({ kind: 'malformed' }) }),
    );
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.say('EHLO c')).not.toContain('AUTH');
    expect(log.of('failure')).toMatchObject([{ where: 'mechanism' }]);
    client.destroy();
  });
});

describe('the low-level interface', () => {
  const writer = { write: () => true, commit: () => OK, discard: () => {} };

  /** The reply to the message, or to DATA where that is no 354; then the session goes on. */
  async function send(options: object): Promise<{ reply: string; failure: string }> {
    const started = await startServer(options as ServerOptions, () => {});
    const client = await TestClient.connect(started.port);
    await client.reply();
    await client.sayAll('EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>');
    let reply = await client.say('DATA');
    if (reply.startsWith('354')) reply = await client.say('hi\r\n.');
    expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
    client.destroy();
    return { reply, failure: await failureIn(started) };
  }

  test.each<[string, unknown, string]>([
    [
      'nothing',
      undefined,
      'openMessage: expected { kind: "accept", writer } or { kind: "refuse", reply }, got nothing',
    ],
    ['a writer alone', writer, 'openMessage: expected { kind: "accept"'],
    [
      'no writer',
      { kind: 'accept' },
      'openMessage: writer: expected an object with write, commit and discard, got nothing',
    ],
    [
      'half a writer',
      { kind: 'accept', writer: { ...writer, discard: 5 } },
      'openMessage: writer: expected',
    ],
    [
      'another kind',
      { kind: 'ok', writer },
      'openMessage: kind: expected "accept" or "refuse", got a string',
    ],
    [
      'refuse without a reply',
      { kind: 'refuse' },
      'openMessage: expected a reply { code, status, text }, got nothing',
    ],
    [
      'refuse with 354',
      { kind: 'refuse', reply: { ...NO, code: 354 } },
      'openMessage: code: expected 400 to 459 or 500 to 559, got 354',
    ],
  ])('openMessage that answers with %s is 451', async (_, said, message) => {
    for (const openMessage of [() => said, async () => said]) {
      const { reply, failure } = await send({ openMessage });
      expect(reply).toMatch(/^451 4\.3\.0 /);
      expect(failure).toContain(message);
    }
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'commit: expected a reply, got nothing'],
    ['true', true, 'commit: expected a reply { code, status, text }, got true'],
    [
      'code 200',
      { ...OK, code: 200 },
      'commit: code: expected 400 to 459 or 500 to 559, or 250 to 252, got 200',
    ],
    ['no replies', [], 'commit: expected one reply for each of 1 recipients, got 0'],
    ['two replies', [OK, OK], 'commit: expected one reply for each of 1 recipients, got 2'],
  ])('commit that answers with %s is 451', async (_, said, message) => {
    for (const commit of [() => said, async () => said]) {
      const { reply, failure } = await send({
        openMessage: () => ({ kind: 'accept', writer: { ...writer, commit } }),
      });
      expect(reply).toMatch(/^451 4\.3\.0 Message not stored/);
      expect(failure).toContain(message);
    }
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a promise, as an asynchronous one does', Promise.resolve(true)],
    ['a text', 'ok'],
  ])('write that answers with %s is 451, and the message is discarded', async (_, said) => {
    const calls: string[] = [];
    const { reply, failure } = await send({
      openMessage: () => ({
        kind: 'accept',
        writer: {
          write: () => (calls.push('write'), said),
          commit: () => (calls.push('commit'), OK),
          discard: (cause: string) => void calls.push(cause),
        },
      }),
    });
    expect(reply).toMatch(/^451 4\.3\.0 Message not stored/);
    expect(failure).toContain('write: expected true or false, got');
    expect(calls).toEqual(['write', 'aborted']);
  });

  test('write that throws is 451, and an asynchronous discard that rejects is a failure', async () => {
    const { port, log } = await startServer(
      {
        openMessage: () => ({
          kind: 'accept',
          writer: {
            write() {
              throw new Error('disk full');
            },
            commit: () => OK,
            discard: (async () => {
              throw new Error('no clean-up');
            }) as () => void,
          },
        }),
      },
      () => {},
    );
    const client = await TestClient.connect(port);
    await client.openMessage();
    expect(await client.say('hi\r\n.')).toMatch(/^451 4\.3\.0 /);
    await log.next(
      'failure',
      ({ error }) => error instanceof Error && error.message === 'no clean-up',
    );
    expect(log.of('failure').length).toBe(2);
    expect(log.of('message-deferred').length).toBe(1);
    client.destroy();
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a number', 5],
    ['an empty text', ''],
    ['a line end', 'id\r\n250 Ok'],
    ['a text too long for a reply', 'x'.repeat(201)],
  ])('nextMessageId that gives %s is 451', async (_, id) => {
    const { reply, failure } = await send({
      nextMessageId: () => id,
      openMessage: () => ({ kind: 'accept', writer }),
    });
    expect(reply).toMatch(/^451 4\.3\.0 /);
    expect(failure).toContain('nextMessageId: expected 1 to 200 printable ASCII characters');
  });
});
