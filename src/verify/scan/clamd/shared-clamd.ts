import type { NetConnectOpts } from 'node:net';
import type { CircuitBreaker } from '../circuit-breaker.ts';

/** What all scans share. */
export interface SharedClamd {
  readonly address: NetConnectOpts;
  readonly timeoutMillis: number;
  readonly connectMillis: number;
  readonly breaker: CircuitBreaker;
  /** Counts octets of a beginning that is held. `false`: there should be no more of them. */
  holdHead(octets: number): boolean;
  dropHead(octets: number): void;
  /** Calls `granted` when there is a connection to open, unless the function that it returns was called before. */
  requestSlot(granted: () => void): () => void;
  releaseSlot(): void;
  addStreaming(scan: StreamingScan): void;
  removeStreaming(scan: StreamingScan): void;
}

/** A scan that has a connection while its mail arrives. */
export interface StreamingScan {
  /** When its client last had brought a block, by `performance.now`. One that is paused cannot send. */
  readonly lastBlockAt: number;
  /** Gives up the connection, for another mail. */
  letGo(): void;
  discard(): void;
}
