// Envelopes as nodemailer's documentation describes them: recipients, the null reverse-path, DSN, internationalized addresses,
// SIZE, 8BITMIME, REQUIRETLS. nodemailer pipelines MAIL, all RCPT and DATA.
import type { SendMailOptions } from 'nodemailer/lib/mailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { describe, expect, test } from 'vitest';
import type { SmtpServer } from '../../../src/index.ts';
import { Scene, type Serving } from './scene.ts';

interface Case extends Serving {
  readonly name: string;
  readonly mail: SendMailOptions;
  readonly transport?: SMTPTransportOptions;
  readonly outcome: string;
  /** The envelope of the mail that arrived; none arrives where it is left out. */
  readonly reversePath?: string | null;
  readonly recipients?: readonly string[];
  readonly parameters?: object;
  readonly recipientParameters?: object;
}

const to = ['b@example.com', 'c@example.com', 'd@example.com'];
const hundred = Array.from({ length: 100 }, (_, at) => `r${at}@example.com`);

/** `no…` is refused for good, `later…` for now. */
function refuseSome(server: SmtpServer): void {
  server.onRecipient(({ forwardPath, reply }) => {
    if (forwardPath.localPart.startsWith('no')) return reply(550, '1.1', 'No such mailbox');
    if (forwardPath.localPart.startsWith('later')) return reply(452, '2.2', 'Mailbox full');
    return undefined;
  });
}

