// Addresses and networks as a credential and a throttle see them.
import ipaddr from 'ipaddr.js';

/** Whether the address lies in one of the networks. An address or a network that is none never matches. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const client = parse(address);
  if (client === undefined) return false;
  return networks.some((network) => {
    const range = parseNetwork(network);
    return range !== undefined && range[0].kind() === client.kind() && client.match(range);
  });
}

/** Whether it is an address or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** What one client is counted as: an IPv4 address, or an IPv6 /64, since one host may have all of that. */
export function clientNetwork(address: string): string {
  const client = parse(address);
  if (client === undefined || client.kind() === 'ipv4') return address;
  const parts = (client as ipaddr.IPv6).parts.slice(0, 4);
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`;
}

function parseNetwork(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const [host = '', bits, ...rest] = text.split('/');
  const address = parse(host);
  if (address === undefined || rest.length > 0) return undefined;
  const all = address.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [address, all];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= all ? [address, Number(bits)] : undefined;
}

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // `isValid` also takes 0x7f.1 and 127.1, in which nobody means an address here.
  const four = ipaddr.IPv4.isValidFourPartDecimal(text);
  return four || ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined;
}
