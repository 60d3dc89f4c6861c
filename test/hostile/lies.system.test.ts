// Clients that lie to the running program: about who they are, what the mail is, and whose results it carries. What matters
// is what the log, the bucket and the queue hold afterwards.
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';

const MAX_OCTETS = 9_000_000;

let aws: TestAws;
let served: Served;
let administration: CredentialAdministration;
beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  const listener = { host: '127.0.0.1', port: 0, tls: 'none', auth: 'none' };
  const proxied = { clientAddress: 'proxy', trustedProxies: ['127.0.0.0/8'] };
  served = await serve(aws, {
    hostname: 'mx.in.example',
    limits: { maxMessageSize: MAX_OCTETS },
    duplicates: { window: '10m' },
    listeners: [
      { ...listener, name: 'mx' },
      { ...listener, name: 'devices' },
      { ...listener, name: 'proxied', ...proxied },
      { ...listener, name: 'smtps', tls: 'implicit', auth: 'required' },
    ],
  });
});
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await aws?.close();
});

interface Sent {
  readonly listener?: string;
  readonly helo?: string;
  readonly from?: string;
  readonly message: string;
}

async function send({ listener = 'mx', helo = 'c', from = 'a@b.example', message }: Sent) {
  const client = await TestClient.connect(served.port(listener));
  await client.reply();
  expect(await client.say(`EHLO ${helo}`)).toMatch(/^250/);
  expect(await client.say(`MAIL FROM:<${from}> SMTPUTF8`)).toMatch(/^250 /);
  expect(await client.say('RCPT TO:<b@in.example>')).toMatch(/^250 /);
  expect(await client.say('DATA')).toMatch(/^354 /);
  const reply = await client.say(`${message}\r\n.`);
  client.destroy();
  return reply;
}

async function keys(): Promise<string[]> {
  const found: string[] = [];
  const { s3, resources } = aws;
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: resources.bucket })) {
    found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
  }
  return found;
}

async function stored(reply: string): Promise<string> {
  const [, messageId = 'none'] = / queued as (\S+)$/.exec(reply) ?? [];
  const Key = (await keys()).find((key) => key.endsWith(messageId));
  const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket: aws.resources.bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []).toString('latin1');
}

test('results in our name are renamed in the object, and are not in the headers of the notification', async () => {
  const forged = [
    'Authentication-Results: mx.in.example; dmarc=pass header.from=bank.example',
    'authentication-results : MX.IN.EXAMPLE 1; spf=pass',
    'Received-SPF: pass (mx.in.example: 192.0.2.1 is authorized) receiver=mx.in.example',
    'Return-Path: <ceo@bank.example>',
  ];
  const reply = await send({
    message: [...forged, 'Subject: forged', '', 'text'].join('\r\n'),
  });
  expect(reply).toMatch(/^250 /);
  const [head = ''] = (await stored(reply)).split('\r\n\r\n');
  expect(head).toContain('Subject: forged');
  expect(head.match(/^Return-Path:.*$/gim)).toEqual(['Return-Path: <a@b.example>']);
  expect(head).not.toMatch(/^Authentication-Results\s*:[^\n]*pass/im);
  expect(head).not.toMatch(/^Received-SPF: pass/im);
  const seen: string[] = [];
  await expect
    .poll(
      async () => {
        const { Messages = [] } = await aws.sqs.send(
          new ReceiveMessageCommand({ QueueUrl: aws.resources.queueUrl, MaxNumberOfMessages: 10 }),
        );
        seen.push(
          ...Messages.map(({ Body = '' }) => (JSON.parse(Body) as { Message: string }).Message),
        );
        return seen.find((each) => each.includes('"forged"'));
      },
      { timeout: 20_000 },
    )
    .toBeDefined();
  const { mail } = JSON.parse(seen.find((each) => each.includes('"forged"')) ?? '') as {
    mail: { headers: { name: string; value: string }[] };
  };
  const named = (name: string): string[] =>
    mail.headers.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value);
  expect(named('return-path')).toEqual(['<a@b.example>']);
  expect(named('authentication-results').filter((value) => value.includes('pass'))).toEqual([]);
  expect(named('received-spf').filter((value) => value.startsWith('pass'))).toEqual([]);
});

/** Bidirectional marks, a line separator, a C1 control; a line end cannot be said within a line. */
const STEERING = '\u202eevil\u2066\u2028\u0085\u061c';

