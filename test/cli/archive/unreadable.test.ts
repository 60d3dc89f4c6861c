// Each command over an hour in which one mail cannot be read: it names the mail with the reason, does its work for the
// others, and exits with 1; another run does the same.
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Fault, FaultProxy } from '../../faults/fault-proxy.ts';
import { storeMails } from '../../archive/support.ts';
import { takeNotifications } from '../../bridge/support.ts';
import type { TestAws } from '../../support/aws.ts';
import type { Cli } from '../support.ts';
import { type ProxiedArchive, startProxiedArchive } from './proxied-archive.ts';

let archive: ProxiedArchive;
let aws: TestAws;
let proxy: FaultProxy;
let cli: Cli;
let folder: string;

beforeAll(async () => {
  archive = await startProxiedArchive();
  ({ aws, proxy, cli, folder } = archive);
});
afterEach(() => proxy.reset());
afterAll(() => archive[Symbol.asyncDispose]());

const ALWAYS = 1000;

/** S3 answers this for every request for the octets or the metadata of one key; a HEAD's answer has no body. */
function refusal(status: number, code: string, message = 'injected'): Fault {
  const body = Buffer.from(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  const answer = (): Answer => ({ status, headers: { 'content-type': 'application/xml' }, body });
  return { kind: 'answer', carriesOut: false, answer };
}

interface Row {
  /** The beginning of what the operator reads behind the key. */
  readonly sentence: RegExp;
  /** Changes the stored mail, or what S3 answers for it. */
  readonly spoil: (key: string) => Promise<void> | void;
  /** Commands that need nothing of the mail that is missing. Default none. */
  readonly unharmed?: readonly string[];
  /** Commands that show what can be read of it. Default none. */
  readonly partial?: readonly string[];
  /** What a command reads that is asked for this mail alone. Default `sentence`. */
  readonly asked?: RegExp;
  /** Another time, S3 would answer the same. Default false. */
  readonly lasting?: true;
}

function inject(key: string, fault: Fault, operations: readonly ('GetObject' | 'HeadObject')[]) {
  for (const operation of operations) {
    proxy.inject(operation, fault, ALWAYS, (seen) => seen.key === key);
  }
}
const onBoth =
  (fault: Fault) =>
  (key: string): void =>
    inject(key, fault, ['GetObject', 'HeadObject']);
const onGet =
  (fault: Fault) =>
  (key: string): void =>
    inject(key, fault, ['GetObject']);

/** Puts the mail again, with other metadata or octets. */
function again(
  change: (metadata: Record<string, string>, octets: Buffer) => [Record<string, string>, Buffer],
) {
  return async (Key: string): Promise<void> => {
    const object = { Bucket: aws.resources.bucket, Key };
    const { Body, Metadata = {} } = await aws.s3.send(new GetObjectCommand(object));
    const octets = Buffer.from((await Body?.transformToByteArray()) ?? []);
    const [metadata, body] = change(Metadata, octets);
    await aws.s3.send(new PutObjectCommand({ ...object, Metadata: metadata, Body: body }));
  };
}

const ROWS: Readonly<Record<string, Row>> = {
  'written by something else': {
    sentence: /has no record of Mailsluice \(.*\); Mailsluice did not write it: move it/,
    spoil: again((_, octets) => [{}, octets]),
    partial: ['show'],
    lasting: true,
  },
  'of a later version': {
    sentence: /its record is of a later version \(.*got "2"\); use the version of Mailsluice/,
    spoil: again((metadata, octets) => [{ ...metadata, schema: '2' }, octets]),
    partial: ['show'],
    lasting: true,
  },
  'with a version that is no number': {
    sentence: /its record is damaged \(.*got "two"\); copy the object again with its metadata/,
    spoil: again((metadata, octets) => [{ ...metadata, schema: 'two' }, octets]),
    partial: ['show'],
    lasting: true,
  },
  'with metadata that are no JSON': {
    sentence: /its record is damaged \(metadata "envelope": expected a JSON object\); copy/,
    spoil: again((metadata, octets) => [{ ...metadata, envelope: '{"rev' }, octets]),
    partial: ['show'],
    lasting: true,
  },
  'with metadata that lack a field': {
    sentence: /its record is damaged \(metadata: expected processingTimeMillis to be a number\)/,
    spoil: again((metadata, octets) => [{ ...metadata, facts: '{}' }, octets]),
    partial: ['show'],
    lasting: true,
  },
  'with a listener that cannot be decoded': {
    sentence: /its record is damaged \(metadata "listener": expected percent-encoded text\)/,
    spoil: again((metadata, octets) => [{ ...metadata, listener: '%' }, octets]),
    partial: ['show'],
    lasting: true,
  },
  'without its sidecar': {
    sentence:
      /the object with its record does not exist; restore the object whose key ends in \.envelope\.json/,
    spoil: again((metadata, octets) => [
      { schema: '1', received: metadata['received'] ?? '', sidecar: '1' },
      octets,
    ]),
    partial: ['show'],
    lasting: true,
  },
  'shorter than its record says': {
    sentence: /has \d+ octets, its record says \d+; run the command again; if it stays, bring back/,
    spoil: again((metadata, octets) => [metadata, octets.subarray(0, -1)]),
    partial: ['show'],
  },
  'deleted after it was listed': {
    sentence: /does not exist any more; nothing to do if that was intended; otherwise check/,
    spoil: onBoth(refusal(404, 'NoSuchKey')),
    asked: /no mail "|there is no such mail; check the id, --bucket and --prefix/,
    lasting: true,
  },
  'in cold storage': {
    sentence: /is in cold storage; run the command with --restore/,
    spoil: onGet(refusal(403, 'InvalidObjectState')),
    unharmed: ['list', 'list by recipient'],
  },
  'denied by a policy': {
    sentence: /S3 denies it \(AccessDenied\); allow s3:GetObject on it/,
    spoil: onBoth(refusal(403, 'AccessDenied', 'Access Denied')),
  },
  'encrypted with a key that is not ours to use': {
    sentence: /AWS denies the use of its key \(AccessDenied: .*\); allow kms:Decrypt on its key/,
    spoil: onBoth(
      refusal(403, 'AccessDenied', 'User: u is not authorized to perform: kms:Decrypt on k'),
    ),
  },
  'encrypted with a disabled key': {
    sentence: /its key cannot be used \(KMS\.DisabledException: .*\); enable its key/,
    spoil: onBoth(refusal(400, 'KMS.DisabledException')),
  },
  'encrypted with a key of somebody else': {
    sentence: /S3 refuses it \(InvalidRequest: .*\); look at the object with aws s3api head-object/,
    spoil: onBoth(refusal(400, 'InvalidRequest', 'stored using a form of Server Side Encryption')),
  },
  'cut off on its way each time': {
    sentence:
      /the answer (of S3 ended too early|ended after \d+ of \d+ octets); run the command again/,
    spoil: onGet({ kind: 'cut' }),
    unharmed: ['list', 'list by recipient'],
    partial: ['show'],
  },
};

interface Hour {
  readonly prefix: string;
  readonly keys: readonly string[];
  readonly bad: string;
  /** A new folder. */
  readonly folder: string;
}

/** What a command did for the mails that can be read: their keys, in order. */
type Command = (hour: Hour) => {
  readonly args: readonly string[];
  readonly done: (stdout: string) => Promise<readonly string[]> | readonly string[];
};

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const keysIn = (hour: Hour, text: string): string[] =>
  hour.keys.filter((key) => text.includes(key.slice(-40)));

const COMMANDS: Readonly<Record<string, Command>> = {
  list: (hour) => ({
    args: ['list', '--prefix', hour.prefix, '--json'],
    done: (stdout) => lines(stdout).map((line) => (JSON.parse(line) as { key: string }).key),
  }),
  'list by recipient': (hour) => ({
    args: ['list', '--prefix', hour.prefix, '--recipient-domain', 'in.example'],
    done: (stdout) => keysIn(hour, stdout),
  }),
  'fetch to a Maildir': (hour) => ({
    args: ['fetch', '--prefix', hour.prefix, '--maildir', join(hour.folder, 'Maildir')],
    done: async () => {
      expect(await readdir(join(hour.folder, 'Maildir', 'tmp'))).toEqual([]);
      return keysIn(hour, (await readdir(join(hour.folder, 'Maildir', 'new'))).join('\n'));
    },
  }),
  'fetch to an mbox': (hour) => ({
    args: ['fetch', '--prefix', hour.prefix, '--mbox', join(hour.folder, `${Math.random()}.mbox`)],
    done: async () => {
      const files = (await readdir(hour.folder)).filter((name) => name.endsWith('.mbox'));
      const text = await readFile(join(hour.folder, files.at(-1) ?? ''), 'latin1');
      expect(text.match(/^From /gm)).toHaveLength(2);
      return keysIn(hour, text);
    },
  }),
  'fetch of several': (hour) => ({
    args: [
      ...['fetch', '--prefix', hour.prefix, ...hour.keys.map((key) => key.slice(-40))],
      ...['--maildir', join(hour.folder, 'Several')],
    ],
    done: async () => keysIn(hour, (await readdir(join(hour.folder, 'Several', 'new'))).join('\n')),
  }),
  replay: (hour) => ({
    args: ['replay', '--prefix', hour.prefix, '--state', join(hour.folder, 'state')],
    done: async () => {
      const taken = (await takeNotifications(aws)).map(({ Message }) => Message).join('\n');
      // The second run has nothing left to do.
      return taken === ''
        ? keysIn(hour, hour.keys.join()).filter((key) => key !== hour.bad)
        : keysIn(hour, taken);
    },
  }),
  index: (hour) => ({
    args: ['index', '--prefix', hour.prefix, '--from', '2026-11-23', '--to', '2026-11-24'],
    done: async () => {
      const Key = `index/dt=2026-11-23/hr=13/${hour.prefix.slice(0, -1)}.ndjson.gz`;
      const object = { Bucket: aws.resources.bucket, Key };
      const { Body } = await aws.s3.send(new GetObjectCommand(object));
      const text = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
      return lines(text).map((line) => (JSON.parse(line) as { object_key: string }).object_key);
    },
  }),
};

let number = 0;
async function makeHour(): Promise<Hour> {
  number += 1;
  const prefix = `hour-${number}-x/`;
  const keys = await storeMails(
    aws,
    [0, 1, 2].map((second) => ({ at: `2026-11-23T13:00:0${second}.000Z`, prefix })),
  );
  await takeNotifications(aws);
  const [, bad = ''] = keys;
  return { prefix, keys, bad, folder: await mkdtemp(join(folder, 'hour-')) };
}

describe.each(Object.entries(ROWS))('a mail %s', (_, row) => {
  const { sentence, spoil, unharmed, partial, asked = sentence, lasting = false } = row;
  test.each(Object.entries(COMMANDS))('%s names it, and does the others', async (name, command) => {
    const hour = await makeHour();
    await spoil(hour.bad);
    const isUnharmed = unharmed?.includes(name) ?? false;
    const expected = isUnharmed ? hour.keys : hour.keys.filter((key) => key !== hour.bad);
    for (let run = 0; run < 2; run += 1) {
      const { args, done } = command(hour);
      const { exitCode, stdout, stderr } = await cli(args);
      expect(await done(stdout)).toEqual(expected);
      if (isUnharmed) {
        expect(exitCode).toBe(0);
        continue;
      }
      if (name === 'index' && run === 1 && lasting) {
        // The hour is done without it.
        expect(exitCode).toBe(0);
        continue;
      }
      expect(exitCode).toBe(1);
      const named = lines(stderr).filter((line) => line.includes(`${hour.bad.slice(-40)}: `));
      // A replay that has a state went past it, and tries it again at the end.
      const again = name === 'fetch of several' || (name === 'replay' && run === 1);
      expect(named).toEqual([expect.stringMatching(again ? asked : sentence)]);
      if (name === 'replay') expect(stderr).toMatch(/\nreplayed 2 mails to topic .*, 1 failed/);
      expect(stderr).toMatch(/1 mail (could not be read|failed)\n$/);
    }
  });

  test.each(['show', 'fetch'])('%s of it says why', async (name) => {
    const hour = await makeHour();
    await spoil(hour.bad);
    const { exitCode, stdout, stderr } = await cli([name, hour.bad]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(hour.bad);
    expect(stderr).toMatch(asked);
    if (partial?.includes(name)) expect(stdout).toContain(`Key         ${hour.bad}\n`);
    else if (name === 'show') expect(stdout).toBe('');
  });
});

test('an id that is in no prefix does not keep fetch and replay from the others', async () => {
  const hour = await makeHour();
  // One id of 32 ends so itself.
  const nowhere = `${hour.bad.slice(-40, -1)}${hour.bad.endsWith('v') ? 'u' : 'v'}`;
  const ids = [hour.keys[0] ?? '', nowhere, hour.keys[2] ?? ''];
  const maildir = join(hour.folder, 'Maildir');
  const fetched = await cli(['fetch', ...ids, '--prefix', hour.prefix, '--maildir', maildir]);
  const line = `${nowhere}: there is no such mail; check the id, --bucket and --prefix\n`;
  expect(fetched).toMatchObject({
    exitCode: 1,
    stderr: `${line}fetched 2 mails\nmailsluice archive fetch: 1 mail could not be read\n`,
  });
  const replayed = await cli(['replay', ...ids, '--prefix', hour.prefix]);
  expect(replayed.exitCode).toBe(1);
  expect(replayed.stderr).toContain(line);
  expect(await takeNotifications(aws)).toHaveLength(2);
});

test('a mail that is cut off once is read again', async () => {
  const hour = await makeHour();
  for (const mail of hour.keys) {
    proxy.inject('GetObject', { kind: 'cut' }, 1, ({ key }) => key === mail);
  }
  const maildir = join(hour.folder, 'Maildir');
  const outcome = await cli(['fetch', '--prefix', hour.prefix, '--maildir', maildir]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: 'fetched 3 mails\n' });
});

test('what concerns S3 and not one mail ends the command', async () => {
  const hour = await makeHour();
  const object = { Bucket: aws.resources.bucket, Key: hour.bad };
  await aws.s3.send(new HeadObjectCommand(object));
  inject(hour.bad, refusal(403, 'ExpiredToken'), ['GetObject', 'HeadObject']);
  const { exitCode, stderr } = await cli(['list', '--prefix', hour.prefix]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/the AWS session has expired: sign in again/);
});
