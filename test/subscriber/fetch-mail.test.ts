import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  fetchMail,
  MailNotAllowedError,
  MailNotFoundError,
  MailUnavailableError,
  MailUnreadableError,
  parseMail,
  requireNotification,
} from '../../src/subscriber/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { MESSAGE_ID, notificationOf, s3Event } from './support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const TRACE =
  'Return-Path: <a@client.example>\r\n' +
  'Received: from client.example (client.example [192.0.2.1])\r\n\tby mx.example.com with ESMTP id 1;\r\n' +
  '\tMon, 23 Nov 2026 13:14:15 +0000\r\n';
const MESSAGE = [
  'Received: from inside.client.example by client.example; Mon, 23 Nov 2026 13:14:00 +0000',
  'From: A <a@client.example>',
  'To: b@example.com',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Hello',
  '--x',
  'Content-Type: application/pdf; name=i.pdf',
  'Content-Disposition: attachment; filename=i.pdf',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERg==',
  '--x--',
  '',
].join('\r\n');

async function store(
  key: string,
  body: string | Buffer,
  metadata: Record<string, string> = {},
): Promise<void> {
  await aws.s3.send(
    new PutObjectCommand({
      Bucket: aws.resources.bucket,
      Key: key,
      Body: body,
      Metadata: metadata,
    }),
  );
}

function announced(objectKeyPrefix: string, traceHeaderSize: number) {
  const bucketName = aws.resources.bucket;
  return requireNotification(notificationOf({ bucketName, objectKeyPrefix, traceHeaderSize }));
}

test('fetchMail streams the whole object and knows where the message begins', async () => {
  await store(`whole/${MESSAGE_ID}`, TRACE + MESSAGE);
  const fetched = await fetchMail(announced('whole/', TRACE.length), { s3: aws.s3 });
  expect(fetched.sizeInOctets).toBe(TRACE.length + MESSAGE.length);
  const octets = await buffer(fetched.stream);
  expect(octets.toString()).toBe(TRACE + MESSAGE);
  expect(octets.subarray(fetched.traceHeaderOctets).toString()).toBe(MESSAGE);
});

test('fetchMail makes a client, once, where none is given', async () => {
  for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value);
  await store(`own/${MESSAGE_ID}`, MESSAGE);
  // The client is the module's: that of a test before this one would do as well, and this one is for no file after it.
  vi.resetModules();
  onTestFinished(() => {
    vi.resetModules();
  });
  const fresh = await import('../../src/subscriber/fetch-mail.ts');
  for (let time = 0; time < 2; time += 1) {
    const { stream } = await fresh.fetchMail(announced('own/', 0));
    expect((await buffer(stream)).toString()).toBe(MESSAGE);
  }
});

test('parseMail gives the message as sent: our trace header block is not in it', async () => {
  await store(`parse/${MESSAGE_ID}`, TRACE + MESSAGE);
  const mail = announced('parse/', TRACE.length);
  const parsed = await parseMail(mail, { s3: aws.s3 });
  expect(parsed.subject).toBe('Grüße');
  expect(parsed.text).toBe('Hello');
  expect(parsed.attachments).toMatchObject([
    { filename: 'i.pdf', content: Buffer.from('%PDF'), contentType: 'application/pdf' },
  ]);
  expect(parsed.headers.has('return-path')).toBe(false);
  expect(parsed.headerLines.filter(({ key }) => key === 'received')).toHaveLength(1);

  const whole = await parseMail(mail, { s3: aws.s3, withTraceHeaders: true });
  expect(whole.headerLines.filter(({ key }) => key === 'received')).toHaveLength(2);
});

test.each([
  ['metadata', `{"traceHeaderSize":${TRACE.length}}`, undefined],
  ['sidecar', undefined, `{"member":{"traceHeaderSize":${TRACE.length}}}`],
  ['metadata that is broken', '{', undefined],
])('an S3 event finds the trace header block by the object’s %s', async (name, facts, sidecar) => {
  const key = `by-event-${name.length}/${MESSAGE_ID}`;
  if (sidecar !== undefined) await store(`${key}.envelope.json`, sidecar);
  const metadata = facts === undefined ? { schema: '1', sidecar: '1' } : { schema: '1', facts };
  await store(key, TRACE + MESSAGE, metadata);
  const mail = requireNotification(s3Event(aws.resources.bucket, encodeURIComponent(key)));
  const { headerLines } = await parseMail(mail, { s3: aws.s3 });
  expect(headerLines.filter(({ key: name }) => name === 'received')).toHaveLength(
    facts === '{' ? 2 : 1,
  );
});

