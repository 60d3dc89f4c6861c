import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBridge, readRecord, rebuildNotification } from '../../src/bridge/index.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { deliver, type FactsInput, facts, recipient, takeNotifications } from './support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const small = 'From: a@b.example\r\nTo: c@d.example\r\nSubject: =?utf-8?Q?=C3=A4?=\r\n\r\nbody\r\n';
const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', serverName: 'mx.example' };

test.each([
  ['a small mail', {}, small, true],
  ['a mail without trace headers', {}, small, false],
  ['an empty mail', {}, '', true],
  [
    'a mail with a header section over 64 KiB',
    {},
    `${'X-Long: 0123456789\r\n'.repeat(5000)}\r\nbody`,
    true,
  ],
  [
    'a mail with a header section that ends past 64 KiB',
    {},
    `X-A: ${'x'.repeat(65_520)}\r\nTo: a@b.example\r\n\r\nbody`,
    true,
  ],
  [
    'a mail whose address list continues past 64 KiB',
    {},
    `From: a@b.example\r\nTo:${'\r\n <c@d.example>,'.repeat(5000)}\r\nSubject: s\r\n\r\nbody`,
    true,
  ],
  [
    'a mail with a byte order mark and control characters',
    { session: { clientDomain: 'a\x1bb' } },
    '\ufeffFrom: ü\x7f <a@b.example>\r\nSubject: a\0b\tc =?utf-7?Q?+2D0-?=\r\n\r\nbody',
    true,
  ],
  ['a mail of nothing but a header section of 9 KB', {}, 'X-A: 0123456789\r\n'.repeat(520), true],
  [
    'a header section that just fits',
    {},
    `X-A: ${'x'.repeat(65_500)}\r\nTo: a@b.example\r\n`,
    true,
  ],
  ['a mail of 200 KB in many pieces', {}, small + 'line\r\n'.repeat(35_000), true],
  ['a mail of 1 MB', {}, small + 'line\r\n'.repeat(170_000), true],
  ['a mail in parts', {}, small + 'line\r\n'.repeat(2_000_000), true],
  ['a mail in parts without trace headers', {}, small + 'line\r\n'.repeat(2_000_000), false],
  [
    'a mail to 100 recipients, its record in a sidecar',
    { to: Array.from({ length: 100 }, (_, n) => `r${n}@in.example`) },
    small,
    true,
  ],
  [
    'a mail with everything in its envelope',
    {
      from: null,
      recipients: [
        recipient('"a  b"@in.example', {
          notify: ['FAILURE'],
          orcpt: { addressType: 'rfc822', address: 'ü@x' },
        }),
      ],
      parameters: { size: 9, body: '8BITMIME', smtpUtf8: true, envid: 'é  \u0001' },
      session: {
        tls,
        identity: { username: 'üser', mechanism: 'PLAIN', grants: { secret: 1 } },
        clientDomain: 'a\u00e4b',
      },
    },
    small,
    true,
  ],
] as const)(
  'rebuilds the notification of %s from the bucket alone, octet by octet',
  async (_, input: FactsInput, content, traceHeaders) => {
    await using bridge = createBridge({
      s3: aws.s3,
      sns: aws.sns,
      bucket: aws.resources.bucket,
      topicArn: aws.resources.topicArn,
      hostname: 'mx.in.example',
      traceHeaders,
    });
    expect(await deliver(bridge, facts(input), content, 30_000)).toMatchObject({ code: 250 });
    const [published] = await takeNotifications(aws, 2);
    const { receipt } = JSON.parse(published?.Message ?? '') as ReceivedNotification;
    const from = { s3: aws.s3, bucket: aws.resources.bucket };
    const rebuilt = await rebuildNotification(from, receipt.action.objectKey);
    expect(rebuilt.message).toBe(published?.Message);
    const { mail } = JSON.parse(rebuilt.message) as ReceivedNotification;
    const section = content.split('\r\n\r\n', 1)[0] ?? '';
    expect(mail.headersTruncated).toBe(section.length > 10_000);
    expect(rebuilt.subject).toBe(published?.Subject);
    expect(rebuilt.topicArn).toBe(aws.resources.topicArn);
    const attributes = Object.entries(rebuilt.attributes).map(
      ([name, { DataType, StringValue }]) => [name, { Type: DataType, Value: StringValue }],
    );
    expect(Object.fromEntries(attributes)).toEqual(published?.MessageAttributes);
    expect(published?.Message).not.toContain('secret');
    expect((await readRecord(from, receipt.action.objectKey)).member.size).toBe(
      Buffer.byteLength(content),
    );
  },
);

test('says that a key holds no mail, or none of ours', async () => {
  const from = { s3: aws.s3, bucket: aws.resources.bucket };
  await expect(rebuildNotification(from, 'mail/none')).rejects.toThrow('no mail is stored');
  await expect(readRecord(from, 'mail/none')).rejects.toThrow('no mail is stored');
  await aws.s3.send(new PutObjectCommand({ Bucket: from.bucket, Key: 'foreign', Body: 'x' }));
  await expect(readRecord(from, 'foreign')).rejects.toThrow('schema');
});
