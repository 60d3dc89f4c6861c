import { describe, expect, test } from 'vitest';
import {
  defineMailHandler,
  type HandledMail,
  type IdempotencyStore,
  type MailHandlerOptions,
  type MailLogEntry,
  MailNotFoundError,
  memoryIdempotencyStore,
} from '../../src/subscriber/index.ts';
import { notificationOf, s3Event, snsEvent, sqsEvent, wrappedBySns } from './support.ts';

const ids = Array.from({ length: 10 }, (_, at) => `${at}`.padEnd(40, 'a'));

function bodies(count: number): string[] {
  return ids.slice(0, count).map((messageId) => JSON.stringify(notificationOf({ messageId })));
}

/** A handler that fails for the mails of `failing`, with what it was called for and what it logged. */
function recordingHandler(failing: readonly string[] = [], options: MailHandlerOptions = {}) {
  const handled: string[] = [];
  const log: MailLogEntry[] = [];
  const handler = defineMailHandler(
    async ({ messageId }) => {
      handled.push(messageId);
      if (failing.includes(messageId)) throw new TypeError(`no ${messageId.charAt(0)}`);
    },
    { log: (entry) => log.push(entry), ...options },
  );
  return { handler, handled, log };
}

test('of a batch only the records that failed come again', async () => {
  const { handler, handled, log } = recordingHandler([ids[1] ?? '', ids[3] ?? '']);
  const response = await handler(sqsEvent(bodies(5)));
  expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual([
    'sqs-1',
    'sqs-3',
  ]);
  expect(handled.sort()).toEqual(ids.slice(0, 5));
  expect(log.filter(({ outcome }) => outcome === 'done')).toHaveLength(3);
  expect(log.find(({ messageId }) => messageId === ids[1])).toMatchObject({
    event: 'mail-handled',
    outcome: 'failed',
    error: { name: 'TypeError', message: 'no 1' },
  });
});

test('of a FIFO queue everything from the failure on comes again, in order', async () => {
  const { handler, handled, log } = recordingHandler([ids[2] ?? '']);
  const response = await handler(sqsEvent(bodies(5), 'mail.fifo'));
  expect(response.batchItemFailures).toEqual([
    { itemIdentifier: 'sqs-2' },
    { itemIdentifier: 'sqs-3' },
    { itemIdentifier: 'sqs-4' },
  ]);
  expect(handled).toEqual(ids.slice(0, 3));
  expect(log.map(({ outcome }) => outcome)).toEqual([
    'done',
    'done',
    'failed',
    'handed-back',
    'handed-back',
  ]);
});

test('a record that is no mail goes to the dead-letter queue, a test event does not', async () => {
  const { handler, log } = recordingHandler();
  const response = await handler(
    sqsEvent(['garbage', '{"Service":"Amazon S3","Event":"s3:TestEvent"}', ...bodies(1)]),
  );
  expect(response.batchItemFailures).toEqual([{ itemIdentifier: 'sqs-0' }]);
  expect(log.map(({ outcome }) => outcome).sort()).toEqual(['done', 'failed', 'skipped']);
});

test('never more mails at once than `concurrency`, and that many', async () => {
  let running = 0;
  let most = 0;
  const handler = defineMailHandler(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    },
    { concurrency: 3, log: () => undefined },
  );
  await handler(sqsEvent(bodies(10)));
  expect(most).toBe(3);
  expect(() => defineMailHandler(async () => undefined, { concurrency: 0 })).toThrow(
    'concurrency: expected a whole number from 1 on, got 0',
  );
});

test.each([
  ['SNS', snsEvent(JSON.stringify(notificationOf({ messageId: ids[0] ?? '' })))],
  ['S3', s3Event('b', `mail/${ids[0]}`)],
])('%s has no partial answer: the handler rejects', async (_, event) => {
  const { handler, handled } = recordingHandler([ids[0] ?? '']);
  await expect(handler(event)).rejects.toThrow('no 0');
  expect(handled).toEqual([ids[0]]);
  await expect(recordingHandler().handler(event)).resolves.toBeUndefined();
});

test('several records that failed reject as one', async () => {
  const { handler } = recordingHandler(ids);
  const Records = [...s3Event('b', `${ids[0]}`).Records, ...s3Event('b', `${ids[1]}`).Records];
  await expect(handler({ Records })).rejects.toMatchObject({
    name: 'MailBatchError',
    message: '2 mails failed, the first with: no 0',
    errors: [{ message: 'no 0' }, { message: 'no 1' }],
  });
});

describe('a message that the program received from SQS itself', () => {
  const [Body = ''] = bodies(1);
  const message = { MessageId: 'sqs-0', ReceiptHandle: 'handle-0', MD5OfBody: 'x', Body };

  test('is refused with one sentence that says what a record needs', async () => {
    const { handler, handled, log } = recordingHandler();
    const sentence =
      'expected a record of a Lambda event, got a message of SQS ReceiveMessage; pass { messageId: MessageId, body: Body, eventSource: "aws:sqs", eventSourceARN: the ARN of the queue }';
    await expect(handler({ Records: [message] })).rejects.toMatchObject({
      name: 'NotificationError',
      reason: 'unknown-shape',
      message: sentence,
    });
    expect(handled).toEqual([]);
    expect(log.map(({ error }) => error?.message)).toEqual([sentence]);
  });

  test('is handled when it is passed as that sentence says', async () => {
    const { handler, handled } = recordingHandler();
    const { MessageId: messageId, Body: body } = message;
    const eventSourceARN = 'arn:aws:sqs:us-east-1:000000000000:mail';
    const record = { messageId, body, eventSource: 'aws:sqs', eventSourceARN };
    expect(await handler({ Records: [record] })).toEqual({ batchItemFailures: [] });
    expect(handled).toEqual([ids[0]]);
  });
});

