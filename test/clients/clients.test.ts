// Real clients against `mailsluice local`: what they sent is what S3 has, and the notification names it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalProcess } from '../support/local.ts';
import { missing } from '../support/programs.ts';
import { samples } from './messages.ts';
import { type Sender, senders } from './senders.ts';

let local: LocalProcess;
beforeAll(async () => {
  local = await LocalProcess.start({
    local: { awsPort: 0, dynamoDbPort: 0, password: 'correct horse' },
  });
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

const auth = { username: 'demo', password: 'correct horse' };
const absence = ({ program }: Sender): string | undefined =>
  program === undefined ? undefined : missing(program);

let serial = 0;
const freshRecipient = (): string => `inbox-${++serial}@mx.example`;

for (const sender of senders) {
  describe(sender.name, () => {
    const absent = absence(sender);
    const modes = [
      ['in the clear', 'mx', 'none', undefined],
      ['over STARTTLS', 'mx', 'starttls', undefined],
      ['over STARTTLS, signed in', 'submission', 'starttls', auth],
      ['over implicit TLS, signed in', 'smtps', 'implicit', auth],
    ] as const;

    for (const [mode, listener, tls, signIn] of modes) {
      if (sender.name === 'openssl s_client' && tls === 'none') continue;
      for (const { name, bytes, eightBit = false } of samples) {
        test(`delivers ${name} ${mode}, byte for byte`, { timeout: 60_000 }, async ({ skip }) => {
          skip(absent !== undefined, absent);
          const to = freshRecipient();
          await sender.send({
            port: local.port(listener),
            tls,
            ...(signIn === undefined ? {} : { auth: signIn }),
            from: 'sender@client.example',
            to,
            bytes,
            eightBit,
          });
          const { notification, object } = await local.mailFor(to);
          const { messageId, source } = notification.mail;
          expect(object.subarray(-bytes.length).equals(bytes)).toBe(true);
          expect(object.subarray(0, -bytes.length).toString()).toContain(messageId);
          expect(notification.receipt.action.objectKey.endsWith(`/${messageId}`)).toBe(true);
          expect(source).toBe('sender@client.example');
          expect(notification.receipt.recipients).toEqual([to]);
        });
      }
    }

    if (sender.smtpUtf8) {
      test('delivers to and from an internationalised address', async ({ skip }) => {
        skip(absent !== undefined, absent);
        const to = `empfänger-${++serial}@mx.example`;
        const bytes = Buffer.from('From: ü@client.example\r\nSubject: Grüße\r\n\r\nhallo\r\n');
        await sender.send({
          port: local.port('mx'),
          tls: 'starttls',
          from: 'absenderü@client.example',
          to,
          bytes,
          eightBit: true,
          smtpUtf8: true,
        });
        const { notification, object } = await local.mailFor(to);
        expect(notification.mail.source).toBe('absenderü@client.example');
        expect(object.subarray(-bytes.length).equals(bytes)).toBe(true);
      });
    }

    test('is refused with a wrong password, and nothing is stored', async ({ skip }) => {
      skip(absent !== undefined, absent);
      const before = await local.keys();
      await expect(
        sender.send({
          port: local.port('submission'),
          tls: 'starttls',
          auth: { ...auth, password: 'wrong' },
          from: 'sender@client.example',
          to: freshRecipient(),
          bytes: Buffer.from('Subject: no\r\n\r\nno\r\n'),
        }),
      ).rejects.toThrow(sender.refusal);
      expect(await local.keys()).toEqual(before);
    });
  });
}
