// Real clients against `mailsluice local`.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalProcess } from '../support/local.ts';
import { absence, auth, deliveries, freshRecipient, startLocal } from './deliveries.ts';
import { samples } from './messages.ts';
import { senders } from './senders.ts';

let local: LocalProcess;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

deliveries(samples, () => local);

for (const sender of senders) {
  const absent = absence(sender);

  if (sender.smtpUtf8) {
    test(`${sender.name} delivers to and from an internationalized address`, async ({ skip }) => {
      skip(absent !== undefined, absent);
      const to = `empfänger-${freshRecipient()}`;
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
}

// At once, since the server makes each wait.
describe.concurrent('a wrong password', () => {
  for (const sender of senders) {
    const absent = absence(sender);
    test(`${sender.name} is refused with a wrong password, and nothing is stored`, async ({
      skip,
    }) => {
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
  }
});
