// Mail in cold storage: S3 is asked to bring it back, the operator reads how long that takes, and the same command gets the
// mail when it is back. The embedded S3 has no storage classes: the proxy answers as S3 does.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { encodeSidecar } from '../../../src/bridge/contract/mail-record.ts';
import { readRecord } from '../../../src/bridge/index.ts';
import type { Answer, Fault, FaultProxy } from '../../faults/fault-proxy.ts';
import { storeMails } from '../../archive/support.ts';
import { readObject, takeNotifications } from '../../bridge/support.ts';
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

let number = 0;
async function storeThree(): Promise<{ prefix: string; keys: string[] }> {
  number += 1;
  const prefix = `cold-${number}-x/`;
  const keys = await storeMails(
    aws,
    [0, 1, 2].map((second) => ({ at: `2026-11-23T13:00:0${second}.000Z`, prefix })),
  );
  await takeNotifications(aws);
  return { prefix, keys };
}

const xml = { 'content-type': 'application/xml' };
const error = (code: string): Buffer =>
  Buffer.from(`<Error><Code>${code}</Code><Message>injected</Message></Error>`);

/** S3 has the object in this class, and answers a request to restore it with this status and code. */
function freeze(key: string, headers: Record<string, string>, status = 202, code = ''): void {
  const inject = (operation: 'GetObject' | 'HeadObject' | 'other', fault: Fault): void =>
    proxy.inject(operation, fault, 1000, (seen) => seen.key === key);
  const cold = (): Answer => ({ status: 403, headers: xml, body: error('InvalidObjectState') });
  inject('GetObject', { kind: 'answer', carriesOut: false, answer: cold });
  const head = (own?: Answer): Answer => {
    if (own === undefined) throw new Error('not carried out');
    return { ...own, headers: { ...own.headers, ...headers } };
  };
  inject('HeadObject', { kind: 'answer', carriesOut: true, answer: head });
  const body = code === '' ? Buffer.alloc(0) : error(code);
  const restored = (): Answer => ({ status, headers: xml, body });
  inject('other', { kind: 'answer', carriesOut: false, answer: restored });
}

/** What was asked of S3 for this key. */
const asked = (key: string): string[] =>
  proxy.seen
    .filter((seen) => seen.operation === 'other' && seen.key === key)
    .map(({ body }) => body.toString());

const CLASS = 'x-amz-storage-class';
const FLEXIBLE = { [CLASS]: 'GLACIER' };
const DEEP = { [CLASS]: 'DEEP_ARCHIVE' };
const TIERED = { [CLASS]: 'INTELLIGENT_TIERING', 'x-amz-archive-status': 'ARCHIVE_ACCESS' };

test.each<[string, Record<string, string>, string[], string, RegExp]>([
  [
    'Glacier Flexible Retrieval',
    FLEXIBLE,
    [],
    'S3 brings it back within 3 to 5 hours',
    /<Days>7<.*<Tier>Standard</,
  ],
  [
    'Glacier Flexible Retrieval, cheaply',
    FLEXIBLE,
    ['--restore-tier', 'bulk', '--restore-days', '30'],
    'S3 brings it back within 5 to 12 hours',
    /<Days>30<.*<Tier>Bulk</,
  ],
  ['Glacier Deep Archive', DEEP, [], 'S3 brings it back within 12 hours', /<Days>7</],
  [
    'Intelligent-Tiering, which takes no days',
    TIERED,
    [],
    'S3 brings it back within 3 to 5 hours',
    /^(?!.*Days).*<Tier>Standard</,
  ],
])('a mail in %s is brought back', async (_, headers, options, expected, request) => {
  const { prefix, keys } = await storeThree();
  const [, cold = ''] = keys;
  freeze(cold, headers);
  const args = ['replay', '--prefix', prefix, '--state', join(folder, prefix.slice(0, -1))];
  const without = await cli(args);
  expect(without.stderr).toContain(
    `${cold}: is in cold storage; run the command with --restore, and again when S3 has brought it back\n`,
  );
  expect(asked(cold)).toEqual([]);

  const first = await cli([...args, '--restore', ...options]);
  expect(first.exitCode).toBe(1);
  expect(first.stderr).toContain(
    `${cold}: is in cold storage; ${expected}; run the same command again then\n`,
  );
  expect(asked(cold)).toEqual([expect.stringMatching(request)]);
  expect(await takeNotifications(aws)).toHaveLength(2);

  proxy.reset();
  const second = await cli([...args, '--restore', ...options]);
  expect(second.exitCode).toBe(0);
  expect(second.stderr).toMatch(/^replayed 3 mails to .*, 0 failed/);
  expect((await takeNotifications(aws)).map(({ Message }) => Message)).toEqual([
    expect.stringContaining(cold.slice(-40)),
  ]);
  // There is nothing left to try again.
  expect((await cli(args)).stderr).toMatch(/^replayed 3 mails to .*, 0 failed/);
  expect(await takeNotifications(aws)).toEqual([]);
});

