// A few clients hold messages open, at the default limits of the running program. What matters is what the others see:
// the reply to their mail, and how soon.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { Attack } from './attack.ts';
import { type Program, startProgram } from './program.ts';
import { type Outcome, sendMail } from './victim.ts';

/** Connection to reply, beside two busy processes on a shared machine. */
const SOON_SECONDS = 5;
const ROUNDS = 5;
const MB = 1_000_000;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

/** One mail of each kind, from an address that was not seen before. */
async function sendEach({ mx, submission }: Program, round: number): Promise<Outcome[]> {
  const mails = [
    { port: mx, octets: 3000 },
    { port: mx, octets: 432_000 },
    { port: mx, octets: 432_000, declares: false },
    { port: mx, octets: 20 * MB },
    { port: submission, octets: 60_000 },
    { port: submission, octets: 5 * MB },
  ];
  return Promise.all(
    mails.map((mail, index) => sendMail({ ...mail, address: `127.0.9.${1 + round * 10 + index}` })),
  );
}

test.each([
  [
    'declares 40 MB on 13 connections and sends 1.4 kB/s in all',
    { clients: 1, connections: 13, size: 40 * MB },
  ],
  [
    'declares 40 MB on 400 connections of 16 addresses and sends nothing',
    { clients: 16, connections: 400, size: 40 * MB, drip: 1 },
  ],
  [
    'holds 290 messages of 240 kB from four addresses',
    { clients: 4, connections: 290, octets: 240_000 },
  ],
  [
    'holds 290 messages of 240 kB from four addresses and goes on with 2 kB/s each',
    { clients: 4, connections: 290, octets: 240_000, drip: 2000 },
  ],
  [
    'brings the first 15 MB of 16 messages, then 100 octets a second',
    { clients: 1, connections: 16, size: 40 * MB, octets: 15 * MB },
  ],
  [
    'does the same from four addresses without a declared size',
    { clients: 4, connections: 16, octets: 15 * MB },
  ],
])(
  'a client that %s: the others are answered 250 within seconds',
  {
    timeout: 180_000,
  },
  async (_, options) => {
    const program = await startProgram(aws);
    await using _attack = await Attack.start(
      'hold-messages',
      { port: program.mx, ...options },
      options.connections,
      10,
    );
    const outcomes: Outcome[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      outcomes.push(...(await sendEach(program, round)));
      await pause(1000);
    }
    expect(outcomes.filter(({ reply }) => !reply.startsWith('250'))).toEqual([]);
    expect(outcomes.filter(({ seconds }) => seconds > SOON_SECONDS)).toEqual([]);
  },
);
