import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { NewlineNormalizer } from '../../../src/smtp/data/newline-normalizer.ts';
import { archiveBridge, storeMails } from '../../archive/support.ts';
import { deliver, facts } from '../../bridge/support.ts';
import { startFaultProxy } from '../../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
const opened: TestAws[] = [];
beforeEach(async () => {
  aws = await startTestAws();
  opened.push(aws);
  cli = groupCli('archive', aws);
});
afterAll(async () => {
  for (const each of opened) await each.close();
});

const AT = '2026-11-23T13:00:00.000Z';
const MANY = Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`);

/** The object, with what `change` makes of it. */
async function rewrite(
  Key: string,
  change: (octets: Buffer, metadata: Record<string, string>) => Buffer | undefined,
): Promise<void> {
  const Bucket = aws.resources.bucket;
  const { Body, Metadata = {} } = await aws.s3.send(new GetObjectCommand({ Bucket, Key }));
  const metadata = { ...Metadata };
  const octets = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const changed = change(octets, metadata) ?? octets;
  await aws.s3.send(new PutObjectCommand({ Bucket, Key, Body: changed, Metadata: metadata }));
}

const LARGE = `Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'QUJD'.repeat(19)}\r\n`.repeat(120_000)}`;

test('verify passes what the bridge stored: small, in parts, with a sidecar, normalized, empty', async () => {
  await storeMails(aws, [
    { at: AT },
    { at: AT, to: MANY },
    { at: AT, content: LARGE },
    { at: AT, content: '' },
  ]);
  const bridge = archiveBridge(aws);
  const normalized = facts({ receivedAt: new Date(AT) });
  const content = 'Subject: bare\n\nnewlines\n';
  const reply = await deliver(bridge, normalized, content, 7, new NewlineNormalizer());
  expect(reply.code).toBe(250);
  await bridge.close();
  for (const parse of [[], ['--parse']]) {
    const { exitCode, stdout, stderr } = await cli(['verify', ...parse]);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/verified 5 mails, 9\.4 MB\n$/);
  }
});

interface Damage {
  readonly name: string;
  readonly damage: (key: string) => Promise<unknown>;
  readonly fault: string;
  readonly reason: RegExp;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'one octet that changed',
    damage: (key) =>
      rewrite(key, (octets) => {
        octets.writeUInt8(octets.readUInt8(octets.length - 3) ^ 1, octets.length - 3);
        return octets;
      }),
    fault: 'mismatch',
    reason:
      /^expected SHA-256 [0-9a-f]{64} of what follows the trace header block, got [0-9a-f]{64}$/,
  },
  {
    name: 'an object that was cut off',
    damage: (key) => rewrite(key, (octets) => octets.subarray(0, -5)),
    fault: 'mismatch',
    reason: /^expected \d+ octets by the record, got \d+$/,
  },
  {
    name: 'another digest in the record',
    damage: (key) =>
      rewrite(key, (_, metadata) => {
        metadata['sha256'] = 'f'.repeat(64);
        return undefined;
      }),
    fault: 'mismatch',
    reason: /expected SHA-256 f{64} /,
  },
  {
    name: 'the object of another mail under its key',
    damage: async (key) => {
      const [other = ''] = await storeMails(aws, [{ at: AT, prefix: 'other/' }]);
      const { bucket: Bucket } = aws.resources;
      await aws.s3.send(
        new CopyObjectCommand({ Bucket, Key: key, CopySource: `${Bucket}/${other}` }),
      );
    },
    fault: 'mismatch',
    reason: /^expected [0-9a-v]{40} in the trace header block: the object is another mail's$/,
  },
  {
    name: 'another time in the record',
    damage: (key) =>
      rewrite(key, (_, metadata) => {
        metadata['received'] = '2026-11-23T15:00:00.000Z';
        return undefined;
      }),
    fault: 'mismatch',
    reason: /^expected it under dt=2026-11-23\/hr=15\/ by the record$/,
  },
  {
    name: 'an object without a record',
    damage: (key) =>
      rewrite(key, (_, metadata) => {
        for (const name of Object.keys(metadata)) delete metadata[name];
        return undefined;
      }),
    fault: 'unreadable',
    reason:
      /^has no record of Mailsluice \(.*\); Mailsluice did not write it: move it to another prefix$/,
  },
];

