import { expect, test } from 'vitest';
import { makeRecord } from '../../src/bridge/contract/mail-record.ts';
import { notVerified } from '../../src/bridge/contract/verification.ts';
import { decodeObjects, encodeObjects } from '../../src/bridge/duplicate-rows.ts';
import type { PlannedObject } from '../../src/bridge/planned-objects.ts';
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
