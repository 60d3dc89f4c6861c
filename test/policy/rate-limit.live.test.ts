import { expect, test } from 'vitest';
import { createRateLimit, issueGrants } from '../../src/policy/index.ts';
import type { Identity } from '../../src/smtp/index.ts';
import { startFaultyTable } from '../credentials/faulty-table.ts';
import { recorder, TestClock } from '../credentials/support.ts';
import { startTestAws } from '../support/aws.ts';

test('a rate limit is shared in the fleet, and fails open or closed as configured while the table is unavailable', async () => {
  await using aws = await startTestAws();
  await using table = await startFaultyTable(aws);
  const clock = new TestClock();
  const { observe, events } = recorder();
  const make = (onOutage: 'open' | 'closed') =>
    createRateLimit({
      clock,
      observe,
      shared: { client: table.client, table: aws.resources.table, onOutage },
    });
  const [one, other] = [make('open'), make('closed')];
  const tenant: Identity = {
    username: 'tenant',
    mechanism: 'PLAIN',
    grants: issueGrants({ rate: { messages: 4, periodSeconds: 60 } }),
  };
  for (const limit of [one, other, one, other]) {
    expect(await limit.openMessage(tenant)).toBeUndefined();
  }
  expect(await one.openMessage(tenant)).toMatchObject({ code: 452, status: '7.1' });
  table.fault = 'reset';
  expect(await one.openMessage(tenant)).toBeUndefined();
  expect(await other.openMessage(tenant)).toMatchObject({ code: 451 });
  expect(events.at(-1)).toMatchObject({ kind: 'table-unavailable', operation: 'count' });
});
