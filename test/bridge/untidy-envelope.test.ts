// Mail of senders that do not keep to the RFCs, from the listener to the notification: the addresses stay what they are,
// and break nothing that they are put into.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageId } from '../../src/bridge/contract/message-id.ts';
import { createBridge, readRecord, rebuildNotification } from '../../src/bridge/index.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import { parseFields } from '../../src/message/header-section.ts';
import { canonicalMailbox } from '../../src/policy/address-pattern.ts';
import { createRoutes } from '../../src/policy/routes.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';
import { readObject, takeNotifications } from './support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

/** Sends one mail with these commands; gives what became of it. */
async function send(helo: string, mail: string, ...rcpts: readonly string[]) {
  const { bucket } = aws.resources;
  await using bridge = createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.example',
    routes: createRoutes([{ recipients: ['*'] }], 'mx.example'),
    mailboxOf: (forwardPath) => canonicalMailbox(forwardPath, 'mx.example'),
  });
  const { port } = await startServer(
    {
      hostname: 'mx.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, trustedNetworks: ['127.0.0.1'] }],
      nextMessageId: () => messageId(new Date()),
      openMessage: (facts, resume) => bridge.open(facts, resume),
    },
    () => undefined,
  );
  const client = await TestClient.connect(port);
  await client.reply();
  const commands = [`EHLO ${helo}`, `MAIL FROM:${mail}`, ...rcpts.map((rcpt) => `RCPT TO:${rcpt}`)];
  const codes = await client.sayAll(...commands, 'DATA', 'Subject: x\r\n\r\nbody\r\n.');
  expect(codes).toBe([...commands.map(() => '250'), '354', '250'].join(' '));
  client.destroy();

  const taken = await takeNotifications(aws, 2);
  expect(taken).toHaveLength(1);
  const [delivered] = taken;
  const notification = JSON.parse(delivered?.Message ?? '') as ReceivedNotification;
  const { objectKey } = notification.receipt.action;
  const { body, metadata } = await readObject(aws.s3, bucket, objectKey);
  expect(objectKey).toMatch(/^mail\/dt=[\d-]+\/hr=\d\d\/[0-9a-v]{40}$/);
  for (const value of Object.values(metadata))
    expect(value).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
  const rebuilt = await rebuildNotification({ s3: aws.s3, bucket }, objectKey);
  expect(rebuilt.message).toBe(delivered?.Message);
  const record = await readRecord({ s3: aws.s3, bucket }, objectKey);
  expect(record.member).toEqual(notification.mailsluice);
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
    Object.entries(delivered?.MessageAttributes ?? {}).map(([name, { Value }]) => [name, Value]),
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
