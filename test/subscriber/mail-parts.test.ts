// mail.parts() of a handler, and mailParts, with mail that the bridge stored.
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  defineMailHandler,
  fetchMail,
  MailNotFoundError,
  mailParts,
  requireNotification,
  sampleMail,
} from '../../src/subscriber/index.ts';
import { storeMails } from '../archive/support.ts';
import { takeNotifications } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { notificationOf, sqsEvent } from './support.ts';

let aws: TestAws;
let message: string;
beforeAll(async () => {
  aws = await startTestAws();
  const content = sampleMail({
    subject: 'parts',
    text: 'Grüße',
    attachments: [{ filename: 'a.pdf', content: '%PDF-1.7' }],
  });
  await storeMails(aws, [{ at: '2026-11-23T13:00:00.000Z', content }]);
  message = (await takeNotifications(aws, 1))[0]?.Message ?? '';
});
afterAll(() => aws.close());

test('a handler reads the parts of its mail, and each header is that of the message', async () => {
  const seen: unknown[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      for await (const part of mail.parts()) {
        seen.push(part.contentType === 'text/plain' ? await part.text() : part.filename);
        if (part.filename !== undefined) seen.push(String(await buffer(part.content)));
      }
    },
    { s3: aws.s3, parts: mailParts, log: () => undefined },
  );
  expect(await handler(sqsEvent([message]))).toEqual({ batchItemFailures: [] });
  expect(seen).toEqual(['Grüße', 'a.pdf', '%PDF-1.7']);
});

test('mailParts reads what was fetched, without the trace header fields, and closes it when the loop ends early', async () => {
  await storeMails(aws, [{ at: '2026-11-23T14:00:00.000Z', content: 'Subject: x\r\n\r\nHello' }]);
  const [announced] = await takeNotifications(aws, 1);
  const fetched = await fetchMail(requireNotification(announced?.Message), { s3: aws.s3 });
  expect(fetched.traceHeaderOctets).toBeGreaterThan(0);
  for await (const part of mailParts(fetched)) {
    expect(part.headers).toEqual([{ name: 'Subject', value: 'x' }]);
    break;
  }
  expect(fetched.stream.destroyed).toBe(true);
});

test('the limits of mailParts and of a handler are options, and a mail that is gone is the error of fetchMail', async () => {
  const mail = requireNotification(message);
  const read = async (parts: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of parts);
  };
  await expect(read(mailParts(mail, { s3: aws.s3, maxParts: 1 }))).rejects.toMatchObject({
    code: 'MAILSLUICE_MAIL_UNPARSABLE',
    reason: 'too-many-parts',
  });
  const gone = requireNotification(
    JSON.stringify(notificationOf({ bucketName: aws.resources.bucket })),
  );
  await expect(read(mailParts(gone, { s3: aws.s3 }))).rejects.toBeInstanceOf(MailNotFoundError);
  const entries: unknown[] = [];
  const handler = defineMailHandler((each) => read(each.parts({ maxHeaderOctets: 10 })), {
    s3: aws.s3,
    parts: mailParts,
    log: ({ error }) => entries.push(error?.message),
  });
  // Whether a batch with nothing but failures is answered or thrown does not matter here.
  await handler(sqsEvent([message])).catch(() => undefined);
  expect(entries).toEqual(['expected a header section of at most 10 octets, got more']);
});

test('without the option, mail.parts() says what it needs', async () => {
  const entries: unknown[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      for await (const _ of mail.parts());
    },
    { log: ({ error }) => entries.push(error?.name, error?.message) },
  );
  await handler(sqsEvent([message])).catch(() => undefined);
  expect(entries).toEqual([
    'HandlerOptionsError',
    'parts: expected the function mailParts, got nothing; mail.parts() needs it: defineMailHandler(handle, { parts: mailParts })',
  ]);
});

test('mailParts reads the mail of a handler with its client of S3', async () => {
  const numbers: string[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      for await (const { number } of mailParts(mail)) numbers.push(number);
    },
    { s3: aws.s3, log: () => undefined },
  );
  await handler(sqsEvent([message]));
  expect(numbers).toEqual(['1', '2']);
});
