import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { EraseOutcome } from '../../../src/archive/erase/index.ts';
import { storeMails } from '../../archive/support.ts';
import { listKeys } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
const folders: string[] = [];
const opened: TestAws[] = [];

beforeEach(async () => {
  aws = await startTestAws();
  opened.push(aws);
  cli = groupCli('archive', aws);
});
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
  for (const each of opened) await each.close();
});

const AT = '2026-11-23T13:00:00.000Z';
const ANN = 'ann@person.example';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-erase-'));
  folders.push(folder);
  return folder;
}

function outcomesOf(stdout: string): EraseOutcome[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as EraseOutcome);
}

/** Two of hers and one of somebody else, all in an index, and the outbox with a marker of each. */
async function storeAll(): Promise<{ theirs: string[]; other: string }> {
  const [sent = '', other = '', received = ''] = await storeMails(aws, [
    { at: AT, from: ANN, to: ['bob@in.example'] },
    { at: AT, from: 'carl@out.example', to: ['bob@in.example'] },
    // Recipients in many numbers do not fit into the metadata: the record is in a sidecar.
    {
      at: AT,
      from: 'carl@out.example',
      to: [
        'Ann@Person.Example',
        ...Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`),
      ],
    },
  ]);
  const { exitCode } = await cli(['index', '--from', '2026-11-23', '--to', '2026-11-24']);
  expect(exitCode).toBe(0);
  return { theirs: [sent, received], other };
}

test('erase deletes what the person sent and received, the sidecar and the rows of the index, and nothing else', async () => {
  const { theirs, other } = await storeAll();
  expect(await listKeys(aws)).toContain(`${theirs[1]}.envelope.json`);
  const { exitCode, stdout, stderr } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(outcomesOf(stdout)).toMatchObject([
    { outcome: 'erased', kind: 'index', rows: 2 },
    { outcome: 'erased', kind: 'mail', key: theirs.toSorted()[0] },
    { outcome: 'erased', kind: 'mail', key: theirs.toSorted()[1] },
  ]);
  const index = 'index/dt=2026-11-23/hr=13/mail.ndjson.gz';
  expect(await listKeys(aws)).toEqual([index, other]);
  const { Body } = await aws.s3.send(
    new GetObjectCommand({ Bucket: aws.resources.bucket, Key: index }),
  );
  const rows = gunzipSync((await Body?.transformToByteArray()) ?? '')
    .toString()
    .trimEnd()
    .split('\n');
  expect(rows.map((row) => (JSON.parse(row) as { object_key: string }).object_key)).toEqual([
    other,
  ]);
});

test('without --yes, erase lists what would go and deletes nothing', async () => {
  const { theirs } = await storeAll();
  const before = await listKeys(aws);
  for (const args of [[], ['--dry-run']]) {
    const { exitCode, stdout, stderr } = await cli(['erase', '--address', ANN, ...args]);
    expect(exitCode).toBe(0);
    for (const key of theirs) expect(stdout).toContain(`would erase  ${key}  `);
    expect(stdout).toContain('hr=13/mail.ndjson.gz  2 rows\n');
    expect(stderr).toBe('would erase 3 objects; run it with --yes to erase\n');
  }
  expect(await listKeys(aws)).toEqual(before);
});

test('erase finds mail under every prefix of the bucket, in all hours', async () => {
  await storeMails(aws, [
    { at: AT, from: ANN },
    { at: '2025-01-01T00:00:00.000Z', from: ANN, prefix: 'in/team/' },
    { at: '2026-11-23T14:30:00.000Z', from: ANN, prefix: '' },
  ]);
  const limited = ['erase', '--address', ANN, '--json', '--from', '2026-11-23T14:00Z'];
  expect(outcomesOf((await cli(limited)).stdout)).toHaveLength(1);
  const prefixed = await cli(['erase', '--address', ANN, '--json', '--prefix', 'in/team/']);
  expect(outcomesOf(prefixed.stdout)).toMatchObject([{ roles: ['sender'] }]);
  const { stdout } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect(outcomesOf(stdout)).toHaveLength(3);
  expect(await listKeys(aws)).toEqual([]);
});

test('with --prefix, the rows of other prefixes stay in an index that both share', async () => {
  const [mail = '', team = ''] = await storeMails(aws, [
    { at: AT, from: ANN },
    { at: AT, from: ANN, prefix: 'team/' },
  ]);
  const args = ['--from', '2026-11-23', '--to', '2026-11-24'];
  await cli(['index', ...args, '--prefix', 'mail/', '--prefix', 'team/']);
  expect(await listKeys(aws, 'index/')).toHaveLength(2);
  const only = ['erase', '--address', ANN, '--prefix', 'team/', '--yes'];
  expect((await cli(only)).exitCode).toBe(0);
  expect(await listKeys(aws)).toEqual(['index/dt=2026-11-23/hr=13/mail.ndjson.gz', mail]);
  expect(team).not.toBe('');
  // Misspelled, or empty by now: nobody is to take it for a proof unseen.
  const again = await cli(only);
  expect([again.exitCode, again.stderr]).toEqual([
    0,
    'team/: there is nothing under it in this time, of nobody\nerased 0 objects\n',
  ]);
});

test('erase that is interrupted says how to go on', async () => {
  const [key] = await storeMails(aws, [{ at: AT, from: ANN }]);
  const { exitCode, stderr } = await cli(['erase', '--address', ANN, '--yes'], {
    interrupted: AbortSignal.abort(),
  });
  expect([exitCode, stderr]).toEqual([
    1,
    'erased 0 objects\nmailsluice archive erase: interrupted; run the same command again to go on\n',
  ]);
  expect(await listKeys(aws)).toEqual([key]);
});

test.each([
  ['the end of the range is not in it', ['--to', '2026-11-23T13:00Z'], 0],
  ['nor what is before its begin', ['--from', '2026-11-23T13:00:00.001Z'], 0],
  ['a range within the hour', ['--from', '2026-11-23T13:00Z', '--to', '2026-11-23T13:01Z'], 1],
])('the range of erase: %s', async (_, range, count) => {
  await storeMails(aws, [{ at: AT, from: ANN }]);
  const { stdout } = await cli(['erase', '--address', ANN, '--json', ...range]);
  expect(outcomesOf(stdout)).toHaveLength(count);
});

const HEADER = `From: "A" <other@x.example>\r\nTo: list@x.example\r\nCc: Ann <${ANN}>\r\n\r\nHello\r\n`;

test.each([
  ['the sender in another spelling', { from: 'ANN@person.EXAMPLE' }, [], ['sender']],
  ['a recipient', { to: [ANN] }, [], ['recipient']],
  ['both', { from: ANN, to: [ANN] }, [], ['sender', 'recipient']],
  ['a subaddress', { to: ['ann+news@person.example'] }, [], undefined],
  ['a subaddress', { to: ['ann+news@person.example'] }, ['--subaddresses'], ['recipient']],
  ['another domain', { from: 'ann@person.example.org' }, ['--subaddresses'], undefined],
  ['a header field', { content: HEADER }, [], undefined],
  ['a header field', { content: HEADER }, ['--headers'], ['header']],
  ['the null reverse-path', { from: null }, ['--headers'], undefined],
])('%s %j, with options %j: %j', async (_, mail, options, roles) => {
  await storeMails(aws, [{ at: AT, ...mail }]);
  const { exitCode, stdout } = await cli(['erase', '--address', ANN, '--json', ...options]);
  expect(exitCode).toBe(0);
  expect(outcomesOf(stdout).map((outcome) => outcome.roles)).toEqual(roles ? [roles] : []);
});

test('--keep-shared keeps and lists what has other recipients, and its rows', async () => {
  const [alone, shared, sent] = await storeMails(aws, [
    { at: AT, to: [ANN] },
    { at: '2026-11-23T13:00:00.001Z', to: [ANN, 'bob@in.example'] },
    { at: '2026-11-23T13:00:00.002Z', from: ANN, to: ['bob@in.example'] },
  ]);
  await cli(['index', '--from', '2026-11-23', '--to', '2026-11-24']);
  const args = ['erase', '--address', ANN, '--yes', '--keep-shared'];
  const { exitCode, stderr } = await cli(args);
  expect(exitCode).toBe(0);
  expect(stderr).toBe(
    `${shared}: it is the mail of another recipient too\n${sent}: it is the mail of another recipient too\nerased 2 objects, 2 kept as shared\n`,
  );
  const keys = await listKeys(aws, 'mail/');
  expect(keys).not.toContain(alone);
  expect(keys).toEqual([shared, sent]);
  const rows = (await cli(['erase', '--address', ANN, '--json'])).stdout;
  expect(outcomesOf(rows)).toContainEqual(expect.objectContaining({ kind: 'index', rows: 2 }));
});

test('erase deletes markers of the outbox, waiting or set aside, and names one that nobody can read', async () => {
  const [key = ''] = await storeMails(aws, [{ at: AT, from: ANN }]);
  const [other = ''] = await storeMails(aws, [{ at: AT }]);
  const markers = await Promise.all(
    [
      ['outbox/', key],
      ['outbox/poison/', key],
      ['outbox/', other],
    ].map(([folder = '', mail = '']) => putMarker(folder, mail)),
  );
  const id = '0'.repeat(40);
  await put(`outbox/poison/${id}.json`, '{"torn');
  const { exitCode, stdout, stderr } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe('mailsluice archive erase: 1 object could not be erased\n');
  expect(outcomesOf(stdout).map(({ outcome, kind, reason }) => [outcome, kind, reason])).toEqual([
    [
      'unread',
      'outbox',
      'it is no notification that this release can read, so nobody knows whose it is; look at it, and delete it by hand',
    ],
    ['erased', 'outbox', undefined],
    ['erased', 'outbox', undefined],
    ['erased', 'mail', undefined],
  ]);
  expect(await listKeys(aws)).toEqual([other, markers[2] ?? '', `outbox/poison/${id}.json`].sort());
});

async function put(Key: string, Body: string): Promise<void> {
  await aws.s3.send(new PutObjectCommand({ Bucket: aws.resources.bucket, Key, Body }));
}

/** As the bridge writes it where SNS is away. */
async function putMarker(folder: string, key: string): Promise<string> {
  const { rebuildNotification } = await import('../../../src/bridge/index.ts');
  const place = { s3: aws.s3, bucket: aws.resources.bucket };
  const messageId = key.slice(-40);
  const marker = {
    schemaVersion: 1,
    messageId,
    key,
    at: AT,
    refusals: 0,
    notification: await rebuildNotification(place, key),
  };
  await put(`${folder}${messageId}.json`, JSON.stringify(marker));
  return `${folder}${messageId}.json`;
}

test('a sidecar without its mail is erased by its own content', async () => {
  const { theirs } = await storeAll();
  const key = theirs[1] ?? '';
  const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
  await aws.s3.send(new DeleteObjectCommand({ Bucket: aws.resources.bucket, Key: key }));
  const { stdout } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect(outcomesOf(stdout)).toContainEqual(
    expect.objectContaining({
      outcome: 'erased',
      key,
      versions: [{ key: `${key}.envelope.json` }],
    }),
  );
  expect(await listKeys(aws, `${key}.envelope.json`)).toEqual([]);
});

test('the report has what was erased, when and whose, and nothing of its content', async () => {
  const file = join(await newFolder(), 'erased.jsonl');
  const [key = ''] = await storeMails(aws, [
    { at: AT, from: ANN, content: 'Subject: secret subject\r\n\r\nsecret body\r\n' },
  ]);
  const { Metadata } = await aws.s3.send(
    new HeadObjectCommand({ Bucket: aws.resources.bucket, Key: key }),
  );
  const args = ['erase', '--address', ANN, '--report', file];
  expect((await cli(args)).exitCode).toBe(0);
  expect((await cli([...args, '--yes'])).exitCode).toBe(0);
  const text = await readFile(file, 'utf8');
  expect(text).not.toContain('secret');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const item = {
    kind: 'mail',
    key,
    messageId: key.slice(-40),
    receivedAt: AT,
    sha256: Metadata?.['sha256'],
    roles: ['sender'],
    versions: [{ key }],
  };
  const head = { bucket: aws.resources.bucket, addresses: [ANN] };
  expect(lines).toMatchObject([
    { event: 'begin', ...head, dryRun: true },
    { event: 'found', ...item },
    { event: 'end', complete: true, found: 1, erased: 0 },
    { event: 'begin', ...head, dryRun: false },
    { event: 'erasing', ...item },
    { event: 'erased', ...item },
    { event: 'end', complete: true, erased: 1, refused: 0 },
  ]);
  for (const { at } of lines) expect(Number.isNaN(Date.parse(String(at)))).toBe(false);

  const another = await cli(['erase', '--address', 'bob@in.example', '--report', file]);
  expect(another.exitCode).toBe(1);
  expect(another.stderr).toContain(`${file}: has the report of another erasure (${ANN} in `);
});

test.each([
  ['no address', [], /required option '--address <address>' not specified/],
  ['no whole address', ['--address', 'person.example'], /--address: expected an address like/],
  ['a pattern', ['--address', '*@person.example'], /--address: expected an address like/],
  ['both', ['--address', ANN, '--yes', '--dry-run'], /expected one of --yes and --dry-run/],
  [
    'a range that is none',
    ['--address', ANN, '--from', '2026-11-24', '--to', '2026-11-23'],
    /--from: expected a time before --to/,
  ],
])('erase with %s is a usage error', async (_, args, line) => {
  const { exitCode, stdout, stderr } = await cli(['erase', ...args]);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(line);
});
