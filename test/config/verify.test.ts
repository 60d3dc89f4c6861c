// The section `verify`: defaults by listener, overrides, and what is refused or warned of.
import { expect, test } from 'vitest';
import {
  checksSenders,
  ConfigurationError,
  configurationWarnings,
  parseConfiguration,
  refusingSettings,
  type VerifyModes,
  verifyModesOf,
} from '../../src/config/index.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:mail';

const mx = { name: 'mx', port: 1 };
const submission = { name: 'submission', port: 2, auth: 'required' };
const mixed = { name: 'mixed', port: 3, auth: 'optional' };

function document(verify: object | undefined, listeners: readonly object[] = [mx]): object {
  return {
    hostname: 'mx.example.com',
    listeners,
    tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: TOPIC },
    credentials: { table: 'mail-credentials' },
    ...(verify && { verify }),
  };
}

function refusalOf(verify: object | undefined, listeners?: readonly object[]): string {
  try {
    parseConfiguration(document(verify, listeners));
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
}

function modes(verify: object | undefined, listener: object): VerifyModes {
  const { verify: all, listeners } = parseConfiguration(document(verify, [listener]));
  const [first] = listeners;
  if (first === undefined) throw new Error('expected a listener');
  return verifyModesOf(all, first);
}

const MARK = { spf: 'mark', dkim: 'mark', dmarc: 'mark', arc: 'mark', lists: [] };
const OFF = { spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off', lists: [] };

test.each<[string, object | undefined, object, object]>([
  ['without a section, where clients cannot sign in', undefined, mx, MARK],
  ['without a section, where clients may sign in', undefined, mixed, MARK],
  ['without a section, where clients must sign in', undefined, submission, OFF],
  [
    'for all listeners',
    { dmarc: 'reject', arc: 'off' },
    mx,
    { ...MARK, dmarc: 'reject', arc: 'off' },
  ],
  ['for all listeners, where clients must sign in', { dmarc: 'reject' }, submission, OFF],
  [
    'of the listener before those of all',
    { dmarc: 'reject', spf: 'off' },
    { ...mx, verify: { dmarc: 'off' } },
    { ...MARK, dmarc: 'off', spf: 'off' },
  ],
  [
    'lists of the listener in place of those of all',
    { lists: [{ zone: 'zen.example.org' }] },
    { ...mx, verify: { lists: [] } },
    MARK,
  ],
  [
    'lists of all, with the default action',
    { lists: [{ zone: 'zen.example.org' }] },
    mx,
    { ...MARK, lists: [{ zone: 'zen.example.org', action: 'mark' }] },
  ],
])('the checks %s', (_what, verify, listener, expected) => {
  expect(modes(verify, listener)).toEqual(expected);
});

test('whether DNS is needed, and which settings refuse', () => {
  expect(checksSenders(modes(undefined, mx))).toBe(true);
  expect(checksSenders(modes(undefined, submission))).toBe(false);
  const listed = { ...OFF, lists: [{ zone: 'z.example', action: 'reject' }] } as VerifyModes;
  expect(checksSenders(listed)).toBe(true);
  expect(refusingSettings(listed)).toEqual(['lists']);
  expect(refusingSettings(modes({ spf: 'reject', dmarc: 'reject' }, mx))).toEqual(['spf', 'dmarc']);
  expect(refusingSettings(modes(undefined, mx))).toEqual([]);
});

test.each<[string, object]>([
  ['verify.dkim: expected one of "off", "mark", got "reject"', { dkim: 'reject' }],
  ['verify.arc: expected one of "off", "mark", got "reject"', { arc: 'reject' }],
  ['verify.timeout: expected a time from 500ms to 15s', { timeout: '16s' }],
  ['verify.resolvers[0]: expected the address of a DNS server', { resolvers: ['dns.example'] }],
  ['verify.resolvers[0]: expected an IP address', { resolvers: ['300.1.1.1'] }],
  ['verify.resolvers[0]: expected an IP address', { resolvers: ['127.0.0.1:0'] }],
  ['verify.resolvers[0]: expected an IP address', { resolvers: ['[::1]:70000'] }],
  ['verify.resolvers[0]: expected an IP address', { resolvers: ['[127.0.0.1]:53'] }],
  ['verify.lists[0].zone: expected the domain of a DNS list', { lists: [{ zone: 'a b' }] }],
  [
    'verify.lists[1].zone: expected a zone that no other list has, got "Zen.example.org"',
    { lists: [{ zone: 'zen.example.org' }, { zone: 'Zen.example.org' }] },
  ],
  [
    'verify.lists[0].key: expected a key of letters',
    { lists: [{ zone: 'z.example', key: 'a_b' }] },
  ],
  [
    'verify.quarantine.topicArn: expected another topic than notify.topicArn',
    { quarantine: { topicArn: TOPIC } },
  ],
  [
    'verify.quarantine.topicArn: expected the ARN of an SNS topic',
    { quarantine: { topicArn: 'x' } },
  ],
])('refused: %s', (expected, verify) => {
  expect(refusalOf(verify)).toContain(expected);
});

test('the key of a list is not in an error', () => {
  const text = refusalOf({ lists: [{ zone: 'z.example', key: 'secret_key' }] });
  expect(text).toContain('verify.lists[0].key');
  expect(text).not.toContain('secret_key');
});

test.each(['127.0.0.1', '127.0.0.1:5353', '::1', '2001:db8::53', '[2001:db8::53]:53'])(
  'the resolver %s is taken',
  (resolver) => {
    expect(refusalOf({ resolvers: [resolver] })).toBe('');
  },
);

test('a listener on which all clients sign in has no checks of its own', () => {
  const on = { ...submission, verify: { spf: 'reject' } };
  expect(refusalOf(undefined, [on])).toContain(
    'listeners[0].verify: expected nothing on a listener with auth "required"',
  );
  const off = { ...submission, verify: { spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off' } };
  expect(refusalOf(undefined, [off])).toBe('');
});

test('the time for DNS is within that of an answer', () => {
  const listeners = [mx];
  const problem = (() => {
    try {
      parseConfiguration({
        ...document({ timeout: '15s' }, listeners),
        limits: { answerTimeout: 10 },
      });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  })();
  expect(problem).toContain('verify.timeout: expected less than limits.answerTimeout (10 s)');
});

test('spf "reject" is warned of, with the listeners that do it', () => {
  const listeners = [mx, submission, { ...mixed, verify: { spf: 'mark' } }];
  const warnings = configurationWarnings(
    parseConfiguration(document({ spf: 'reject', dmarc: 'reject' }, listeners)),
  );
  expect(warnings.map(({ path }) => path)).toEqual(['verify.spf']);
  expect(warnings[0]?.text).toMatch(/forwarded mail.*; on "mx"$/);
});
