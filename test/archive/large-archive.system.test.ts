// Every command of the archive over many mails, each command a process of its own: what it does, how long it takes, how
// much memory it takes, and that it goes on after a kill. MAILSLUICE_ARCHIVE_MAILS=50000 is the full size.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GetQueueAttributesCommand, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bridge } from '../../src/bridge/index.ts';
import { deliver, facts, listKeys } from '../bridge/support.ts';
import { startFaultProxy } from '../faults/fault-proxy.ts';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { missing } from '../support/programs.ts';
import { archiveBridge } from './support.ts';

const MAILS = Number(process.env['MAILSLUICE_ARCHIVE_MAILS'] ?? 400);
/** One mail in so many is the person's. */
const THEIRS_EVERY = 10;
const THEIRS = Math.ceil(MAILS / THEIRS_EVERY);
const ANN = 'ann@person.example';
const MEMORY_OCTETS = 300e6;
const WRITERS = 32;
const DAY = ['--from', '2026-11-23', '--to', '2026-11-24'];
const MANY = Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`);
/** Generous: a busy machine does 50 mails a second. */
const timeout = 60_000 + 60 * MAILS;

let aws: AwsProcess;
let folder: string;

beforeAll(async () => {
  aws = await startAwsProcess();
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-large-'));
  const started = performance.now();
  await store();
  note(`stored ${MAILS} mails in ${seconds(started)} s`);
}, timeout);
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

/** At once: at full size this takes most of an hour. */
function note(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function store(): Promise<void> {
  const bridge = archiveBridge(aws);
  const start = Date.UTC(2026, 10, 23);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let n = next++; n < MAILS; n = next++) {
      await storeOne(bridge, n, new Date(start + Math.floor((n * 86_400_000) / MAILS)));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await bridge.close();
}

async function storeOne(bridge: Bridge, n: number, receivedAt: Date): Promise<void> {
  const of = facts({
    receivedAt,
    from: n % THEIRS_EVERY === 0 ? ANN : `sender-${n % 97}@out.example`,
    // One in fifty has its record in a sidecar.
    to: n % 50 === 0 ? MANY : [`recipient-${n % 89}@in.example`],
  });
  const lines = 'From here on, a line that an mbox must quote.\r\n'.repeat(n % 40);
  const content = `From: Sender <sender@out.example>\r\nSubject: mail ${n}\r\n\r\n${lines}Mail number ${n}\r\n`;
  const { code } = await deliver(bridge, of, content);
  if (code !== 250) throw new Error(`mail ${n} was answered ${code}`);
}

function start(args: readonly string[], endpoint = aws.endpoint): ChildProcess {
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  return spawn(
    process.execPath,
    [
      ...['--import', file('../bench/report-memory.ts'), file('../../src/cli/main.ts')],
      ...['archive', ...args, '--bucket', aws.resources.bucket],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...aws.environment,
        AWS_ENDPOINT_URL: endpoint,
        MAILSLUICE_CONFIG: '',
      },
    },
  );
}

interface Finished {
  readonly code: number | null;
  readonly lines: number;
  readonly lastLine: string;
}

/** Runs it to its end, and holds it to the limit of memory. */
async function run(name: string, args: readonly string[]): Promise<Finished> {
  const started = performance.now();
  const child = start(args);
  let stderr = '';
  let tail = '';
  let lines = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    for (const octet of chunk) if (octet === 0x0a) lines += 1;
    tail = (tail + chunk.toString()).slice(-10_000);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-10_000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const octets = Number(/peak-rss-kib (\d+)/.exec(stderr)?.[1]) * 1024;
  note(`${name}: ${seconds(started)} s, ${Math.round(octets / 1e6)} MB`);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
  expect(octets).toBeGreaterThan(0);
  expect(octets, `${name}: peak memory`).toBeLessThan(MEMORY_OCTETS);
  return { code, lines, lastLine: tail.trimEnd().split('\n').at(-1) ?? '' };
}

/** Kills it when `isFarEnough`, which it must become. */
async function killed(child: ChildProcess, isFarEnough: () => boolean): Promise<void> {
  const exited = once(child, 'exit');
  let hasEnded = false;
  void exited.then(() => (hasEnded = true));
  while (!hasEnded && !isFarEnough()) await sleep(5);
  child.kill('SIGKILL');
  expect((await exited)[1]).toBe('SIGKILL');
}

function seconds(started: number): string {
  return ((performance.now() - started) / 1000).toFixed(1);
}

/** How many messages Python's and mutt's readers of mailboxes find in it. */
async function countedBy(kind: 'mbox' | 'Maildir', path: string): Promise<number[]> {
  const script = `import mailbox, sys
