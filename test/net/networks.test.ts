import { expect, test } from 'vitest';
import { isNetwork, NetworkSet } from '../../src/net/networks.ts';

test.each<[string, string, boolean]>([
  ['192.0.2.7', '192.0.2.0/24', true],
  ['192.0.3.7', '192.0.2.0/24', false],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.8', '192.0.2.7', false],
  ['192.0.2.7', '0.0.0.0/0', true],
  ['2001:db8::1', '0.0.0.0/0', false],
  ['2001:db8::1', '2001:db8::/32', true],
  ['2001:db9::1', '2001:db8::/32', false],
  ['192.0.2.7', '::/0', false],
  ['::ffff:192.0.2.7', '192.0.2.0/24', true],
  ['not an address', '0.0.0.0/0', false],
  ['192.0.2.7', 'not a network', false],
  ['', '0.0.0.0/0', false],
  ['fe80::1%eth0', 'fe80::/10', true],
  ['::ffff:192.0.2.7', '::/0', false],
  ['192.0.2.7', '192.0.2.0/24/24', false],
  ['127.0.0.1', '127.1/8', false],
])('whether %j is in the network %j: %s', (address, network, expected) => {
  expect(new NetworkSet([network]).has(address)).toBe(expected);
});

test('a set of networks has the addresses of each of them and no other', () => {
  const networks = new NetworkSet(['192.0.2.0/24', 'not a network', '2001:db8::/32']);
  const addresses = ['192.0.2.7', '2001:db8::1', '192.0.3.7', '2001:db9::1'];
  expect(addresses.filter((address) => networks.has(address))).toEqual([
    '192.0.2.7',
    '2001:db8::1',
  ]);
  expect(new NetworkSet([]).has('192.0.2.7')).toBe(false);
});

test('isNetwork takes addresses and networks in CIDR notation, and nothing else', () => {
  expect(['192.0.2.0/24', '192.0.2.1', '2001:db8::/32', '::1'].filter(isNetwork)).toHaveLength(4);
  expect(['', '192.0.2.0/33', '192.0.2', 'example.com', '::/129'].filter(isNetwork)).toEqual([]);
});
