// Clients that open as many connections as they get, at the default limits of the running program. What matters is what
// the others see: the reply to their mail, and how soon.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { Attack } from './attack.ts';
import { startProgram } from './program.ts';
import { type Outcome, sendMail, slowest, soonAfter } from './victim.ts';

const ROUNDS = 5;
/**
 * One who is a stranger like all these strangers has as good a chance as each of them: when it hears 421, it comes again.
 * Those at the other listeners never hear it.
 */
const TRIES = 5;
const APART_MILLISECONDS = 1000;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

test.each([
  ['2,400 connections from 24 addresses', { clients: 24, connections: 2400 }, 0],
  [
    '2,400 connections from as many addresses, which are idle',
    { clients: 2400, connections: 2400 },
    12,
  ],
])(
  '%s at port 25: mail on every listener is answered 250 within seconds',
  {
    timeout: 180_000,
  },
  async (what, options, idleSeconds) => {
    const { mx, submission, smtps, user } = await startProgram(aws);
    const sendFrom = (port: number, address: string): Promise<Outcome> =>
      sendMail({ port, address, octets: 20_000 });
    const sendUntilTaken = async (port: number, address: string): Promise<Outcome> => {
      for (let tries = 1; ; tries += 1) {
        const outcome = await sendFrom(port, address);
        if (!outcome.reply.startsWith('421') || tries === TRIES) return outcome;
        await pause(APART_MILLISECONDS);
      }
    };
    const soon = soonAfter([await sendFrom(mx, '127.0.200.200')]);
    await using attack = await Attack.start(
      'fill-connections',
      { port: mx, ...options },
      options.connections,
      10,
    );
    // All that there are by default.
    expect(attack.held).toBeGreaterThan(1900);
    const outcomes: Outcome[] = [];
    const signedIn: Outcome[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      outcomes.push(await sendFrom(submission, `127.0.200.${1 + round}`));
    }
    await pause(idleSeconds * 1000);
    for (let round = 0; round < ROUNDS; round += 1) {
      outcomes.push(
        ...(await Promise.all([
          sendUntilTaken(mx, `127.0.201.${1 + round}`),
          sendFrom(submission, `127.0.202.${1 + round}`),
        ])),
      );
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      const address = `127.0.203.${1 + round}`;
      signedIn.push(await sendMail({ port: smtps, address, octets: 20_000, signsIn: user }));
    }
    process.stderr.write(
      `${what}: the slowest mail took ${slowest(outcomes)}, sign-in and mail ${slowest(signedIn)}\n`,
    );
    outcomes.push(...signedIn);
    expect(outcomes.filter(({ reply }) => !reply.startsWith('250'))).toEqual([]);
    expect(outcomes.filter(({ seconds }) => seconds > soon)).toEqual([]);
  },
);

test('1,500 idle connections from 100 addresses stay, and mail goes on beside them', {
  timeout: 120_000,
}, async () => {
  const { mx } = await startProgram(aws);
  await using idle = await Attack.start(
    'fill-connections',
    { port: mx, clients: 100, connections: 1500 },
    1500,
    20,
  );
  for (let round = 0; round < 15; round += 1) {
    const { reply } = await sendMail({ port: mx, address: '127.0.201.1', octets: 20_000 });
    expect(reply).toMatch(/^250/);
    await pause(1000);
    expect(idle.held).toBe(1500);
  }
  // Not one of them was closed and opened again.
  expect(idle.ended).toBe(0);
});