box = mailbox.${kind}(sys.argv[1], create=False)
subjects = {message["subject"] for message in box}
assert all(subject.startswith("mail ") for subject in subjects)
print(len(box), len(subjects))`;
  const python = await outputOf('/usr/bin/python3', ['-c', script, path]);
  const settings = join(folder, 'muttrc');
  // Without a folder, mutt asks whether to make one.
  await writeFile(
    settings,
    `set folder="${folder}"\nset read_inc=0\nset status_format="found=%m."\npush "<exit>"\n`,
  );
  // mutt wants a terminal, which script gives it.
  const command = `TERM=xterm mutt -n -F '${settings}' -R -f '${path}'`;
  const mutt = await outputOf('script', ['-qec', command, '/dev/null']);
  const found = /found=(\d+)\./.exec(mutt)?.[1];
  return [...python.trim().split(' '), found].map(Number);
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk));
  }
  const stuck = setTimeout(() => child.kill('SIGKILL'), timeout / 2);
  await once(child, 'close');
  clearTimeout(stuck);
  return Buffer.concat(output).toString();
}

const readers = missing('mutt', 'script', '/usr/bin/python3');

test('list lists all', { timeout }, async () => {
  expect((await run('list', ['list', ...DAY, '--json'])).lines).toBe(MAILS);
});

test('fetch writes an mbox that Python and mutt open', { timeout }, async ({ skip }) => {
  skip(readers !== undefined, readers);
  const file = join(folder, 'mail.mbox');
  const { lastLine } = await run('fetch to mbox', ['fetch', ...DAY, '--mbox', file, '--json']);
  expect(JSON.parse(lastLine)).toMatchObject({ fetched: MAILS, failed: 0, complete: true });
  expect(await countedBy('mbox', file)).toEqual([MAILS, MAILS, MAILS]);
  await rm(file);
});

test('fetch that is killed fills the same Maildir in the next run', { timeout }, async ({
  skip,
}) => {
  skip(readers !== undefined, readers);
  const maildir = join(folder, 'Maildir');
  const args = ['fetch', ...DAY, '--maildir', maildir, '--json'];
  const count = (): number =>
    existsSync(join(maildir, 'new')) ? readdirSync(join(maildir, 'new')).length : 0;
  await killed(start(args), () => count() >= MAILS / 4);
  const before = count();
  expect(before).toBeLessThan(MAILS);
  const { lastLine } = await run('fetch to Maildir, after a kill', args);
  expect(JSON.parse(lastLine)).toMatchObject({
    fetched: MAILS - before,
    alreadyThere: before,
    failed: 0,
  });
  expect(await countedBy('Maildir', maildir)).toEqual([MAILS, MAILS, MAILS]);
  await rm(maildir, { recursive: true });
});

test('replay that is killed goes on, and announces all', { timeout }, async () => {
  const { queueUrl: QueueUrl, topicArn } = aws.resources;
  await aws.sqs.send(new PurgeQueueCommand({ QueueUrl }));
  const state = join(folder, 'replay');
  const args = ['replay', ...DAY, '--topic', topicArn, '--state', state, '--json'];
  const checkpoints = (): number =>
    existsSync(state) ? readFileSync(state, 'utf8').split('\n').length - 1 : 0;
  await killed(start(args), () => checkpoints() >= 2);
  const { lastLine } = await run('replay, after a kill', args);
  expect(JSON.parse(lastLine)).toMatchObject({
    announced: MAILS,
    failed: 0,
    complete: true,
    resumed: true,
  });
  const { Attributes } = await aws.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  const announced = Number(Attributes?.['ApproximateNumberOfMessages']);
  expect(announced).toBeGreaterThanOrEqual(MAILS);
  // Those since the last checkpoint come twice, and those in progress.
  expect(announced).toBeLessThanOrEqual(MAILS + 250);
});

test('index that is killed is whole after the next run', { timeout }, async () => {
  const args = ['index', ...DAY];
  const child = start(args);
  let files = 0;
  child.stdout?.on('data', () => (files += 1));
  await killed(child, () => files >= 2);
  await run('index, after a kill', args);
  expect(await listKeys(aws, 'index/dt=')).toHaveLength(24);
  // What the index has of her is what there is of her.
  const dry = await run('erase, dry run', ['erase', '--address', ANN, '--json']);
  expect(dry.lines).toBe(THEIRS + 24);
});

test('verify verifies all', { timeout }, async () => {
  const { lastLine } = await run('verify', ['verify', ...DAY, '--json']);
  expect(JSON.parse(lastLine)).toMatchObject({ verified: MAILS, failed: 0, complete: true });
});

test('erase that is killed goes on, and its report has every deletion', { timeout }, async () => {
  const report = join(folder, 'erased.jsonl');
  const args = ['erase', '--address', ANN, '--yes', '--json', '--report', report];
  const theirs = (await listKeys(aws, 'mail/')).length;
  await using proxy = await startFaultProxy(aws.endpoint, { remembers: false });
  // The worst moment: S3 has deleted, and the process never hears of it.
  proxy.inject('DeleteObjects', { kind: 'hang-after' });
  const arrived = proxy.arrival('DeleteObjects');
  let isThere = false;
  void arrived.then(() => (isThere = true));
  await killed(start(args, proxy.endpoint), () => isThere && proxy.hanging > 0);
  await run('erase, after a kill', args);
  const again = await run('erase, once more', ['erase', '--address', ANN, '--yes', '--json']);
  expect(again.lines).toBe(0);

  const lines = readFileSync(report, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; kind?: string; key?: string });
  const erased = lines.filter(({ event, kind }) => event === 'erased' && kind === 'mail');
  expect(new Set(erased.map(({ key }) => key)).size).toBe(THEIRS);
  const left = await listKeys(aws, 'mail/');
  const sidecars = Array.from({ length: MAILS }, (_, n) => n).filter(
    (n) => n % 50 === 0 && n % THEIRS_EVERY === 0,
  ).length;
  expect(theirs - left.length).toBe(THEIRS + sidecars);
  expect(left.filter((key) => erased.some((each) => key.startsWith(each.key ?? '')))).toEqual([]);
  expect(
    JSON.parse((await run('verify, after the erasure', ['verify', ...DAY, '--json'])).lastLine),
  ).toMatchObject({ verified: MAILS - THEIRS, failed: 0 });
});
