// Three lanes in one run, or each by itself: `npm run test:unit`, `npm test` (unit and service), `npm run
// test:system`. support/lanes.ts says what is in which.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { serviceFiles, systemFiles, unitFiles } from './support/lanes.ts';
import { SkipReporter } from './support/reporter.ts';

// The programs that the tests start compile the same modules again and again.
process.env['NODE_COMPILE_CACHE'] ??= new URL(
  '../node_modules/.cache/compiled',
  import.meta.url,
).pathname;

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', new SkipReporter()],
    // Real programs on a shared machine: CI gives a test a second try, and the summary names it.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // The files of a worker share its modules, and with them the embedded AWS (support/aws.ts).
    isolate: false,
    setupFiles: ['test/support/restore.ts'],
    // More workers than cores, since the tests of servers and clients wait more than they compute.
    maxWorkers: availableParallelism() + 1,
    coverage: {
      provider: 'v8',
      include: ['src/smtp/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
    projects: [
      { extends: true, test: { name: 'unit', include: unitFiles } },
      { extends: true, test: { name: 'service', ...serviceFiles } },
      {
        extends: true,
        test: {
          name: 'system',
          include: systemFiles,
          // After the others. Two files at a time: most wait for programs, clocks and packages half of their time. Its
          // figures are taken with one (`--maxWorkers=1`).
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
