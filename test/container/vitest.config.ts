// `npm run test:container`: builds the image unmodified and runs it for real, without a Docker daemon. Needs root
// and Debian's buildah, podman, runc and debootstrap, so it is not part of `npm test`.
import { defineConfig } from 'vitest/config';

// oxlint-disable-next-line import/no-default-export -- vitest reads it.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/container/*.spec.ts'],
    testTimeout: 60_000,
    // The base is unpacked once, from Debian's packages.
    hookTimeout: 600_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
