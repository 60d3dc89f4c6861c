// Subscribers written for Amazon SES, unchanged, on what the running server announces of mail that real clients
// send.
import type { SNSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReceivedNotification } from '../../../src/bridge/contract/notification-types.ts';
import { notificationSchema } from '../../../src/subscriber/index.ts';
import { type Sender, senders } from '../../clients/senders.ts';
import { LocalProcess } from '../../support/local.ts';
import { missing, runProgram } from '../../support/programs.ts';
import { consumers } from './consumers.ts';
import { bodyFor, lambdaEvent } from './live-queue.ts';

/** Postfix's load generator makes its own messages, with From, To, Date and Message-Id. */
const smtpSource: Pick<Sender, 'name' | 'program' | 'send'> = {
  name: 'Postfix smtp-source',
  program: 'smtp-source',
  send: async ({ port, from, to }) => {
    const args = ['-m', '1', '-f', from, '-t', to, '-S', 'Hello', `127.0.0.1:${port}`];
    const { code, output } = await runProgram('smtp-source', args);
    if (code !== 0) throw new Error(output);
  },
};

let local: LocalProcess;
beforeAll(async () => {
  local = await LocalProcess.start();
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

const HEADER = [
  'Date: Mon, 23 Nov 2026 13:14:15 +0000',
  'Message-ID: <1@client.example>',
  'From: "Ann, the sender" <ann@client.example>',
];

function message(...more: readonly string[]): Buffer {
  return Buffer.from([...HEADER, ...more, '', 'Hello', ''].join('\r\n'));
}

async function expectEveryConsumer(event: SNSEvent, content: string): Promise<void> {
  for (const { name, run } of consumers) {
    const raw = await run(event, local.s3).catch((error: Error) => `failed: ${error.message}`);
    expect([name, raw.includes(content) ? content : raw]).toEqual([name, content]);
  }
}

function notificationIn(event: SNSEvent): ReceivedNotification {
  return JSON.parse(event.Records[0]?.Sns.Message ?? '') as ReceivedNotification;
}

describe('every consumer gets the mail of', () => {
  for (const [at, sender] of [...senders, smtpSource].entries()) {
    const absent = sender.program === undefined ? undefined : missing(sender.program);
    test(`every consumer gets the mail of ${sender.name}`, async ({ skip }) => {
      skip(absent !== undefined, absent);
      const to = `client-${at}@mx.example`;
      const bytes = message(`To: Bob <${to}>`, 'Subject: Hello');
      // s_client is nothing without TLS, smtp-source nothing with it.
      const tls = sender === smtpSource ? 'none' : 'starttls';
      await sender.send({ port: local.port('mx'), tls, from: 'ann@client.example', to, bytes });
      const event = lambdaEvent(await bodyFor(local, to));
      await expectEveryConsumer(event, sender === smtpSource ? 'Subject: Hello' : bytes.toString());
      const { mail, receipt } = notificationIn(event);
      expect(receipt.recipients).toEqual([to]);
      expect(mail.destination).toEqual([to]);
      expect(mail.source).toBe('ann@client.example');
      expect(notificationSchema.safeParse(notificationIn(event)).error).toBeUndefined();
    });
  }
});

describe('every consumer gets', () => {
  const nodemailer = senders.find(({ name }) => name === 'nodemailer');

  async function announce(to: string, bytes: Buffer, from = 'ann@client.example') {
    await nodemailer?.send({ port: local.port('mx'), tls: 'none', from, to, bytes });
    return lambdaEvent(await bodyFor(local, to));
  }

  test('every consumer gets a mail whose To and Cc are both missing', async () => {
    const bytes = message('Subject: to nobody');
    const event = await announce('hidden@mx.example', bytes);
    await expectEveryConsumer(event, bytes.toString());
    const { mail } = notificationIn(event);
    expect(mail.destination).toEqual([]);
    expect(mail.commonHeaders).not.toHaveProperty('to');
    expect(mail.commonHeaders).not.toHaveProperty('cc');
  });

  test('every consumer gets a mail for one who is in neither To nor Cc: destination is the header’s, recipients the envelope’s', async () => {
    const bytes = message('To: other@mx.example', 'Cc: Third <third@mx.example>', 'Subject: bcc');
    const event = await announce('bcc@mx.example', bytes);
    await expectEveryConsumer(event, bytes.toString());
    const { mail, receipt } = notificationIn(event);
    expect(mail.destination).toEqual(['other@mx.example', 'third@mx.example']);
    expect(receipt.recipients).toEqual(['bcc@mx.example']);
  });

  test('every consumer gets a report from the null reverse-path', async () => {
    const bytes = message('To: bounces@mx.example', 'Subject: undeliverable');
    const event = await announce('bounces@mx.example', bytes, '');
    await expectEveryConsumer(event, bytes.toString());
    expect(notificationIn(event).mail.source).toBe('');
    expect(notificationIn(event).mail.commonHeaders.returnPath).toBe('');
  });

  test('every consumer gets a mail with folded fields, in the order and the case of the object', async () => {
    const bytes = message(
      'TO: folded@mx.example',
      'X-Long: one',
      '\ttwo',
      '   three',
      'x-long: again',
      'Subject: folded',
    );
    const event = await announce('folded@mx.example', bytes);
    await expectEveryConsumer(event, bytes.toString());
    const { headers } = notificationIn(event).mail;
    expect(headers.filter(({ name }) => name.toLowerCase() === 'x-long')).toEqual([
      { name: 'X-Long', value: 'one two three' },
      { name: 'x-long', value: 'again' },
    ]);
  });

  test('every consumer gets no more than nine message attributes, so that raw delivery drops nothing', async () => {
    const to = 'attributes@mx.example';
    const event = await announce(to, message(`To: ${to}`, 'Subject: x'));
    const attributes = event.Records[0]?.Sns.MessageAttributes ?? {};
    expect(Object.keys(attributes).length).toBeLessThanOrEqual(9);
    expect(attributes['recipientDomains']).toEqual({
      Type: 'String.Array',
      Value: '["mx.example"]',
    });
    expect(attributes['replay']?.Value).toBe('false');
  });
});
