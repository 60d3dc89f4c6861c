// How the program ends: in peace when nothing is under way, at its deadline or a second signal whatever is, and
// with 421 to every session.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { LocalProcess } from '../support/local.ts';
import { TestClient } from '../support/smtp-client.ts';

async function startInData(shutdown: object): Promise<{ local: LocalProcess; client: TestClient }> {
  const local = await LocalProcess.start({ shutdown });
  const client = await TestClient.connect(local.port('mx'));
  await client.reply();
  for (const line of [
    'EHLO client.example',
    'MAIL FROM:<a@client.example>',
    'RCPT TO:<b@mx.example>',
  ]) {
    expect(await client.say(line)).toMatch(/^250/m);
  }
  expect(await client.say('DATA')).toMatch(/^354/);
  return { local, client };
}

test('a message under way at SIGTERM is finished, its session hears 421, and the exit code is 0', async () => {
  const { local, client } = await startInData({ grace: 0, deadline: '25s' });
  const ended = once(local.child, 'exit');
  local.child.kill('SIGTERM');
  expect(await client.say('Subject: late\r\n\r\nlate\r\n.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
  expect(await client.reply()).toMatch(/^421 4\.3\.2 /);
  client.destroy();
  expect(await ended).toEqual([0, null]);
});

/** Sends SIGTERM; its exit code, and the milliseconds from the signal and from `spoken` to the exit. */
async function endOf(
  local: LocalProcess,
  spoken: () => Promise<unknown>,
): Promise<{ readonly code: number | null; readonly whole: number; readonly rest: number }> {
  const ended = once(local.child, 'exit').then(([code]) => code as number | null);
  const begun = performance.now();
  local.child.kill('SIGTERM');
  await spoken();
  const heard = performance.now();
  const code = await ended;
  const now = performance.now();
  return { code, whole: now - begun, rest: now - heard };
}

test('silent clients hear 421 some seconds after the grace, and the program ends with the last of them', async () => {
  const local = await LocalProcess.start({ shutdown: { grace: '1s', deadline: '10m' } });
  const inTransaction = await TestClient.connect(local.port('mx'));
  const inExchange = await TestClient.connectTls(local.port('smtps'));
  await inTransaction.reply();
  await inExchange.reply();
  expect(await inTransaction.sayAll('EHLO client.example', 'MAIL FROM:<a@client.example>')).toBe(
    '250 250',
  );
  expect(await inExchange.sayAll('EHLO client.example', 'AUTH LOGIN')).toBe('250 334');
  const { code, whole, rest } = await endOf(local, async () => {
    // In the grace everything goes on as ever.
    expect(await inTransaction.say('RCPT TO:<b@mx.example>')).toMatch(/^250 /);
    for (const client of [inTransaction, inExchange]) {
      expect(await client.rest()).toMatch(/^421 4\.3\.2 [^\n]*\n$/);
    }
  });
  expect(code).toBe(0);
  expect(whole).toBeGreaterThan(5000);
  expect(whole).toBeLessThan(30_000);
  expect(rest).toBeLessThan(5000);
}, 60_000);

test('every session hears 421 at the deadline, and the exit code is 1', async () => {
  const { local, client: inData } = await startInData({ grace: 0, deadline: '1s' });
  const inExchange = await TestClient.connectTls(local.port('smtps'));
  await inExchange.reply();
  expect(await inExchange.sayAll('EHLO client.example', 'AUTH LOGIN')).toBe('250 334');
  inData.send('Subject: half\r\n');
  const { code, rest } = await endOf(local, async () => {
    for (const client of [inData, inExchange]) {
      expect(await client.rest()).toMatch(/^421 4\.3\.2 [^\n]*\n$/);
    }
  });
  expect(code).toBe(1);
  expect(rest).toBeLessThan(5000);
});

test('a second signal ends what the first one would have waited for, with exit code 1', async () => {
  const { local, client } = await startInData({ grace: '10m', deadline: '1h' });
  const ended = once(local.child, 'exit');
  local.child.kill('SIGTERM');
  await expect
    .poll(async () => (await fetch(`${local.ready.health}/ready`)).status, { timeout: 10_000 })
    .toBe(503);
  local.child.kill('SIGTERM');
  expect(await client.rest()).toMatch(/^421 4\.3\.2 [^\n]*\n$/);
  expect(await ended).toEqual([1, null]);
});

test('the deadline ends a message that never comes to its end, with exit code 1', async () => {
  const { local, client } = await startInData({ grace: 0, deadline: '1s' });
  const ended = once(local.child, 'exit');
  local.child.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  client.destroy();
});