test.each(DAMAGES)(
  'verify names $name, and the others are verified',
  async ({ damage, fault, reason }) => {
    const [key = ''] = await storeMails(aws, [{ at: AT }, { at: AT }]);
    await damage(key);
    const { exitCode, stdout, stderr } = await cli(['verify', '--json']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(`mailsluice archive verify: 1 ${fault}\n`);
    const [line, summary] = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as object);
    expect(line).toMatchObject({ key, result: fault, reason: expect.stringMatching(reason) });
    expect(summary).toEqual({
      ...{ verified: 1, mismatch: 0, missing: 0, unreadable: 0, unparsable: 0 },
      ...{ [fault]: 1, failed: 1, complete: true },
    });
    // By its id alone, too.
    expect((await cli(['verify', key])).stdout).toMatch(new RegExp(`^${fault}  ${key}  `));
  },
);

test('verify names a sidecar that is gone, and one of another mail', async () => {
  const [lost = '', swapped = '', other = ''] = await storeMails(aws, [
    { at: AT, to: MANY },
    { at: AT, to: MANY },
    { at: AT, to: MANY, content: 'Subject: other\r\n\r\nOther\r\n' },
  ]);
  const { bucket: Bucket } = aws.resources;
  await aws.s3.send(new DeleteObjectCommand({ Bucket, Key: `${lost}.envelope.json` }));
  await aws.s3.send(
    new CopyObjectCommand({
      Bucket,
      Key: `${swapped}.envelope.json`,
      CopySource: `${Bucket}/${other}.envelope.json`,
    }),
  );
  const { exitCode, stdout, stderr } = await cli(['verify']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`missing  ${lost}  `);
  expect(stdout).toMatch(new RegExp(`mismatch  ${swapped}  expected `));
  expect(stderr).toContain('1 mismatch, 1 missing\n');
});

test('verify --parse names what subscribers cannot parse', async () => {
  const content = await readFile(new URL('../../message/mime/nested-1000.eml', import.meta.url));
  const [deep = ''] = await storeMails(aws, [{ at: AT, content }, { at: AT }]);
  expect((await cli(['verify'])).exitCode).toBe(0);
  const { exitCode, stdout } = await cli(['verify', '--parse']);
  expect(exitCode).toBe(1);
  expect(stdout).toBe(`unparsable  ${deep}  expected parts at most 100 levels deep, got more\n`);
});

test('an answer that breaks off is asked for again, and named where it stays so', async () => {
  const [key = ''] = await storeMails(aws, [{ at: AT, content: 'x'.repeat(100_000) }]);
  await using proxy = await startFaultProxy(aws.endpoint);
  const far = groupCli('archive', { ...aws, endpoint: proxy.endpoint });
  proxy.inject('GetObject', { kind: 'truncate' }, 1);
  expect((await far(['verify'])).exitCode).toBe(0);
  expect(proxy.count('GetObject')).toBe(2);
  proxy.inject('GetObject', { kind: 'truncate' }, 100);
  const { exitCode, stdout } = await far(['verify']);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(new RegExp(`^unreadable  ${key}  the answer ended after `));
});

test('octets without the checksum that S3 keeps of them are a mismatch', async () => {
  const [key = ''] = await storeMails(aws, [{ at: AT }]);
  await using proxy = await startFaultProxy(aws.endpoint);
  const far = groupCli('archive', { ...aws, endpoint: proxy.endpoint });
  const checksum = createHash('sha256').update('other octets').digest('base64');
  proxy.inject('GetObject', {
    kind: 'answer',
    carriesOut: true,
    answer: (own) => ({
      status: 200,
      body: own?.body ?? Buffer.alloc(0),
      headers: { ...own?.headers, 'x-amz-checksum-sha256': checksum },
    }),
  });
  const { exitCode, stdout } = await far(['verify']);
  expect([exitCode, stdout]).toEqual([
    1,
    `mismatch  ${key}  the octets do not have the checksum that S3 keeps of them\n`,
  ]);
});

test('verify names ids that no mail has', async () => {
  const [key = ''] = await storeMails(aws, [{ at: AT }]);
  const { exitCode, stdout, stderr } = await cli(['verify', key, '0'.repeat(40)]);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^missing {2}0{40} {2}there is no such mail; check the id, --bucket and --prefix\n/,
  );
  expect(stderr).toContain('verified 2 mails');
});
