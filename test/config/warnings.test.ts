// What `config check` and the construct warn of.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  ConfigurationError,
  configurationWarnings,
  parseConfiguration,
} from '../../src/config/index.ts';

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