test('nothing that a client says reaches a log line, a header field or a key as it came', async () => {
  const before = served.output().length;
  const reply = await send({
    helo: `host${STEERING.replaceAll('\u0085', '')}`,
    from: `x${STEERING.replaceAll('\u0085', '')}@b.example`,
    message: `Subject: steering\r\n\r\ntext`,
  });
  const client = await TestClient.connect(served.port('mx'));
  await client.reply();
  await client.say(`EHLO \x1b[31mred`);
  await client.say(`MAIL FROM:<a@b\u202eexample>`);
  await client.say(`VRFY \u2066\x07bell`);
  await client.say(`\x1b]0;title\x07`);
  client.destroy();
  const secure = await TestClient.connectTls(served.port('smtps'));
  await secure.reply();
  await secure.say('EHLO c');
  for (const name of [`ann${STEERING}`, 'ann\nlevel', `a\x1b[2J`]) {
    const response = Buffer.from(`\0${name}\0secret`).toString('base64');
    expect(await secure.say(`AUTH PLAIN ${response}`)).not.toMatch(/^235 /);
  }
  secure.destroy();
  await expect.poll(() => served.output().slice(before)).toContain('"verb":"VRFY"');
  const lines = served.output().slice(before).trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    expect(line).toMatch(/^\{.*\}$/);
    expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
  }
  if (!reply.startsWith('250')) return;
  const [head = ''] = (await stored(reply)).split('\r\n\r\n');
  const text = Buffer.from(head, 'latin1').toString();
  // Every line is a field or goes on with one, and none but the sender's own field has a mark in it.
  for (const line of head.split('\r\n')) expect(line).toMatch(/^(?:[\w-]+:|[ \t])/);
  expect(text.match(/^Received:.*(?:\r\n[ \t].*)*/m)?.[0]).not.toMatch(/[\u202e\u2066\u2028]/);
  for (const key of await keys()) expect(key).toMatch(/^[\w/=.-]+$/);
});

test.each([
  ['declared', ` SIZE=${MAX_OCTETS + 1}`],
  ['declared smaller than it is', ' SIZE=1000'],
  ['not declared', ''],
])('a mail over the limit, %s, leaves nothing in the bucket', async (_, size) => {
  const before = await keys();
  const client = await TestClient.connect(served.port('mx'));
  await client.reply();
  await client.say('EHLO c');
  const mail = await client.say(`MAIL FROM:<a@b.example>${size}`);
  if (mail.startsWith('250')) {
    await client.say('RCPT TO:<b@in.example>');
    expect(await client.say('DATA')).toMatch(/^354 /);
    const line = `${'x'.repeat(998)}\r\n`;
    client.send(line.repeat(Math.ceil(MAX_OCTETS / line.length) + 1));
    expect(await client.say('.')).toMatch(/^552 5\.3\.4 /);
  } else expect(mail).toMatch(/^552 5\.3\.4 /);
  client.destroy();
  expect(await keys()).toEqual(before);
  const { Uploads = [] } = await aws.s3.send(
    new ListMultipartUploadsCommand({ Bucket: aws.resources.bucket }),
  );
  expect(Uploads).toEqual([]);
});

test('a copy of a mail at one listener does not suppress the mail at another one', async () => {
  const message = 'Subject: the same\r\nMessage-ID: <1@b.example>\r\n\r\ntext';
  const [first, again, other] = [
    await send({ message }),
    await send({ message }),
    await send({ message, listener: 'devices' }),
  ];
  expect(first).toMatch(/^250 /);
  expect(again).toBe(first);
  expect(other).toMatch(/^250 /);
  expect(other).not.toBe(first);
});

test.each([
  ['no header', 'EHLO c\r\n'],
  ['an octal address', 'PROXY TCP4 010.1.2.3 127.0.0.1 40000 25\r\n'],
  ['a short address', 'PROXY TCP4 127.1 127.0.0.1 40000 25\r\n'],
  ['a port that is none', 'PROXY TCP4 192.0.2.1 127.0.0.1 99999 25\r\n'],
  ['another family than it says', 'PROXY TCP4 ::1 127.0.0.1 40000 25\r\n'],
])('a PROXY header with %s is believed by nobody, and the connection ends', async (_, header) => {
  const client = await TestClient.connect(served.port('proxied'));
  client.send(`${header}EHLO c\r\n`);
  expect(await client.rest()).not.toMatch(/^250/m);
});

test('who is not trusted for it is not believed: neither XCLIENT nor a PROXY header', async () => {
  await administration.add({ username: 'boss' });
  for (const line of ['XCLIENT ADDR=192.0.2.9 LOGIN=boss', 'PROXY TCP4 192.0.2.9 127.0.0.1 1 2']) {
    const client = await TestClient.connect(served.port('mx'));
    await client.reply();
    const ehlo = await client.say('EHLO c');
    expect(ehlo).not.toContain('XCLIENT');
    expect(await client.say(line)).toMatch(/^5\d\d /);
    client.destroy();
  }
  expect(served.output()).not.toContain('"clientAddress":"192.0.2.9"');
});
