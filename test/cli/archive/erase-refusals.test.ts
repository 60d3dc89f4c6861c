// What S3 can say against an erasure and a verification: each object is named with a sentence, the others are done, and
// the exit code is 1.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  type Fault,
  type FaultProxy,
  type Operation,
  startFaultProxy,
} from '../../faults/fault-proxy.ts';
import { storeMails } from '../../archive/support.ts';
import { listKeys } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let proxy: FaultProxy;
let cli: Cli;
let spoiled: string;
let other: string;
let folder: string;
const opened: TestAws[] = [];

const AT = '2026-11-23T13:00:00.000Z';
const ANN = 'ann@person.example';
const MANY = Array.from({ length: 60 }, (_, n) => `recipient-${n}@in.example`);
const ALWAYS = 1000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-refusals-'));
});
beforeEach(async () => {
  aws = await startTestAws();
  opened.push(aws);
  proxy = await startFaultProxy(aws.endpoint);
  cli = groupCli('archive', { ...aws, endpoint: proxy.endpoint });
  [spoiled = '', other = ''] = await storeMails(aws, [
    // With a sidecar, so that each of the two objects can be spoiled.
    { at: AT, from: ANN, to: MANY },
    { at: AT, from: ANN },
  ]);
});
afterEach(() => proxy[Symbol.asyncDispose]());
afterAll(async () => {
  await rm(folder, { recursive: true });
  for (const each of opened) await each.close();
});

function answering(status: number, body: string): Fault {
  const answer = (): Answer => ({
    status,
    headers: { 'content-type': 'application/xml' },
    body: Buffer.from(body),
  });
  return { kind: 'answer', carriesOut: false, answer };
}

