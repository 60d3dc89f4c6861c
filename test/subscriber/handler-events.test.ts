// What the handler answers for each kind of event, what it gives to `handle`, what counts as the same mail, and what it logs.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  defineMailHandler,
  type HandledMail,
  MailNotAllowedError,
  type MailHandlerOptions,
  type MailLogEntry,
  memoryIdempotencyStore,
  PermanentFailure,
} from '../../src/subscriber/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import {
  eventBridgeEvent,
  firehoseEvent,
  invocationRecord,
  notificationOf,
  s3Event,
  snsEvent,
  sqsEvent,
} from './support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(40));
const bodies = ids.map((messageId) => JSON.stringify(notificationOf({ messageId })));

function failing(letters: string, options: MailHandlerOptions = {}) {
  const handled: HandledMail[] = [];
  const log: MailLogEntry[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      handled.push(mail);
      const letter = mail.messageId.charAt(0);
      if (letters.includes(letter)) throw new TypeError(`no ${letter}`);
    },
    { log: (entry) => log.push(entry), ...options },
  );
  return { handler, handled, log };
}

describe('the answer', () => {
  test('the answer to an array of Pipes names the records that failed', async () => {
    const { Records } = sqsEvent(bodies);
    expect(await failing('').handler(Records)).toEqual({ batchItemFailures: [] });
    expect(await failing('b').handler(Records)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'sqs-1' }],
    });
    await expect(failing('abc').handler(Records)).rejects.toThrow('3 mails failed');
  });

  test('the answer to Firehose has each record as it was, and says which failed', async () => {
    const event = firehoseEvent([...bodies, '{"notificationType":"Bounce"}']);
    expect(await failing('b').handler(event)).toEqual({
      records: event.records.map(({ recordId, data }, at) => ({
        recordId,
        data,
        result: at === 1 ? 'ProcessingFailed' : 'Ok',
      })),
    });
    const all = firehoseEvent(bodies);
    await expect(failing('abc').handler(all)).rejects.toMatchObject({ name: 'MailBatchError' });
  });

  test.each<[string, unknown]>([
    ['an array of transformed inputs', [bodies[0], bodies[1]]],
    ['an event of EventBridge', eventBridgeEvent('b', `in/${ids[1]}`)],
    ['an invocation record', invocationRecord(snsEvent(bodies[1] ?? ''))],
    ['an event of S3', s3Event('b', `in/${ids[1]}`)],
  ])('%s comes again as a whole', async (_, event) => {
    await expect(failing('b').handler(event)).rejects.toThrow('no b');
    await expect(failing('').handler(event)).resolves.toBeUndefined();
  });

  test('what is healthy and no mail fails nothing, in any of them', async () => {
    const test = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent' });
    const { handler, log } = failing('');
    expect(await handler(sqsEvent([test]))).toEqual({ batchItemFailures: [] });
    await expect(handler(snsEvent(test))).resolves.toBeUndefined();
    await expect(handler(eventBridgeEvent('b', 'x', 'Object Deleted'))).resolves.toBeUndefined();
    expect(log.map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped', 'skipped']);
  });
});

