// How long the properties run: a moment in the ordinary test run, two and a half minutes each in `npm run fuzz`,
// which makes ten in all, as the four properties of the session come one after the other.
// FUZZ_RUNS: cases for each property. FUZZ_SECONDS: time for each property, whatever the number of cases.
import type { Parameters } from 'fast-check';

const LONG_SECONDS = 150;

/** fast-check's parameters for a property that runs `usual` cases when nothing else is said. */
export function runs<T>(usual: number): Parameters<T> {
  const { FUZZ_SECONDS, FUZZ_RUNS, npm_lifecycle_event: script } = process.env;
  const isLong = script === 'fuzz' && FUZZ_RUNS === undefined;
  const seconds = Number(FUZZ_SECONDS ?? (isLong ? LONG_SECONDS : 0));
  if (seconds > 0) {
    return { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 };
  }
  return { numRuns: Number(FUZZ_RUNS ?? usual) };
}