function refusal(status: number, code: string, message = 'injected'): Fault {
  return answering(status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

function inject(fault: Fault, key: () => string, ...operations: readonly Operation[]): void {
  for (const operation of operations) {
    proxy.inject(operation, fault, ALWAYS, (seen) => seen.key === key());
  }
}

/** The answer to DeleteObjects: what there is for the mail, and that everything else is deleted. */
function deleteResult(of: string): Fault {
  return {
    kind: 'answer',
    carriesOut: false,
    answer: (_, { body }) => {
      const keys = [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key ?? '');
      const entries = keys.map((key) => {
        if (key !== spoiled) return `<Deleted><Key>${key}</Key></Deleted>`;
        return of.replaceAll('KEY', key);
      });
      return {
        status: 200,
        headers: { 'content-type': 'application/xml' },
        body: Buffer.from(`<DeleteResult>${entries.join('')}</DeleteResult>`),
      };
    },
  };
}

const entryError = (code: string, message: string): string =>
  `<Error><Key>KEY</Key><Code>${code}</Code><Message>${message}</Message></Error>`;

interface Row {
  readonly name: string;
  readonly spoil: () => void;
  readonly args?: readonly string[];
  readonly sentence: string | RegExp;
}

const ERASE: readonly Row[] = [
  {
    name: 'a mail that may not be read',
    spoil: () => inject(refusal(403, 'AccessDenied'), () => spoiled, 'HeadObject', 'GetObject'),
    sentence: /^S3 denies it \(AccessDenied\); allow s3:GetObject on it/,
  },
  {
    name: 'a record whose key may not be used',
    spoil: () =>
      inject(
        refusal(403, 'AccessDenied', 'not authorized to perform: kms:Decrypt on the key'),
        () => `${spoiled}.envelope.json`,
        'GetObject',
      ),
    sentence: /^AWS denies the use of its key .*; allow kms:Decrypt on its key/,
  },
  {
    name: 'a record whose key is disabled',
    spoil: () =>
      inject(
        refusal(400, 'KMS.DisabledException', 'the key is disabled'),
        () => `${spoiled}.envelope.json`,
        'GetObject',
      ),
    sentence: /^its key cannot be used \(KMS\.DisabledException: .*\); enable its key/,
  },
  {
    name: 'a record in cold storage',
    spoil: () =>
      inject(refusal(403, 'InvalidObjectState'), () => `${spoiled}.envelope.json`, 'GetObject'),
    sentence:
      'is in cold storage; bring it back with mailsluice archive verify --restore, then run the same command again',
  },
  {
    name: 'a record that is gone',
    spoil: () => inject(refusal(404, 'NoSuchKey'), () => `${spoiled}.envelope.json`, 'GetObject'),
    sentence: /^the object with its record does not exist; restore the object/,
  },
  {
    name: 'a right to delete that is missing',
    spoil: () =>
      proxy.inject('DeleteObjects', deleteResult(entryError('AccessDenied', 'Access Denied'))),
    sentence:
      'access denied: deleting it requires s3:DeleteObject on the object, and no policy of the bucket that denies it',
  },
  {
    name: 'Object Lock, without the right to see it',
    spoil: () =>
      proxy.inject(
        'DeleteObjects',
        deleteResult(
          entryError('AccessDenied', 'Access Denied because object protected by object lock.'),
        ),
      ),
    sentence:
      'Object Lock or a legal hold keeps it: s3:GetObjectRetention and s3:GetObjectLegalHold show which',
  },
  {
    name: 'a request that is denied as a whole, as without MFA',
    spoil: () => {
      const versioning =
        '<VersioningConfiguration><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>';
      // GetBucketVersioning: an object without a key, to the proxy.
      inject(answering(200, versioning), () => '', 'GetObject');
      const denied = refusal(403, 'AccessDenied', 'Mfa Authentication must be used');
      proxy.inject('DeleteObjects', denied, 1);
    },
    sentence:
      "the bucket requires MFA to delete a version, and only its owner's root user can give it: turn MFA delete off, or delete this version with aws s3api delete-object --mfa",
  },
  {
    name: 'an entry that the answer does not name',
    spoil: () => proxy.inject('DeleteObjects', deleteResult(''), ALWAYS),
    sentence: 'S3 did not confirm the deletion: run the same command again',
  },
  {
    name: 'an error of S3 that stays',
    spoil: () =>
      proxy.inject('DeleteObjects', deleteResult(entryError('InternalError', 'again')), ALWAYS),
    sentence: 'S3 refused to delete it (InternalError): run the same command again',
  },
  {
    name: 'a bucket that keeps versions since a moment ago',
    spoil: () =>
      proxy.inject(
        'DeleteObjects',
        deleteResult(
          '<Deleted><Key>KEY</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>v1</DeleteMarkerVersionId></Deleted>',
        ),
      ),
    sentence:
      'the bucket began to keep versions during the run, and the version is still there: run the same command again',
  },
];

describe('erase', () => {
  test.each(ERASE)('names $name', async ({ spoil, args = [], sentence }) => {
    spoil();
    const { exitCode, stderr } = await cli(['erase', '--address', ANN, '--yes', ...args]);
    expect(exitCode).toBe(1);
    const lines = stderr.split('\n').filter((line) => line.startsWith(`${spoiled}: `));
    expect(lines).toHaveLength(1);
    const reason = lines[0]?.slice(spoiled.length + 2);
    if (typeof sentence === 'string') expect(reason).toBe(sentence);
    else expect(reason).toMatch(sentence);
    expect(stderr).toMatch(/mailsluice archive erase: \d objects? could not be erased\n$/);
    // Neither the mail nor its record is half gone.
    expect(await listKeys(aws)).toEqual(
      expect.arrayContaining([spoiled, `${spoiled}.envelope.json`]),
    );
    // What stood against it is gone: the same command does the rest.
    proxy.reset();
    expect((await cli(['erase', '--address', ANN, '--yes', ...args])).exitCode).toBe(0);
    expect(await listKeys(aws)).toEqual([]);
  });

  test('a failing entry of a deletion is tried again', async () => {
    proxy.inject('DeleteObjects', deleteResult(entryError('SlowDown', 'slow down')), 1);
    const { exitCode } = await cli(['erase', '--address', ANN, '--yes']);
    expect(exitCode).toBe(0);
    expect(await listKeys(aws, spoiled)).toEqual([]);
  });

  test('a mail that expires during the run is no failure', async () => {
    inject(refusal(404, 'NoSuchKey'), () => other, 'HeadObject', 'GetObject');
    const { exitCode, stdout } = await cli(['erase', '--address', ANN, '--yes']);
    expect([exitCode, stdout]).toEqual([0, `erased  ${spoiled}  sender  2 versions\n`]);
  });

  test('--headers names what cannot be read for it, unless the envelope says enough', async () => {
    const [foreign = ''] = await storeMails(aws, [{ at: AT, from: 'carl@out.example' }]);
    for (const key of [other, foreign]) {
      inject(refusal(403, 'InvalidObjectState'), () => key, 'GetObject');
    }
    const { exitCode, stdout, stderr } = await cli([
      'erase',
      '--address',
      ANN,
      '--yes',
      '--headers',
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`erased  ${other}  sender\n`);
    expect(stderr).toContain(`${foreign}: is in cold storage; bring it back with`);
  });

  test.each([
    ['that cannot be written', refusal(403, 'AccessDenied'), /^access denied: writing the index/],
    ['written at the same time', refusal(412, 'PreconditionFailed'), /^the index was written at/],
  ])('an index %s is named, and goes with the next run', async (_, fault, sentence) => {
    await storeMails(aws, [{ at: AT }]);
    const file = 'index/dt=2026-11-23/hr=13/mail.ndjson.gz';
    expect((await cli(['index', '--from', '2026-11-23', '--to', '2026-11-24'])).exitCode).toBe(0);
    inject(fault, () => file, 'PutObject');
    const args = ['erase', '--address', ANN, '--yes'];
    const { exitCode, stderr } = await cli(args);
    expect(exitCode).toBe(1);
    expect(stderr.slice(`${file}: `.length)).toMatch(sentence);
    expect(await listKeys(aws, other)).toEqual([]);
    proxy.reset();
    expect((await cli(args)).stdout).toBe(`erased  ${file}  2 rows\n`);
  });

  test.each([
    [
      'the bucket may not be looked at',
      'GetObject' as const,
      403,
      'AccessDenied',
      /erasing requires s3:GetBucketVersioning, s3:ListBucket,/,
    ],
    [
      'the bucket may not be listed',
      'ListObjectsV2' as const,
      403,
      'AccessDenied',
      /erasing requires s3:GetBucketVersioning, s3:ListBucket,/,
    ],
    [
      'there is no such bucket',
      'ListObjectsV2' as const,
      404,
      'NoSuchBucket',
      /bucket "mail-\d+": not found/,
    ],
    [
      'the session has expired',
      'DeleteObjects' as const,
      400,
      'ExpiredToken',
      /the AWS session has expired/,
    ],
  ])('stops with one line where %s', async (_, operation, status, code, line) => {
    inject(refusal(status, code), () => '', operation);
    const { exitCode, stderr } = await cli(['erase', '--address', ANN, '--yes']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('an empty page of something that is not S3 is no proof that nothing is left', async () => {
    const page: Answer = {
      status: 200,
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from('<html><body>Welcome</body></html>'),
    };
    const fault: Fault = { kind: 'answer', carriesOut: false, answer: () => page };
    proxy.inject('ListObjectsV2', fault, ALWAYS);
    const { exitCode, stderr } = await cli(['erase', '--address', ANN]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${proxy.endpoint} answered ListObjectsV2 with 200`);
  });

  test('what a run that was killed began to delete is deleted by the next run with its report', async () => {
    const file = join(folder, 'killed.jsonl');
    const args = ['erase', '--address', ANN, '--yes', '--report', file];
    proxy.inject('DeleteObjects', { kind: 'reset-after' }, ALWAYS);
    expect((await cli(args)).exitCode).toBe(1);
    // S3 has deleted the mail, nobody knows, and the sidecar is still there.
    expect(await listKeys(aws)).toEqual([`${spoiled}.envelope.json`]);
    proxy.reset();
    // A kill can also cut a line of the report off.
    await writeFile(file, '{"at":"2026-', { flag: 'a' });
    expect((await cli(args)).exitCode).toBe(0);
    expect(await listKeys(aws)).toEqual([]);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const erased = lines.filter((line) => line.includes('"event":"erased"'));
    expect(erased.map((line) => (JSON.parse(line) as { key: string }).key).toSorted()).toEqual(
      [other, spoiled].toSorted(),
    );
  });
});

const VERIFY: readonly (Row & { readonly result: string })[] = [
  {
    name: 'a mail that may not be read',
    spoil: () => inject(refusal(403, 'AccessDenied'), () => spoiled, 'GetObject'),
    result: 'unreadable',
    sentence: /^S3 denies it \(AccessDenied\); allow s3:GetObject on it/,
  },
  {
    name: 'a mail whose key may not be used',
    spoil: () =>
      inject(
        refusal(403, 'AccessDenied', 'not authorized to perform: kms:Decrypt on the key'),
        () => spoiled,
        'GetObject',
      ),
    result: 'unreadable',
    sentence: /^AWS denies the use of its key /,
  },
  {
    name: 'a mail in cold storage',
    spoil: () => inject(refusal(403, 'InvalidObjectState'), () => spoiled, 'GetObject'),
    result: 'unreadable',
    sentence: /^is in cold storage; /,
  },
  {
    name: 'a mail that expires during the run',
    spoil: () => inject(refusal(404, 'NoSuchKey'), () => spoiled, 'GetObject'),
    result: 'missing',
    sentence: /^does not exist any more; /,
  },
  {
    name: 'a record that is gone',
    spoil: () => inject(refusal(404, 'NoSuchKey'), () => `${spoiled}.envelope.json`, 'GetObject'),
    result: 'missing',
    sentence: /^the object with its record does not exist; /,
  },
];

test.each(VERIFY)('verify names $name', async ({ spoil, result, sentence }) => {
  spoil();
  const { exitCode, stdout, stderr } = await cli(['verify']);
  expect(exitCode).toBe(1);
  const start = `${result}  ${spoiled}  `;
  expect(stdout.startsWith(start)).toBe(true);
  expect(stdout.slice(start.length)).toMatch(sentence);
  expect(stderr).toMatch(new RegExp(`verified 2 mails, .*\n.*verify: 1 ${result}\n$`));
});