test.each<[string, Record<string, string>, number, string, string]>([
  [
    'is asked for already',
    { ...FLEXIBLE, 'x-amz-restore': 'ongoing-request="true"' },
    202,
    '',
    'S3 is bringing it back already',
  ],
  [
    'was asked for in the same moment',
    FLEXIBLE,
    409,
    'RestoreAlreadyInProgress',
    'S3 is bringing it back already',
  ],
  [
    'may not be asked for',
    FLEXIBLE,
    403,
    'AccessDenied',
    'S3 does not bring it back (AccessDenied): allow s3:RestoreObject on it',
  ],
  [
    'cannot be had so fast',
    DEEP,
    400,
    'InvalidArgument',
    'S3 does not bring it back (InvalidArgument: injected)',
  ],
])('a mail that %s is named', async (_, headers, status, code, expected) => {
  const { prefix, keys } = await storeThree();
  freeze(keys[0] ?? '', headers, status, code);
  const maildir = join(folder, `Maildir-${number}`);
  const { exitCode, stderr } = await cli([
    'fetch',
    '--prefix',
    prefix,
    '--restore',
    '--maildir',
    maildir,
  ]);
  expect(exitCode).toBe(1);
  expect(stderr.split('\n')[0]).toBe(
    `${keys[0]}: is in cold storage; ${expected}; run the same command again then`,
  );
  expect(await readdir(join(maildir, 'new'))).toHaveLength(2);
});

test.each([
  ['show', (_: string, key: string) => ['show', key]],
  ['fetch', (_: string, key: string) => ['fetch', key]],
  [
    'index',
    (prefix: string) => ['index', '--prefix', prefix, '--from', '2026-11-23', '--to', '2026-11-24'],
  ],
  ['list', (prefix: string) => ['list', '--prefix', prefix, '--subject', 'x']],
])('%s --restore asks for a cold mail once', async (_, argsOf) => {
  const { prefix, keys } = await storeThree();
  const [cold = ''] = keys;
  freeze(cold, FLEXIBLE);
  const { exitCode, stderr } = await cli([...argsOf(prefix, cold), '--restore']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${cold}: is in cold storage; S3 brings it back within 3 to 5 hours`);
  expect(asked(cold)).toHaveLength(1);
});

test('a sidecar in cold storage is brought back with its mail', async () => {
  const { prefix, keys } = await storeThree();
  const [Key = ''] = keys;
  const { bucket: Bucket } = aws.resources;
  const sidecar = `${Key}.envelope.json`;
  const record = await readRecord({ s3: aws.s3, bucket: Bucket }, Key);
  await aws.s3.send(new PutObjectCommand({ Bucket, Key: sidecar, Body: encodeSidecar(record) }));
  const { body } = await readObject(aws.s3, Bucket, Key);
  const Metadata = { schema: '1', received: record.receivedAt, sidecar: '1' };
  await aws.s3.send(new PutObjectCommand({ Bucket, Key, Body: body, Metadata }));
  freeze(Key, DEEP);
  freeze(sidecar, DEEP);
  const { stderr } = await cli(['list', '--prefix', prefix, '--restore']);
  expect(stderr).toContain(`${Key}: is in cold storage; S3 brings it back within 12 hours`);
  expect([asked(Key), asked(sidecar)]).toEqual([[expect.any(String)], [expect.any(String)]]);
});

test.each([
  [
    'a tier that there is not',
    ['--restore', '--restore-tier', 'fast'],
    /--restore-tier: expected standard, bulk, expedited, got "fast"/,
  ],
  [
    'no days',
    ['--restore', '--restore-days', '0'],
    /--restore-days: expected a whole number from 1 to 365, got "0"/,
  ],
  ['days alone', ['--restore-days', '3'], /expected --restore as well/],
])('restoring with %s is a usage error', async (_, args, line) => {
  const { exitCode, stderr } = await cli(['list', ...args]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(line);
});
