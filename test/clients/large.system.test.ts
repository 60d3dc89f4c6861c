// Messages that go to S3 in parts, from real clients.
import { afterAll, beforeAll, expect } from 'vitest';
import type { LocalProcess } from '../support/local.ts';
import { deliveries, startLocal } from './deliveries.ts';
import { large } from './messages.ts';

let local: LocalProcess;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

deliveries([large], () => local);
