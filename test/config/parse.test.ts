import { describe, expect, test } from 'vitest';
import {
  ConfigurationError,
  configurationJsonSchema,
  parseConfiguration,
} from '../../src/config/index.ts';

const topicArn = 'arn:aws:sns:eu-west-1:111122223333:mail';
const least = {
  hostname: 'mx.example.com',
  listeners: [{ name: 'mx', port: 2525, tls: 'none' }],
  store: { bucket: 'mail-bucket' },
  notify: { topicArn },
};

function problemsIn(document: unknown): readonly string[] {
  try {
    parseConfiguration(document);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('accepts a document with every common section, and reads its units', () => {
  const configuration = parseConfiguration({
    hostname: 'mx.example.com',
    listeners: [
      { name: 'mx', host: '0.0.0.0', port: 2525, tls: 'starttls', auth: 'none' },
      { name: 'submission', port: 2587, tls: 'starttls', auth: 'required' },
      { name: 'smtps', port: 2465, tls: 'implicit', auth: 'required' },
    ],
    tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
    store: { bucket: 'mail-bucket', prefix: 'mail/' },
    notify: { topicArn },
    credentials: { table: 'mail-credentials' },
    routes: [{ recipients: ['*@in.example.com'], prefix: 'in/' }, { recipients: ['postmaster@*'] }],
    limits: {
      maxMessageSize: '40MB',
      maxRecipients: 100,
      maxConnections: 2000,
      maxConnectionsPerAddress: 100,
      memory: '256MB',
    },
    health: { host: '127.0.0.1', port: 8080 },
  });
  expect(configuration.limits).toMatchObject({ maxMessageSize: 40e6, memory: 256e6 });
  expect(configuration.listeners[0]).toMatchObject({ name: 'mx', requireTls: false });
});

test('reports all problems together, each with path, expectation and value', () => {
  expect(
    problemsIn({
      ...least,
      hostname: 'not a host',
      listeners: [{ name: 'mx', port: '25', tls: 'none', colour: 'red' }],
      limits: { memory: 'lots' },
      health: { port: 65536 },
    }),
  ).toEqual([
    'hostname: expected a host name, like "mx.example.com", got "not a host"',
    'listeners[0].port: expected a whole number from 0 to 65535, got "25"',
    'listeners[0].colour: expected no such field, got "red"',
    expect.stringMatching(/^limits\.memory: expected a size from 32MB to 64GB, .*, got "lots"$/),
    'health.port: expected a whole number from 0 to 65535, got 65536',
  ]);
});

test('reports a contradiction beside a problem in another field', () => {
  const problems = problemsIn({
    ...least,
    store: { bucket: 'X' },
    listeners: [
      { name: 'a', port: 25, tls: 'starttls', auth: 'required' },
      { name: 'a', port: 25, tls: 'none', requireTls: true },
    ],
  });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'store.bucket',
    'listeners[1].name',
    'listeners[1].port',
    'listeners[1].requireTls',
    'credentials.table',
    'tls.certificates',
  ]);
});

test.each([
  [
    { trustedNetworks: ['10.0.0.0/8', '::/0'] },
    'networks of your own, not all addresses, got "::/0"',
  ],
  [
    { trustedNetworks: ['10.0.0.0/8'], addressSyntax: 'strict' },
    'no networks, since addressSyntax "strict" refuses addresses without a domain, got ["10.0.0.0/8"]',
  ],
])('refuses trusted networks that cannot be meant: %j', (settings, problem) => {
  const listeners = [{ name: 'mx', port: 25, tls: 'none', ...settings }];
  expect(problemsIn({ ...least, listeners })).toEqual([
    `listeners[0].trustedNetworks: expected ${problem}`,
  ]);
});

