// How the program ends: in peace when nothing is under way, and at a second signal whatever is.
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

test('a second signal ends what the first one would have waited for, with exit code 1', async () => {
  const { local, client } = await startInData({ grace: '10m', deadline: '1h' });
  const ended = once(local.child, 'exit');
  local.child.kill('SIGTERM');
  await expect
    .poll(async () => (await fetch(`${local.ready.health}/ready`)).status, { timeout: 10_000 })
    .toBe(503);
  local.child.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  client.destroy();
});

test('the deadline ends a message that never comes to its end, with exit code 1', async () => {
  const { local, client } = await startInData({ grace: 0, deadline: '1s' });
  const ended = once(local.child, 'exit');
  local.child.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  client.destroy();
});
