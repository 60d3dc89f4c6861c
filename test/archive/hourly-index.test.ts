import { gunzipSync } from 'node:zlib';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type IndexedHour,
  indexHours,
  type IndexLine,
  type Place,
} from '../../src/archive/index.ts';
import { indexKey } from '../../src/archive/index-files.ts';
import { listKeys } from '../bridge/support.ts';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { collect, storeMails } from './support.ts';

let aws: TestAws;
let proxy: FaultProxy;
let place: Place;
let s3: S3Client;

beforeAll(async () => {
  aws = await startTestAws();
  proxy = await startFaultProxy(aws.endpoint);
  const { region, credentials } = aws;
  s3 = new S3Client({ region, credentials, endpoint: proxy.endpoint, forcePathStyle: true });
  place = { s3, bucket: aws.resources.bucket };
});
afterAll(async () => {
  s3.destroy();
  await proxy[Symbol.asyncDispose]();
  await aws.close();
});
beforeEach(() => proxy.reset());

const TO = new Date('2026-11-24T00:00Z');
const at = (hour: number, second: number): string =>
  `2026-11-23T${hour}:00:${String(second).padStart(2, '0')}.000Z`;

function run(prefix: string, more: { rewrite?: boolean } = {}): Promise<IndexedHour[]> {
  return collect(indexHours(place, { prefix, to: TO, indexPrefix: `${prefix}index/`, ...more }));
}

/** The keys in the lines of a file. */
async function rows(key: string): Promise<string[]> {
  const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket: place.bucket, Key: key }));
  const text = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as IndexLine).object_key);
}

const remove = (Key: string) => aws.s3.send(new DeleteObjectCommand({ Bucket: place.bucket, Key }));
const mailsRead = (): number =>
  proxy.seen.filter(({ operation, key }) => operation === 'GetObject' && !key.includes('index/'))
    .length;

test('a mail is read once, however often its hour is indexed', async () => {
  const prefix = 'once/';
  const keys = await storeMails(aws, [
    ...[0, 1, 2].map((second) => ({ at: at(13, second), prefix })),
    { at: at(15, 0), prefix },
  ]);
  for (let time = 0; time < 24; time += 1) {
    const hours = await run(prefix);
    const state = time === 0 ? 'written' : 'unchanged';
    expect(hours.map((hour) => hour.state)).toEqual([state, state]);
  }
  expect(mailsRead()).toBe(keys.length);
  expect(await rows(`${prefix}index/dt=2026-11-23/hr=13/once.ndjson.gz`)).toEqual(keys.slice(0, 3));
});

test('mail that is stored late is added, and nothing else is read', async () => {
  const prefix = 'late/';
  const mails = [0, 2, 4].map((second) => ({ at: at(13, second), prefix }));
  const before = await storeMails(aws, mails);
  await run(prefix);
  const late = await storeMails(aws, [
    { at: at(13, 1), prefix },
    { at: at(13, 5), prefix },
  ]);
  proxy.reset();
  const [hour] = await run(prefix);
  expect(hour).toMatchObject({ state: 'written', mails: 5, read: 2 });
  expect(mailsRead()).toBe(2);
  const all = [...before, ...late].sort();
  expect(await rows(`${prefix}index/dt=2026-11-23/hr=13/late.ndjson.gz`)).toEqual(all);
});

test('the lines of deleted mails go, without a mail being read; an hour without mail loses its files', async () => {
  const prefix = 'gone/';
  const keys = await storeMails(aws, [
    ...[0, 1, 2].map((second) => ({ at: at(13, second), prefix })),
    { at: at(14, 0), prefix },
  ]);
  await run(prefix);
  const [first = '', , , last = ''] = keys;
  await remove(first);
  await remove(last);
  proxy.reset();
  const deleted = [`${prefix}index/dt=2026-11-23/hr=14/gone.ndjson.gz`];
  expect(await run(prefix)).toMatchObject([
    { state: 'written', mails: 2, read: 0 },
    { state: 'removed', deleted },
  ]);
  expect(mailsRead()).toBe(0);
  expect(await rows(`${prefix}index/dt=2026-11-23/hr=13/gone.ndjson.gz`)).toEqual(keys.slice(1, 3));
  for (const key of keys.slice(1, 3)) await remove(key);
  // The day has no mail any more.
  expect(await run(prefix)).toMatchObject([{ state: 'removed' }]);
  expect(await listKeys(aws, prefix)).toEqual([]);
  expect(await run(prefix)).toEqual([]);
});

