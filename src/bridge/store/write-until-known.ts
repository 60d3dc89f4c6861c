import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, isCorruption } from '../aws/error-codes.ts';
import { attemptsOf } from '../aws/failures.ts';
import type { Observe } from '../events.ts';

/** Tries beyond the SDK's own: after a 409 several times with a pause, after a wrong digest once. */
const MAX_CONFLICTS = 5;
const MAX_CORRUPTIONS = 1;

/**
 * One write to S3 with its retries. Settles when the object is there by one of the tries; rejects with the SDK's error
 * of the last one. `mayExist`: another task may have written the same object to the key, so 412 is as good for the
 * first try as for a retry.
 */
export async function writeUntilKnown(
  operation: string,
  observe: Observe,
  signal: AbortSignal,
  write: () => Promise<{ readonly attempts: number }>,
  mayExist = false,
): Promise<void> {
  const began = performance.now();
  let attempts = 0;
  let conflicts = 0;
  let corruptions = 0;
  try {
    for (;;) {
      try {
        attempts += (await write()).attempts;
        return;
      } catch (error) {
        attempts += attemptsOf(error);
        const code = errorCode(error);
        // 412 for a retry: an earlier try, whose answer was lost, was carried out. The key is random, so nobody else
        // can have written it but a task that finishes our commit.
        if (code === 'PreconditionFailed' && (attempts > 1 || mayExist)) return;
        if (isConflict(code) && conflicts < MAX_CONFLICTS) {
          conflicts += 1;
          await sleep(25 * 2 ** conflicts * (0.5 + Math.random()), undefined, { signal });
        } else if (isCorruption(error) && corruptions < MAX_CORRUPTIONS) {
          corruptions += 1;
        } else {
          throw error;
        }
      }
    }
  } finally {
    if (attempts > 1) {
      observe({ kind: 'aws-retry', service: 's3', operation, retries: attempts - 1 });
    }
    observe({ kind: 'aws-call', service: 's3', operation, millis: performance.now() - began });
  }
}

/** Another write to the key is in progress, so S3 did not decide. */
function isConflict(code: string): boolean {
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}
