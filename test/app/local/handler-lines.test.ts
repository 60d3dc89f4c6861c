// The answers of a function as an event source mapping reads them, and the lines that `mailsluice local --handler` prints.
import { expect, test } from 'vitest';
import { readBatchResponse } from '../../../src/app/local/handler/batch-response.ts';
import type { HandlerEvent } from '../../../src/app/local/handler/handler-runner.ts';
import { renderHandlerEvent } from '../../../src/app/local/render.ts';

// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: complete success, complete failure.
test.each([
  [null, true],
  ['text', true],
  [{}, true],
  [{ batchItemFailures: null }, true],
  [{ batchItemFailures: [] }, true],
  [{ batchItemFailures: [{ itemIdentifier: 'm1' }] }, false],
  [{ batchItemFailures: [{ itemIdentifier: '' }] }, false],
  [{ batchItemFailures: [{ itemIdentifier: null }] }, false],
  [{ batchItemFailures: [{ badKey: 'm1' }] }, false],
  [{ batchItemFailures: [{ itemIdentifier: 'other' }] }, false],
  [{ batchItemFailures: [null] }, false],
  [{ batchItemFailures: 'm1' }, false],
])('after the answer %j the message is deleted: %s', (response, isDone) => {
  expect(readBatchResponse(response, 'm1').ok).toBe(isDone);
});

const COMMON = {
  event: 'handler-invoked',
  messageId: 'id1',
  attempt: 1,
  attempts: 3,
  millis: 12,
} as const;
const ROWS: readonly [HandlerEvent, string][] = [
  [{ ...COMMON, outcome: 'done', result: { a: 1 } }, 'handler done  id1  12 ms  {"a":1}'],
  [
    { ...COMMON, outcome: 'done', attempt: 2, result: null },
    'handler done, attempt 2 of 3  id1  12 ms  null',
  ],
  [
    { ...COMMON, outcome: 'failed', error: { name: 'RangeError', message: 'no\u001b[31m\nway' } },
    'handler failed, attempt 1 of 3, comes again  id1  12 ms  RangeError: no?[31m?way',
  ],
  [
    {
      ...COMMON,
      outcome: 'timed-out',
      attempt: 3,
      isLast: true,
      error: { name: 'Sandbox.Timedout', message: 'Task timed out after 2.00 seconds' },
    },
    'handler timed-out, attempt 3 of 3, goes to the dead-letter queue  id1  12 ms  Sandbox.Timedout: Task timed out after 2.00 seconds',
  ],
  [{ event: 'handler-loaded', file: '/h.ts', isReload: false }, 'handler loaded'],
  [{ event: 'handler-loaded', file: '/h.ts', isReload: true }, 'handler loaded again'],
  [
    { event: 'handler-not-loaded', file: '/h.ts', error: { name: 'SyntaxError', message: 'x' } },
    'handler not loaded: SyntaxError: x',
  ],
];
test.each(ROWS)('%j is printed as %s', (event, line) => {
  const at = new Date('2026-11-23T13:14:15.678Z');
  expect(renderHandlerEvent(event, at)).toBe(`13:14:15  ${line}`);
});
