// parseMail and the handler with mail from the bucket that mailparser alone gets wrong.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  defineMailHandler,
  type MailLogEntry,
  MailUnparsableError,
  parseMail,
  requireNotification,
} from '../../src/subscriber/index.ts';
import { storeMails } from '../archive/support.ts';
import { takeNotifications } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { need } from '../support/programs.ts';
import { stringsOf } from '../support/strings.ts';
import { sqsEvent } from './support.ts';

let aws: TestAws;
let deep: Buffer;
beforeAll(async () => {
  aws = await startTestAws();
  deep = await readFile(new URL('../message/mime/nested-1000.eml', import.meta.url));
});
afterAll(() => aws.close());

/** Stores the mails and gives their notifications, in their order. */
async function announced(...contents: readonly (string | Buffer)[]): Promise<string[]> {
  const keys = await storeMails(
    aws,
    contents.map((content, n) => ({ at: `2026-11-23T13:00:0${n}.000Z`, content })),
  );
  const byId = new Map(
    (await takeNotifications(aws, 1)).map(({ Message }) => [
      requireNotification(Message).messageId,
      Message,
    ]),
  );
  return keys.map((key) => byId.get(key.slice(-40)) ?? '');
}

test('a mail of 1,000 levels is refused for good, with or without its trace header fields', async () => {
  const [message = ''] = await announced(deep);
  const mail = requireNotification(message);
  for (const withTraceHeaders of [false, true]) {
    const parsing = parseMail(mail, { s3: aws.s3, withTraceHeaders });
    await expect(parsing).rejects.toBeInstanceOf(MailUnparsableError);
    await expect(parsing).rejects.toMatchObject({
      code: 'MAILSLUICE_MAIL_UNPARSABLE',
      reason: 'too-deep',
    });
  }
});

test('the options of mailparser set the limits', async () => {
  const [message = ''] = await announced(`X: ${'a'.repeat(2000)}\r\n\r\n`);
  const mail = requireNotification(message);
  const parser = { maxHeadSize: 1000 };
  await expect(parseMail(mail, { s3: aws.s3, parser })).rejects.toMatchObject({
    reason: 'header-too-large',
  });
  await expect(parseMail(mail, { s3: aws.s3 })).resolves.toBeDefined();
});

test.each([
  ['mail', ['sqs-1', 'sqs-3']],
  ['mail.fifo', ['sqs-1', 'sqs-3']],
])(
  'in the queue %s a mail that cannot be parsed fails alone, and so does a record that is none',
  async (queue, expected) => {
    const messages = await announced('Subject: a\r\n\r\n', deep, 'Subject: b\r\n\r\n');
    const subjects: string[] = [];
    const log: MailLogEntry[] = [];
    const handler = defineMailHandler(
      async (mail) => {
        subjects.push((await parseMail(await mail.fetch())).subject ?? '');
      },
      { s3: aws.s3, log: (entry) => log.push(entry) },
    );
    const [first = '', second = '', third = ''] = messages;
    const event = sqsEvent([first, second, third, 'garbage', first], queue);
    const { batchItemFailures } = await handler(event);
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual(expected);
    expect(subjects.sort()).toEqual(['a', 'a', 'b']);
    expect(log.filter(({ outcome }) => outcome === 'failed').map(({ error }) => error)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'MailUnparsableError',
          message: 'expected parts at most 100 levels deep, got more',
        }),
      ]),
    );
  },
);

test('of a FIFO queue, what waits behind a failure that may pass comes again', async () => {
  const messages = await announced(deep, 'Subject: a\r\n\r\n', 'Subject: b\r\n\r\n');
  const handler = defineMailHandler(
    async (mail) => {
      await parseMail(await mail.fetch());
      throw new Error('the database is down');
    },
    { s3: aws.s3, log: () => undefined },
  );
  // All of them: then the batch comes again whether the mapping reads the answer or not.
  await expect(handler(sqsEvent(messages, 'mail.fifo'))).rejects.toMatchObject({
    errors: [{ name: 'MailUnparsableError' }, { message: 'the database is down' }],
  });
});

test('no string of a parsed mail has a NUL or a surrogate without its pair', async () => {
  const content = 'Subject: =?utf-16le?B?ANg=?= a\0b\r\nX\0: y\r\n\r\nhi\0';
  const [message = ''] = await announced(content);
  const parsed = await parseMail(requireNotification(message), { s3: aws.s3 });
  expect(parsed).toMatchObject({ subject: '\ufffd a\ufffdb', text: 'hi\ufffd' });
  const found = stringsOf(parsed);
  expect(found.filter((text) => text.includes('\0') || !text.isWellFormed())).toEqual([]);
});

/** An independent uuencoder. Prints the mail of each argument, after the reader of its email package has read it. */
const PYTHON = `
import codecs, email, json, sys
for octets in map(bytes.fromhex, sys.argv[1:]):
    mail = b"Content-Type: application/octet-stream\\nContent-Transfer-Encoding: x-uuencode\\n\\n"
    mail += codecs.encode(octets, "uu")
    assert email.message_from_bytes(mail).get_payload(decode=True) == octets
    print(json.dumps(mail.decode("ascii").replace("\\n", "\\r\\n")))
`;

test('what Python uuencodes is decoded', async ({ skip }) => {
  need(skip, '/usr/bin/python3');
  const all = [0, 1, 2, 3, 44, 45, 46, 5000].map((count) => randomBytes(count));
  const args = all.map((octets) => octets.toString('hex'));
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', PYTHON, ...args]);
  const mails = stdout.trimEnd().split('\n');
  const messages = await announced(...mails.map((mail) => JSON.parse(mail) as string));
  expect(messages).toHaveLength(all.length);
  for (const [at, message] of messages.entries()) {
    const { attachments } = await parseMail(requireNotification(message), { s3: aws.s3 });
    expect(attachments[0]?.content).toEqual(all[at]);
  }
});
