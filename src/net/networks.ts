// Networks in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3). One parser for all who configure or
// store them.
import ipaddr from 'ipaddr.js';

/** A parsed network: its address, and how many leading bits of it count. */
type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Whether `text` is an address, or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** A list of addresses and networks that grants something to the clients in it. */
export class NetworkSet {
  readonly #networks: readonly Network[];

  /** An entry that is not a network matches no address: report it with `isNetwork` first. */
  constructor(networks: readonly string[]) {
    this.#networks = networks.flatMap((each) => {
      const network = parseNetwork(each);
      return network === undefined ? [] : [network];
    });
  }

  /** Whether `address` is in one of the networks. IPv4-mapped IPv6 counts as IPv4. */
  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const client = parseAddress(address);
    if (client === undefined) return false;
    return this.#networks.some(
      ([network, bits]) => network.kind() === client.kind() && client.match(network, bits),
    );
  }
}

function parseNetwork(text: string): Network | undefined {
  const [host = '', bits, ...rest] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined || rest.length > 0) return undefined;
  const all = address.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [address, all];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= all ? [address, Number(bits)] : undefined;
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // `isValid` also takes 0x7f.1 and 127.1, which nobody means as an address here.
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  return isAddress ? ipaddr.process(text) : undefined;
}
