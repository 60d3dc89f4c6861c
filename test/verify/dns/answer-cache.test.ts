import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerCache } from '../../../src/verify/dns/answer-cache.ts';
import type { DnsAnswer } from '../../../src/verify/dns/resolver.ts';

const FOUND: DnsAnswer = { kind: 'records', records: ['192.0.2.1'] };
const DAY = 86_400;

describe('how long an answer is remembered', () => {
  const rows: readonly (readonly [string, DnsAnswer, number, number])[] = [
    ['records', FOUND, 300, 300],
    ['records without a time', FOUND, 0, 0],
    ['records of a huge TTL', FOUND, 0x7fff_ffff, DAY],
    ['no such name', { kind: 'no-name' }, 60, 60],
    ['no such name of a huge TTL', { kind: 'no-name' }, DAY, 900],
    ['no such record without an SOA record', { kind: 'no-data' }, 0, 0],
    ['no such record of a huge TTL', { kind: 'no-data' }, DAY, 900],
    ['a failure', { kind: 'failed', reason: 'timeout' }, 0, 3],
    ['a failure of a huge TTL', { kind: 'failed', reason: 'servfail' }, DAY, 3],
  ];
  for (const [what, answer, ttlSeconds, expected] of rows) {
    test(`${what}: ${expected} seconds`, () => {
      const cache = new AnswerCache(10, 10_000);
      cache.set('key', { answer, ttlSeconds }, 1000);
      expect(cache.get('key', 1000)).toEqual(expected === 0 ? undefined : answer);
      expect(cache.get('key', 1000 + expected * 1000 - 1)).toEqual(
        expected === 0 ? undefined : answer,
      );
      expect(cache.get('key', 1000 + expected * 1000)).toBeUndefined();
      expect(cache).toMatchObject({ size: 0, sizeInOctets: 0 });
    });
  }
});

test('the answer used longest ago is forgotten first', () => {
  const cache = new AnswerCache(2, 10_000);
  for (const key of ['a', 'b']) cache.set(key, { answer: FOUND, ttlSeconds: 60 }, 0);
  cache.get('a', 1);
  cache.set('c', { answer: FOUND, ttlSeconds: 60 }, 2);
  expect(['a', 'b', 'c'].map((key) => cache.get(key, 3) !== undefined)).toEqual([
    true,
    false,
    true,
  ]);
});

test('a large answer takes the place of many small ones, one that is larger than all is not kept', () => {
  const cache = new AnswerCache(1000, 50_000);
  for (let index = 0; index < 100; index += 1)
    cache.set(`k${index}`, { answer: FOUND, ttlSeconds: 60 }, 0);
  expect(cache.size).toBe(100);
  const large = (octets: number): DnsAnswer => ({ kind: 'records', records: ['x'.repeat(octets)] });
  cache.set('large', { answer: large(40_000), ttlSeconds: 60 }, 0);
  expect(cache.size).toBeLessThan(50);
  expect(cache.get('large', 1)).toBeDefined();
  cache.set('too large', { answer: large(60_000), ttlSeconds: 60 }, 0);
  expect(cache.get('too large', 1)).toBeUndefined();
  expect(cache.get('large', 1)).toBeDefined();
});

test('entries and octets stay within their bounds, and every answer is the one that was set last', () => {
  const operation = fc.record({
    key: fc.constantFrom(...'abcdefghijklmnop'.split('')),
    octets: fc.nat(3000),
    ttlSeconds: fc.nat(20),
    pause: fc.nat(10_000),
    isSet: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const cache = new AnswerCache(8, 10_000);
      const known = new Map<string, { answer: DnsAnswer; expires: number }>();
      let now = 0;
      for (const { key, octets, ttlSeconds, pause, isSet } of operations) {
        now += pause;
        if (isSet) {
          const answer: DnsAnswer = { kind: 'records', records: ['x'.repeat(octets)] };
          cache.set(key, { answer, ttlSeconds }, now);
          known.set(key, { answer, expires: now + ttlSeconds * 1000 });
        } else {
          const answer = cache.get(key, now);
          const expected = known.get(key);
          if (answer === undefined) continue;
          expect(answer).toBe(expected?.answer);
          expect(now).toBeLessThan(expected?.expires ?? 0);
        }
        expect(cache.size).toBeLessThanOrEqual(8);
        expect(cache.sizeInOctets).toBeLessThanOrEqual(10_000);
        expect(cache.sizeInOctets > 0).toBe(cache.size > 0);
      }
    }),
  );
});