test('files that an hour has no more are deleted, and those of another prefix stay', async () => {
  const prefix = 'parts/';
  await storeMails(aws, [{ at: at(13, 0), prefix }]);
  await run(prefix);
  const folder = `${prefix}index/dt=2026-11-23/hr=13/`;
  const CopySource = `${place.bucket}/${folder}parts.ndjson.gz`;
  for (const name of ['parts-1', 'parts-2', 'parts~a', 'parts!2d1', 'parts-old', 'other']) {
    const Key = `${folder}${name}.ndjson.gz`;
    await aws.s3.send(new CopyObjectCommand({ Bucket: place.bucket, CopySource, Key }));
  }
  expect(await run(prefix, { rewrite: true })).toMatchObject([
    { deleted: [`${folder}parts-1.ndjson.gz`, `${folder}parts-2.ndjson.gz`] },
  ]);
  expect((await listKeys(aws, folder)).map((key) => key.slice(folder.length)).sort()).toEqual(
    ['other', 'parts!2d1', 'parts-old', 'parts', 'parts~a'].map((name) => `${name}.ndjson.gz`),
  );
});

test('a file of an earlier release, or one that is damaged, is written anew', async () => {
  const prefix = 'old/';
  const keys = await storeMails(aws, [{ at: at(13, 0), prefix }]);
  const Key = `${prefix}index/dt=2026-11-23/hr=13/old.ndjson.gz`;
  await aws.s3.send(new PutObjectCommand({ Bucket: place.bucket, Key, Body: 'not gzip' }));
  expect(await run(prefix)).toMatchObject([{ state: 'written', read: 1 }]);
  expect(await rows(Key)).toEqual(keys);
  const object = { Bucket: place.bucket, Key };
  const { Metadata = {} } = await aws.s3.send(new GetObjectCommand(object));
  await aws.s3.send(new PutObjectCommand({ ...object, Metadata, Body: 'not gzip' }));
  const [late = ''] = await storeMails(aws, [{ at: at(13, 1), prefix }]);
  expect(await run(prefix)).toMatchObject([{ state: 'written', read: 2 }]);
  expect(await rows(Key)).toEqual([...keys, late]);
});

test('a run that ends before the last file of an hour is done again', async () => {
  const prefix = 'torn/';
  await storeMails(aws, [{ at: at(13, 0), prefix }]);
  proxy.inject('PutObject', { kind: 'refuse', status: 403, code: 'AccessDenied' });
  await expect(run(prefix)).rejects.toThrow();
  expect(await run(prefix)).toMatchObject([{ state: 'written', mails: 1 }]);
});

test('a mail that could not be read is tried again, unless it never can', async () => {
  const prefix = 'again/';
  const [denied = '', foreign = ''] = await storeMails(
    aws,
    [0, 1, 2].map((second) => ({ at: at(13, second), prefix })),
  );
  await aws.s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: foreign, Body: 'x' }));
  proxy.inject(
    'GetObject',
    { kind: 'refuse', status: 403, code: 'AccessDenied' },
    1,
    ({ key }) => key === denied,
  );
  expect(await run(prefix)).toMatchObject([{ mails: 1, unreadable: 2 }]);
  expect(await run(prefix)).toMatchObject([{ mails: 2, unreadable: 1 }]);
  expect(await run(prefix)).toMatchObject([{ state: 'unchanged' }]);
});

test('the files of one hour have different names for different prefixes', () => {
  const prefixes = [
    ...[
      '',
      'root/',
      'Root/',
      'mail/',
      'mail',
      'mail-1/',
      'mail-1-1/',
      'mail/1/',
      'mail~1/',
      'mail!7e1/',
    ],
    ...['a/b/', 'a~b/', 'a//b/', 'a/~b/', '_a/', '.a/', '!5fa/', 'a.b/', 'ä/'],
  ];
  const names = prefixes.flatMap((prefix) =>
    [0, 1, 2, 10].map((part) => indexKey('', prefix, part)),
  );
  // `mail` and `mail/` are one prefix: the command line adds the slash.
  expect(new Set(names).size).toBe(names.length - 4);
  expect(names.filter((name) => /^[._]|[^A-Za-z0-9.~!_-]/.test(name))).toEqual([]);
  expect(indexKey('', 'mail/', 0)).toBe('mail.ndjson.gz');
  expect(indexKey('', 'teams/in/', 1)).toBe('teams~in-1.ndjson.gz');
});
