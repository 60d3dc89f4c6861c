// Every client delivers these messages in every way that it can: what it sent is what S3 has, and the
// notification names it.
import { expect, test } from 'vitest';
import { LocalProcess } from '../support/local.ts';
import { missing } from '../support/programs.ts';
import type { Sample } from './messages.ts';
import { type Sender, senders } from './senders.ts';

export const auth = { username: 'demo', password: 'correct horse' };

/** `mailsluice local` with the credential above. */
export function startLocal(): Promise<LocalProcess> {
  return LocalProcess.start({
    local: { pagePort: 0, awsPort: 0, dynamoDbPort: 0, password: auth.password },
  });
}

/** Why this client cannot run here. */
export const absence = ({ program }: Sender): string | undefined =>
  program === undefined ? undefined : missing(program);

let serial = 0;
export const freshRecipient = (): string => `inbox-${++serial}@mx.example`;

const modes = [
  ['in the clear', 'mx', 'none', undefined],
  ['over STARTTLS', 'mx', 'starttls', undefined],
  ['over STARTTLS, signed in', 'submission', 'starttls', auth],
  ['over implicit TLS, signed in', 'smtps', 'implicit', auth],
] as const;

export function deliveries(samples: readonly Sample[], local: () => LocalProcess): void {
  for (const sender of senders) {
    const absent = absence(sender);
    for (const [mode, listener, tls, signIn] of modes) {
      if (sender.name === 'openssl s_client' && tls === 'none') continue;
      for (const { name, bytes, eightBit = false } of samples) {
        test(`${sender.name} delivers ${name} ${mode}, byte for byte`, {
          timeout: 60_000,
        }, async ({ skip }) => {
          skip(absent !== undefined, absent);
          const to = freshRecipient();
          await sender.send({
            port: local().port(listener),
            tls,
            ...(signIn === undefined ? {} : { auth: signIn }),
            from: 'sender@client.example',
            to,
            bytes,
            eightBit,
          });
          const { notification, object } = await local().mailFor(to);
          const { messageId, source } = notification.mail;
          expect(object.subarray(-bytes.length).equals(bytes)).toBe(true);
          expect(object.subarray(0, -bytes.length).toString()).toContain(messageId);
          expect(notification.receipt.action.objectKey.endsWith(`/${messageId}`)).toBe(true);
          expect(source).toBe('sender@client.example');
          expect(notification.receipt.recipients).toEqual([to]);
        });
      }
    }
  }
}
