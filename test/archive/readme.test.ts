// The page about the archive is right where it can be run: its Node.js snippet, its Python snippet where boto3
// is installed, and its table's columns.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { indexHours } from '../../src/archive/index.ts';
import { missing, runProgram } from '../support/programs.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { collect, storeMails } from './support.ts';

const page = readFileSync(new URL('../../src/archive/README.md', import.meta.url), 'utf8');

function snippet(language: string): string {
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1];
  if (found === undefined) throw new Error(`no snippet in ${language}`);
  return found.replaceAll('mail-bucket', aws.resources.bucket);
}

let aws: TestAws;
let keys: string[];
beforeAll(async () => {
  aws = await startTestAws();
  keys = await storeMails(aws, [
    { at: '2026-11-22T23:59:00.000Z' },
    {
      at: '2026-11-23T01:00:00.000Z',
      from: 'one@client.example',
      content: 'Subject: first\r\n\r\n',
    },
    { at: '2026-11-23T13:00:00.000Z', from: null, content: 'Subject: second\r\n\r\n' },
    { at: '2026-11-24T00:00:00.000Z' },
  ]);
});
afterAll(() => aws.close());

const environment = () =>
  Object.entries({ ...aws.environment, AWS_DEFAULT_REGION: aws.region }).map(
    ([name, value]) => `${name}=${value}`,
  );

test('the Node.js snippet lists a day’s mail', async () => {
  // Beside this file, where the SDK is found.
  const file = fileURLToPath(new URL('readme-snippet.tmp.mjs', import.meta.url));
  const code = snippet('js').replace('new S3Client()', 'new S3Client({ forcePathStyle: true })');
  writeFileSync(file, code);
  try {
    const { output } = await runProgram('env', [...environment(), process.execPath, file]);
    expect(output).toBe(`${keys[1]} one@client.example first\n${keys[2]} null second\n`);
  } finally {
    rmSync(file);
  }
});

test('the Python snippet lists a day’s mail', async ({ skip }) => {
  const hasBoto3 = spawnSync('/usr/bin/python3', ['-c', 'import boto3']).status === 0;
  skip(!hasBoto3, 'not installed: boto3');
  // Debian's boto3 is older than AWS_ENDPOINT_URL.
  const code = snippet('python').replace(
    /boto3\.client\("s3"\)/,
    `boto3.client("s3", endpoint_url="${aws.endpoint}")`,
  );
  const { output } = await runProgram('env', [
    ...environment(),
    ...['/usr/bin/python3', '-c', code],
  ]);
  expect(output).toBe(`${keys[1]} one@client.example first\n${keys[2]} None second\n`);
});

test('the Python snippet is Python', async ({ skip }) => {
  const absent = missing('/usr/bin/python3');
  skip(absent !== undefined, absent);
  const parse = 'import ast, sys; ast.parse(sys.stdin.read())';
  const { code, output } = await runProgram('/usr/bin/python3', ['-c', parse], snippet('python'));
  expect([code, output]).toEqual([0, '']);
});

test('the table has a column of the right type for every member of an index line', async () => {
  const place = { s3: aws.s3, bucket: aws.resources.bucket };
  const range = { prefix: 'mail/', from: new Date('2026-11-23'), to: new Date('2026-11-24') };
  const [hour] = await collect(indexHours(place, range));
  const { Body } = await aws.s3.send(
    new GetObjectCommand({ Bucket: place.bucket, Key: hour?.keys[0] }),
  );
  const file = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
  const line = JSON.parse(file) as Record<string, unknown>;
  const [, columns = ''] = /CREATE EXTERNAL TABLE mail_index \(([^]*?)\n\)/.exec(page) ?? [];
  const types = new Map(
    [...columns.matchAll(/(\w+) (string|bigint|array<.*?>+|struct<.*?>)(?:,|\n|$)/g)].map(
      ([, name = '', type = '']) => [name, type],
    ),
  );
  expect([...types.keys()].sort()).toEqual(Object.keys(line).sort());
  for (const [name, value] of Object.entries(line)) {
    expect([name, types.get(name)]).toEqual([name, typeOf(value, types.get(name) ?? '')]);
  }
});

/** The type that holds the value; null is held by any. */
function typeOf(value: unknown, declared: string): string {
  if (value === null) return declared;
  if (typeof value === 'number') return 'bigint';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) {
    const [first] = value as unknown[];
    return first === undefined ? declared : `array<${typeOf(first, '')}>`;
  }
  const members = Object.entries(Object(value) as object);
  return `struct<${members.map(([name, member]) => `${name}:${typeOf(member, '')}`).join(', ')}>`;
}
