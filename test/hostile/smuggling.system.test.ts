// SMTP smuggling against the running program: by DATA and by BDAT, on each kind of listener. One reply comes, nothing behind
// the shape is a command, and what is stored is what the listener promises.
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { type Served, serve } from '../credentials/served.ts';
import { BARE_NEWLINES, NO_BARE_NEWLINE, type Shape, SMUGGLED } from '../smtp/smuggling-shapes.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { normalizeByReference } from '../support/reference-decoder.ts';
import { TestClient } from '../support/smtp-client.ts';
import { unescape } from '../support/splits.ts';

const USERNAME = 'smuggler';

let aws: TestAws;
let served: Served;
let secret: string;
beforeAll(async () => {
  aws = await startTestAws();
  const { dynamoDb, resources } = aws;
  const administration = new CredentialAdministration(dynamoDb, resources.table);
  ({ generated: secret = '' } = await administration.add({ username: USERNAME }));
  const listener = { host: '127.0.0.1', port: 0 };
  served = await serve(aws, {
    log: { level: 'info' },
    limits: { maxConnectionsPerAddress: 2000 },
    listeners: [
      { ...listener, name: 'mx', tls: 'starttls', auth: 'none' },
      { ...listener, name: 'submission', tls: 'starttls', auth: 'required' },
      { ...listener, name: 'smtps', tls: 'implicit', auth: 'required' },
      { ...listener, name: 'devices', tls: 'none', auth: 'none', bareNewline: 'accept' },
    ],
  });
});
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await aws?.close();
});

type Listener = 'mx' | 'submission' | 'smtps' | 'devices';

/** What the listener does with a bare newline, by its defaults or as it was told. */
const POLICIES: Readonly<Record<Listener, 'reject' | 'normalize' | 'accept'>> = {
  mx: 'reject',
  submission: 'normalize',
  smtps: 'normalize',
  devices: 'accept',
};

async function connect(listener: Listener): Promise<TestClient> {
  const port = served.port(listener);
  const client =
    listener === 'smtps' ? await TestClient.connectTls(port) : await TestClient.connect(port);
  await client.reply();
  await client.say('EHLO c');
  if (listener === 'mx' || listener === 'submission') {
    await client.startTls();
    await client.say('EHLO c');
  }
  if (listener === 'submission' || listener === 'smtps') {
    const response = Buffer.from(`\0${USERNAME}\0${secret}`).toString('base64');
    expect(await client.say(`AUTH PLAIN ${response}`)).toMatch(/^235 /);
  }
  return client;
}

/** Sends the message and gives its reply; the session must then be where it was before. */
async function send(client: TestClient, by: 'DATA' | 'BDAT', message: Buffer): Promise<string> {
  expect(await client.say('MAIL FROM:<a@b>')).toMatch(/^250 /);
  expect(await client.say('RCPT TO:<b@b>')).toMatch(/^250 /);
  if (by === 'DATA') {
    expect(await client.say('DATA')).toMatch(/^354 /);
    client.send(Buffer.concat([message, Buffer.from('.\r\n')]));
  } else {
    client.send(Buffer.concat([Buffer.from(`BDAT ${message.length} LAST\r\n`), message]));
  }
  const reply = await client.reply();
  // Were anything behind the shape a command, another reply would have come before this one.
  expect(await client.say('VRFY a')).toMatch(/^252 /);
  expect(client.unread).toBe('');
  return reply;
}

/** The object of the mail that was answered so. */
async function storedAs(reply: string): Promise<string> {
  const [, messageId = ''] = / queued as (\S+)$/.exec(reply) ?? [];
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: aws.s3 },
    { Bucket: aws.resources.bucket },
  )) {
    const found = Contents.find(({ Key }) => Key?.endsWith(messageId));
    if (messageId === '' || found?.Key === undefined) continue;
    const { Body } = await aws.s3.send(
      new GetObjectCommand({ Bucket: aws.resources.bucket, Key: found.Key }),
    );
    return Buffer.from((await Body?.transformToByteArray()) ?? []).toString('latin1');
  }
  throw new Error(`there is no object of ${reply}`);
}

const shapes: readonly (readonly [Shape, boolean])[] = [
  ...BARE_NEWLINES.map((shape) => [shape, true] as const),
  ...NO_BARE_NEWLINE.map((shape) => [shape, false] as const),
];
const listeners = Object.keys(POLICIES) as Listener[];

test.each(listeners.flatMap((each) => [[each, 'DATA'] as const, [each, 'BDAT'] as const]))(
  'nothing is smuggled through %s by %s, whatever stands in for the end of the data',
  async (listener, by) => {
    const policy = POLICIES[listener];
    for (const [[name, octets, kept], isBare] of shapes) {
      const client = await connect(listener);
      const message = unescape(`Subject: s\\r\\n\\r\\ntext${octets}${SMUGGLED}`);
      // In chunks no dot is stuffed, and none is removed.
      const received = by === 'DATA' ? unescape(`text${kept}${SMUGGLED}`) : message;
      const reply = await send(client, by, message);
      client.destroy();
      if (isBare && policy === 'reject') {
        expect([name, reply]).toEqual([name, expect.stringMatching(/^550 5\.6\.11 /)]);
        continue;
      }
      expect([name, reply]).toEqual([name, expect.stringMatching(/^250 /)]);
      const text = received.toString('latin1');
      const expected = policy === 'normalize' ? normalizeByReference(text) : text;
      const stored = await storedAs(reply);
      expect([name, stored.endsWith(expected)]).toEqual([name, true]);
      expect(stored).toMatch(/^Return-Path: <a@b>\r\n/);
    }
  },
  120_000,
);