test('an empty event is nothing to do', async () => {
  await expect(recordingHandler().handler({ Records: [] })).resolves.toBeUndefined();
});

test('a mail that is delivered again is handled once', async () => {
  const { handler, handled, log } = recordingHandler([], {
    idempotency: memoryIdempotencyStore(),
  });
  const event = sqsEvent(bodies(1));
  expect(await handler(event)).toEqual({ batchItemFailures: [] });
  expect(await handler(sqsEvent([wrappedBySns(bodies(1)[0] ?? '')]))).toEqual({
    batchItemFailures: [],
  });
  expect(handled).toEqual([ids[0]]);
  expect(log.map(({ outcome }) => outcome)).toEqual(['done', 'duplicate']);
});

test('a mail that failed is handled again', async () => {
  const failing = [...ids];
  const { handler, handled } = recordingHandler(failing, {
    idempotency: memoryIdempotencyStore(),
  });
  await expect(handler(sqsEvent(bodies(1)))).rejects.toThrow('no 0');
  failing.length = 0;
  expect(await handler(sqsEvent(bodies(1)))).toEqual({ batchItemFailures: [] });
  expect(handled).toEqual([ids[0], ids[0]]);
});

test('the second of two deliveries at once stays in the queue until the first has ended', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handled: string[] = [];
  const handler = defineMailHandler(
    async ({ messageId }) => {
      handled.push(messageId);
      await gate;
    },
    { idempotency: memoryIdempotencyStore(), log: () => undefined },
  );
  const first = handler(sqsEvent(bodies(1)));
  await expect(handler(sqsEvent(bodies(1)))).rejects.toMatchObject({ name: 'MailInProgressError' });
  open();
  expect(await first).toEqual({ batchItemFailures: [] });
  expect(handled).toEqual([ids[0]]);
});

test('a replay is handled though the mail was, each replay once', async () => {
  const { handler, log } = recordingHandler([], { idempotency: memoryIdempotencyStore() });
  const at = '2026-11-23T14:00:00.000Z';
  const replayed = (id?: string) =>
    snsEvent(
      JSON.stringify(
        notificationOf({ messageId: ids[0] ?? '', replay: { at, ...(id && { id }) } }),
      ),
    );
  await handler(sqsEvent(bodies(1)));
  for (const id of ['first', 'first', 'second', undefined]) await handler(replayed(id));
  expect(log.map(({ outcome, replay }) => [outcome, replay])).toEqual([
    ['done', undefined],
    ['done', 'first'],
    ['duplicate', 'first'],
    ['done', 'second'],
    ['done', at],
  ]);
});

test('the lease is the time that Lambda leaves, and two seconds for clocks that differ', async () => {
  const leases: number[] = [];
  const idempotency: IdempotencyStore = {
    claim: async (_, leaseMillis) => {
      leases.push(leaseMillis);
      return { kind: 'done' };
    },
  };
  const { handler } = recordingHandler([], { idempotency });
  await handler(sqsEvent(bodies(1)), { getRemainingTimeInMillis: () => 4321 });
  await handler(sqsEvent(bodies(1)));
  expect(leases).toEqual([4321 + 2000, 15 * 60_000]);
});

test('a mail that was handled is not delivered again because the store could not note it', async () => {
  const idempotency: IdempotencyStore = {
    claim: async () => ({
      kind: 'claimed',
      complete: () => Promise.reject(new Error('table gone')),
      release: () => Promise.reject(new Error('table gone')),
    }),
  };
  const good = recordingHandler([], { idempotency });
  expect(await good.handler(sqsEvent(bodies(1)))).toEqual({ batchItemFailures: [] });
  expect(good.log).toMatchObject([{ outcome: 'done', error: { message: 'table gone' } }]);

  const bad = recordingHandler(ids, { idempotency });
  await expect(bad.handler(sqsEvent(bodies(1)))).rejects.toThrow('no 0');
  expect(bad.log).toMatchObject([{ outcome: 'failed', error: { message: 'no 0' } }]);
});

test('mail.fetch gives a typed error that the handler may let through', async () => {
  const seen: HandledMail[] = [];
  const { log, ...options } = { log: [] as MailLogEntry[] };
  const handler = defineMailHandler(
    async (mail) => {
      seen.push(mail);
      await mail.fetch();
    },
    { ...options, log: (entry) => log.push(entry) },
  );
  const notification = notificationOf();
  const action = { type: 'SNS', topicArn: 'arn:aws:sns:us-east-1:000000000000:t' };
  const event = { ...notification, receipt: { ...notification.receipt, action } };
  await expect(handler(event)).rejects.toBeInstanceOf(MailNotFoundError);
  expect(log).toMatchObject([{ outcome: 'failed', error: { name: 'MailNotFoundError' } }]);
  expect(seen[0]?.notification).toEqual(event);
});

test('a log entry holds no address', async () => {
  const { handler, log } = recordingHandler();
  await handler(snsEvent(bodies(1)[0] ?? ''));
  expect(JSON.stringify(log)).not.toContain('@');
});

test('a middleware around the handler sees event, context and answer', async () => {
  const { handler } = recordingHandler();
  const calls: string[] = [];
  // As middy and Powertools wrap: a function of event and context, no callback.
  const wrapped = async (event: ReturnType<typeof sqsEvent>, context: { awsRequestId: string }) => {
    calls.push(context.awsRequestId);
    return handler(event, { getRemainingTimeInMillis: () => 1000, ...context });
  };
  expect(handler.length).toBeLessThan(3);
  expect(await wrapped(sqsEvent(bodies(2)), { awsRequestId: 'r1' })).toEqual({
    batchItemFailures: [],
  });
  expect(calls).toEqual(['r1']);
});
