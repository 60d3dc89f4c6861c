// Mail that is laborious to read: it is stored like any other, and the one thread that reads it has time for others.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { Attack } from './attack.ts';
import { startProgram } from './program.ts';
import { type Outcome, sendMail, slowest, soonAfter } from './victim.ts';

const ROUNDS = 5;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

test.each([
  ['300,000 header fields', 0],
  ['90,000 lines without a colon', 1],
  ['130,000 addresses', 2],
  ['comments that do not end', 3],
  ['90,000 encoded words', 4],
  ['40,000 fields that claim to be ours', 5],
  ['20,000 levels of MIME', 6],
])('mail with %s delays nobody', { timeout: 120_000 }, async (what, kind) => {
  const { mx, smtps, user } = await startProgram(aws);
  const send = (address: string): Promise<Outcome> =>
    sendMail({ port: mx, address, octets: 20_000 });
  const soon = soonAfter([await send('127.0.200.1')]);
  await using attack = await Attack.start('heavy-mail', { port: mx, kind }, 1, 30);
  const mails: Outcome[] = [];
  const signedIn: Outcome[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    mails.push(await send(`127.0.201.${1 + round}`));
    const address = `127.0.202.${1 + round}`;
    signedIn.push(await sendMail({ port: smtps, address, octets: 20_000, signsIn: user }));
  }
  process.stderr.write(
    `mail with ${what}: the slowest mail took ${slowest(mails)}, sign-in and mail ${slowest(signedIn)}\n`,
  );
  // It was read, stored and announced.
  expect(attack.held).toBeGreaterThan(0);
  const outcomes = [...mails, ...signedIn];
  expect(outcomes.filter(({ reply }) => !reply.startsWith('250'))).toEqual([]);
  expect(outcomes.filter(({ seconds }) => seconds > soon)).toEqual([]);
});