describe('the same mail', () => {
  const resent = (messageId: string, more: { recipients?: string[]; sha256?: string } = {}) => {
    const { receipt, mailsluice, ...rest } = notificationOf({ messageId });
    return JSON.stringify({
      ...rest,
      receipt: { ...receipt, recipients: more.recipients ?? receipt.recipients },
      mailsluice: { ...mailsluice, sha256: more.sha256 ?? mailsluice?.sha256 },
    });
  };
  const outcomesOf = async (options: MailHandlerOptions, ...events: readonly string[]) => {
    const { handler, log } = failing('', { idempotency: memoryIdempotencyStore(), ...options });
    for (const body of events) await handler(sqsEvent([body]));
    return log.map(({ outcome }) => outcome);
  };

  test('the same mail by content: what a sender sends again is handled once', async () => {
    const twice = [resent(ids[0] ?? ''), resent(ids[1] ?? '')];
    expect(await outcomesOf({}, ...twice)).toEqual(['done', 'done']);
    expect(await outcomesOf({ idempotencyKey: 'content' }, ...twice)).toEqual([
      'done',
      'duplicate',
    ]);
  });

  test('the same mail by content: other recipients or other octets make another mail', async () => {
    const two = ['b@example.com', 'c@example.com'];
    expect(
      await outcomesOf(
        { idempotencyKey: 'content' },
        resent(ids[0] ?? '', { recipients: two }),
        resent(ids[1] ?? '', { recipients: two.toReversed() }),
        resent(ids[2] ?? '', { recipients: two.slice(1) }),
        resent(ids[2] ?? '', { recipients: two, sha256: 'f'.repeat(64) }),
      ),
    ).toEqual(['done', 'duplicate', 'done', 'done']);
  });

  test('the same mail by content: a replay counts as new, a mail of SES by its id', async () => {
    const replayed = JSON.stringify(
      notificationOf({ messageId: ids[0] ?? '', replay: { at: '2026-11-23T14:00:00Z', id: 'r' } }),
    );
    const { mailsluice: _, ...ofSes } = notificationOf({ messageId: ids[2] ?? '' });
    expect(
      await outcomesOf(
        { idempotencyKey: 'content' },
        resent(ids[0] ?? ''),
        replayed,
        replayed,
        JSON.stringify(ofSes),
        JSON.stringify(ofSes),
        JSON.stringify({ ...ofSes, mail: { ...ofSes.mail, messageId: ids[1] } }),
      ),
    ).toEqual(['done', 'done', 'duplicate', 'done', 'duplicate', 'done']);
  });

  test('the same mail by a function of the caller', async () => {
    const idempotencyKey = (mail: HandledMail): string =>
      mail.notification?.mail.commonHeaders.messageId ?? mail.messageId;
    expect(
      await outcomesOf({ idempotencyKey }, resent(ids[0] ?? ''), resent(ids[1] ?? '')),
    ).toEqual(['done', 'duplicate']);
  });

  test('no address is part of a key', async () => {
    const keys: string[] = [];
    const store = memoryIdempotencyStore();
    await outcomesOf(
      {
        idempotencyKey: 'content',
        idempotency: {
          claim: (key, lease) => {
            keys.push(key);
            return store.claim(key, lease);
          },
        },
      },
      resent(ids[0] ?? ''),
    );
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toContain('@');
  });
});

describe('where the object lies', () => {
  /** The event of SES's Lambda action: what an S3 action before it did is not in it. */
  const lambdaAction = (messageId: string) => {
    const { mail, receipt } = notificationOf({ messageId });
    const action = { type: 'Lambda', functionArn: 'arn:aws:lambda:x', invocationType: 'Event' };
    const ses = { mail, receipt: { ...receipt, action } };
    return { Records: [{ eventSource: 'aws:ses', eventVersion: '1.0', ses }] };
  };

  test('where the object lies may be told for SES’s Lambda action behind an S3 action', async () => {
    const { bucket } = aws.resources;
    const Key = `inbound/${ids[0]}`;
    await aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'Subject: x\r\n\r\n' }));
    const texts: string[] = [];
    const handler = defineMailHandler(
      async (mail) => {
        expect(mail.object).toEqual({ bucketName: bucket, objectKey: Key });
        texts.push((await buffer((await mail.fetch()).stream)).toString());
      },
      {
        s3: aws.s3,
        log: () => undefined,
        locate: ({ messageId }) => ({ bucketName: bucket, objectKey: `inbound/${messageId}` }),
      },
    );
    await handler(lambdaAction(ids[0] ?? ''));
    expect(texts).toEqual(['Subject: x\r\n\r\n']);
  });

  test('where the object lies is not asked where the event says it, and is one of the sources', async () => {
    const asked: string[] = [];
    const locate = ({ messageId }: { readonly messageId: string }) => {
      asked.push(messageId);
      return { bucketName: 'other', objectKey: messageId };
    };
    const { handler } = failing('', { locate });
    await handler(snsEvent(bodies[0] ?? ''));
    expect(asked).toEqual([]);
    const reading = defineMailHandler((mail) => mail.fetch(), {
      locate,
      sources: ['mine'],
      log: () => undefined,
    });
    await expect(reading(lambdaAction(ids[0] ?? ''))).rejects.toBeInstanceOf(MailNotAllowedError);
  });

  test('where the object lies: a function that throws fails only its own mail', async () => {
    const { handler } = failing('', {
      locate: ({ messageId }) => {
        if (messageId === ids[1]) throw new Error('no idea');
        return undefined;
      },
    });
    const records = ids.map((id) => JSON.stringify(lambdaAction(id)));
    expect(await handler(sqsEvent(records))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'sqs-1' }],
    });
  });
});