const cases: readonly Case[] = [
  { name: 'one recipient', mail: {}, outcome: '250 2.0.0', recipients: ['b@example.com'] },
  {
    name: 'to, cc and bcc',
    mail: { to: 'b@example.com', cc: ['c@example.com'], bcc: 'd@example.com' },
    outcome: '250 2.0.0',
    recipients: to,
  },
  {
    name: 'names in the header are not in the envelope',
    mail: { from: '"Ann, A." <a@example.com>', to: 'Bob <b@example.com>, "C" <c@example.com>' },
    outcome: '250 2.0.0',
    reversePath: 'a@example.com',
    recipients: to.slice(0, 2),
  },
  {
    name: 'an envelope that differs from the header (VERP)',
    mail: { envelope: { from: 'bounce+b=example.com@list.example', to: 'b@example.com' } },
    outcome: '250 2.0.0',
    reversePath: 'bounce+b=example.com@list.example',
    recipients: ['b@example.com'],
  },
  {
    name: 'a bounce: the null reverse-path',
    mail: { envelope: { from: false, to: 'b@example.com' } },
    outcome: '250 2.0.0',
    reversePath: null,
    recipients: ['b@example.com'],
  },
  {
    name: 'the same recipient twice is one',
    mail: { to: ['b@example.com', 'b@example.com'] },
    outcome: '250 2.0.0',
    recipients: ['b@example.com'],
  },
  {
    name: 'a quoted local part',
    mail: { envelope: { from: 'a@example.com', to: ['"b c"@example.com'] } },
    outcome: '250 2.0.0',
    recipients: ['"b c"@example.com'],
  },
  {
    name: 'an address literal',
    mail: { envelope: { from: 'a@[192.0.2.1]', to: ['b@[IPv6:2001:db8::1]'] } },
    outcome: '250 2.0.0',
    reversePath: 'a@[192.0.2.1]',
    // nodemailer writes domains in lower case.
    recipients: ['b@[ipv6:2001:db8::1]'],
  },
  {
    name: 'a hundred recipients in one batch',
    mail: { to: hundred },
    outcome: '250 2.0.0',
    recipients: hundred,
  },
  {
    name: 'more than maxRecipients: the others are refused, and can be sent later',
    options: { limits: { maxRecipients: 2 } },
    mail: { to },
    outcome: '250 2.0.0; d@example.com: 452 4.5.3',
    recipients: to.slice(0, 2),
  },
  {
    name: 'more than maxRecipientDomains',
    options: { limits: { maxRecipientDomains: 1 } },
    mail: { to: ['b@example.com', 'c@example.net', 'd@example.com'] },
    outcome: '250 2.0.0; c@example.net: 452 4.5.3',
    recipients: ['b@example.com', 'd@example.com'],
  },
  {
    name: 'the first recipient is refused',
    prepare: refuseSome,
    mail: { to: ['no@example.com', 'b@example.com'] },
    outcome: '250 2.0.0; no@example.com: 550 5.1.1',
    recipients: ['b@example.com'],
  },
  {
    name: 'the last recipient is refused',
    prepare: refuseSome,
    mail: { to: ['b@example.com', 'no@example.com'] },
    outcome: '250 2.0.0; no@example.com: 550 5.1.1',
    recipients: ['b@example.com'],
  },
  {
    name: 'recipients are refused for good and for now',
    prepare: refuseSome,
    mail: { to: ['no@example.com', 'b@example.com', 'later@example.com', 'c@example.com'] },
    outcome: '250 2.0.0; no@example.com: 550 5.1.1; later@example.com: 452 4.2.2',
    recipients: ['b@example.com', 'c@example.com'],
  },
  {
    name: 'all recipients are refused',
    prepare: refuseSome,
    mail: { to: ['no@example.com', 'no2@example.com'] },
    outcome: 'EENVELOPE at RCPT TO: 550 5.1.1',
  },
  {
    name: 'all recipients are refused, one of them for now',
    prepare: refuseSome,
    mail: { to: ['no@example.com', 'later@example.com', 'no2@example.com'] },
    outcome: 'EENVELOPE at RCPT TO: 452 4.2.2',
  },
  {
    name: 'a hook that answers later keeps the order of the replies',
    prepare: (server) =>
      void server.onRecipient(async ({ forwardPath, reply }) => {
        await new Promise((resolve) => setTimeout(resolve, forwardPath.localPart === 'b' ? 30 : 1));
        return forwardPath.localPart === 'b' ? reply(550, '1.1', 'No such mailbox') : undefined;
      }),
    mail: { to },
    outcome: '250 2.0.0; b@example.com: 550 5.1.1',
    recipients: to.slice(1),
  },
  {
    name: 'the sender is refused, though its recipients and DATA came with it',
    prepare: (server) => void server.onSender(({ reply }) => reply(550, '7.1', 'No')),
    mail: { to },
    outcome: 'EENVELOPE at MAIL FROM: 550 5.7.1',
  },
  {
    name: 'DSN: all options',
    mail: {
      dsn: {
        id: 'order 17+4=21',
        return: 'headers',
        notify: ['success', 'failure', 'delay'],
        recipient: 'b+original@example.com',
      },
    },
    outcome: '250 2.0.0',
    parameters: { ret: 'HDRS', envid: 'order 17+4=21' },
    recipientParameters: {
      notify: ['SUCCESS', 'FAILURE', 'DELAY'],
      orcpt: { addressType: 'rfc822', address: 'b+original@example.com' },
    },
  },
  {
    name: 'DSN: never, full',
    mail: { dsn: { return: 'full', notify: 'never' } },
    outcome: '250 2.0.0',
    parameters: { ret: 'FULL' },
    recipientParameters: { notify: ['NEVER'] },
  },
  {
    name: 'DSN where it is not offered: nodemailer leaves it out',
    listener: { extensions: { dsn: false } },
    mail: { dsn: { id: 'x', return: 'full', notify: 'never' } },
    outcome: '250 2.0.0',
    parameters: {},
    recipientParameters: {},
  },
  {
    name: 'an internationalized sender and recipient',
    mail: { from: 'grüße@example.com', to: 'пример@example.com' },
    outcome: '250 2.0.0',
    reversePath: 'grüße@example.com',
    recipients: ['пример@example.com'],
    parameters: { smtpUtf8: true },
  },
  {
    name: 'an internationalized recipient where SMTPUTF8 is not offered, as Postfix takes it',
    listener: { smtpUtf8: false },
    mail: { to: 'пример@example.com' },
    outcome: '250 2.0.0',
    recipients: ['пример@example.com'],
    parameters: {},
  },
  {
    name: 'an internationalized recipient where SMTPUTF8 is not offered, with the strict syntax',
    listener: { smtpUtf8: false, addressSyntax: 'strict' },
    mail: { to: 'пример@example.com' },
    outcome: 'EENVELOPE at RCPT TO: 553 5.6.7',
  },
  {
    name: 'an internationalized domain is sent in its ASCII form',
    mail: { to: 'b@bücher.example' },
    outcome: '250 2.0.0',
    recipients: ['b@xn--bcher-kva.example'],
  },
  {
    name: 'SIZE as large as allowed',
    options: { limits: { maxMessageSize: 2_000 } },
    mail: { envelope: { from: 'a@example.com', to: 'b@example.com', size: 2_000 } },
    outcome: '250 2.0.0',
    parameters: { size: 2_000 },
  },
  {
    name: 'a size beyond the announced SIZE: nodemailer does not begin',
    options: { limits: { maxMessageSize: 2_000 } },
    mail: { envelope: { from: 'a@example.com', to: 'b@example.com', size: 2_001 } },
    outcome: 'EMESSAGE at MAIL FROM: Message size larger than allowed 2000',
  },
  {
    name: '8BITMIME',
    mail: { envelope: { from: 'a@example.com', to: 'b@example.com', use8BitMime: true } },
    outcome: '250 2.0.0',
    parameters: { body: '8BITMIME' },
  },
  {
    name: 'REQUIRETLS in TLS',
    listener: { tls: 'starttls' },
    mail: { requireTLSExtensionEnabled: true },
    outcome: '250 2.0.0',
    parameters: { requireTls: true },
  },
  {
    name: 'REQUIRETLS where it is not offered',
    listener: { tls: 'starttls', extensions: { requireTls: false } },
    mail: { requireTLSExtensionEnabled: true },
    outcome: 'EREQUIRETLS at MAIL FROM: Server does not support REQUIRETLS extension (RFC 8689)',
  },
];

