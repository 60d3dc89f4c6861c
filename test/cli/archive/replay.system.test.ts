// A replay under SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeMails } from '../../archive/support.ts';
import { takeNotifications } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
let folder: string;
beforeAll(async () => {
  aws = await startTestAws();
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-replay-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

/** 10,000 of them, as REPLAY_MAILS may say, take minutes. */
const KILLED_MAILS = Number(process.env['REPLAY_MAILS'] ?? 200);

test('a replay that is killed three times and resumed announces every mail, and counts them right', {
  timeout: 30_000 + 200 * KILLED_MAILS,
}, async () => {
  await storeMails(
    aws,
    Array.from({ length: KILLED_MAILS }, (_, n) => ({
      at: new Date(Date.UTC(2026, 10, 20) + n * 1000).toISOString(),
    })),
  );
  await takeNotifications(aws);
  const state = join(folder, 'killed');
  const file = join(folder, 'killed-commands');
  const args = [
    ...['replay', '--from', '2026-11-20', '--to', '2026-11-21', '--state', state, '--json'],
    ...['--command', `echo $MAILSLUICE_MESSAGE_ID >> ${file}`, '--concurrency', '4'],
  ];
  const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
  const start = (): ChildProcess =>
    spawn(process.execPath, [main, 'archive', ...args, '--bucket', aws.resources.bucket], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...aws.environment, MAILSLUICE_CONFIG: '' },
    });
  const announced = (): string[] => {
    try {
      return readFileSync(file, 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  for (const kill of [1, 2, 3]) {
    const child = start();
    const before = announced().length;
    const exited = once(child, 'exit');
    const enough = before + Math.floor(KILLED_MAILS / 10) + kill;
    // Not before the first checkpoint: until there is one, there is nothing to go on from.
    while (announced().length < enough || readFileSync(state, 'utf8').split('\n').length < 3)
      await new Promise(setImmediate);
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');
  }
  const child = start();
  let stdout = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  expect((await once(child, 'close'))[0]).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    selected: KILLED_MAILS,
    announced: KILLED_MAILS,
    failed: 0,
    complete: true,
    resumed: true,
  });
  const all = announced();
  expect(new Set(all).size).toBe(KILLED_MAILS);
});
