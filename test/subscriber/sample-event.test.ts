// The sample events against the real handler and parser, the types of AWS, and Python's parser of mail.
import type { S3Event, SESEvent, SNSEvent, SQSEvent } from 'aws-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  defineMailHandler,
  notificationSchema,
  parseMail,
  parseNotification,
  type SampleEventOptions,
  sampleEvent,
  sampleMail,
} from '../../src/subscriber/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { need, runProgram } from '../support/programs.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const MAIL = {
  from: 'Jörg <jorg@sender.example>',
  to: ['a@example.com', 'b@example.com'],
  subject: `Grüße ✉ ${'lang '.repeat(30)}`,
  text: 'Größe\n--sample\n',
  html: '<p>Größe</p>',
  attachments: [
    { filename: 'a.pdf', content: '%PDF-1.7' },
    { filename: 'Übersicht "1".bin', content: new Uint8Array([0, 255, 10, 13]) },
    { content: 'no name', contentType: 'text/plain' },
  ],
} as const satisfies SampleEventOptions;

test.each(['sqs', 'sqs-raw', 'sns'] as const)(
  'a handler reads the whole mail from a sample event of %s, without S3',
  async (source) => {
    const seen: unknown[] = [];
    const handler = defineMailHandler(
      async (mail) => {
        const { subject, text, attachments } = await parseMail(await mail.fetch());
        seen.push(subject, text, mail.notification?.receipt.recipients);
        seen.push(...attachments.map(({ filename, contentType }) => [filename, contentType]));
        seen.push(attachments[1]?.content);
      },
      { log: () => undefined },
    );
    await handler(sampleEvent(source as 'sqs', MAIL));
    expect(seen).toEqual([
      MAIL.subject,
      MAIL.text,
      MAIL.to,
      ['a.pdf', 'application/pdf'],
      ['Übersicht "1".bin', 'application/octet-stream'],
      [undefined, 'text/plain'],
      Buffer.from([0, 255, 10, 13]),
    ]);
  },
);

test.each(['sqs', 'sns', 's3'] as const)(
  'a handler reads the mail of a sample event of %s from the object that it names',
  async (source) => {
    const object = {
      bucketName: aws.resources.bucket,
      objectKey: 'a b/ü+/0123456789abcdefghijklmn',
    };
    await aws.s3.send(
      new PutObjectCommand({
        Bucket: object.bucketName,
        Key: object.objectKey,
        Body: sampleMail(MAIL),
      }),
    );
    const subjects: unknown[] = [];
    const handler = defineMailHandler(
      async (mail) => {
        expect(mail.object).toEqual(object);
        subjects.push((await parseMail(await mail.fetch())).subject);
      },
      { s3: aws.s3, log: () => undefined },
    );
    await handler(sampleEvent(source as 'sqs', { ...MAIL, object }));
    expect(subjects).toEqual([MAIL.subject]);
  },
);

test('a sample event of ses has the notification and no object, as that of SES', () => {
  const parsed = parseNotification(sampleEvent('ses', { subject: 'x' }));
  expect(parsed).toMatchObject({
    ok: true,
    value: { source: 'ses', notification: { mail: { commonHeaders: { subject: 'x' } } } },
  });
  expect(parsed.ok && parsed.value.object).toBeUndefined();
});

test('several mails are the records of one sample event, and a FIFO queue keeps their order', async () => {
  const event = sampleEvent(
    'sqs',
    ...['1', '2', '3'].map((subject) => ({ subject, queueName: 'q.fifo' })),
  );
  const handler = defineMailHandler(
    async ({ notification }) => {
      if (notification?.mail.commonHeaders.subject === '2') throw new Error('no');
    },
    { log: () => undefined },
  );
  const { batchItemFailures } = await handler(event);
  expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(
    event.Records.slice(1).map(({ messageId }) => messageId),
  );
});

test('the same options make the same mail, other options another messageId', () => {
  expect(sampleEvent('sqs', MAIL)).toEqual(sampleEvent('sqs', MAIL));
  const ids = ['1', '2'].map((subject) => {
    const parsed = parseNotification(sampleEvent('sns', { subject }));
    return parsed.ok ? parsed.value.messageId : undefined;
  });
  expect(ids[0]).toMatch(/^[0-9a-v]{40}$/);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a sample event carries a replay, and its notification is valid', () => {
  const replay = { at: '2026-11-23T13:14:15.678Z', id: 'r1' };
  const [record] = sampleEvent('sqs-raw', { replay }).Records;
  const notification = notificationSchema.parse(JSON.parse(record?.body ?? ''));
  expect(notification.mailsluice?.replay).toEqual(replay);
});

test('a header field with a line end and an unknown source are refused', () => {
  expect(() => sampleMail({ headers: { 'X-A': 'b\r\nBcc: c@example.com' } })).toThrow(
    'headers."X-A": expected a value without line ends',
  );
  expect(() => sampleEvent('sqz' as 'sqs')).toThrow(
    'source: expected "sqs", "sqs-raw", "sns", "s3" or "ses", got "sqz"',
  );
});

test('sample events are assignable to the types of AWS', () => {
  const sqs: SQSEvent = sampleEvent('sqs');
  const sns: SNSEvent = sampleEvent('sns');
  const s3: S3Event = sampleEvent('s3');
  const ses: Pick<SESEvent['Records'][number], 'eventSource' | 'eventVersion'> | undefined =
    sampleEvent('ses').Records[0];
  expect([sqs, sns, s3, ses].every((event) => event !== undefined)).toBe(true);
});

const PYTHON = `
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps([mail["subject"], mail.get_body(("plain",)).get_content(),
  [[part.get_filename(), part.get_content_type(), part.get_payload(decode=True).hex()] for part in mail.iter_attachments()],
  mail["from"],
  [str(defect) for part in mail.walk() for defect in part.defects]]))
`;

test('Python reads the sample mail as it was given', async ({ skip }) => {
  need(skip, '/usr/bin/python3');
  const { output } = await runProgram('/usr/bin/python3', ['-c', PYTHON], sampleMail(MAIL));
  expect(JSON.parse(output)).toEqual([
    MAIL.subject,
    MAIL.text,
    [
      ['a.pdf', 'application/pdf', Buffer.from('%PDF-1.7').toString('hex')],
      ['Übersicht "1".bin', 'application/octet-stream', '00ff0a0d'],
      [null, 'text/plain', Buffer.from('no name').toString('hex')],
    ],
    MAIL.from,
    [],
  ]);
});