test('parseMail takes what fetchMail gave, and the content of an SNS action of SES', async () => {
  const notification = notificationOf();
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:t';
  for (const [encoding, content] of [
    ['UTF8', MESSAGE],
    ['BASE64', Buffer.from(MESSAGE).toString('base64')],
  ]) {
    const action = { type: 'SNS', topicArn, encoding };
    const receipt = { ...notification.receipt, action };
    const mail = requireNotification({ ...notification, content, receipt });
    const parsed = await parseMail(await fetchMail(mail));
    expect(parsed.attachments[0]?.content.toString()).toBe('%PDF');
  }
});

test.each([
  ['the object is gone', 'gone/'],
  ['the action of SES stored nothing', undefined],
])('MailNotFoundError where %s', async (_, prefix) => {
  const mail = prefix === undefined ? {} : announced(prefix, 0);
  await expect(fetchMail(mail, { s3: aws.s3 })).rejects.toBeInstanceOf(MailNotFoundError);
});

test('MailUnavailableError, with its cause, where S3 does not answer', async () => {
  const s3 = new S3Client({
    region: aws.region,
    credentials: aws.credentials,
    endpoint: 'http://127.0.0.1:1',
    maxAttempts: 1,
  });
  const failure = fetchMail(announced('any/', 0), { s3 });
  await expect(failure).rejects.toBeInstanceOf(MailUnavailableError);
  await expect(failure).rejects.toHaveProperty('cause.code', 'ECONNREFUSED');
  s3.destroy();
});

test('MailUnreadableError where the bucket is not there: only an operator can mend it', async () => {
  const mail = { object: { bucketName: 'no-such-bucket', objectKey: 'x' } };
  await expect(fetchMail(mail, { s3: aws.s3 })).rejects.toBeInstanceOf(MailUnreadableError);
});

test('an abort ends the download', async () => {
  await store(`big/${MESSAGE_ID}`, Buffer.alloc(8 * 1024 * 1024, 'a'));
  const abort = new AbortController();
  const { stream } = await fetchMail(announced('big/', 0), { s3: aws.s3, signal: abort.signal });
  await once(stream, 'readable');
  abort.abort();
  await expect(buffer(stream)).rejects.toThrow();
});

test('parseMail rejects when the download breaks', async () => {
  const fetched = await fetchMail(announced('big/', 10), { s3: aws.s3 });
  const parsing = parseMail(fetched);
  fetched.stream.destroy(new Error('connection lost'));
  await expect(parsing).rejects.toThrow('connection lost');
});

test.each<[string, readonly string[], boolean]>([
  ['its bucket', ['BUCKET'], true],
  ['its bucket and prefix', ['other-bucket/mail/', 'BUCKET/read/'], true],
  ['another prefix', ['BUCKET/mail/'], false],
  ['another bucket', ['other-bucket'], false],
  ['a bucket whose name begins like it', ['BUCKET-2'], false],
  ['nothing', [], false],
])('fetchMail with the sources of %s', async (_, sources, isRead) => {
  await store(`read/${MESSAGE_ID}`, MESSAGE);
  const named = sources.map((source) => source.replace('BUCKET', aws.resources.bucket));
  const mail = announced('read/', 0);
  const fetched = fetchMail(mail, { s3: aws.s3, sources: named });
  if (isRead) expect((await buffer((await fetched).stream)).toString()).toBe(MESSAGE);
  else await expect(fetched).rejects.toThrow(MailNotAllowedError);
});

test('fetchMail takes its sources from the environment', async () => {
  await store(`env/${MESSAGE_ID}`, MESSAGE);
  vi.stubEnv(
    'MAILSLUICE_MAIL_SOURCES',
    `${aws.resources.bucket}/mail/,${aws.resources.bucket}/in/`,
  );
  await expect(fetchMail(announced('env/', 0), { s3: aws.s3 })).rejects.toThrow(
    MailNotAllowedError,
  );
  vi.stubEnv(
    'MAILSLUICE_MAIL_SOURCES',
    `${aws.resources.bucket}/mail/,${aws.resources.bucket}/env/`,
  );
  (await fetchMail(announced('env/', 0), { s3: aws.s3 })).stream.destroy();
  vi.unstubAllEnvs();
});
