// The handler behind an event source mapping: what a queue does with the answers, with visibility, receive counts and redrive of
// the embedded SQS, and the mails in the embedded S3.
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  defineMailHandler,
  memoryIdempotencyStore,
  type HandledMail,
  type IdempotencyStore,
  type MailHandlerOptions,
  type MailLogEntry,
  parseMail,
  PermanentFailure,
} from '../../src/subscriber/index.ts';
import { startFaultProxy } from '../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import {
  createQueues,
  type Ended,
  pollOnce,
  pollUntilEmpty,
  type Queues,
  send,
  takeAll,
} from './event-source-mapping.ts';
import { notificationOf, s3Event } from './support.ts';

let aws: TestAws;
let queues = 0;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const ids = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(40));
const letter = ({ messageId }: { readonly messageId?: string }): string =>
  messageId?.charAt(0) ?? '?';

function newQueues(options: { maxReceiveCount?: number; isFifo?: boolean } = {}): Promise<Queues> {
  queues += 1;
  return createQueues(aws, `handler-${process.pid}-${queues}`, options);
}

const bodyOf = (messageId: string): string =>
  JSON.stringify(
    notificationOf({ messageId, bucketName: aws.resources.bucket, objectKeyPrefix: 'live/' }),
  );

async function storeMail(messageId: string): Promise<void> {
  await aws.s3.send(
    new PutObjectCommand({
      Bucket: aws.resources.bucket,
      Key: `live/${messageId}`,
      Body: `Subject: ${messageId.charAt(0)}\r\n\r\nHello\r\n`,
    }),
  );
}

/** A handler that does `work`, with the mails that it was called for and what it logged. */
function recording(work: (mail: HandledMail) => unknown, options: MailHandlerOptions = {}) {
  const handled: string[] = [];
  const log: MailLogEntry[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      handled.push(letter(mail));
      await work(mail);
    },
    { log: (entry) => log.push(entry), ...options },
  );
  const outcomes = (): string[] => log.map((entry) => `${letter(entry)} ${entry.outcome}`).sort();
  return { handler, handled, log, outcomes };
}

const failFor =
  (...failing: readonly string[]) =>
  (mail: HandledMail): void => {
    if (failing.includes(letter(mail))) throw new TypeError(`no ${letter(mail)}`);
  };

/** The subject letters of the mails that are in a queue. */
async function lettersIn(queueUrl: string): Promise<string> {
  const messages = await takeAll(aws, queueUrl);
  return messages
    .map(({ Body = '' }) => (JSON.parse(Body) as { mail: { messageId: string } }).mail)
    .map(letter)
    .sort()
    .join('');
}

describe.concurrent('a batch of three mails of which', () => {
  test.each<{
    fail: string;
    reports: boolean;
    option?: boolean;
    ended: Ended;
    handled: string;
    dead: string;
  }>([
    { fail: '', reports: true, ended: 'answered', handled: 'abc', dead: '' },
    { fail: '', reports: false, ended: 'answered', handled: 'abc', dead: '' },
    { fail: 'b', reports: true, ended: 'answered', handled: 'abbc', dead: 'b' },
    { fail: 'abc', reports: true, ended: 'threw', handled: 'aabbcc', dead: 'abc' },
    { fail: 'abc', reports: false, ended: 'threw', handled: 'aabbcc', dead: 'abc' },
    // Deleted although it failed: the handler cannot know that nobody reads its answer.
    { fail: 'b', reports: false, ended: 'answered', handled: 'abc', dead: '' },
    {
      fail: 'b',
      reports: false,
      option: false,
      ended: 'threw',
      handled: 'aabbcc',
      dead: 'abc',
    },
  ])(
    '"$fail" fail, reported: $reports, reportBatchItemFailures: $option',
    async ({ fail, reports, option, ended, handled, dead }) => {
      const queue = await newQueues({ maxReceiveCount: 2 });
      await send(aws, queue, ids.slice(0, 3).map(bodyOf));
      const options = option === undefined ? {} : { reportBatchItemFailures: option };
      const { handler, handled: calls } = recording(failFor(...fail.split('')), options);
      expect(await pollOnce(aws, queue, handler, { reports })).toBe(ended);
      await pollUntilEmpty(aws, queue, handler, { reports });
      expect(calls.sort().join('')).toBe(handled);
      expect(await lettersIn(queue.deadLetterQueueUrl)).toBe(dead);
    },
  );
});

