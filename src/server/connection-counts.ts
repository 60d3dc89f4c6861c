import { clientNetwork } from '../net/addresses.ts';

/** Counts the connections, in all and by client network. Its memory is bounded by the connections themselves. */
export class ConnectionCounts {
  readonly #byGroup = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  from(address: string): number {
    return this.#byGroup.get(clientNetwork(address)) ?? 0;
  }

  add(address: string): void {
    this.#total++;
    const group = clientNetwork(address);
    this.#byGroup.set(group, (this.#byGroup.get(group) ?? 0) + 1);
  }

  remove(address: string): void {
    this.#total--;
    const group = clientNetwork(address);
    const left = (this.#byGroup.get(group) ?? 1) - 1;
    if (left === 0) this.#byGroup.delete(group);
    else this.#byGroup.set(group, left);
  }
}
