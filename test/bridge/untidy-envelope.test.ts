// Mail of senders that do not keep to the RFCs, from the listener to the notification: the addresses stay what they are,
// and break nothing that they are put into.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseFields } from '../../src/message/header-section.ts';
import { canonicalMailbox } from '../../src/policy/address-pattern.ts';
import { createRoutes } from '../../src/policy/routes.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startBridgeServer, takeAnnouncedMail } from './announced-mail.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

/** Sends one mail with these commands, and gives the parts of its object and notification that depend on them. */
async function send(helo: string, mail: string, ...rcpts: readonly string[]) {
  const port = await startBridgeServer(
    aws,
    'mx.example',
    { trustedNetworks: ['127.0.0.1'] },
    {
      routes: createRoutes([{ recipients: ['*'] }], 'mx.example'),
      mailboxOf: (forwardPath) => canonicalMailbox(forwardPath, 'mx.example'),
    },
  );
  const client = await TestClient.connect(port);
  await client.reply();
  const commands = [`EHLO ${helo}`, `MAIL FROM:${mail}`, ...rcpts.map((rcpt) => `RCPT TO:${rcpt}`)];
  const codes = await client.sayAll(...commands, 'DATA', 'Subject: x\r\n\r\nbody\r\n.');
  expect(codes).toBe([...commands.map(() => '250'), '354', '250'].join(' '));
  client.destroy();

  const { delivered, notification, objectKey, body, metadata } = await takeAnnouncedMail(aws);
  expect(objectKey).toMatch(/^mail\/dt=[\d-]+\/hr=\d\d\/[0-9a-v]{40}$/);
  for (const value of Object.values(metadata))
    expect(value).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
  const fields = parseFields(
    Buffer.from(body.toString('latin1').split('\r\n\r\n')[0] ?? '', 'latin1'),
  );
  const names = fields.map(({ name }) => name);
  expect(names).toEqual([
    'Return-Path',
    'Received',
    'Received-SPF',
    'Authentication-Results',
    'Subject',
  ]);
  const attributes = Object.fromEntries(
    Object.entries(delivered.MessageAttributes).map(([name, { Value }]) => [name, Value]),
  );
  return {
    notification,
    attributes,
    returnPath: fields[0]?.value,
    received: fields[1]?.value ?? '',
  };
}

test('dots, long local parts and a domain with underscores reach object and notification unchanged', async () => {
  const long = `SRS0=fGv9=BC=${'x'.repeat(80)}`;
  const { notification, attributes, returnPath, received } = await send(
    'Johns iPhone',
    ` ${long}@list_1.example. SIZE=100`,
    'try..this..0511@docomo.example',
  );
  const sender = `${long}@list_1.example.`;
  expect(notification.mail.source).toBe(sender);
  expect(notification.mailsluice.envelope).toEqual({
    reversePath: sender,
    parameters: { size: 100 },
    recipients: [{ forwardPath: 'try..this..0511@docomo.example' }],
  });
  expect(notification.mailsluice.client.helo).toBe('Johns iPhone');
  expect(notification.receipt.recipients).toEqual(['try..this..0511@docomo.example']);
  expect(returnPath).toBe(`<${sender}>`);
  expect(received).toContain('from [127.0.0.1] (said Johns iPhone)');
  expect(received).toContain('for <try..this..0511@docomo.example>');
  expect(attributes).toMatchObject({
    mailFromDomain: 'list_1.example',
    recipientDomains: '["docomo.example"]',
  });
});

test('an address whose characters would end it in a header is quoted there, and nowhere else', async () => {
  const { notification, returnPath, received } = await send('c', '<a@b:c)@x.test>', '<d]@x.test>');
  expect(notification.mail.source).toBe('a@b:c)@x.test');
  expect(notification.receipt.recipients).toEqual(['d]@x.test']);
  expect(returnPath).toBe('<"a@b:c)"@x.test>');
  expect(received).toContain('for <"d]"@x.test>');
});

test('a non-ASCII address without SMTPUTF8 stays itself, and the envelope says so', async () => {
  const { notification, attributes, returnPath, received } = await send(
    'MÜLLER-PC',
    '<jürgen@x.test>',
    '<b@例え.test>',
  );
  expect(notification.mailsluice.envelope).toEqual({
    reversePath: 'jürgen@x.test',
    parameters: {},
    undeclaredUtf8: true,
    recipients: [{ forwardPath: 'b@例え.test' }],
  });
  expect(returnPath).toBe('<jürgen@x.test>');
  expect(received).toContain('from MÜLLER-PC ([127.0.0.1]) by mx.example with ESMTP id');
  expect(attributes['recipientDomains']).toBe('["例え.test"]');
});

test('one mailbox in several spellings is one recipient for consumers; the envelope has them all', async () => {
  const { notification, received } = await send(
    'c',
    '<root>',
    '<Bob@Example.COM>',
    'bob@example.com.',
    '<"bob"@example.com> NOTIFY=NEVER',
  );
  expect(notification.mail.source).toBe('root@mx.example');
  expect(notification.receipt.recipients).toEqual(['Bob@Example.COM']);
  expect(notification.mailsluice.envelope.recipients).toEqual([
    { forwardPath: 'Bob@Example.COM' },
    { forwardPath: 'bob@example.com.', repeated: true },
    { forwardPath: 'bob@example.com', parameters: { notify: ['NEVER'] }, repeated: true },
  ]);
  expect(received).toContain('for <Bob@Example.COM>');
});

test('a postmaster with and without the domain of the host is one recipient, and another mailbox another', async () => {
  const { notification, received } = await send(
    'c',
    '<>',
    '<postmaster>',
    '<Postmaster@mx.example>',
    '<bob@b\u00fccher.example>',
    '<bob@xn--bcher-kva.example>',
    '<"bob "@x.test>',
    '<bob@x.test>',
  );
  expect(notification.receipt.recipients).toEqual([
    'postmaster',
    'bob@b\u00fccher.example',
    '"bob "@x.test',
    'bob@x.test',
  ]);
  expect(notification.mailsluice.envelope.recipients).toHaveLength(6);
  expect(received).not.toContain('for <');
});