test('a mail that was handled beside one that failed is not handled again, also where nobody reports', async () => {
  const queue = await newQueues();
  await send(aws, queue, ids.slice(0, 3).map(bodyOf));
  const failing = ['b'];
  const { handler, handled } = recording((mail) => failFor(...failing)(mail), {
    reportBatchItemFailures: false,
    idempotency: memoryIdempotencyStore(),
  });
  expect(await pollOnce(aws, queue, handler, { reports: false })).toBe('threw');
  failing.length = 0;
  await pollUntilEmpty(aws, queue, handler, { reports: false });
  expect(handled.sort().join('')).toBe('abbc');
  expect(await lettersIn(queue.deadLetterQueueUrl)).toBe('');
});

test('a FIFO queue keeps its order behind a failure, and a permanent failure holds nobody up', async () => {
  const queue = await newQueues({ isFifo: true, maxReceiveCount: 5 });
  await send(aws, queue, ids.slice(0, 4).map(bodyOf));
  let tries = 0;
  const { handler, handled, outcomes } = recording((mail) => {
    if (letter(mail) === 'a') throw new PermanentFailure('never');
    if (letter(mail) === 'c' && ++tries === 1) throw new Error('not yet');
  });
  await pollUntilEmpty(aws, queue, handler, { reports: true });
  expect(handled.join('')).toBe('abccd');
  expect(outcomes()).toEqual(['a abandoned', 'b done', 'c done', 'c failed', 'd done']);
  expect(await takeAll(aws, queue.deadLetterQueueUrl)).toEqual([]);
});

test('a handler gets the record as Lambda gave it, with its receive count', async () => {
  const queue = await newQueues();
  await send(aws, queue, [bodyOf(ids[0] ?? '')]);
  const seen: HandledMail[] = [];
  const { handler, log } = recording((mail) => {
    seen.push(mail);
    if (seen.length < 3) throw new Error('again');
  });
  await pollUntilEmpty(aws, queue, handler, { reports: true });
  expect(seen.map(({ receiveCount }) => receiveCount)).toEqual([1, 2, 3]);
  expect(seen[0]?.record).toMatchObject({
    eventSource: 'aws:sqs',
    eventSourceARN: queue.arn,
    body: bodyOf(ids[0] ?? ''),
    attributes: { ApproximateReceiveCount: '1' },
  });
  expect(log.map(({ receiveCount }) => receiveCount)).toEqual([1, 2, 3]);
});

