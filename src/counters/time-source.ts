import { setTimeout as sleep } from 'node:timers/promises';

/** Time as this folder needs it; tests bring their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Settles after that many milliseconds. */
  delay(milliseconds: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // A server that ends does not wait for replies that nobody hears any more.
  delay: (milliseconds) => sleep(milliseconds, undefined, { ref: false }),
};
