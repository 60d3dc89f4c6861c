// Many mails at once, and still in their order.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { FaultProxy } from '../../faults/fault-proxy.ts';
import { storeMails } from '../../archive/support.ts';
import type { TestAws } from '../../support/aws.ts';
import { runProgram } from '../../support/programs.ts';
import type { Cli } from '../support.ts';
import { type ProxiedArchive, startProxiedArchive } from './proxied-archive.ts';

let archive: ProxiedArchive;
let aws: TestAws;
let proxy: FaultProxy;
let cli: Cli;
let folder: string;
let keys: string[];

const SMALL = 24;
const LARGE = `Subject: large\r\n\r\n${'From x\r\n'.repeat(150_000)}`;

beforeAll(async () => {
  archive = await startProxiedArchive();
  ({ aws, proxy, cli, folder } = archive);
  keys = await storeMails(
    aws,
    Array.from({ length: SMALL }, (_, n) => ({
      at: `2026-11-23T13:00:${String(n).padStart(2, '0')}.000Z`,
      // Larger than what waits in memory for its turn.
      content: n === 3 ? LARGE : `Subject: ${n}\r\n\r\nHello\r\n`,
    })),
  );
});
afterEach(() => proxy.reset());
afterAll(() => archive[Symbol.asyncDispose]());

const ids = (): string[] => keys.map((key) => key.slice(-40));

/** The messageIds in the trace header blocks of an mbox, as Python's `mailbox` reads it. */
async function idsInMbox(file: string): Promise<string[]> {
  const script =
    'import mailbox, re, sys\n' +
    'for m in mailbox.mbox(sys.argv[1]): print(re.search(r"[0-9a-v]{40}", m["Received"]).group())';
  const { output } = await runProgram('/usr/bin/python3', ['-c', script, file]);
  return output.trim().split('\n');
}

test('ten mails are read at the same time, and an mbox has them in the order of arrival', async () => {
  // Nine answers come at once, when all nine were asked for; the tenth is the large one, whose turn comes later.
  proxy.inject('GetObject', { kind: 'gather', count: 9 }, 9);
  // Of the others, every third one is late.
  for (const late of keys.filter((_, n) => n > 9 && n % 3 === 0)) {
    proxy.inject('GetObject', { kind: 'delay', millis: 150 }, 1, ({ key }) => key === late);
  }
  const file = join(folder, 'ten.mbox');
  const { exitCode, stderr } = await cli(['fetch', '--mbox', file]);
  expect([exitCode, stderr]).toEqual([0, `fetched ${SMALL} mails\n`]);
  expect(await idsInMbox(file)).toEqual(ids());
  expect(proxy.count('GetObject')).toBe(SMALL);
  expect(proxy.count('HeadObject')).toBe(0);
});

test('ten mails are read at the same time into a Maildir', async () => {
  proxy.inject('GetObject', { kind: 'gather', count: 10 }, 10);
  const maildir = join(folder, 'Maildir');
  const { exitCode } = await cli(['fetch', '--maildir', maildir]);
  expect(exitCode).toBe(0);
  const names = (await readdir(join(maildir, 'new'))).sort();
  expect(names.map((name) => name.split('.')[1])).toEqual(ids());
});

test('--concurrency says how many mails are read at the same time', async () => {
  proxy.inject('GetObject', { kind: 'gather', count: 20 }, 20);
  const args = ['fetch', '--maildir', join(folder, 'Twenty'), '--concurrency', '20'];
  expect((await cli(args)).exitCode).toBe(0);
});

test('a large mail that is cut off leaves nothing in an mbox', async () => {
  const large = keys[3] ?? '';
  proxy.inject('GetObject', { kind: 'cut' }, 2, ({ key }) => key === large);
  const file = join(folder, 'cut.mbox');
  const { exitCode, stderr } = await cli(['fetch', '--mbox', file]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${large}: the answer`);
  expect(await idsInMbox(file)).toEqual(ids().filter((id) => !large.endsWith(id)));
  expect((await stat(file)).size).toBeLessThan(LARGE.length);
});

test('a large mail that is cut off once is in the mbox once', async () => {
  const large = keys[3] ?? '';
  proxy.inject('GetObject', { kind: 'cut' }, 1, ({ key }) => key === large);
  const file = join(folder, 'once.mbox');
  expect((await cli(['fetch', '--mbox', file, '--as-sent'])).exitCode).toBe(0);
  const text = await readFile(file, 'latin1');
  expect(text.split('\nSubject: large\r\n')).toHaveLength(2);
  expect(text.match(/^>From x\r$/gm)).toHaveLength(150_000);
  expect(text.match(/^From /gm)).toHaveLength(SMALL);
});
