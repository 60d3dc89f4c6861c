import { expect, test } from 'vitest';
import { isMessageId, messageId } from '../../../src/bridge/contract/message-id.ts';
import { objectKeyPrefix, splitObjectKey } from '../../../src/bridge/contract/object-key.ts';

test('has 40 characters of 0-9a-v', () => {
  for (let n = 0; n < 500; n += 1) expect(messageId()).toMatch(/^[0-9a-v]{40}$/);
});

test('sorts by time', () => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000];
  const ids = times.map((time) => messageId(new Date(time)));
  expect([...ids].sort()).toEqual(ids);
});

test('is never the same twice, also within one millisecond', () => {
  const at = new Date();
  expect(new Set(Array.from({ length: 5000 }, () => messageId(at))).size).toBe(5000);
});

test.each([
  ['0'.repeat(40), true],
  ['0'.repeat(39), false],
  ['w'.repeat(40), false],
  [`${'0'.repeat(40)}.envelope.json`, false],
])('tells whether %s is one', (text, expected) => {
  expect(isMessageId(text)).toBe(expected);
});

test.each([
  ['mail/', 'mail/dt=2026-11-23/hr=00/'],
  ['mail', 'mail/dt=2026-11-23/hr=00/'],
  ['', 'dt=2026-11-23/hr=00/'],
  ['a/b/', 'a/b/dt=2026-11-23/hr=00/'],
])('puts the UTC hour behind the prefix %j', (prefix, expected) => {
  expect(objectKeyPrefix(prefix, new Date('2026-11-23T00:59:59.999Z'))).toBe(expected);
});

test('splits a key into prefix and messageId', () => {
  expect(splitObjectKey('mail/dt=2026-11-23/hr=00/abc')).toEqual({
    objectKeyPrefix: 'mail/dt=2026-11-23/hr=00/',
    messageId: 'abc',
  });
});
