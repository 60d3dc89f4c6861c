// Runs before each test file. The files of a worker share its process: what a file changes there ends with it.
import { afterAll, vi } from 'vitest';

const before = { ...process.env };

afterAll(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});
