import type { AwsFailure } from '../events.ts';

/** Whether a notification is worth a try now, or goes to the outbox at once. */
export interface PublishGate {
  isOpen(): boolean;
  /** Told how every try came out; `undefined` is success. */
  settled(failure: AwsFailure | undefined): void;
}

/** Failures in a row that close the gate, and how often one mail may then try. */
const THRESHOLD = 5;
const TRY_MILLIS = 1000;

/**
 * An SNS that hangs must not make every mail wait for it: after some failures in a row that waiting could
 * mend, one mail a second tries, and the first success opens the gate for all.
 */
export function createPublishGate(): PublishGate {
  let failures = 0;
  let nextTry = 0;
  return {
    isOpen: () => {
      if (failures < THRESHOLD) return true;
      const now = performance.now();
      if (now < nextTry) return false;
      nextTry = now + TRY_MILLIS;
      return true;
    },
    settled: (failure) => {
      if (failure === undefined) failures = 0;
      else if (failure.cause === 'unavailable') failures += 1;
    },
  };
}

/** What is said of a notification that was not tried. */
export const notTried: AwsFailure = {
  service: 'sns',
  cause: 'unavailable',
  code: 'NotTried',
  message: 'SNS has failed several times in a row, so the outbox was used at once',
};
