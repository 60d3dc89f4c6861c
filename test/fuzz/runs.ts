// How long the properties run: a moment in the ordinary test run, as long as wanted in `npm run fuzz`.
// FUZZ_RUNS: cases for each property. FUZZ_SECONDS: time for each property, whatever the number of cases.
import type { Parameters } from 'fast-check';

/** fast-check's parameters for a property that runs `usual` cases when nothing else is said. */
export function runs<T>(usual: number): Parameters<T> {
  const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0);
  if (seconds > 0) {
    return { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 };
  }
  return { numRuns: Number(process.env['FUZZ_RUNS'] ?? usual) };
}
