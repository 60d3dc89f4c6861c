import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRecord } from '../../src/bridge/contract/mail-record.ts';
import { notVerified } from '../../src/bridge/contract/verification.ts';
import { ClaimRows, decodeObjects, encodeObjects } from '../../src/bridge/duplicate-rows.ts';
import type { PlannedObject } from '../../src/bridge/planned-objects.ts';
import { type FaultyTable, startFaultyTable } from '../credentials/faulty-table.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { facts, recipient } from './support.ts';

function object(recipients: number, fields: Partial<PlannedObject> = {}): PlannedObject {
  const of = facts({
    recipients: Array.from({ length: recipients }, (_, n) =>
      recipient(`${'x'.repeat(300)}${n}@in.example`, {
        orcpt: `rfc822;${'y'.repeat(400)}`,
      } as never),
    ),
  });
  const trace = Buffer.from('Received: from m\u00fcnchen.example\r\n');
  return {
    messageId: of.messageId,
    key: `mail/${of.messageId}`,
    record: makeRecord({
      facts: of,
      recipients: of.envelope.recipients,
      topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail',
      processingTimeMillis: 5,
      verification: notVerified,
      sha256: 'ab'.repeat(32),
      sizeInOctets: 100,
      traceHeaderOctets: trace.length,
    }),
    trace,
    ...fields,
  };
}

test('the objects come out of the row as they were', () => {
  const objects = [object(1), object(3, { upload: { uploadId: 'upload-1' } })];
  expect(decodeObjects(encodeObjects(objects), [])).toEqual(objects);
});

test('recipients that do not fit are left out, and come from the same mail', () => {
  const [first, now] = [object(600), object(600)];
  const row = encodeObjects([first]);
  expect(Buffer.byteLength(row)).toBeLessThan(10_000);
  expect(decodeObjects(row, [now])).toEqual([first]);
  // The routes have changed: whose recipients are whose is not known.
  expect(decodeObjects(row, [now, now])).toBeUndefined();
});

test('nothing is kept where not even that fits: the next try is a new mail', () => {
  const row = encodeObjects(Array.from({ length: 600 }, () => object(2)));
  expect(row).toBe('');
  expect(decodeObjects(row, [object(2)])).toBeUndefined();
});

test('what a later release wrote is left alone', () => {
  const row = encodeObjects([object(1)]).replace('"schemaVersion":1', '"schemaVersion":2');
  expect(decodeObjects(row, [object(1)])).toBeUndefined();
});

describe('the rows in a table', () => {
  let aws: TestAws;
  let faulty: FaultyTable;
  let rows: ClaimRows;
  beforeAll(async () => {
    aws = await startTestAws();
    faulty = await startFaultyTable(aws);
    rows = new ClaimRows(faulty.client, aws.resources.table);
  });
  afterAll(async () => {
    await faulty[Symbol.asyncDispose]();
    await aws.close();
  });

  const row = {
    messageId: 'm1',
    state: 'pending',
    expiresAt: 2_000_000_000,
    ttl: 2_000_000_000,
    owner: 'o1',
    objects: '',
  } as const;

  test('are read as they were written, until their owner removes them', async () => {
    faulty.fault = 'none';
    expect(await rows.read('dup#1', 5000)).toBeUndefined();
    expect(await rows.put('dup#1', row, undefined, 5000)).toBe(true);
    expect(await rows.put('dup#1', { ...row, owner: 'o2' }, undefined, 5000)).toBe(false);
    expect(await rows.read('dup#1', 5000)).toEqual(row);
    await rows.remove('dup#1', 'o2', 5000);
    expect(await rows.read('dup#1', 5000)).toEqual(row);
    await rows.remove('dup#1', 'o1', 5000);
    expect(await rows.read('dup#1', 5000)).toBeUndefined();
  });

  test.each(['page', 'refusing-page', 'empty', 'other-table'] as const)(
    'are neither written, nor read, nor removed by the answer "%s"',
    async (fault) => {
      faulty.fault = fault;
      const unproven = {
        code: 'MAILSLUICE_ANSWER_UNPROVEN',
        message: expect.stringContaining(faulty.endpoint) as unknown,
      };
      await expect(rows.put('dup#2', row, undefined, 5000)).rejects.toMatchObject(unproven);
      await expect(rows.read('dup#2', 5000)).rejects.toMatchObject(unproven);
      await expect(rows.remove('dup#2', 'o1', 5000)).rejects.toMatchObject(unproven);
    },
  );

  test('are not read from an answer with another row', async () => {
    faulty.fault = 'other-row';
    await expect(rows.read('dup#3', 5000)).rejects.toMatchObject({
      code: 'MAILSLUICE_ANSWER_UNPROVEN',
    });
  });
});
