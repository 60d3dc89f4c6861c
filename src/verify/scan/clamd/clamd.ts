// What the scans by one clamd share: connections, the memory for the beginnings of mails, the circuit breaker.
import type { NetConnectOpts } from 'node:net';
import { CircuitBreaker } from '../circuit-breaker.ts';
import type { VirusOptions } from '../options.ts';
import { Slots } from '../slots.ts';
import { parseAddress } from './address.ts';
import { ClamdScan } from './clamd-scan.ts';
import type { SharedClamd, StreamingScan } from './shared-clamd.ts';

export interface ClamdOptions extends Pick<VirusOptions, 'address' | 'maxConnections'> {
  readonly timeoutMillis: number;
}

const MAX_CONNECTIONS = 10;
/** clamd is near: a connection that takes longer is none. */
const CONNECT_MILLIS = 3000;
/** The beginnings of all mails together that are not streamed yet. */
const HEADS_OCTETS = 8 * 1024 * 1024;
/** A mail that takes longer for a block of 64 KiB gives its connection to one that waits. */
const BLOCK_MILLIS = 2000;
const CHECK_MILLIS = 500;

export class Clamd implements SharedClamd, Disposable {
  readonly address: NetConnectOpts;
  readonly timeoutMillis: number;
  readonly connectMillis: number;
  readonly breaker = new CircuitBreaker();
  readonly #slots: Slots;
  /** Those that have a connection while their mail arrives. */
  readonly #streaming = new Set<StreamingScan>();
  #headsOctets = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ address, timeoutMillis, maxConnections = MAX_CONNECTIONS }: ClamdOptions) {
    this.address = parseAddress(address);
    this.timeoutMillis = timeoutMillis;
    this.connectMillis = Math.min(CONNECT_MILLIS, timeoutMillis);
    this.#slots = new Slots({ count: maxConnections, onFull: () => this.#makeRoom() });
  }

  open(resume: () => void): ClamdScan {
    return new ClamdScan(this, resume);
  }

  holdHead(octets: number): boolean {
    this.#headsOctets += octets;
    return this.#headsOctets < HEADS_OCTETS;
  }

  dropHead(octets: number): void {
    this.#headsOctets -= octets;
  }

  requestSlot(granted: () => void): () => void {
    return this.#slots.request(granted);
  }

  releaseSlot(): void {
    this.#slots.release();
  }

  addStreaming(scan: StreamingScan): void {
    this.#streaming.add(scan);
  }

  removeStreaming(scan: StreamingScan): void {
    this.#streaming.delete(scan);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const scan of this.#streaming) scan.discard();
  }

  /** A client that sends slowly must not keep a thread of clamd from the mails that wait for one. */
  #makeRoom(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const before = performance.now() - BLOCK_MILLIS;
    const slowest = [...this.#streaming]
      .filter(({ lastBlockAt }) => lastBlockAt < before)
      .toSorted((one, other) => one.lastBlockAt - other.lastBlockAt)[0];
    slowest?.letGo();
    if (!this.#slots.hasWaiting) return;
    this.#timer = setTimeout(() => this.#makeRoom(), CHECK_MILLIS);
    this.#timer.unref();
  }
}
