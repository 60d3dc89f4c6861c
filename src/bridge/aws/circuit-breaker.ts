// The circuit breaker: an S3 that does not answer turns into quick refusals instead of thousands of waits.
import type { AwsFailure, Observe } from '../events.ts';

export interface Breaker {
  readonly isOpen: boolean;
  /** Told how every commit's store came out; `undefined` is success. */
  settled(failure: AwsFailure | undefined): void;
  close(): void;
}

export interface BreakerOptions {
  readonly observe: Observe;
  /** Asks S3 something small; rejects when it does not answer. */
  readonly probe: () => Promise<void>;
  /** Failures in a row that open it. Default 5. */
  readonly threshold?: number;
  /** Pause between probes while it is open. Default 1000. */
  readonly probeMillis?: number;
}

/**
 * Opens after some failures in a row that waiting could mend; a misconfiguration fails fast by itself and
 * does not open it. While it is open S3 is probed each second, and the first answer closes it.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { observe, probe, threshold = 5, probeMillis = 1000 } = options;
  let failures = 0;
  let openedAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  function closeAgain(): void {
    if (openedAt === undefined) return;
    observe({ kind: 'breaker-closed', openSeconds: (performance.now() - openedAt) / 1000 });
    openedAt = undefined;
    // Half open: S3 answers, but one more failed mail opens it again.
    failures = threshold - 1;
    clearTimeout(timer);
  }

  function probeLater(): void {
    timer = setTimeout(() => {
      probe().then(closeAgain, () => {
        if (openedAt !== undefined) probeLater();
      });
    }, probeMillis);
    timer.unref();
  }

  return {
    get isOpen() {
      return openedAt !== undefined;
    },
    settled: (failure) => {
      if (failure === undefined) {
        closeAgain();
        failures = 0;
        return;
      }
      if (failure.cause !== 'unavailable') return;
      failures += 1;
      if (failures < threshold || openedAt !== undefined) return;
      openedAt = performance.now();
      observe({ kind: 'breaker-opened', failure });
      probeLater();
    },
    close: () => {
      openedAt = undefined;
      clearTimeout(timer);
    },
  };
}