describe('an envelope', () => {
  test.for(cases)('$name: $outcome', async (each) => {
    const scene = await Scene.start(each);
    expect(await scene.send(each.mail, each.transport)).toBe(each.outcome);
    expect(scene.arrived).toHaveLength(each.outcome.startsWith('250') ? 1 : 0);
    for (const { envelope } of scene.arrived) {
      if (each.reversePath !== undefined) {
        expect(envelope.reversePath?.address ?? null).toBe(each.reversePath);
      }
      if (each.recipients) {
        expect(envelope.recipients.map(({ forwardPath }) => forwardPath.address)).toEqual(
          each.recipients,
        );
      }
      if (each.parameters) expect(envelope.parameters).toEqual(each.parameters);
      if (each.recipientParameters) {
        expect(envelope.recipients[0]?.parameters).toEqual(each.recipientParameters);
      }
    }
  });
});

test('after each refused envelope the same session takes the next mail', async () => {
  const scene = await Scene.start({ prepare: refuseSome });
  const pool = scene.pool({ maxConnections: 1 });
  for (const [index, recipient] of ['no@x.example', 'b@x.example', 'later@x.example'].entries()) {
    const sending = pool.sendMail({ from: 'a@x.example', to: recipient, text: `${index}` });
    if (index === 1) await sending;
    else await expect(sending).rejects.toThrow('all recipients were rejected');
  }
  await pool.sendMail({ from: 'a@x.example', to: 'c@x.example', text: 'x' });
  expect(
    scene.arrived.map(({ envelope }) => envelope.recipients[0]?.forwardPath.localPart),
  ).toEqual(['b', 'c']);
  expect(scene.sessions).toBe(1);
});