test('takes the alias of an access point, and names it where its ARN is given', () => {
  expect(problemsIn({ ...least, store: { bucket: 'mail-point-abc123-s3alias' } })).toEqual([]);
  const arn = 'arn:aws:s3:eu-west-1:111122223333:accesspoint/mail';
  expect(problemsIn({ ...least, store: { bucket: arn } })).toEqual([
    `store.bucket: expected the name of an S3 bucket, and for an access point its alias, which ends in "-s3alias", in place of its ARN, got "${arn}"`,
  ]);
});

test('reports a missing required field as nothing', () => {
  expect(problemsIn({})).toContain(
    'hostname: expected a host name, like "mx.example.com", got nothing',
  );
  expect(problemsIn('text')).toEqual(['configuration: expected an object, got "text"']);
});

test('hides private keys, certificates and passwords in messages', () => {
  const problems = problemsIn({
    ...least,
    tls: { certificates: [{ cert: 'CERT-TEXT', key: 'KEY-TEXT' }] },
    local: { password: 'short' },
  }).join('\n');
  expect(problems).toContain('[hidden]');
  expect(problems).not.toMatch(/KEY-TEXT|CERT-TEXT|short/);
});

describe('units', () => {
  test.each([
    ['40MB', 40_000_000],
    ['40MiB', 41_943_040],
    ['1.5 MB', 1_500_000],
    [1024, 1024],
  ])('reads the size %j as %d octets', (written, octets) => {
    const { limits } = parseConfiguration({ ...least, limits: { maxMessageSize: written } });
    expect(limits.maxMessageSize).toBe(octets);
  });
  test.each([
    ['5m', 300],
    ['1500ms', 1.5],
    [90, 90],
  ])('reads the time %j as %d seconds', (written, seconds) => {
    const { limits } = parseConfiguration({ ...least, limits: { commandTimeout: written } });
    expect(limits.commandTimeout).toBe(seconds);
  });
  test.each(['40', '40 apples', '-1MB', 'MB', '1e3MB', ''])('refuses the size %j', (written) => {
    expect(problemsIn({ ...least, limits: { maxMessageSize: written } })).toHaveLength(1);
  });
});

test('the JSON Schema has every section and refuses unknown fields', () => {
  expect(configurationJsonSchema()).toMatchObject({
    type: 'object',
    additionalProperties: false,
    required: ['hostname', 'store', 'notify'],
    properties: { listeners: {}, tls: {}, routes: {}, limits: {}, health: {} },
  });
});

test('the section credentials has its defaults and accepts every setting', () => {
  const { credentials } = parseConfiguration({
    ...least,
    credentials: { table: 'mail-credentials' },
  });
  expect(credentials).toEqual({
    table: 'mail-credentials',
    cache: 50,
    grace: 900,
    recordLastUse: true,
    throttle: {
      shared: false,
      onOutage: 'open',
      window: 900,
      addressFailures: 50,
      userFailures: 20,
      delay: 0.5,
      maxDelay: 5,
      maxDelayed: 1000,
    },
    tokens: [],
  });
  const given = parseConfiguration({
    ...least,
    credentials: {
      table: 'mail-credentials',
      cache: '10s',
      grace: '1h',
      recordLastUse: false,
      throttle: { shared: true, onOutage: 'closed', window: '5m', delay: '250ms' },
      tokens: [{ issuer: 'https://issuer.example/pool', audience: ['mail'] }],
    },
  });
  expect(given.credentials).toMatchObject({
    cache: 10,
    grace: 3600,
    recordLastUse: false,
    throttle: { shared: true, onOutage: 'closed', window: 300, delay: 0.25 },
    tokens: [
      { issuer: 'https://issuer.example/pool', usernameClaim: 'sub', requireCredential: true },
    ],
  });
});

test('refuses a cache that would keep a revoked credential for more than a minute', () => {
  expect(problemsIn({ ...least, credentials: { table: 'mail-credentials', cache: '5m' } })).toEqual(
    [expect.stringMatching(/^credentials\.cache: expected a time from 0s to 55s/)],
  );
});
