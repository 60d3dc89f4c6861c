// Names of any octets, on the wire and as text.
import fc from 'fast-check';
import { decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { type Question, readResponse, writeQuery } from '../../../src/verify/dns/message.ts';
import {
  isNameAt,
  nameKey,
  nameText,
  readName,
  skipName,
  wireName,
} from '../../../src/verify/dns/name.ts';
import { readAnswer } from '../../../src/verify/dns/read-answer.ts';

const octet = fc.integer({ min: 0, max: 255 });
const label = fc.array(octet, { minLength: 1, maxLength: 63 }).map((octets) => Buffer.from(octets));
const labels = fc
  .array(label, { maxLength: 127 })
  .filter((each) => each.reduce((sum, { length }) => sum + 1 + length, 1) <= 255);
const dot = Buffer.from('.');
const withoutDots = labels.filter((each) => !each.some((one) => one.includes(dot)));

function wireOf(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap((part) => [Buffer.from([part.length]), part]),
    Buffer.from([0]),
  ]);
}

function lower(octets: Buffer): Buffer {
  return Buffer.from(octets.map((each) => (each >= 65 && each <= 90 ? each + 32 : each)));
}

/** A message with a name at its 13th octet. */
function messageWith(name: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(12), name]);
}

test('a name of any octets but dots is on the wire what it is in text, in lower case', () => {
  fc.assert(
    fc.property(withoutDots, (parts) => {
      const text = parts.map((part) => part.toString('latin1')).join('.');
      expect(Buffer.from(wireName(text) ?? 'none', 'latin1')).toEqual(wireOf(parts.map(lower)));
    }),
    { numRuns: 1000 },
  );
});

test('a name from the wire is read octet by octet, and its text has a dot in a label escaped', () => {
  fc.assert(
    fc.property(labels, (parts) => {
      const wire = readName(messageWith(wireOf(parts)), 12) ?? 'none';
      expect(Buffer.from(wire, 'latin1')).toEqual(wireOf(parts));
      expect(Buffer.from(nameKey(wire), 'latin1')).toEqual(wireOf(parts.map(lower)));
      const escaped = parts.map((part) => part.toString('latin1').replaceAll('.', '\\.'));
      expect(nameText(wire)).toBe(escaped.length === 0 ? '.' : escaped.join('.'));
    }),
    { numRuns: 1000 },
  );
});

describe('a name that DNS cannot have', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['an empty label', 'a..test'],
    ['an empty first label', '.a.test'],
    ['an empty last label', 'a.test.'],
    ['only a dot', '.'],
    ['a label of 64 octets', `${'a'.repeat(64)}.test`],
    ['254 octets', `${'a.'.repeat(126)}aa`],
    ['a character above U+00FF', 'a\u0100.test'],
  ];
  for (const [what, name] of rows) {
    test(`has no wire format: ${what}`, () => expect(wireName(name)).toBeUndefined());
  }
  test('a label of 63 octets and 253 octets in all are names', () => {
    expect(wireName(`${'a'.repeat(63)}.test`)).toHaveLength(70);
    expect(wireName(`${'a.'.repeat(126)}a`)).toHaveLength(255);
  });
});

describe('a name in a message', () => {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ['ends before its label does', [5, 97]],
    ['ends before its last zero', [1, 97]],
    ['ends in the middle of a pointer', [1, 97, 0xc0]],
    ['points to itself', [0xc0, 12]],
    ['points forward', [0xc0, 14, 1, 97, 0]],
    ['points into the header', [0xc0, 2]],
    ['points to what points back to it', [1, 97, 0xc0, 12]],
    ['has a label of the reserved kind 01', [0x41, 97, 0]],
    ['has a label of the reserved kind 10', [0x81, 97, 0]],
    [
      'is longer than 255 octets',
      Array.from({ length: 300 }, (_, at) => (at === 299 ? 0 : at % 2 === 0 ? 1 : 97)),
    ],
  ];
  for (const [what, octets] of rows) {
    test(`is none if it ${what}`, () => {
      const message = messageWith(Buffer.from(octets));
      expect(readName(message, 12)).toBeUndefined();
      expect(isNameAt(message, 12, wireName('a') ?? '')).toBe(false);
    });
  }

  test('is compared as it is read, in any octets', () => {
    // Labels, ends, and pointers to places near the beginning, some of them cut.
    const piece = fc.oneof(
      fc.constantFrom([0], [1, 97], [1, 65], [2, 0xc1, 0], [3, 98, 46, 99], [255]),
      fc.integer({ min: 10, max: 30 }).map((low) => [0xc0, low]),
    );
    let names = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(20), (pieces, offset) => {
        const message = messageWith(Buffer.from(pieces.flat()));
        const at = Math.min(12 + offset, message.length);
        const wire = readName(message, at);
        if (wire === undefined) return;
        names += 1;
        expect(isNameAt(message, at, nameKey(wire))).toBe(true);
        expect(isNameAt(message, at, wireName('b.test') ?? '')).toBe(false);
        expect(skipName(message, at)).toBeLessThanOrEqual(message.length);
      }),
      { numRuns: 20_000 },
    );
    expect(names).toBeGreaterThan(500);
  });
});

test('a query is what dns-packet reads, for names that it can read', () => {
  const host = fc
    .array(fc.stringMatching(/^[a-z0-9_-]{1,63}$/), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('.'))
    .filter((name) => name.length <= 253);
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 0xffff }), fc.boolean(), (name, id, withEdns) => {
      const query = decode(writeQuery({ name: wireName(name) ?? '', type: 16 }, id, withEdns));
      expect(query).toMatchObject({
        type: 'query',
        id,
        flag_rd: true,
        questions: [{ name, type: 'TXT', class: 'IN' }],
        answers: [],
        authorities: [],
        additionals: withEdns ? [{ type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0 }] : [],
      });
    }),
  );
});

test('reading ends with a result, whatever octets are behind the question', () => {
  const question: Question = { name: wireName('a.test') ?? '', type: 16 };
  const query = writeQuery(question, 7, false);
  const start = encode({ type: 'response', id: 7, questions: [{ name: 'a.test', type: 'TXT' }] });
  expect(start.length).toBe(query.length);
  const count = fc.integer({ min: 0, max: 3 });
  const likely = fc.oneof(fc.constantFrom(0, 0xc0, 12, 1, 5, 6, 16, 2, 20), octet);
  const kinds = new Set<string>();
  fc.assert(
    fc.property(
      fc.tuple(count, count, count),
      fc.integer({ min: 0, max: 15 }),
      fc.array(likely, { maxLength: 80 }),
      ([answers, authorities, others], code, rest) => {
        const message = Buffer.concat([start, Buffer.from(rest)]);
        message[3] = code;
        message[7] = answers;
        message[9] = authorities;
        message[11] = others;
        const read = readResponse(message, question, 7);
        kinds.add(read.kind);
        if (read.kind === 'response')
          kinds.add(readAnswer(read.response, question, 'TXT').answer.kind);
      },
    ),
    { numRuns: 5000 },
  );
  expect([...kinds].toSorted()).toEqual(
    expect.arrayContaining(['failed', 'malformed', 'no-data', 'no-name', 'response']),
  );
});
