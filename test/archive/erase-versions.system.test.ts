// Erasing from a bucket that keeps versions, as the one of a deployment does, and from one with Object Lock.
import {
  DeleteObjectCommand,
  PutObjectCommand,
  PutBucketPolicyCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { messageId } from '../../src/bridge/contract/message-id.ts';
import type { EraseOutcome } from '../../src/archive/erase/index.ts';
import { readObject } from '../bridge/support.ts';
import { type Cli, groupCli } from '../cli/support.ts';
import { preparePython } from '../deploy/python.ts';
import { type ArchiveAws, storeMails } from './support.ts';
import { listAllVersions, startVersionedAws, type VersionedAws } from './versioned-s3.ts';

const python = preparePython();
const ANN = 'ann@person.example';
const AT = '2026-11-23T13:00:00.000Z';
const UNTIL = new Date('2036-01-01T00:00:00.000Z');

let aws: VersionedAws;
let buckets = 0;

beforeAll(async () => {
  if (python.ok) aws = await startVersionedAws(python.bin);
}, 120_000);
afterAll(async () => aws?.close());
beforeEach(({ skip }) => skip(!python.ok, python.ok ? undefined : python.reason));

interface Scene {
  readonly bucket: ArchiveAws;
  readonly cli: Cli;
}

async function newScene(options: { readonly objectLock?: boolean } = {}): Promise<Scene> {
  buckets += 1;
  const bucket = await aws.bucket(`mail-${buckets}`, options);
  const cli = groupCli('archive', {
    region: 'us-east-1',
    endpoint: aws.endpoint,
    dynamoDbEndpoint: aws.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    resources: { ...bucket.resources, queueUrl: '', table: 'none' },
  });
  return { bucket, cli };
}

function outcomesOf(stdout: string): EraseOutcome[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as EraseOutcome);
}

async function remove({ s3, resources }: ArchiveAws, Key: string): Promise<void> {
  await s3.send(new DeleteObjectCommand({ Bucket: resources.bucket, Key }));
}

