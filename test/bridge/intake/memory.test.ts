import { clientNetwork } from '../../../src/net/addresses.ts';
import { expect, test } from 'vitest';
import {
  BLOCK_OCTETS,
  Blocks,
  expectedOctets,
  Memory,
  WINDOW_BLOCKS,
} from '../../../src/bridge/intake/memory.ts';

const MIB = 1024 * 1024;

test('memory is divided into a quarter for small mails and blocks, with room for one large mail at the least', () => {
  const { small, large, octets } = new Memory(256 * MIB);
  expect([small.octets, large.octets, octets]).toEqual([64 * MIB, 192 * MIB, 256 * MIB]);
  const least = new Memory(1);
  expect([least.small.octets, least.large.octets]).toEqual([4 * MIB, WINDOW_BLOCKS * BLOCK_OCTETS]);
});

test('blocks are used again', () => {
  const blocks = new Blocks();
  const block = blocks.take();
  expect(block).toHaveLength(262_144);
  blocks.putBack([block]);
  expect(blocks.take()).toBe(block);
});

test.each([
  [0, 12 * MIB],
  [300_000, 3 * 262_144],
  [2 * MIB, 9 * 262_144],
  [40_000_000, 12 * MIB],
])('a message that declares %i octets is expected to hold %i', (declared, expected) => {
  expect(expectedOctets(declared)).toBe(expected);
});

test('memory knows what the largest client holds in both budgets together', () => {
  const memory = new Memory(256 * MIB);
  const holder = { granted: () => undefined, shed: () => undefined };
  for (const [budget, client, octets] of [
    [memory.small, '192.0.2.1', 100],
    [memory.large, '192.0.2.1', 200],
    [memory.large, '192.0.2.2', 250],
    [memory.small, '2001:db8::1', 150],
    [memory.small, '2001:db8::2', 160],
  ] as const) {
    budget.reserve(budget.join(holder, clientNetwork(client), 'mx', octets), octets);
  }
  // The two of IPv6 are in one /64.
  expect(memory.largestShareOctets).toBe(310);
  expect(memory.usedOctets).toBe(860);
});
