// A few clients hold messages open, at the default limits of the running program. What matters is what the others see:
// the reply to their mail, and how soon.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { Attack } from './attack.ts';
import { type Program, startProgram } from './program.ts';
import { type Outcome, sendMail, slowest, soonAfter } from './victim.ts';

const ROUNDS = 5;
const MB = 1_000_000;
/** Mails of a round, and the first of them whose sender signs in. */
const MAILS = 8;
const SIGNS_IN = 6;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

/** One mail of each kind, from an address that was not seen before; the last two sign in for it. */
async function sendEach(
  { mx, submission, smtps, user }: Program,
  round: number,
): Promise<Outcome[]> {
  const mails = [
    { port: mx, octets: 3000 },
    { port: mx, octets: 432_000 },
    { port: mx, octets: 432_000, declares: false },
    { port: mx, octets: 20 * MB },
    { port: submission, octets: 60_000 },
    { port: submission, octets: 5 * MB },
    { port: smtps, octets: 60_000, signsIn: user },
    { port: smtps, octets: 5 * MB, signsIn: user },
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
  [
    'holds 290 messages of 240 kB from four addresses over TLS',
    { clients: 4, connections: 290, octets: 240_000, tls: 1 },
  ],
  [
    'holds 290 chunks of BDAT of 240 kB each from four addresses',
    { clients: 4, connections: 290, octets: 240_000, bdat: 1 },
  ],
  [
    'brings the first 15 MB of 16 chunks of BDAT over TLS, then 100 octets a second',
    { clients: 1, connections: 16, octets: 15 * MB, tls: 1, bdat: 1 },
  ],
  [
    'opens 400 chunks of 39 MB from 16 addresses over TLS and sends nothing of them',
    { clients: 16, connections: 400, drip: 1, tls: 1, bdat: 1 },
  ],
])(
  'a client that %s: the others are answered 250 within seconds',
  {
    timeout: 300_000,
  },
  async (what, options) => {
    const program = await startProgram(aws);
    const soon = soonAfter(await sendEach(program, ROUNDS));
    await using attack = await Attack.start(
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
    const { held, ended, waiting } = attack;
    expect(held + ended + waiting).toBeGreaterThan(options.connections / 2);
    const mails = outcomes.filter((_, index) => index % MAILS < SIGNS_IN);
    const signedIn = outcomes.filter((_, index) => index % MAILS >= SIGNS_IN);
    process.stderr.write(
      `a client that ${what}: the slowest mail took ${slowest(mails)}, sign-in and mail ${slowest(signedIn)}; allowed ${soon.toFixed(2)} s\n`,
    );
    expect(outcomes.filter(({ reply }) => !reply.startsWith('250'))).toEqual([]);
    expect(outcomes.filter(({ seconds }) => seconds > soon)).toEqual([]);
  },
);
