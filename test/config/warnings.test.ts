// What `config check` and the construct warn of.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  ConfigurationError,
  configurationWarnings,
  parseConfiguration,
} from '../../src/config/index.ts';

function refusalOf(input: object): unknown {
  try {
    return parseConfiguration(input);
  } catch (error) {
    return error instanceof ConfigurationError ? error.message : error;
  }
}

const certificates = [{ certFile: 'mx.crt', keyFile: 'mx.key' }];
const document = (listeners: readonly object[], tls: object = {}): object => ({
  hostname: 'mx.example.com',
  listeners,
  tls: { certificates, ...tls },
  store: { bucket: 'mail-bucket' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
  credentials: { table: 'mail-credentials' },
});

const clear = { name: 'clear', port: 1, tls: 'none' };
const mx = { name: 'mx', port: 2 };
const modern = { name: 'modern', port: 3, tlsProfile: 'modern' };
const old = { name: 'old', port: 4, tlsProfile: 'old' };

test.each([
  ['nothing of the default', [clear, mx, modern], {}, []],
  ['a listener with the profile old', [mx, old], {}, ['listeners[1].tlsProfile']],
  ['the profile old of all listeners', [clear, mx], { profile: 'old' }, ['tls.profile']],
  ['the profile old that no listener takes', [clear, modern], { profile: 'old' }, []],
  ['both', [old, mx], { profile: 'old' }, ['tls.profile', 'listeners[0].tlsProfile']],
])('warns of %s', (_, listeners, tls, paths) => {
  const warnings = configurationWarnings(parseConfiguration(document(listeners, tls)));
  expect(warnings.map(({ path }) => path)).toEqual(paths);
  for (const { text } of warnings) expect(text).toContain('TLS 1.0 and CBC');
});

test('names the listeners that take the profile old of all', () => {
  const configuration = parseConfiguration(document([clear, mx, modern], { profile: 'old' }));
  expect(configurationWarnings(configuration)[0]?.text).toMatch(/; of "mx"$/);
});

test('refuses a TLS profile on a listener without TLS, and one that does not exist', () => {
  const refusals = [
    { ...clear, tlsProfile: 'old' },
    { ...mx, tlsProfile: 'ancient' },
  ].map((each) => {
    try {
      return parseConfiguration(document([each]));
    } catch (error) {
      return error instanceof ConfigurationError ? error.message : error;
    }
  });
  expect(refusals).toEqual([
    'listeners[0].tlsProfile: expected nothing on a listener without TLS, or tls "starttls" or "implicit", got "old"',
    'listeners[0].tlsProfile: expected one of "modern", "intermediate", "old", got "ancient"',
  ]);
});

test('the listeners for old devices in the README are valid', () => {
  const page = readFileSync(new URL('../../src/config/README.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/```json\n(\{ "name".*)\n```/g)].map(
    ([, text = '']) => JSON.parse(text) as object,
  );
  expect(examples).toHaveLength(2);
  const { listeners } = parseConfiguration(document(examples));
  expect(listeners).toMatchObject([{ tlsProfile: 'old' }, { tls: 'none', auth: 'none' }]);
});

const listener = { name: 'a', port: 2525 };
const other = { name: 'b', port: 2526 };
const valid = document([listener, other]);

test.each<[string, object, string]>([
  [
    'an issuer over http',
    {
      credentials: {
        table: 'table',
        tokens: [{ issuer: 'http://issuer.example', audience: ['a'] }],
      },
    },
    'credentials.tokens[0].issuer: expected an https URL (http only for the loopback), got "http://issuer.example"',
  ],
  [
    'keys of an issuer over http',
    {
      credentials: {
        table: 'table',
        tokens: [
          {
            issuer: 'https://issuer.example',
            audience: ['a'],
            jwksUri: 'http://127.0.0.1.example/k',
          },
        ],
      },
    },
    'credentials.tokens[0].jwksUri: expected an https URL (http only for the loopback), got "http://127.0.0.1.example/k"',
  ],
  [
    'mail in the outbox',
    { store: { bucket: 'mail-bucket', prefix: 'outbox/' } },
    'store.prefix: expected a key prefix of printable ASCII without a leading "/", like "mail/", and not under outbox/, got "outbox/"',
  ],
  [
    'mail of a route in the outbox',
    { routes: [{ recipients: ['*'], prefix: 'outbox/mail/' }] },
    'routes[0].prefix: expected a key prefix of printable ASCII without a leading "/", like "mail/", and not under outbox/, got "outbox/mail/"',
  ],
  [
    'a port twice, once for every address',
    { listeners: [listener, { ...other, host: '127.0.0.1', port: 2525 }] },
    'listeners[1].port: expected an address that no other listener has, as listeners[0] has, got "127.0.0.1:2525"',
  ],
  [
    'a listener on the port of the health server',
    { listeners: [listener, { ...other, port: 8080 }] },
    'health.port: expected an address that no listener has, as listeners[1] has, got "127.0.0.1:8080"',
  ],
  [
    'XCLIENT from everybody',
    { listeners: [{ ...listener, trustedXclients: ['::/0'] }] },
    'listeners[0].trustedXclients: expected the networks of the proxies, since every client in them can name a signed-in user, got ["::/0"]',
  ],
])('refuses %s', (_, change, message) => {
  expect(refusalOf({ ...valid, ...change })).toBe(message);
});

test('takes the same port on two addresses, and an issuer on the loopback', () => {
  const configuration = parseConfiguration({
    ...valid,
    listeners: [
      { ...listener, host: '127.0.0.1' },
      { ...other, host: '127.0.0.2', port: 2525 },
    ],
    credentials: {
      table: 'table',
      tokens: [{ issuer: 'http://127.0.0.1:9000/pool', audience: ['a'] }],
    },
  });
  expect(configurationWarnings(configuration)).toEqual([]);
});

test.each([
  ['0.0.0.0/0', 1],
  ['128.0.0.0/1', 1],
  ['::/0', 1],
  ['10.0.0.0/8', 0],
  ['2001:db8::/32', 0],
  ['192.0.2.7', 0],
])('warns of proxies in a network that nobody has: %s', (network, count) => {
  const listeners = [{ ...listener, clientAddress: 'proxy', trustedProxies: [network] }];
  const warnings = configurationWarnings(parseConfiguration({ ...valid, listeners }));
  expect(warnings.map(({ path }) => path)).toEqual(
    Array.from({ length: count }, () => 'listeners[0].trustedProxies'),
  );
});
