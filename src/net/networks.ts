// Addresses and networks in CIDR notation: what lies in what, and what counts as one client.
import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { canonicalAddress } from './addresses.ts';

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

/** A list of networks that is asked for every connection. */
export class NetworkSet {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** Each as `isNetwork` takes it; throws `RangeError` for another. */
  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0;
    for (const network of networks) {
      const range = parseNetwork(network);
      if (range === undefined) {
        throw new RangeError(`expected an address or a network like 10.0.0.0/8, got "${network}"`);
      }
      const [address, bits] = range;
      this.#list.addSubnet(address.toString(), bits, address.kind());
    }
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const canonical = canonicalAddress(address);
    return this.#list.check(canonical, isIP(canonical) === 6 ? 'ipv6' : 'ipv4');
  }
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
