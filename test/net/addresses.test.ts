import { describe, expect, test } from 'vitest';
import { clientNetwork, canonicalAddress } from '../../src/net/addresses.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
])('the address %s is shown as %s', (address, expected) => {
  expect(canonicalAddress(address)).toBe(expected);
});

describe('what counts as one client', () => {
  test.each([
    ['an IPv4 address', '192.0.2.1', '192.0.2.1', true],
    ['no other IPv4 address', '192.0.2.1', '192.0.2.2', false],
    ['every address of an IPv6 /64', '2001:db8:0:1::1', '2001:db8:0:1:ffff::2', true],
    ['however its zeros are written', '2001:db8::1', '2001:0db8:0:0:1::', true],
    ['no other IPv6 /64', '2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['nothing of the loopback and of the rest', '::1', '2001::1', false],
  ])('what counts as one client: %s', (_, one, other, isSame) => {
    expect(clientNetwork(one) === clientNetwork(other)).toBe(isSame);
  });

  test('what counts as one client: its name is the address itself, or the /64 in one spelling', () => {
    expect(clientNetwork('192.0.2.7')).toBe('192.0.2.7');
    expect(clientNetwork('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(clientNetwork('2001:DB8:1:2::')).toBe(clientNetwork('2001:db8:1:2:ffff::1'));
  });
});