describe('the log', () => {
  test('the log function gets the error itself, with its cause', async () => {
    const cause = new Error('the reason');
    const thrown = new TypeError('outer', { cause });
    const errors: unknown[] = [];
    const handler = defineMailHandler(
      () => {
        throw thrown;
      },
      { log: (_entry, error) => errors.push(error) },
    );
    await expect(handler(snsEvent(bodies[0] ?? ''))).rejects.toBe(thrown);
    expect(errors).toEqual([thrown]);
    expect(errors[0]).toHaveProperty('cause', cause);
  });

  test('an entry has where the handler threw, and each cause', async () => {
    const { handler, log } = failing('a');
    await handler(sqsEvent(bodies));
    const [entry] = log.filter(({ outcome }) => outcome === 'failed');
    expect(entry?.error?.stack?.[0]).toMatch(/^at .*handler-events\.test\.ts:\d+:\d+/);

    const nested = failing('', {
      locate: () => {
        throw new Error('one', {
          cause: new Error('two', { cause: new PermanentFailure('three') }),
        });
      },
    });
    const { receipt, ...rest } = notificationOf();
    const stop = { ...rest, receipt: { ...receipt, action: { type: 'Stop' } } };
    await expect(nested.handler(stop)).rejects.toThrow('one');
    expect(nested.log[0]?.error).toMatchObject({
      message: 'one',
      cause: { message: 'two', cause: { message: 'three', code: 'MAILSLUICE_PERMANENT_FAILURE' } },
    });
  });

  test.each([
    ['AccessDenied', 403],
    ['SlowDown', 503],
  ])('an entry names AWS’s code %s and request, whoever called AWS', async (code, status) => {
    const server = createServer((_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': 'REQ1' });
      response.end(`<Error><Code>${code}</Code><Message>m</Message></Error>`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { region, credentials } = aws;
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const s3 = new S3Client({
      region,
      credentials,
      endpoint,
      maxAttempts: 1,
      forcePathStyle: true,
    });
    onTestFinished(() => {
      s3.destroy();
      server.close();
    });
    const log: MailLogEntry[] = [];
    const options: MailHandlerOptions = { s3, log: (entry) => log.push(entry) };
    const fetching = defineMailHandler((mail) => mail.fetch(), options);
    const writing = defineMailHandler(
      () => s3.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x' })),
      options,
    );
    await expect(fetching(snsEvent(bodies[0] ?? ''))).rejects.toThrow(code);
    await expect(writing(snsEvent(bodies[0] ?? ''))).rejects.toThrow();
    expect(log.map(({ error }) => [error?.name, error?.awsCode, error?.awsRequestId])).toEqual([
      ['MailUnavailableError', code, 'REQ1'],
      [code, code, 'REQ1'],
    ]);
  });

  test('an entry of what is no Error, and of an error that is its own cause', async () => {
    const looped: Error & { cause?: unknown } = new Error('round');
    looped.cause = looped;
    const thrown: unknown[] = ['a text', 42, undefined, null, looped];
    const log: MailLogEntry[] = [];
    const handler = defineMailHandler(() => Promise.reject(thrown.shift()), {
      log: (entry) => log.push(entry),
    });
    for (let time = 0; time < 5; time += 1) {
      await expect(handler(snsEvent(bodies[0] ?? ''))).rejects.toBeInstanceOf(Error);
    }
    expect(log.map(({ error }) => error?.message)).toEqual([
      'a text',
      'a thrown number',
      'a thrown undefined',
      'a thrown object',
      'round',
    ]);
    expect(() => JSON.stringify(log)).not.toThrow();
  });

  test('the errors of Mailsluice are sentences without a stack', async () => {
    const { handler, log } = failing('');
    await expect(handler('garbage')).rejects.toThrow('expected JSON');
    expect(log[0]?.error).toEqual({
      name: 'NotificationError',
      code: 'MAILSLUICE_NOTIFICATION_INVALID',
      message: 'expected JSON, got a text of 7 characters',
    });
  });
});

test('a context that does not know the time is as good as none', async () => {
  const { handler } = failing('');
  for (const millis of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const context = { getRemainingTimeInMillis: () => millis };
    expect(await handler(sqsEvent(bodies), context)).toEqual({ batchItemFailures: [] });
  }
});

test.each(['', 'mail-dead', 'arn'])(
  'a dead-letter queue "%s" without an address is refused',
  (url) => {
    expect(() => failing('', { deadLetterQueueUrl: url })).toThrow(
      `deadLetterQueueUrl: expected the URL of a queue, got "${url}"`,
    );
    expect(() => failing('', { deadLetterQueueUrl: undefined })).not.toThrow();
  },
);

test('a margin that is no time is refused', () => {
  expect(() => failing('', { deadlineMarginMillis: 0 })).toThrow(
    'deadlineMarginMillis: expected a number of milliseconds above 0, got 0',
  );
});
