// A SASL mechanism of the embedder's whose steps come later, over real sockets.
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  type Exchange,
  type Mechanism,
  Refusal,
  type ServerOptions,
} from '../../src/server/index.ts';
import { Secret, type Step } from '../../src/smtp/index.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer, type TestServer } from '../support/smtp-server.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const never = async (): Promise<never> => new Promise(() => {});

function options(exchange: Partial<Exchange>, answerTimeoutSeconds = 60): ServerOptions {
  const malformed: Step = { kind: 'malformed' };
  const whole: Exchange = {
    begin: () => ({ kind: 'challenge', data: Buffer.alloc(0) }),
    respond: () => malformed,
    answered: () => malformed,
    ...exchange,
  };
  const mechanism: Mechanism = { name: 'X-LATER', isOffered: () => true, start: () => whole };
  return {
    limits: { answerTimeoutSeconds },
    listeners: [
      {
        name: 'in',
        host: '127.0.0.1',
        port: 0,
        auth: 'required',
        allowInsecureAuth: true,
        mechanisms: ['X-LATER'],
        customMechanisms: [mechanism],
      },
    ],
  };
}

async function begin(
  exchange: Partial<Exchange>,
  seconds?: number,
): Promise<[TestClient, TestServer]> {
  const started = await startServer(options(exchange, seconds), (server) => {
    server
      .onSignIn(({ attempt }) => attempt.kind === 'password' && attempt.password.reveal() === 'pw')
      .onMail(() => {});
  });
  const client = await TestClient.connect(started.port);
  await client.reply();
  await client.say('EHLO c');
  return [client, started];
}

describe('a mechanism whose steps come later', () => {
  test('challenges, asks the sign-in hooks and accepts', async () => {
    const [client, { log }] = await begin({
      begin: async () => ({ kind: 'challenge', data: Buffer.from('who?') }),
      respond: async (response) => {
        await setTimeout(5);
        const [username = '', password = ''] = response.toString().split(' ');
        const mechanism = 'X-LATER';
        const attempt = {
          kind: 'password',
          mechanism,
          username,
          password: new Secret(password),
        } as const;
        return { kind: 'ask', question: { kind: 'sign-in', attempt } };
      },
      answered: async (answer) => {
        if (answer.kind === 'verify') throw new Error('expected no verifiers');
        return answer;
      },
    });
    expect(await client.say('AUTH X-LATER')).toBe(`334 ${base64('who?')}`);
    expect(await client.say(base64('ann wrong'))).toMatch(/^535 5\.7\.8 /);
    expect(await client.say('AUTH X-LATER')).toBe(`334 ${base64('who?')}`);
    // With commands behind it that wait for the answer.
    client.send(`${base64('ann pw')}\r\nNOOP\r\nMAIL FROM:<a@b.example>\r\n`);
    expect([await client.reply(), await client.reply(), await client.reply()]).toEqual([
      expect.stringMatching(/^235 /),
      expect.stringMatching(/^250 /),
      expect.stringMatching(/^250 /),
    ]);
    expect(log.of('failure')).toEqual([]);
    client.destroy();
  });

  test.each<[string, () => unknown, RegExp, unknown[]]>([
    ['throws later', async () => Promise.reject(new Error('broken')), /^454 4\.7\.0 /, ['broken']],
    [
      'gives no step',
      async () => undefined,
      /^454 4\.7\.0 /,
      ['mechanism: expected a step, got nothing'],
    ],
    [
      'says to wait, which is the session’s alone',
      async () => ({ kind: 'wait', on: never() }),
      /^454 4\.7\.0 /,
      ['mechanism: kind: expected challenge, ask, accept, refuse or malformed, got a string'],
    ],
    [
      'throws a Refusal later',
      async () => Promise.reject(new Refusal(535, '7.8', 'No ticket')),
      /^535 5\.7\.8 No ticket$/,
      [],
    ],
    [
      'throws a Refusal at once',
      () => {
        throw new Refusal(535, '7.8', 'No ticket');
      },
      /^535 5\.7\.8 No ticket$/,
      [],
    ],
    ['finds the response malformed later', async () => ({ kind: 'malformed' }), /^501 /, []],
  ])('that %s is refused, and the session goes on', async (_, respond, reply, failures) => {
    const [client, { log }] = await begin({ respond: respond as Exchange['respond'] });
    expect(await client.say('AUTH X-LATER aGk=')).toMatch(reply);
    expect(await client.sayAll('NOOP', 'MAIL FROM:<a@b.example>')).toBe('250 530');
    expect(log.of('failure').map(({ error }) => (error as Error).message)).toEqual(failures);
    client.destroy();
  });

  test('that takes too long is 454, and the step that comes then is not heard', async () => {
    const late = Promise.withResolvers<Step>();
    const [client, { log }] = await begin({ respond: async () => late.promise }, 0.2);
    expect(await client.say('AUTH X-LATER aGk=')).toMatch(/^454 4\.7\.0 /);
    late.resolve({ kind: 'accept', identity: { username: 'ann', mechanism: 'X-LATER' } });
    expect(await client.sayAll('NOOP', 'MAIL FROM:<a@b.example>')).toBe('250 530');
    expect(log.of('failure')).toMatchObject([
      { where: 'sign-in-step', error: { code: 'MAILSLUICE_ANSWER_TIMEOUT' } },
    ]);
    client.destroy();
  });

  test('whose client is gone ends with the connection', async () => {
    const asked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<Step>();
    const [client, { log, server }] = await begin({
      respond: async () => {
        asked.resolve();
        return late.promise;
      },
    });
    client.send('AUTH X-LATER aGk=\r\n');
    await asked.promise;
    client.reset();
    await log.next('connection-closed');
    late.resolve({ kind: 'accept', identity: { username: 'ann', mechanism: 'X-LATER' } });
    await setTimeout(5);
    expect([server.connections, log.of('failure')]).toEqual([0, []]);
  });

  test('that waits while the server closes hears 421', async () => {
    const asked = Promise.withResolvers<void>();
    const [client, { server }] = await begin({
      respond: async () => {
        asked.resolve();
        return never();
      },
    });
    client.send('AUTH X-LATER aGk=\r\n');
    await asked.promise;
    const closed = server.close({ drain: 0 });
    expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
    await closed;
  });
});
