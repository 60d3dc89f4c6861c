import { expect, test } from 'vitest';
import { ConfigurationError, parseConfiguration } from '../../src/config/index.ts';

const least = {
  hostname: 'mx.example.com',
  listeners: [{ name: 'mx', port: 2525, tls: 'none' }],
  store: { bucket: 'mail-bucket' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
};

function problemsIn(scan: unknown, more: object = {}): readonly string[] {
  try {
    parseConfiguration({ ...least, ...more, scan });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('nothing is scanned without the section, and the section has its defaults', () => {
  expect(parseConfiguration(least).scan).toBeUndefined();
  const { scan } = parseConfiguration({
    ...least,
    scan: {
      spam: { url: 'http://127.0.0.1:11333', reject: 15, quarantine: 6.5 },
      virus: { address: '127.0.0.1:3310' },
    },
  });
  expect(scan).toEqual({
    spam: { url: 'http://127.0.0.1:11333', maxOctets: 2_000_000, reject: 15, quarantine: 6.5 },
    virus: { address: '127.0.0.1:3310', action: 'mark' },
    timeout: 15,
    onFailure: 'accept',
  });
});

test.each(['http://rspamd:11333', 'https://scan.example.com/rspamd', 'http://[::1]:11333/'])(
  'takes the URL %s of rspamd',
  (url) => {
    expect(problemsIn({ spam: { url } })).toEqual([]);
  },
);

test.each(['localhost:3310', '[::1]:3310', '/run/clamav/clamd.ctl'])(
  'takes the address %s of clamd',
  (address) => {
    expect(problemsIn({ virus: { address } })).toEqual([]);
  },
);

test.each([
  ['ftp://rspamd:21'],
  ['rspamd:11333'],
  ['http://user:password@rspamd:11333'],
  ['http://rspamd:11333/checkv2?x=1'],
  ['http://rspamd\r\nHost: other'],
])('refuses the URL %j of rspamd', (url) => {
  expect(problemsIn({ spam: { url } })).toEqual([
    expect.stringMatching(/^scan\.spam\.url: expected the URL of rspamd/),
  ]);
});

test.each([['clamd'], ['tcp://clamd:3310'], ['clamd:'], ['relative/clamd.ctl']])(
  'refuses the address %j of clamd',
  (address) => {
    expect(problemsIn({ virus: { address } })).toEqual([
      expect.stringMatching(/^scan\.virus\.address: expected the address of clamd/),
    ]);
  },
);

test.each<[string, unknown, object, string]>([
  ['no scanner', {}, {}, 'scan: expected spam, virus or both, got neither'],
  [
    'a score of quarantine that the score of refusal hides',
    { spam: { url: 'http://rspamd:11333', reject: 6, quarantine: 6 } },
    {},
    'scan.spam.quarantine: expected less than scan.spam.reject (6), from which on a message is refused, got 6',
  ],
  [
    'a port that does not exist',
    { virus: { address: 'clamd:70000' } },
    {},
    'scan.virus.address: expected a port from 1 to 65535, got 70000',
  ],
  [
    'a port of rspamd that does not exist',
    { spam: { url: 'http://rspamd:70000' } },
    {},
    'scan.spam.url: expected a port from 1 to 65535, and an address that exists, got "http://rspamd:70000"',
  ],
  [
    'a timeout that the commit has not',
    { virus: { address: 'clamd:3310' }, timeout: '10s' },
    { limits: { answerTimeout: '10s' } },
    'scan.timeout: expected less than limits.answerTimeout (10 s), which includes it, got 10',
  ],
])('refuses %s', (_name, scan, more, problem) => {
  expect(problemsIn(scan, more)).toEqual([problem]);
});

test('refuses to hand rspamd a mail that is no longer in memory', () => {
  expect(problemsIn({ spam: { url: 'http://rspamd:11333', maxOctets: '9MiB' } })).toEqual([
    expect.stringMatching(/^scan\.spam\.maxOctets: expected a size from 1KB to 8MiB/),
  ]);
});

test('hides the password of rspamd in messages', () => {
  const problems = problemsIn({
    spam: { url: 'http://rspamd:11333', password: 'two words' },
  }).join('\n');
  expect(problems).toContain('[hidden]');
  expect(problems).not.toContain('two words');
});
