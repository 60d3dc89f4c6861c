import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isMessageId,
  messageId,
  messageIdMillis,
} from '../../../src/bridge/contract/message-id.ts';

test('a messageId has 40 characters of 0-9a-v', () => {
  for (let n = 0; n < 500; n += 1) expect(messageId()).toMatch(/^[0-9a-v]{40}$/);
});

test('messageIds sort by time', () => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000];
  const ids = times.map((time) => messageId(new Date(time)));
  expect([...ids].sort()).toEqual(ids);
});

test('a messageId is never the same twice, also within one millisecond', () => {
  const at = new Date();
  expect(new Set(Array.from({ length: 5000 }, () => messageId(at))).size).toBe(5000);
});

test.each([
  ['0'.repeat(40), true],
  ['0'.repeat(39), false],
  ['w'.repeat(40), false],
  [`${'0'.repeat(40)}.envelope.json`, false],
])('isMessageId tells whether %s is a messageId', (text, expected) => {
  expect(isMessageId(text)).toBe(expected);
});

test('the time in a messageId can be read back to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 - 1 }), (millis) => {
      fc.pre(!Number.isNaN(new Date(millis).getTime()));
      expect(messageIdMillis(messageId(new Date(millis)))).toBe(millis);
    }),
  );
});
