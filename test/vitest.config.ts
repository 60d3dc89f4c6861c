import { defineConfig } from 'vitest/config';
import { SkipReporter } from './support/reporter.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/bench/**'],
    reporters: ['default', new SkipReporter()],
    // Real programs on a shared machine: CI gives a test a second try, and the summary names it.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Real servers and clients share two cores; a file is one process.
    pool: 'forks',
    coverage: {
      provider: 'v8',
      include: ['src/smtp/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
});
