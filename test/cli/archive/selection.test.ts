// The options that select mails, by the running command: what each selects, and what no mail can match.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFaultProxy } from '../../faults/fault-proxy.ts';
import { storeMails } from '../../archive/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { mainFile } from '../../support/local.ts';
import { runProgram } from '../../support/programs.ts';
import { type Cli, configurationOf, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
let keys: string[];
let folder: string;

beforeAll(async () => {
  aws = await startTestAws();
  cli = groupCli('archive', aws);
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-selection-'));
  const identity = { username: 'printer-3', mechanism: 'PLAIN' } as const;
  keys = await storeMails(aws, [
    {
      at: '2026-11-23T13:00:00.000Z',
      from: '=cmd|x@one.example',
      to: ['Ann@in.example', 'bob@other.example'],
      content: 'From: "Wolf, A" <wolf@author.example>\r\nSubject: Invoice 17\r\n\r\n',
    },
    {
      at: '2026-11-23T13:30:00.000Z',
      from: null,
      content:
        'From: =?utf-8?q?J=C3=B6rg?= <j@author.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n',
      session: { listener: 'submission', identity, clientAddress: '2001:db8::7' },
    },
    {
      at: '2026-11-23T14:00:00.000Z',
      from: 'a@two.example',
      content: 'Subject: other\r\n\r\n',
      session: { clientAddress: '::ffff:198.51.100.9' },
    },
  ]);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

const id = (at: number): string => keys[at]?.slice(-40) ?? '';

test.each<[string, string[], number[]]>([
  ['a recipient, whatever its case', ['--recipient', 'ann@IN.example'], [0]],
  ['any of the recipients', ['--recipient', 'bob@other.example'], [0]],
  ['the domain of a recipient', ['--recipient', '@in.example'], [0, 1, 2]],
  ['an address in angle brackets', ['--recipient', '<bob@in.example>'], [1, 2]],
  ['an address of From', ['--header-from', 'WOLF@author.example'], [0]],
  ['a domain of From', ['--header-from', '@author.example'], [0, 1]],
  ['a part of a name in From', ['--header-from', 'jörg'], [1]],
  ['the subject, decoded, in whatever case', ['--subject', 'GRÜSSE'.replace('SS', 'ß')], [1]],
  ['a part of the subject', ['--subject', 'voice'], [0]],
  ['the listener', ['--listener', 'submission'], [1]],
  ['the user name', ['--username', 'printer-3'], [1]],
  ['the address of the client', ['--client', '192.0.2.7'], [0]],
  ['a network', ['--client', '192.0.2.0/24'], [0]],
  ['a network of IPv6', ['--client', '2001:db8::/32'], [1]],
  ['a network of IPv4, mapped into IPv6', ['--client', '198.51.100.0/24'], [2]],
  ['all of several', ['--listener', 'mx', '--subject', 'o', '--client', '192.0.2.7'], [0]],
])('list selects by %s', async (_, args, expected) => {
  const { exitCode, stdout } = await cli(['list', '--keys', ...args]);
  expect(exitCode).toBe(0);
  expect(stdout.split('\n').filter(Boolean)).toEqual(expected.map((at) => keys[at]));
});

test('list --after goes on behind a mail, by its id or key', async () => {
  for (const name of [id(0), keys[0] ?? '']) {
    const { stdout } = await cli(['list', '--keys', '--after', name]);
    expect(stdout).toBe(`${keys[1]}\n${keys[2]}\n`);
  }
  expect((await cli(['list', '--keys', '--after', id(2)])).stdout).toBe('');
});

test.each<[string, string[], RegExp]>([
  [
    'a beginning after the end',
    ['--from', '2026-11-24', '--to', '2026-11-23'],
    /--from: expected a time before --to/,
  ],
  [
    'a beginning in the future',
    ['--from', '2999-01-01'],
    /--from: expected a time in the past, got "2999-01-01"/,
  ],
  ['a month that no year has', ['--from', '2026-13-01'], /--from: expected a time like/],
  ['a day that no month has', ['--from', '2026-02-30'], /--from: expected a time like/],
  [
    'a smallest size over the largest',
    ['--min-size', '2MB', '--max-size', '1MB'],
    /--min-size: expected at most --max-size, got "2MB"/,
  ],
  [
    'two statuses of one check',
    ['--verdict', 'spf=PASS', '--verdict', 'spf=FAIL'],
    /--verdict: expected one status for spf, got PASS and FAIL/,
  ],
  [
    'a sender without a domain',
    ['--sender', 'ann'],
    /--sender: expected an address, @domain or <>, got "ann"/,
  ],
  [
    'the null reverse-path as recipient',
    ['--recipient', '<>'],
    /--recipient: expected an address or @domain, got "<>"/,
  ],
  [
    'an address as domain',
    ['--recipient-domain', 'a@b.example'],
    /--recipient-domain: expected a domain like example\.com/,
  ],
  ['an empty subject', ['--subject', ' '], /--subject: expected a text, got " "/],
  [
    'a client that is no address',
    ['--client', 'mx.example'],
    /--client: expected an address or a network like 192\.0\.2\.0\/24/,
  ],
  [
    'a network that is too small',
    ['--client', '192.0.2.0/33'],
    /--client: expected an address or a network/,
  ],
  [
    'an id that is none',
    ['--after', '0123'],
    /--after: expected a messageId \(40 characters of 0-9a-v\)/,
  ],
  [
    'an id behind the end',
    ['--after', 'v'.repeat(40), '--to', '2026-11-23'],
    /--after: expected a mail from before --to/,
  ],
  [
    'the partitions in the prefix',
    ['--prefix', 'mail/dt=2026-11-23/'],
    /--prefix: expected what is in front of dt=/,
  ],
  [
    'the outbox',
    ['--prefix', 'outbox/'],
    /--prefix: expected the prefix of stored mail, such as mail\/ \(not outbox\//,
  ],
  ['a leading slash', ['--prefix', '/mail/'], /--prefix: expected the prefix of stored mail/],
  [
    'a prefix without mail',
    ['--prefix', 'mial/'],
    /--prefix: .*, found no key that begins with "mial\/dt=" in bucket "mail-\d+"/,
  ],
])('a selection of %s is a usage error', async (_, args, line) => {
  for (const command of [
    ['list'],
    ['fetch', '--maildir', join(folder, 'never')],
    ['replay', '--dry-run'],
  ]) {
    const { exitCode, stdout, stderr } = await cli([...command, ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line);
    expect(stderr.split('\n')).toHaveLength(2);
  }
});

test.each([
  ['an id of another length', 'abc'],
  ['an id in upper case', '01K84E473R1CIOMIDIEQMFGLAC99JR7NVUS0O2O7'],
  ['a key that is no mail', 'mail/dt=2026-11-23/hr=13/readme.txt'],
])('%s is a usage error', async (_, mail) => {
  for (const command of ['show', 'fetch', 'replay']) {
    const { exitCode, stderr } = await cli([command, mail]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /expected a messageId \(40 characters of 0-9a-v\) or a key that ends in/,
    );
  }
});

test('single mails and a selection are a usage error', async () => {
  const { exitCode, stderr } = await cli(['replay', id(0), '--from', '2026-11-23']);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/--from: expected single mails or a selection by options, got both/);
});

test('a mail that cannot be read is not among those that were found', async () => {
  const Key = `bad/dt=2026-11-23/hr=13/${id(0)}`;
  await aws.s3.send(new PutObjectCommand({ Bucket: aws.resources.bucket, Key, Body: 'x' }));
  const args = ['list', '--prefix', 'bad/', '--sender', '<>'];
  const { exitCode, stdout, stderr } = await cli(args);
  expect([exitCode, stdout]).toEqual([1, '']);
  const [named, found, failed] = stderr.split('\n');
  expect(named).toMatch(/^bad\/dt=\S+: has no record of Mailsluice/);
  expect(found).toBe('0 mails, 0 B');
  expect(failed).toBe('mailsluice archive list: 1 mail could not be read');
});

test('list --csv is read back by a CSV reader, and no field begins like a formula', async () => {
  const { exitCode, stdout, stderr } = await cli(['list', '--csv', '--limit', '2']);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout.endsWith('\r\n')).toBe(true);
  const script =
    'import csv, io, json, sys; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.read(), newline="")))))';
  const { output } = await runProgram('/usr/bin/python3', ['-c', script], stdout);
  const rows = JSON.parse(output) as Record<string, string>[];
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({
    receivedAt: '2026-11-23T13:00:00.000Z',
    messageId: id(0),
    key: keys[0],
    reversePath: "'=cmd|x@one.example",
    recipients: 'Ann@in.example; bob@other.example',
    listener: 'mx',
    username: '',
    clientAddress: '192.0.2.7',
    dmarc: 'GRAY',
  });
  expect(rows[1]).toMatchObject({ reversePath: '<>', username: 'printer-3' });
  const both = await cli(['list', '--csv', '--json']);
  expect(both).toMatchObject({ exitCode: 2, stdout: '' });
  expect(both.stderr).toMatch(/--csv: expected one of --csv, --json and --keys, got more/);
});

test('a filtered list that takes long shows its progress on a terminal', async () => {
  await using proxy = await startFaultProxy(aws.endpoint);
  proxy.inject('HeadObject', { kind: 'delay', millis: 2500 }, 3);
  const slow = groupCli('archive', { ...aws, endpoint: proxy.endpoint });
  const { stdout, stderr } = await slow(['list', '--sender', 'nobody@x.example'], { isTTY: true });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/\r\u001b\[2K\d mails {2}\S+\/s/);
  expect(stderr.split('\r\u001b[2K').at(-1)).toBe('0 mails, 0 B\n');
});

/** `mailsluice archive ARGS` in a shell that redirects it. */
function inShell(args: readonly string[], redirection: string) {
  const command = [process.execPath, mainFile, 'archive', ...args].map((arg) => `'${arg}'`);
  const settings = { ...aws.environment, MAILSLUICE_CONFIG: configurationOf(aws) };
  const variables = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return runProgram('env', [
    ...variables,
    'bash',
    '-c',
    `set -o pipefail; ${command.join(' ')} ${redirection}`,
  ]);
}

test.each<[string, () => string[], string, string]>([
  ['list to a full disk', () => ['list'], '> /dev/full', 'no space is left on the device (ENOSPC)'],
  [
    'list --csv to a full disk',
    () => ['list', '--csv'],
    '> /dev/full',
    'no space is left on the device (ENOSPC)',
  ],
  [
    'show to a full disk',
    () => ['show', id(0)],
    '> /dev/full',
    'no space is left on the device (ENOSPC)',
  ],
  [
    'fetch to a full disk',
    () => ['fetch', id(0)],
    '> /dev/full',
    'no space is left on the device (ENOSPC)',
  ],
  [
    'replay --json to a full disk',
    () => ['replay', id(0), '--json'],
    '> /dev/full',
    'no space is left on the device (ENOSPC)',
  ],
  [
    'index --json to a full disk',
    () => ['index', '--from', '2026-11-23', '--json'],
    '> /dev/full',
    'no space is left on the device (ENOSPC)',
  ],
  [
    'list to a reader that ends',
    () => ['list', '--json'],
    '| true',
    'its reader closed it before the end (EPIPE)',
  ],
  [
    'fetch to a reader that ends',
    () => ['fetch', id(0)],
    '| true',
    'its reader closed it before the end (EPIPE)',
  ],
])('%s is one line and exit code 1', async (_, args, redirection, words) => {
  const [command = ''] = args();
  const { code, output } = await inShell(args(), redirection);
  expect(output).toContain(
    `mailsluice archive ${command}: cannot write standard output: ${words}\n`,
  );
  expect(output).not.toMatch(/\n\s+at /);
  expect(code).toBe(1);
});

test.each<[string, string[], RegExp]>([
  [
    'an mbox in no folder',
    ['fetch', '--mbox', '/nonexistent/x.mbox'],
    /cannot write --mbox "\/nonexistent\/x\.mbox": no such folder \(ENOENT\)\n$/,
  ],
  [
    'a Maildir that is a file',
    ['fetch', '--maildir', mainFile],
    /cannot write --maildir ".*": (expected a file that does not exist|a part of the path is not a folder) \(E\w+\)\n$/,
  ],
  [
    'an output that is a folder',
    ['fetch', '--output', tmpdir()],
    /cannot write --output ".*": it is a folder \(EISDIR\)\n$/,
  ],
  [
    'a state file in no folder',
    ['replay', '--state', '/nonexistent/state'],
    /\/nonexistent\/state: cannot be written: ENOENT/,
  ],
])('%s is one line and exit code 1', async (_, args, line) => {
  const one = args.includes('--output') ? [id(0)] : [];
  const { exitCode, stdout, stderr } = await cli([...args, ...one]);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(line);
  expect(stderr.split('\n')).toHaveLength(2);
});