test('erase takes older versions, delete markers, and what was deleted already', async () => {
  const { bucket, cli } = await newScene();
  const [now = '', deleted = '', other = ''] = await storeMails(bucket, [
    { at: AT, from: ANN },
    { at: AT, from: ANN, to: Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`) },
    { at: AT },
  ]);
  const index = ['index', '--from', '2026-11-23', '--to', '2026-11-24'];
  expect((await cli(index)).exitCode).toBe(0);
  expect((await cli([...index, '--rewrite'])).exitCode).toBe(0);
  await remove(bucket, deleted);
  await remove(bucket, `${deleted}.envelope.json`);
  // Deleted by hand, and another's: stays as it is.
  await remove(bucket, other);
  const { exitCode, stdout } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect(exitCode).toBe(0);
  const outcomes = outcomesOf(stdout);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['erased', 'erased', 'erased']);
  expect(outcomes.find(({ key }) => key === deleted)?.versions).toMatchObject([
    { key: deleted },
    ...[1, 2].map(() => ({ key: `${deleted}.envelope.json` })),
    { key: deleted, isDeleteMarker: true },
  ]);
  expect(await listAllVersions(bucket, 'mail/')).toEqual([other, `${other} (deleted)`]);
  // One version of the index, with the row of the other.
  const file = 'index/dt=2026-11-23/hr=13/mail.ndjson.gz';
  expect(await listAllVersions(bucket, 'index/')).toEqual([file]);
  expect((await readObject(bucket.s3, bucket.resources.bucket, file)).body.length).toBeGreaterThan(
    20,
  );
  expect(await listAllVersions(bucket)).not.toContain(now);
  expect(outcomesOf((await cli(['erase', '--address', ANN, '--json'])).stdout)).toEqual([]);
});

test('an index of only the one person is deleted with all of its versions', async () => {
  const { bucket, cli } = await newScene();
  await storeMails(bucket, [{ at: AT, from: ANN }]);
  const index = ['index', '--from', '2026-11-23', '--to', '2026-11-24'];
  await cli(index);
  await cli([...index, '--rewrite']);
  expect(await listAllVersions(bucket, 'index/')).toHaveLength(2);
  expect((await cli(['erase', '--address', ANN, '--yes'])).exitCode).toBe(0);
  expect(await listAllVersions(bucket)).toEqual([]);
});

test('more versions than a page and a request hold are all erased', {
  timeout: 300_000,
}, async () => {
  const { bucket, cli } = await newScene();
  const [key = '', other = ''] = await storeMails(bucket, [{ at: AT, from: ANN }, { at: AT }]);
  const { body, metadata } = await readObject(bucket.s3, bucket.resources.bucket, key);
  const Bucket = bucket.resources.bucket;
  const copies = Array.from({ length: 360 }, () => key.slice(0, -40) + messageId(new Date(AT)));
  // Two versions and a delete marker of each.
  for (let at = 0; at < copies.length; at += 20) {
    await Promise.all(
      copies.slice(at, at + 20).map(async (Key) => {
        const object = { Bucket, Key, Body: body, Metadata: metadata };
        await bucket.s3.send(new PutObjectCommand(object));
        await bucket.s3.send(new PutObjectCommand(object));
        await remove(bucket, Key);
      }),
    );
  }
  const { exitCode, stdout } = await cli(['erase', '--address', ANN, '--yes', '--json']);
  expect(exitCode).toBe(0);
  const outcomes = outcomesOf(stdout);
  expect(outcomes.map((outcome) => outcome.key)).toEqual([...copies, key].toSorted());
  expect(outcomes.flatMap(({ versions }) => versions)).toHaveLength(1081);
  expect(await listAllVersions(bucket)).toEqual([other]);
});

interface Kept {
  readonly name: string;
  readonly keep: (bucket: ArchiveAws, Key: string) => Promise<unknown>;
  readonly reason: string;
}

const retention =
  (Mode: 'COMPLIANCE' | 'GOVERNANCE') =>
  ({ s3, resources }: ArchiveAws, Key: string): Promise<unknown> =>
    s3.send(
      new PutObjectRetentionCommand({
        Bucket: resources.bucket,
        Key,
        Retention: { Mode, RetainUntilDate: UNTIL },
      }),
    );

const KEPT: readonly Kept[] = [
  {
    name: 'compliance mode',
    keep: retention('COMPLIANCE'),
    reason:
      'Object Lock keeps it until 2036-01-01T00:00:00.000Z (compliance mode): nobody can delete it before; run the same command again after that time',
  },
  {
    name: 'governance mode',
    keep: retention('GOVERNANCE'),
    reason:
      'Object Lock keeps it until 2036-01-01T00:00:00.000Z (governance mode): run the same command with --bypass-governance and the right s3:BypassGovernanceRetention, or again after that time',
  },
  {
    name: 'a legal hold',
    keep: ({ s3, resources }, Key) =>
      s3.send(
        new PutObjectLegalHoldCommand({
          Bucket: resources.bucket,
          Key,
          LegalHold: { Status: 'ON' },
        }),
      ),
    reason:
      'a legal hold keeps it: release it with aws s3api put-object-legal-hold --legal-hold Status=OFF, then run the same command again',
  },
];

test.each(KEPT)(
  'what $name keeps is named, keeps its record, and the others go',
  async ({ keep, reason }) => {
    const { bucket, cli } = await newScene({ objectLock: true });
    const [kept = '', gone = ''] = await storeMails(bucket, [
      { at: AT, from: ANN, to: Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`) },
      { at: AT, from: ANN },
    ]);
    await keep(bucket, kept);
    const dry = await cli(['erase', '--address', ANN]);
    expect([dry.exitCode, dry.stderr]).toEqual([
      1,
      `${kept}: ${reason}\nwould erase 1 object, 1 kept by S3; run it with --yes to erase\nmailsluice archive erase: 1 object would not be erased\n`,
    ]);
    const { exitCode, stdout, stderr } = await cli(['erase', '--address', ANN, '--yes']);
    expect([exitCode, stdout]).toEqual([1, `erased  ${gone}  sender\n`]);
    expect(stderr).toBe(
      `${kept}: ${reason}\nerased 1 object, 1 refused by S3\nmailsluice archive erase: 1 object could not be erased\n`,
    );
    // Whole, and not brought back by hand: the next run finds it again.
    expect(await listAllVersions(bucket)).toEqual([kept, `${kept}.envelope.json`]);
  },
);

test('--bypass-governance deletes what is kept in governance mode', async () => {
  const { bucket, cli } = await newScene({ objectLock: true });
  const [key = ''] = await storeMails(bucket, [{ at: AT, from: ANN }]);
  await retention('GOVERNANCE')(bucket, key);
  const args = ['erase', '--address', ANN, '--yes', '--bypass-governance'];
  expect((await cli(args)).stdout).toBe(`erased  ${key}  sender\n`);
  expect(await listAllVersions(bucket)).toEqual([]);
});

test('a mail that was deleted and is kept by Object Lock stays deleted', async () => {
  const { bucket, cli } = await newScene({ objectLock: true });
  const [key = ''] = await storeMails(bucket, [{ at: AT, from: ANN }]);
  await retention('COMPLIANCE')(bucket, key);
  await remove(bucket, key);
  expect((await cli(['erase', '--address', ANN, '--yes'])).exitCode).toBe(1);
  expect(await listAllVersions(bucket)).toEqual([key, `${key} (deleted)`]);
});

test('a policy of the bucket that denies the deletion of one mail is named, and the others go', async () => {
  const { bucket, cli } = await newScene();
  const [denied = '', gone = ''] = await storeMails(bucket, [
    { at: AT, from: ANN },
    { at: AT, from: ANN },
  ]);
  await bucket.s3.send(
    new PutBucketPolicyCommand({
      Bucket: bucket.resources.bucket,
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:DeleteObject',
            Resource: `arn:aws:s3:::${bucket.resources.bucket}/${denied}`,
          },
        ],
      }),
    }),
  );
  const { exitCode, stdout, stderr } = await cli(['erase', '--address', ANN, '--yes']);
  expect([exitCode, stdout]).toEqual([1, `erased  ${gone}  sender\n`]);
  expect(stderr).toContain(
    `${denied}: access denied: deleting it requires s3:DeleteObjectVersion on the object, and no policy of the bucket that denies it\n`,
  );
});
