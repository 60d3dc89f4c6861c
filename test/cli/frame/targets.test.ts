// Which bucket, prefixes, topic and table a command works on; and that the names of `mailsluice local` are taken
// on loopback and nowhere else.
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { CliContext } from '../../../src/cli/frame/context.ts';
import { findArchive, findBucket, findTable } from '../../../src/cli/frame/targets.ts';
import { run } from '../../../src/cli/run.ts';

const config = JSON.stringify({
  store: { bucket: 'my-mail', prefix: 'in' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
  credentials: { table: 'my-credentials' },
  routes: [{ recipients: ['*@a.example'], prefix: 'a/' }, { recipients: ['*'] }],
});
const ID = '01k84e473r1ciomidieqmfglac99jr7nvus0o2o7';
const LOOPBACK = 'http://127.0.0.1:4566';
const local = { environment: { AWS_ENDPOINT_URL: LOOPBACK } };
const aws = { environment: {} };

describe('the archive', () => {
  test('bucket, topic and every prefix come from the configuration', async () => {
    expect(await findArchive(aws, { config })).toEqual({
      bucket: 'my-mail',
      prefixes: ['in/', 'a/'],
      topic: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
    });
  });

  test('options go before the configuration', async () => {
    expect(await findArchive(aws, { config, bucket: 'other', prefix: ['x', 'y/'] })).toMatchObject({
      bucket: 'other',
      prefixes: ['x/', 'y/'],
    });
  });

  test('the prefixes of options that no configuration names are known', async () => {
    expect(await findArchive(aws, { config, prefix: ['x', 'in'] })).toMatchObject({
      prefixes: ['x/', 'in/'],
      otherPrefixes: ['x/'],
    });
  });

  test('a bucket alone has the default prefix and no topic', async () => {
    expect(await findArchive(aws, { bucket: 'other' })).toEqual({
      bucket: 'other',
      prefixes: ['mail/'],
    });
  });

  test('a section that is not valid is reported with its path', async () => {
    await expect(findArchive(aws, { config: '{"store":{"bucket":"X"}}' })).rejects.toThrow(
      /store\.bucket: /,
    );
  });

  test('a document that is not an object is refused', async () => {
    await expect(findArchive(local, { config: '[]' })).rejects.toThrow(/expected an object/);
  });

  test.each([
    ['without a configuration', undefined],
    ['with one that names no resources, as local takes it', '{"local":{"username":"me"}}'],
  ])(
    'on loopback, %s, it is what mailsluice local makes, at that endpoint',
    async (_, document) => {
      expect(await findArchive(local, document === undefined ? {} : { config: document })).toEqual({
        bucket: 'mailsluice-mail',
        endpoint: LOOPBACK,
        prefixes: ['mail/'],
        topic: {
          topicArn: 'arn:aws:sns:us-east-1:000000000000:mailsluice-mail',
          endpoint: LOOPBACK,
        },
      });
    },
  );

  test('on loopback, names that are given go before those of mailsluice local', async () => {
    expect(await findArchive(local, { config })).toMatchObject({ bucket: 'my-mail' });
    expect(await findBucket(local, { bucket: 'other' })).toEqual({ bucket: 'other' });
    expect(await findTable(local, { config })).toEqual({ table: 'my-credentials' });
  });
});

describe('an endpoint is on loopback', () => {
  test.each([
    ['127.0.0.1', { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }],
    ['localhost', { AWS_ENDPOINT_URL: 'http://localhost:4566' }],
    ['::1', { AWS_ENDPOINT_URL: 'http://[::1]:4566' }],
    ['for the service alone', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:4566' }],
    [
      'for the service, whatever the others have',
      { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1', AWS_ENDPOINT_URL: 'https://s3.example.com' },
    ],
    [
      'and an empty variable is none, as for the SDK',
      { AWS_ENDPOINT_URL_S3: '', AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' },
    ],
  ])('an endpoint is on loopback: %s', async (_, environment) => {
    expect(await findBucket({ environment }, {})).toMatchObject({ bucket: 'mailsluice-mail' });
  });
});

const NOT_LOOPBACK = [
  ['no endpoint', {}],
  ['an endpoint elsewhere', { AWS_ENDPOINT_URL: 'http://192.0.2.1:4566' }],
  ['a name that begins like one of loopback', { AWS_ENDPOINT_URL: 'http://127.0.0.1.example' }],
  ['an endpoint that is no URL', { AWS_ENDPOINT_URL: '127.0.0.1' }],
  [
    'a service that is elsewhere',
    {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      AWS_ENDPOINT_URL_S3: 'https://s3.eu-west-1.amazonaws.com',
      AWS_ENDPOINT_URL_DYNAMODB: 'https://dynamodb.eu-west-1.amazonaws.com',
    },
  ],
  [
    'an endpoint that the SDK is to ignore',
    { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
  ],
] as const;

const BUCKET_COMMANDS = [
  ['archive', 'list'],
  ['archive', 'show', ID],
  ['archive', 'fetch', ID],
  ['archive', 'replay'],
  ['archive', 'index'],
  ['outbox', 'list'],
  ['outbox', 'drain'],
];
const TABLE_COMMANDS = [
  ['credentials', 'add', 'x'],
  ['credentials', 'list'],
  ['credentials', 'show', 'x'],
  ['credentials', 'disable', 'x'],
  ['credentials', 'enable', 'x'],
  ['credentials', 'rotate', 'x'],
  ['credentials', 'remove', 'x'],
  ['credentials', 'import', '-'],
  ['credentials', 'export'],
];

class Asked extends Error {}

/** Runs a command that ends where it makes a client; says for which endpoint it did. */
async function runUntilClient(
  args: readonly string[],
  environment: CliContext['environment'],
): Promise<{ code: number; stderr: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const make = (endpoint?: string): never => {
    asked.push(endpoint);
    throw new Asked('a client was made');
  };
  const stderr = new PassThrough();
  const code = await run(args, {
    stdin: Readable.from(['# no credentials\n']),
    stdout: new PassThrough(),
    stderr,
    environment,
    clients: {
      ...{ s3: make, dynamoDb: make, sns: make, sqs: make },
      ...{ ownSqs: make, lambda: make, bridge: make },
    },
    interrupted: () => new AbortController().signal,
  });
  return { code, stderr: String(stderr.read() ?? ''), asked };
}

describe.each(NOT_LOOPBACK)('with %s', (where, environment) => {
  test.each([
    ...BUCKET_COMMANDS.map((args) => [args, '--bucket NAME', 'store.bucket'] as const),
    ...TABLE_COMMANDS.map((args) => [args, '--table NAME', 'credentials.table'] as const),
  ])(`%j with ${where} asks for a name, and calls nothing`, async (args, option, field) => {
    const none = await runUntilClient(args, environment);
    const { stderr, ...rest } = none;
    expect(rest).toEqual({ code: 2, asked: [] });
    expect(stderr).toBe(
      `mailsluice ${args.slice(0, 2).join(' ')}: expected ${option}, or --config or MAILSLUICE_CONFIG with ${field}, got none of them\n`,
    );
    const nameless = await runUntilClient([...args, '--config', '{}'], environment);
    expect(nameless).toEqual({
      code: 2,
      asked: [],
      stderr: `mailsluice ${args.slice(0, 2).join(' ')}: expected ${option} or ${field} in --config, got neither\n`,
    });
  });
});

describe.each([
  ['on AWS', {}],
  ['on loopback', { AWS_ENDPOINT_URL: LOOPBACK }],
])('%s', (where, environment) => {
  test.each([
    ...BUCKET_COMMANDS.map((args) => [args, '--bucket'] as const),
    ...TABLE_COMMANDS.map((args) => [args, '--table'] as const),
  ])(`%j ${where} uses the SDK’s endpoint for a name that is given`, async (args, option) => {
    for (const named of [
      [[...args, option, 'mine'], environment],
      [[...args, '--config', config], environment],
      [args, { ...environment, MAILSLUICE_CONFIG: config }],
    ] as const) {
      expect(await runUntilClient(named[0], named[1])).toMatchObject({
        code: 1,
        asked: [undefined],
      });
    }
  });
});

test.each([...BUCKET_COMMANDS, ...TABLE_COMMANDS])(
  '%s %s uses the names of mailsluice local at the endpoint on loopback, and at no other',
  async (...args) => {
    expect(
      await runUntilClient(
        args.filter((arg) => arg !== undefined),
        local.environment,
      ),
    ).toMatchObject({ code: 1, asked: [LOOPBACK] });
  },
);
