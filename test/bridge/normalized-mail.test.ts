// Bare newlines on a listener that normalizes them, from the socket to the bucket, the notification and back.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { normalizeByReference, stuff } from '../support/reference-decoder.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startBridgeServer, takeAnnouncedMail } from './announced-mail.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

type BareNewline = 'reject' | 'normalize' | 'accept';

const startBridge = (bareNewline: BareNewline, traceHeaders = true): Promise<number> =>
  startBridgeServer(aws, 'mx.in.example', { bareNewline }, { traceHeaders });

/** DATA, or one chunk of BDAT for each piece. */
type Send = (client: TestClient, message: string) => Promise<string>;

const byData: Send = async (client, message) => {
  await client.say('DATA');
  return client.send(Buffer.from(stuff(message), 'latin1')).reply();
};

const inChunks =
  (octets: number): Send =>
  async (client, message) => {
    let reply = '';
    for (let at = 0; at < message.length || at === 0; at += octets) {
      const chunk = Buffer.from(message.slice(at, at + octets), 'latin1');
      const last = at + octets >= message.length ? ' LAST' : '';
      client.send(`BDAT ${chunk.length}${last}\r\n`);
      reply = await client.send(chunk).reply();
    }
    return reply;
  };

interface Stored {
  readonly reply: string;
  readonly notification: ReceivedNotification;
  /** The object behind its trace header block. */
  readonly octets: Buffer;
}

const sha256 = (octets: string): string =>
  createHash('sha256').update(Buffer.from(octets, 'latin1')).digest('hex');

/** Delivers one message. */
async function deliver(port: number, send: Send, message: string): Promise<Stored> {
  const client = await TestClient.connect(port);
  await client.reply();
  await client.sayAll('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@in.example>');
  const reply = await send(client, message);
  client.destroy();
  expect(reply).toMatch(/^250 /);
  const { notification, body } = await takeAnnouncedMail(aws);
  return { reply, notification, octets: body.subarray(notification.mailsluice.traceHeaderSize) };
}

const header = 'From: a@x.example\nSubject: LF\n\n';
const head = 'From: a@x.example\r\nSubject: LF\r\n\r\n';
const line = `${'0123456789'.repeat(7)}\r\n`;

test.each([
  ['lines that end with LF', byData, `${header}one\n.two\n`, `${head}one\r\n.two\r\n\r\n`, 5],
  ['a single bare CR', byData, `${head}a\rb\r\n`, `${head}a\r\nb\r\n`, 1],
  [
    'a bare LF behind 1 MB of clean lines',
    byData,
    `${head}${line.repeat(15_000)}\n\r\n`,
    `${head}${line.repeat(15_000)}\r\n\r\n`,
    1,
  ],
  [
    'a mail in parts, whose last line is bare',
    byData,
    `${head}${line.repeat(170_000)}x\ny\r\n`,
    `${head}${line.repeat(170_000)}x\r\ny\r\n`,
    1,
  ],
  [
    'a mail in parts of nothing but LF lines',
    byData,
    `${header}${'0123456789\n'.repeat(900_000)}\r\n`,
    `${head}${'0123456789\r\n'.repeat(900_000)}\r\n`,
    900_003,
  ],
  [
    'chunks cut between CR and LF',
    inChunks(5),
    'ab: \r\n\r\ncd\nef\r\ng\r',
    'ab: \r\n\r\ncd\r\nef\r\ng\r\n',
    2,
  ],
  ['chunks of one octet', inChunks(1), 'a: b\n\r\r\n', 'a: b\r\n\r\n\r\n', 2],
  [
    'a header section that passes 64 KiB only as it is stored',
    byData,
    `${'X-A: 23456\n'.repeat(5700)}To: b@in.example\r\n`,
    `${'X-A: 23456\r\n'.repeat(5700)}To: b@in.example\r\n`,
    5700,
  ],
] as const)(
  '%s: stored with CRLF, hashed and counted as received and as stored',
  async (_, send, sent, stored, count) => {
    // DATA ends with CRLF, which a client adds where it is missing.
    const received = send === byData && !sent.endsWith('\r\n') ? `${sent}\r\n` : sent;
    for (const traceHeaders of [true, false]) {
      const { notification, octets } = await deliver(
        await startBridge('normalize', traceHeaders),
        send,
        sent,
      );
      expect(octets.equals(Buffer.from(stored, 'latin1'))).toBe(true);
      expect(notification.mailsluice).toMatchObject({
        sha256: sha256(received),
        size: received.length,
        storedSha256: sha256(stored),
        storedSize: stored.length,
        normalizedNewlines: count,
      });
    }
  },
);

test('a mail without a bare newline has no second digest', async () => {
  const { notification } = await deliver(await startBridge('normalize'), byData, `${head}text\r\n`);
  expect(notification.mailsluice).not.toHaveProperty('storedSha256');
  expect(notification.mailsluice).not.toHaveProperty('storedSize');
  expect(notification.mailsluice).not.toHaveProperty('normalizedNewlines');
});

test('any octets: stored as they were received, or normalized exactly; one notification, rebuilt from the bucket', async () => {
  const normalizing = await startBridge('normalize');
  const accepting = await startBridge('accept');
  const octets = fc
    .array(
      fc.oneof(
        fc.constantFrom('\r', '\n', '.', '\r\n', '\n.\r\n', 'Subject: x', 'text', ': '),
        fc.uint8Array({ maxLength: 20 }).map((each) => Buffer.from(each).toString('latin1')),
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(octets, fc.boolean(), fc.nat(40), async (text, isData, chunk) => {
      const send = isData ? byData : inChunks(chunk + 1);
      const received = isData && text !== '' && !text.endsWith('\r\n') ? `${text}\r\n` : text;
      const accepted = await deliver(accepting, send, text);
      expect(accepted.octets.toString('latin1')).toBe(received);
      const normalized = await deliver(normalizing, send, text);
      expect(normalized.octets.toString('latin1')).toBe(normalizeByReference(received));
      expect(normalized.notification.mailsluice.sha256).toBe(sha256(received));
    }),
    { numRuns: 15 },
  );
});
