import { BlockList, isIP } from 'node:net';
import { canonicalAddress } from './addresses.ts';
import { OptionsError } from '../server/errors.ts';

/** Addresses and networks that are believed when they speak for another. */
export class TrustedNetworks {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** Each `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`. Throws an `OptionsError` that begins with `where`. */
  constructor(networks: readonly string[], where: string) {
    this.#isEmpty = networks.length === 0;
    for (const [index, network] of networks.entries()) {
      const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network);
      const address = match?.[1] ?? '';
      const family = isIP(address);
      const longest = family === 6 ? 128 : 32;
      const prefix = match?.[2] === undefined ? longest : Number(match[2]);
      if (family === 0 || prefix > longest) {
        throw new OptionsError(
          `${where}[${index}]: expected an address or a network like 10.0.0.0/8, got ${JSON.stringify(network)}`,
        );
      }
      this.#list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
    }
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const canonical = canonicalAddress(address);
    return this.#list.check(canonical, isIP(canonical) === 6 ? 'ipv6' : 'ipv4');
  }
}
