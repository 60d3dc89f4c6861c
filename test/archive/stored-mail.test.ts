import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeMail, findMail, MailNotFoundError, type Place } from '../../src/archive/index.ts';
import { type ReceivedNotification, rebuildNotification } from '../../src/bridge/index.ts';
import { recipient, takeNotifications } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { storeMails } from './support.ts';

let aws: TestAws;
let place: Place;
beforeAll(async () => {
  aws = await startTestAws();
  place = { s3: aws.s3, bucket: aws.resources.bucket };
});
afterAll(() => aws.close());

const at = '2026-11-23T13:14:15.678Z';
const manyRecipients = Array.from({ length: 300 }, (_, n) => recipient(`user-${n}@in.example`));

test.each([
  ['a small mail', { content: 'From: a@client.example\r\nSubject: x\r\n\r\nHello\r\n' }],
  ['an empty mail', { content: '' }],
  ['a mail without a body', { content: 'Subject: only a header\r\n' }],
  ['the null reverse-path', { from: null }],
  ['characters beyond ASCII', { from: 'grüße@exämple.example', content: 'Subject: ☃\r\n\r\n' }],
  ['an envelope too large for the metadata', { recipients: manyRecipients }],
  [
    'a header section of 30 KB',
    { content: `${'X-Field: some text that goes on\r\n'.repeat(1000)}\r\nHello\r\n` },
  ],
  ['a header section past 64 KiB', { content: `Subject: x\r\nX-Long: ${'y'.repeat(100_000)}\r\n` }],
  ['a mail that goes up in parts', { content: `Subject: big\r\n\r\n${'z'.repeat(9_000_000)}` }],
])('the notification of %s is rebuilt octet by octet', async (_, mail) => {
  const [key = ''] = await storeMails(aws, [{ at, ...mail }]);
  const [published] = await takeNotifications(aws, 1);
  const rebuilt = await rebuildNotification(place, key);
  expect(rebuilt.message).toBe(published?.Message);
  expect(rebuilt.subject).toBe(published?.Subject);
  expect(
    Object.fromEntries(
      Object.entries(rebuilt.attributes).map(([name, { DataType, StringValue }]) => [
        name,
        { Type: DataType, Value: StringValue },
      ]),
    ),
  ).toEqual(published?.MessageAttributes);
});

test('a replay differs by its two marks and by nothing else', async () => {
  const [key = ''] = await storeMails(aws, [{ at }]);
  const first = await rebuildNotification(place, key);
  const mark = { at: '2026-11-24T00:00:00.000Z', id: 'r1' };
  const again = await rebuildNotification(place, key, mark);
  const { mailsluice, ...ses } = JSON.parse(again.message) as ReceivedNotification;
  const { replay, ...member } = mailsluice;
  expect(replay).toEqual(mark);
  expect({ ...ses, mailsluice: member }).toEqual(JSON.parse(first.message));
  expect(again.attributes['replay']?.StringValue).toBe('true');
  expect({ ...again.attributes, replay: first.attributes['replay'] }).toEqual(first.attributes);
});

test('a mail is found by its key, and by its messageId alone in whatever prefix', async () => {
  // Received in one hour, its id allotted in the one before.
  const messageId = '1j'.padEnd(40, 'a');
  const [key = '', odd = ''] = await storeMails(aws, [
    { at, prefix: 'in/' },
    { at: '2026-11-23T13:00:00.000Z' },
  ]);
  const id = key.slice(-40);
  const prefixes = ['mail/', 'in/'];
  expect(await findMail(place, prefixes, id)).toMatchObject({ key, prefix: 'in/' });
  expect(await findMail(place, ['mail/'], key)).toMatchObject({ key, prefix: 'in/' });
  expect(await findMail(place, prefixes, odd.slice(-40))).toMatchObject({ key: odd });
  await expect(findMail(place, prefixes, messageId)).rejects.toBeInstanceOf(MailNotFoundError);
  await expect(findMail(place, prefixes, 'nonsense')).rejects.toBeInstanceOf(MailNotFoundError);
});

test('describes header, structure, text and attachments', async () => {
  const content = [
    'From: A <a@client.example>',
    'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=x',
    '',
    '--x',
    'Content-Type: multipart/alternative; boundary=y',
    '',
    '--y',
    'Content-Type: text/plain',
    '',
    'Hello',
    '--y',
    'Content-Type: text/html',
    '',
    '<p>Hello</p>',
    '--y--',
    '--x',
    'Content-Type: application/pdf; name=i.pdf',
    'Content-Disposition: attachment; filename=i.pdf',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERg==',
    '--x--',
    '',
  ].join('\r\n');
  const [key = ''] = await storeMails(aws, [{ at, content }]);
  const described = await describeMail(place, key);
  expect(described.headers.slice(0, 2).map(({ name }) => name)).toEqual([
    'Return-Path',
    'Received',
  ]);
  expect(described.headers).toContainEqual({ name: 'Subject', value: 'Grüße' });
  expect(described.record?.member.envelope.reversePath).toBe('ann@sender.example');
  expect(described.text.trim()).toBe('Hello');
  expect(described.attachments).toEqual([
    { filename: 'i.pdf', contentType: 'application/pdf', sizeInOctets: 4 },
  ]);
  const leaf = (contentType: string) => ({ contentType, children: [] });
  expect(described.structure).toEqual({
    contentType: 'multipart/mixed',
    children: [
      {
        contentType: 'multipart/alternative',
        children: [leaf('text/plain'), leaf('text/html')],
      },
      leaf('application/pdf'),
    ],
  });
});

test('describes the header of a mail that cannot be parsed', async () => {
  const content = await readFile(new URL('../message/mime/nested-1000.eml', import.meta.url));
  const [key = ''] = await storeMails(aws, [{ at, content }]);
  const described = await describeMail(place, key);
  expect(described.headers).toContainEqual({ name: 'Subject', value: 'deep' });
  expect(described).toMatchObject({
    record: { member: { listener: 'mx' } },
    unparsable: 'expected parts at most 100 levels deep, got more',
    attachments: [],
    text: '',
  });
  expect(described).not.toHaveProperty('structure');
});

test.each([
  ['UTF-8', 'gr\xc3\xbcn'],
  ['windows-1252', 'gr\xfcn'],
])('describes a header with raw octets of %s', async (_, octets) => {
  const content = Buffer.from(`Subject: ${octets}\r\n\r\n`, 'latin1');
  const [key = ''] = await storeMails(aws, [{ at, content }]);
  const { headers } = await describeMail(place, key);
  expect(headers).toContainEqual({ name: 'Subject', value: 'grün' });
});
