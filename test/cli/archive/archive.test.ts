import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IndexLine } from '../../../src/archive/index.ts';
import { renderProgress } from '../../../src/cli/archive/progress.ts';
import { listKeys, readObject } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { storeMails } from '../../archive/support.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
let folder: string;
let keys: string[];

const BODY = 'From here on\r\n>From there on\r\nfrom now\r\nFrom';

beforeAll(async () => {
  aws = await startTestAws();
  cli = groupCli('archive', aws);
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-archive-'));
  keys = await storeMails(aws, [
    { at: '2026-11-23T13:00:00.000Z', from: 'a@one.example', to: ['b@in.example', 'c@in.example'] },
    { at: '2026-11-23T13:30:00.000Z', from: null, content: `Subject: two\r\n\r\n${BODY}` },
    {
      at: '2026-11-23T14:00:00.000Z',
      from: 'a@two.example',
      content:
        'Subject: =?utf-8?q?=1B[31mred?=\r\nFrom: "A" <a@two.example>\r\nTo: b@in.example\r\n' +
        'Content-Type: text/plain\r\n\r\nHello \u001b[31mred\r\n',
    },
  ]);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

const id = (at: number) => keys[at]?.slice(-40) ?? '';
const HOUR = ['--from', '2026-11-23T13:00Z', '--to', '2026-11-23T14:00Z'];

test('list prints a line for each mail, and their sum beside', async () => {
  const { exitCode, stdout, stderr } = await cli(['list', ...HOUR]);
  expect(exitCode).toBe(0);
  const [first, second, ...rest] = stdout.split('\n');
  expect(first).toMatch(
    /^2026-11-23 13:00:00 {2,}\d+ B {2}[0-9a-v]{40} {2}a@one\.example → b@in\.example \+1$/,
  );
  expect(first).toContain(id(0));
  expect(second).toContain(`${id(1)}  <> → bob@in.example`);
  expect(rest).toEqual(['']);
  expect(stderr).toMatch(/^2 mails, \d+ B\n$/);
});

test('list --json prints an object a line', async () => {
  const { stdout, stderr } = await cli(['list', '--json', '--limit', '1']);
  expect(stderr).toBe('');
  expect(stdout.endsWith('}\n')).toBe(true);
  const mail = JSON.parse(stdout) as { sizeInOctets: number };
  const { body } = await readObject(aws.s3, aws.resources.bucket, keys[0] ?? '');
  expect(mail).toEqual({
    key: keys[0],
    messageId: id(0),
    receivedAt: '2026-11-23T13:00:00.000Z',
    sizeInOctets: body.length,
    reversePath: 'a@one.example',
    recipients: ['b@in.example', 'c@in.example'],
    listener: 'mx',
    username: null,
    clientAddress: '192.0.2.7',
    verdicts: { spam: 'GRAY', virus: 'GRAY', spf: 'GRAY', dkim: 'GRAY', dmarc: 'GRAY' },
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('list selects, and --keys prints keys alone', async () => {
  const keysOf = async (...args: string[]) => (await cli(['list', '--keys', ...args])).stdout;
  expect(await keysOf()).toBe(`${keys.join('\n')}\n`);
  expect(await keysOf('--sender', '@two.example')).toBe(`${keys[2]}\n`);
  expect(await keysOf('--sender', '<>', '--recipient-domain', 'in.example')).toBe(`${keys[1]}\n`);
  expect(await keysOf('--verdict', 'dmarc=fail')).toBe('');
  expect(await keysOf('--min-size', '1MB')).toBe('');
});

test('list fits the terminal', async () => {
  const { stdout } = await cli(['list'], { columns: 60 });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
});

test('show tells envelope, header, structure and text, and keeps control characters from the terminal', async () => {
  const { exitCode, stdout } = await cli(['show', id(2)]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`Key         ${keys[2]}\n`);
  expect(stdout).toContain('Envelope    a@two.example\n            → bob@in.example\n');
  expect(stdout).toContain('From: "A" <a@two.example>\n');
  expect(stdout).toContain('Structure   text/plain\n');
  expect(stdout).toContain('Hello ?[31mred\n');
  expect(stdout).not.toContain('\u001b');
  expect(stdout).not.toContain('Return-Path:');
  expect((await cli(['show', id(2), '--headers'])).stdout).toContain(
    'Return-Path: <a@two.example>',
  );
});

test('show says where a mail cannot be parsed, and shows the rest', async () => {
  const content = await readFile(new URL('../../message/mime/nested-1000.eml', import.meta.url));
  const [key = ''] = await storeMails(aws, [
    { at: '2026-10-01T00:00:00.000Z', content, prefix: 'deep/' },
  ]);
  const { exitCode, stdout } = await cli(['show', key]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Envelope    ann@sender.example\n');
  expect(stdout).toContain('Subject: deep\n');
  expect(stdout).toContain(
    'Structure   not parsed: expected parts at most 100 levels deep, got more\n',
  );
});

test('show --json', async () => {
  const { stdout } = await cli(['show', keys[2] ?? '', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    key: keys[2],
    record: { member: { listener: 'mx' } },
    structure: { contentType: 'text/plain', children: [] },
    attachments: [],
  });
});

test('fetch writes one mail octet by octet, to standard output or a file', async () => {
  const { body } = await readObject(aws.s3, aws.resources.bucket, keys[1] ?? '');
  expect((await cli(['fetch', id(1)])).stdout).toBe(body.toString());
  expect((await cli(['fetch', id(1), '--as-sent'])).stdout).toBe(`Subject: two\r\n\r\n${BODY}`);
  const file = join(folder, 'one.eml');
  expect((await cli(['fetch', keys[1] ?? '', '--output', file])).exitCode).toBe(0);
  expect(await readFile(file)).toEqual(body);
});

test('fetch fills a Maildir, and passes over what is there, read or unread', async () => {
  const maildir = join(folder, 'Maildir');
  const args = ['fetch', '--maildir', maildir, '--json'];
  const first = await cli([...args, ...HOUR]);
  expect(JSON.parse(first.stdout)).toEqual({
    fetched: 2,
    alreadyThere: 0,
    failed: 0,
    failures: [],
    complete: true,
  });
  const [one = '', two = ''] = (await readdir(join(maildir, 'new'))).sort();
  expect(one).toContain(id(0));
  const { body } = await readObject(aws.s3, aws.resources.bucket, keys[1] ?? '');
  expect(await readFile(join(maildir, 'new', two))).toEqual(body);

  await rename(join(maildir, 'new', one), join(maildir, 'cur', `${one}:2,S`));
  const second = await cli(args);
  expect(JSON.parse(second.stdout)).toMatchObject({ fetched: 1, alreadyThere: 2, complete: true });
  expect(await readdir(join(maildir, 'tmp'))).toEqual([]);
});

test('fetch writes an mbox whose quoting can be undone', async () => {
  const file = join(folder, 'mail.mbox');
  const args = ['fetch', '--mbox', file, '--as-sent'];
  expect((await cli([...args, ...HOUR])).stderr).toBe('fetched 2 mails\n');
  const text = await readFile(file, 'latin1');
  const [, first = '', second = ''] = text.split(/^From (?:\S+) Mon Nov 23 .* 2026\n/m);
  const unquoted = (mail: string) => mail.replace(/^>(>*From )/gm, '$1');
  expect(unquoted(first)).toBe('From: a@client.example\r\nSubject: x\r\n\r\nHello\r\n\n');
  expect(second).toBe(
    'Subject: two\r\n\r\n>From here on\r\n>>From there on\r\nfrom now\r\nFrom\n\n',
  );
  expect(text).toContain('From MAILER-DAEMON Mon Nov 23 13:30:00 2026\n');

  const again = await cli(args);
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toBe(
    `mailsluice archive fetch: cannot write --mbox "${file}": expected a file that does not exist (EEXIST)\n`,
  );
});

test('index writes a file for each hour, and passes over it the next time', async () => {
  const args = ['index', '--from', '2026-11-23', '--to', '2026-11-24'];
  const { exitCode, stdout } = await cli([...args, '--json']);
  expect(exitCode).toBe(0);
  const hour = (digits: string, mails: number) => ({
    partition: `mail/dt=2026-11-23/hr=${digits}/`,
    state: 'written',
    keys: [`index/dt=2026-11-23/hr=${digits}/mail.ndjson.gz`],
    deleted: [],
    mails,
    read: mails,
    unreadable: [],
  });
  const hours = stdout.trimEnd().split('\n');
  expect(hours.map((line) => JSON.parse(line) as unknown)).toEqual([hour('13', 2), hour('14', 1)]);
  expect(await cli(args)).toEqual({
    exitCode: 0,
    stdout: '',
    stderr: 'indexed 0 mails in 0 files: the index of 2 hours is up to date\n',
  });
  expect(await listKeys(aws, 'index/')).toHaveLength(2);
  const { Body } = await aws.s3.send(
    new GetObjectCommand({
      Bucket: aws.resources.bucket,
      Key: 'index/dt=2026-11-23/hr=14/mail.ndjson.gz',
    }),
  );
  const lines = gunzipSync((await Body?.transformToByteArray()) ?? '')
    .toString()
    .split('\n');
  expect(lines).toHaveLength(2);
  const line = JSON.parse(lines[0] ?? '') as IndexLine;
  expect(line).toMatchObject({
    message_id: id(2),
    object_key: keys[2],
    received_at: '2026-11-23T14:00:00.000Z',
    reverse_path: 'a@two.example',
    recipients: ['bob@in.example'],
    header_from: ['"A" <a@two.example>'],
    header_to: ['b@in.example'],
    header_cc: [],
    verdicts: { dmarc: 'GRAY' },
    username: null,
  });
  expect(line.headers.map(({ name }) => name)).toContain('Content-Type');
});

test.each([
  [
    'no hour is complete',
    ['--from', new Date().toISOString().slice(0, 14).concat('00Z')],
    /^indexed 0 mails in 0 files: no hour since \S+:00Z is complete; the first one is indexed from \S+:15Z on\n$/,
  ],
  [
    'there is no mail',
    ['--from', '2026-11-25', '--to', '2026-11-26'],
    /^indexed 0 mails in 0 files: there is no mail from 2026-11-25T00:00Z to 2026-11-26T00:00Z under these prefixes\n$/,
  ],
])('index says why it wrote nothing: %s', async (_, args, expected) => {
  await storeMails(aws, [{ at: new Date().toISOString(), prefix: 'now/' }]);
  for (const json of [[], ['--json']]) {
    const { exitCode, stdout, stderr } = await cli(['index', '--prefix', 'now/', ...args, ...json]);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(expected);
  }
});

test.each([
  ['show', ['show', '0'.repeat(40)], 1, /no mail "0{40}" in mail-\d+ under mail\/\n$/],
  ['fetch of nothing', ['fetch'], 2, /expected one mail, or --maildir or --mbox for many\n$/],
  ['fetch to two places', ['fetch', '--mbox', 'a', '--maildir', 'b'], 2, /expected one of/],
  [
    'fetch into no folder',
    ['fetch', 'v'.repeat(40), '--output', '/nonexistent/x'],
    1,
    /no mail "v{40}"/,
  ],
  ['a missing argument', ['show'], 2, /missing required argument 'mail'/],
  [
    'a bucket that is not there',
    ['list', '--bucket', 'no-such-bucket'],
    1,
    /bucket "no-such-bucket": not found/,
  ],
  [
    'a size that is none',
    ['list', '--min-size', 'big'],
    2,
    /--min-size: expected a size like 10KB/,
  ],
  [
    'a verdict that is none',
    ['list', '--verdict', 'dkim'],
    2,
    /--verdict: expected spam, virus, spf/,
  ],
])('%s is one clear line', async (_, args, exitCode, line) => {
  const outcome = await cli(args);
  expect([outcome.exitCode, outcome.stdout]).toEqual([exitCode, '']);
  expect(outcome.stderr).toMatch(line);
});

test('a file that cannot be written is one clear line', async () => {
  const { exitCode, stderr } = await cli(['fetch', id(0), '--output', '/nonexistent/x.eml']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    'mailsluice archive fetch: cannot write --output "/nonexistent/x.eml": no such folder (ENOENT)\n',
  );
});

test('an endpoint where nothing listens is one clear line', async () => {
  const lost = groupCli('archive', { ...aws, endpoint: 'http://127.0.0.1:1' });
  const { exitCode, stderr } = await lost(['list']);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^mailsluice archive list: AWS is not reachable \(ECONNREFUSED\)/);
});

test('help names the commands and exits 0', async () => {
  const { exitCode, stdout } = await cli(['--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/list.*show.*fetch.*replay.*index/s);
});

test.each([
  ['nothing known', 0, undefined, 0, '0 mails  0.0/s'],
  ['no total', 1234, undefined, 10, '1,234 mails  123/s'],
  ['half', 50, 100, 10, '[############------------] 50 of 100 mails  5.0/s  0:10 left'],
  [
    'hours left',
    100,
    1_000_100,
    100,
    '[------------------------] 100 of 1,000,100 mails  1.0/s  277:46:40 left',
  ],
  ['the end', 100, 100, 10, '[########################] 100 of 100 mails  10/s'],
])('progress: %s', (_, done, total, seconds, line) => {
  expect(renderProgress(done, total, seconds, 'mail')).toBe(line);
});