describe('near the deadline', () => {
  const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

  test('near the deadline, records not begun come again, and each mail is handled once', async () => {
    const queue = await newQueues({ maxReceiveCount: 10 });
    await send(aws, queue, ids.map(bodyOf));
    const { handler, handled, outcomes } = recording(() => pause(700), {
      concurrency: 1,
      // What begins before it ends long before the answer has to be given.
      deadlineMarginMillis: 6000,
    });
    const mapping = { reports: true, timeoutMillis: 8000 };
    expect(await pollOnce(aws, queue, handler, mapping)).toBe('answered');
    expect(handled.length).toBeLessThan(ids.length);
    expect(outcomes().filter((each) => each.endsWith('handed-back')).length).toBe(
      ids.length - handled.length,
    );
    const ended = await pollUntilEmpty(aws, queue, handler, mapping);
    expect(ended).not.toContain('killed');
    expect(handled.sort().join('')).toBe('abcdef');
    expect(await lettersIn(queue.deadLetterQueueUrl)).toBe('');
  });

  test('near the deadline, a mail that never ends hears the signal, and costs no other mail anything', async () => {
    const queue = await newQueues({ maxReceiveCount: 1 });
    await send(aws, queue, ids.slice(0, 3).map(bodyOf));
    const aborted: unknown[] = [];
    const { handler, handled, outcomes, log } = recording(
      (mail) => {
        if (letter(mail) !== 'b') return undefined;
        mail.signal.addEventListener('abort', () => aborted.push(mail.signal.reason));
        return new Promise(() => undefined);
      },
      { deadlineMarginMillis: 2000 },
    );
    const mapping = { reports: true, timeoutMillis: 3000 };
    expect(await pollUntilEmpty(aws, queue, handler, mapping)).toEqual(['answered']);
    expect(aborted).toMatchObject([{ code: 'MAILSLUICE_MAIL_DEADLINE' }]);
    expect(handled.sort().join('')).toBe('abc');
    expect(outcomes()).toEqual(['a done', 'b failed', 'c done']);
    expect(log.find(({ outcome }) => outcome === 'failed')?.error).toMatchObject({
      name: 'MailDeadlineError',
      message:
        'the mail was still being handled shortly before the timeout of the function: it comes again',
    });
    expect(await lettersIn(queue.deadLetterQueueUrl)).toBe('b');
  });

  test('near the deadline, a fetch that S3 does not answer ends, before Lambda ends the function', async () => {
    await Promise.all(ids.slice(0, 3).map(storeMail));
    await using proxy = await startFaultProxy(aws.endpoint);
    const { region, credentials } = aws;
    const s3 = new S3Client({
      region,
      credentials,
      endpoint: proxy.endpoint,
      forcePathStyle: true,
    });
    onTestFinished(() => s3.destroy());
    const isB = ({ key }: { readonly key: string }) => key === `live/${ids[1]}`;
    proxy.inject('GetObject', { kind: 'hang' }, 1, isB);
    const queue = await newQueues();
    await send(aws, queue, ids.slice(0, 3).map(bodyOf));
    const subjects: string[] = [];
    const { handler, outcomes } = recording(
      async (mail) => {
        subjects.push((await parseMail(await mail.fetch())).subject ?? '');
      },
      { s3, deadlineMarginMillis: 4000 },
    );
    const mapping = { reports: true, timeoutMillis: 8000 };
    expect(await pollUntilEmpty(aws, queue, handler, mapping)).not.toContain('killed');
    expect(outcomes()).toEqual(['a done', 'b done', 'b failed', 'c done']);
    expect(subjects.sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('dead letters', () => {
  test('what a handler gives up for good is logged and deleted, at its first delivery', async () => {
    const queue = await newQueues();
    await send(aws, queue, ids.slice(0, 2).map(bodyOf));
    const { handler, handled, log } = recording((mail) => {
      if (letter(mail) === 'a') throw new PermanentFailure('the customer does not exist');
    });
    expect(await pollUntilEmpty(aws, queue, handler, { reports: true })).toEqual(['answered']);
    expect(handled.sort().join('')).toBe('ab');
    expect(log.find(({ outcome }) => outcome === 'abandoned')).toMatchObject({
      messageId: ids[0],
      error: { name: 'PermanentFailure', message: 'the customer does not exist' },
    });
    expect(await takeAll(aws, queue.deadLetterQueueUrl)).toEqual([]);
  });

  test('a mail that was given up for good is not handled again by another delivery', async () => {
    const queue = await newQueues();
    await send(aws, queue, [bodyOf(ids[0] ?? ''), bodyOf(ids[0] ?? '')]);
    const { handler, outcomes } = recording(
      () => {
        throw new PermanentFailure('never');
      },
      { idempotency: memoryIdempotencyStore(), concurrency: 1 },
    );
    await pollUntilEmpty(aws, queue, handler, { reports: true });
    expect(outcomes()).toEqual(['a abandoned', 'a duplicate']);
  });

  test('what no retry will handle is sent to the dead-letter queue, as it came and with the reason', async () => {
    await storeMail(ids[4] ?? '');
    const queue = await newQueues();
    const goneId = 'x'.repeat(40);
    const gone = bodyOf(goneId);
    await send(aws, queue, [bodyOf(ids[0] ?? ''), gone, 'garbage', bodyOf(ids[4] ?? '')]);
    const { handler, outcomes } = recording(
      async (mail) => {
        if (letter(mail) === 'a') throw new PermanentFailure('the customer does not exist');
        await parseMail(await mail.fetch());
      },
      { deadLetterQueueUrl: queue.deadLetterQueueUrl, sqs: aws.sqs, s3: aws.s3 },
    );
    expect(await pollUntilEmpty(aws, queue, handler, { reports: true })).toEqual(['answered']);
    expect(outcomes()).toEqual(['? dead-lettered', 'a dead-lettered', 'e done', 'x dead-lettered']);
    const letters = await takeAll(aws, queue.deadLetterQueueUrl);
    const told = letters.map(({ Body, MessageAttributes = {} }) => [
      Body,
      MessageAttributes['MailsluiceError']?.StringValue,
      MessageAttributes['MailsluiceReason']?.StringValue,
    ]);
    expect(told).toHaveLength(3);
    expect(told).toContainEqual([
      bodyOf(ids[0] ?? ''),
      'MAILSLUICE_PERMANENT_FAILURE',
      'the customer does not exist',
    ]);
    expect(told).toContainEqual([
      gone,
      'MAILSLUICE_MAIL_NOT_FOUND',
      `s3://${aws.resources.bucket}/live/${goneId}: not there: expired by a lifecycle rule, deleted, or never stored`,
    ]);
    expect(told).toContainEqual([
      'garbage',
      'MAILSLUICE_NOTIFICATION_INVALID',
      'expected JSON, got a text of 7 characters',
    ]);
  });

  test('a dead letter keeps the attributes of its message, and its group in a FIFO queue', async () => {
    const queue = await newQueues({ isFifo: true });
    const MessageAttributes = Object.fromEntries(
      ['listener', 'verdict', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => [
        name,
        { DataType: 'String', StringValue: `the ${name}` },
      ]),
    );
    await aws.sqs.send(
      new SendMessageCommand({
        QueueUrl: queue.queueUrl,
        MessageBody: bodyOf(ids[0] ?? ''),
        MessageGroupId: 'customer-7',
        MessageDeduplicationId: 'd',
        MessageAttributes,
      }),
    );
    const { handler } = recording(
      () => {
        throw new PermanentFailure('control\u0000 characters, and ü');
      },
      { deadLetterQueueUrl: queue.deadLetterQueueUrl, sqs: aws.sqs },
    );
    expect(await pollUntilEmpty(aws, queue, handler, { reports: true })).toEqual(['answered']);
    const [only, ...others] = await takeAll(aws, queue.deadLetterQueueUrl);
    expect(others).toEqual([]);
    expect(only?.Attributes?.['MessageGroupId']).toBe('customer-7');
    const kept = only?.MessageAttributes ?? {};
    // SQS takes ten of them.
    expect(Object.keys(kept)).toHaveLength(10);
    expect(kept['listener']?.StringValue).toBe('the listener');
    expect(kept['MailsluiceReason']?.StringValue).toBe('control? characters, and ü');
  });

  test('a mail that was dead-lettered is handled when an operator redrives it', async () => {
    const queue = await newQueues();
    await send(aws, queue, [bodyOf(ids[5] ?? '')]);
    const { handler, outcomes } = recording(
      async (mail) => {
        await parseMail(await mail.fetch());
      },
      {
        idempotency: memoryIdempotencyStore(),
        deadLetterQueueUrl: queue.deadLetterQueueUrl,
        sqs: aws.sqs,
        s3: aws.s3,
      },
    );
    await pollUntilEmpty(aws, queue, handler, { reports: true });
    const [letterBack] = await takeAll(aws, queue.deadLetterQueueUrl);
    // Somebody puts the object back.
    await storeMail(ids[5] ?? '');
    await send(aws, queue, [letterBack?.Body ?? '']);
    await pollUntilEmpty(aws, queue, handler, { reports: true });
    expect(outcomes()).toEqual(['f dead-lettered', 'f done']);
  });

  test('a dead-letter queue that is not there leaves the mail in its own queue', async () => {
    const queue = await newQueues({ maxReceiveCount: 1 });
    await send(aws, queue, [bodyOf(ids[0] ?? '')]);
    const { handler, log } = recording(
      () => {
        throw new PermanentFailure('never');
      },
      { deadLetterQueueUrl: `${queue.deadLetterQueueUrl}-no-such`, sqs: aws.sqs },
    );
    expect(await pollUntilEmpty(aws, queue, handler, { reports: true })).toEqual(['threw']);
    expect(log).toMatchObject([
      {
        outcome: 'failed',
        error: { name: 'DeadLetterError', code: 'MAILSLUICE_DEAD_LETTER_FAILED' },
      },
    ]);
    expect(log[0]?.error?.message).toMatch(
      /^the dead-letter queue did not take the mail \(.+\), which failed with: never$/,
    );
    expect(await lettersIn(queue.deadLetterQueueUrl)).toBe('a');
  });

  test('of several mails in one record only the one is sent to the dead-letter queue', async () => {
    const queue = await newQueues();
    const { bucket } = aws.resources;
    const Records = ids.slice(0, 3).flatMap((id) => s3Event(bucket, `in/${id}`).Records);
    await send(aws, queue, [JSON.stringify({ Records })]);
    const { handler, outcomes } = recording(
      (mail) => {
        if (letter(mail) === 'b') throw new PermanentFailure('never');
      },
      { deadLetterQueueUrl: queue.deadLetterQueueUrl, sqs: aws.sqs },
    );
    await pollUntilEmpty(aws, queue, handler, { reports: true });
    expect(outcomes()).toEqual(['a done', 'b dead-lettered', 'c done']);
    const [only, ...others] = await takeAll(aws, queue.deadLetterQueueUrl);
    expect(others).toEqual([]);
    expect(JSON.parse(only?.Body ?? '')).toEqual(Records[1]);
  });
});

test('of several mails in one record only those that failed are handled again', async () => {
  const queue = await newQueues();
  const { bucket } = aws.resources;
  const Records = ids.slice(0, 3).flatMap((id) => s3Event(bucket, `in/${id}`).Records);
  await send(aws, queue, [JSON.stringify({ Records })]);
  let tries = 0;
  const { handler, handled } = recording(
    (mail) => {
      if (letter(mail) === 'b' && ++tries === 1) throw new Error('not yet');
    },
    { idempotency: memoryIdempotencyStore() },
  );
  await pollUntilEmpty(aws, queue, handler, { reports: true });
  expect(handled.sort().join('')).toBe('abbc');
});

/** Something of the user's that fails for the mail `b`, and what the queue has in the end. */
const throwing = (mail: { readonly messageId: string } | string): void => {
  const key = typeof mail === 'string' ? mail : mail.messageId;
  if (key.startsWith('b')) throw new TypeError('a bug');
};
const store = (
  fault: Partial<Record<'claim' | 'complete' | 'release', boolean>>,
): IdempotencyStore => ({
  claim: async (key) => {
    if (fault.claim) throwing(key);
    return {
      kind: 'claimed',
      // Without a promise, as a careless store has them.
      complete: () => {
        if (fault.complete) throwing(key);
        return undefined as unknown as Promise<void>;
      },
      release: () => {
        if (fault.release) throwing(key);
        return undefined as unknown as Promise<void>;
      },
    };
  },
});

describe.concurrent('a function of the user that throws touches only its own mail:', () => {
  test.each<[string, (mail: HandledMail) => unknown, MailHandlerOptions, string]>([
    ['the handler', throwing, {}, 'b'],
    [
      'the handler, something that is no Error',
      (mail) => {
        // oxlint-disable-next-line no-throw-literal typescript/only-throw-error
        if (letter(mail) === 'b') throw undefined;
      },
      {},
      'b',
    ],
    [
      'the handler, an Error that cannot be read',
      (mail) => {
        if (letter(mail) === 'b') {
          throw Object.defineProperty(new Error('x'), 'message', {
            get: () => {
              throw new Error('y');
            },
          });
        }
      },
      {},
      'b',
    ],
    ['the store that claims', () => undefined, { idempotency: store({ claim: true }) }, 'b'],
    ['the store that notes', () => undefined, { idempotency: store({ complete: true }) }, ''],
    ['the store that releases', throwing, { idempotency: store({ release: true }) }, 'b'],
    [
      'the key',
      () => undefined,
      {
        idempotency: store({}),
        idempotencyKey: (mail) => {
          throwing(mail);
          return mail.messageId;
        },
      },
      'b',
    ],
    [
      'a key that is no text',
      () => undefined,
      {
        idempotency: store({}),
        idempotencyKey: (mail) => (letter(mail) === 'b' ? '' : mail.messageId),
      },
      'b',
    ],
  ])(
    'a function of the user that throws touches only its own mail: %s',
    async (_, work, options, dead) => {
      const queue = await newQueues({ maxReceiveCount: 1 });
      await send(aws, queue, ids.slice(0, 3).map(bodyOf));
      const { handler, handled } = recording(work, options);
      expect(await pollOnce(aws, queue, handler, { reports: true })).toBe('answered');
      await pollUntilEmpty(aws, queue, handler, { reports: true });
      expect(
        handled
          .filter((each) => each !== 'b')
          .sort()
          .join(''),
      ).toBe('ac');
      expect(await lettersIn(queue.deadLetterQueueUrl)).toBe(dead);
    },
  );
});

test.each<[string, NonNullable<MailHandlerOptions['log']>]>([
  [
    'throws',
    () => {
      throw new TypeError('a bug');
    },
  ],
  [
    'rejects',
    async () => {
      await Promise.resolve();
      throw new TypeError('a bug');
    },
  ],
])(
  'a log function that %s changes no outcome, and the entry is on standard output',
  async (_, log) => {
    const lines = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => lines.mockRestore());
    const { handler } = recording(failFor('b'), { log, concurrency: 1 });
    const event = { Records: ids.slice(0, 2).map((id, at) => recordOf(`r${at}`, bodyOf(id))) };
    expect(await handler(event)).toEqual({ batchItemFailures: [{ itemIdentifier: 'r1' }] });
    const entries = lines.mock.calls.map(([line]) => JSON.parse(String(line)) as object);
    expect(entries).toMatchObject([
      { outcome: 'done', messageId: ids[0], logError: { name: 'TypeError', message: 'a bug' } },
      { outcome: 'failed', messageId: ids[1], error: { message: 'no b' }, logError: {} },
    ]);
  },
);

const recordOf = (messageId: string, body: string) => ({
  messageId,
  body,
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:mail',
});

test('a mail whose object a lifecycle rule removes between its announcement and its handling', async () => {
  await storeMail(ids[3] ?? '');
  const expired = 'y'.repeat(40);
  const queue = await newQueues({ maxReceiveCount: 2 });
  await send(aws, queue, [bodyOf(ids[3] ?? ''), bodyOf(expired)]);
  const { handler, log } = recording(
    async (mail) => {
      await parseMail(await mail.fetch());
    },
    { s3: aws.s3 },
  );
  await pollUntilEmpty(aws, queue, handler, { reports: true });
  const failures = log.filter(({ outcome }) => outcome === 'failed');
  expect(failures).toHaveLength(2);
  expect(failures[0]?.error).toMatchObject({
    code: 'MAILSLUICE_MAIL_NOT_FOUND',
    awsCode: 'NoSuchKey',
    message: `s3://${aws.resources.bucket}/live/${expired}: not there: expired by a lifecycle rule, deleted, or never stored`,
  });
  expect(await lettersIn(queue.deadLetterQueueUrl)).toBe('y');
});
