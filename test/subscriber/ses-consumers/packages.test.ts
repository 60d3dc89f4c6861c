// Consumers of SES inbound mail as they are published on npm, unchanged, on what the running server announces.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { ReceivedNotification } from '../../../src/bridge/contract/notification-types.ts';
import { notificationSchema } from '../../../src/subscriber/index.ts';
import { senders } from '../../clients/senders.ts';
import { sqsEvent } from '../support.ts';
import { LocalProcess } from '../../support/local.ts';
import { bodyFor, lambdaEvent } from './live-queue.ts';

const requirePackage = createRequire(import.meta.url);

async function load<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(requirePackage.resolve(name)).href)) as T;
}

const TO = 'info@mx.example';
const MESSAGE =
  'Date: Mon, 23 Nov 2026 13:14:15 +0000\r\nMessage-ID: <1@client.example>\r\n' +
  'From: "Ann" <ann@client.example>\r\nTo: info@mx.example\r\nSubject: Hello\r\n\r\nHow are you?\r\n';

let local: LocalProcess;
let body: string;
let notification: ReceivedNotification;
beforeAll(async () => {
  // They print whole events.
  vi.spyOn(console, 'log').mockReturnValue();
  local = await LocalProcess.start();
  const nodemailer = senders.find(({ name }) => name === 'nodemailer');
  await nodemailer?.send({
    port: local.port('mx'),
    tls: 'starttls',
    from: 'ann@client.example',
    to: TO,
    bytes: Buffer.from(MESSAGE),
  });
  body = await bodyFor(local, TO);
  notification = JSON.parse((JSON.parse(body) as { Message: string }).Message);
});
afterAll(async () => {
  await local.stop();
});

/** The Lambda action's event, of the same mail and receipt: what the forwarders are called with. */
const sesEvent = () => ({
  Records: [{ eventSource: 'aws:ses', eventVersion: '1.0', ses: notification }],
});

/** The SES API v2 as far as a forwarder uses it: keeps the raw messages that are to be sent. */
async function startSes(): Promise<{ server: Server; sent: string[] }> {
  const sent: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { Content } = JSON.parse(Buffer.concat(chunks).toString()) as {
        Content: { Raw: { Data: string } };
      };
      sent.push(Buffer.from(Content.Raw.Data, 'base64').toString());
      response.setHeader('Content-Type', 'application/json').end('{"MessageId":"1"}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, sent };
}

type Client = new (options: object) => { destroy(): void };

test('aws-lambda-ses-forwarder forwards our mail', async () => {
  const { handler } = await load<{
    handler: (
      event: object,
      context: object,
      callback: (error?: Error) => void,
      overrides: object,
    ) => void;
  }>('aws-lambda-ses-forwarder');
  // Its own SDK, as it would have it in Lambda.
  const own = createRequire(requirePackage.resolve('aws-lambda-ses-forwarder'));
  const { S3Client } = own('@aws-sdk/client-s3') as { S3Client: Client };
  const { SESv2Client } = own('@aws-sdk/client-sesv2') as { SESv2Client: Client };
  const { region, endpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  const settings = { region, credentials: { accessKeyId, secretAccessKey } };
  const { server, sent } = await startSes();
  const s3 = new S3Client({ ...settings, endpoint, forcePathStyle: true });
  const ses = new SESv2Client({
    ...settings,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const log: { message: string }[] = [];
  const error = await new Promise<Error | undefined>((resolve) => {
    handler(sesEvent(), {}, resolve, {
      s3,
      ses,
      log: (entry: { message: string }) => log.push(entry),
      config: {
        fromEmail: 'noreply@mx.example',
        subjectPrefix: '[forwarded] ',
        emailBucket: notification.receipt.action.bucketName,
        emailKeyPrefix: notification.receipt.action.objectKeyPrefix,
        allowPlusSign: true,
        forwardMapping: { [TO]: ['ann@home.example'] },
      },
    });
  });
  for (const client of [s3, ses]) client.destroy();
  server.close();
  expect(error, JSON.stringify(log)).toBeUndefined();
  expect(sent).toHaveLength(1);
  expect(sent[0]).toContain('From: "Ann" <noreply@mx.example>\r\n');
  expect(sent[0]).toContain('Reply-To: "Ann" <ann@client.example>\r\n');
  expect(sent[0]).toContain('Subject: [forwarded] Hello\r\n');
  expect(sent[0]?.endsWith('\r\n\r\nHow are you?\r\n')).toBe(true);
});

test('the allow-list function of cloudstructs’ EmailReceiver lets our mail pass', async () => {
  const root = requirePackage.resolve('cloudstructs/package.json');
  const file = join(root, '../assets/email-receiver/whitelist.lambda/index.js');
  const { handler } = (await import(pathToFileURL(file).href)) as {
    handler: (event: object) => Promise<{ disposition: string }>;
  };
  process.env['SOURCE_WHITELIST'] = '@client\\.example$';
  expect(await handler(sesEvent())).toEqual({ disposition: 'CONTINUE' });
  process.env['SOURCE_WHITELIST'] = '@else\\.example$';
  expect(await handler(sesEvent())).toEqual({ disposition: 'STOP_RULE' });
});

interface Schema {
  readonly shape: Record<string, Schema>;
  parse(value: unknown): unknown;
  omit(fields: object): Schema;
}

test('Powertools’ schema of SES takes our mail and receipt', async () => {
  const { SesRecordSchema } = await load<{ SesRecordSchema: Schema }>(
    '@aws-lambda-powertools/parser/schemas/ses',
  );
  const { mail, receipt } = SesRecordSchema.shape['ses']?.shape ?? {};
  expect(mail?.parse(notification.mail)).toMatchObject({ messageId: notification.mail.messageId });
  // It knows the Lambda action only, and asks for a policy also where DMARC did not fail.
  const rest = receipt?.omit({ action: true, dmarcPolicy: true });
  expect(rest?.parse(notification.receipt)).toMatchObject({ recipients: [TO] });
});

test('Powertools’ envelopes read our notification by our schema', async () => {
  interface Envelope {
    parse(event: unknown, schema: unknown): unknown;
  }
  const { SnsEnvelope, SnsSqsEnvelope } = await load<{
    SnsEnvelope: Envelope;
    SnsSqsEnvelope: Envelope;
  }>('@aws-lambda-powertools/parser/envelopes');
  const { JSONStringified } = await load<{ JSONStringified: (schema: unknown) => unknown }>(
    '@aws-lambda-powertools/parser/helpers',
  );
  // As the README does: JSONStringified has a type for schemas of the large build of zod only.
  const piped = z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(notificationSchema);
  for (const schema of [JSONStringified(notificationSchema), piped]) {
    expect(SnsEnvelope.parse(lambdaEvent(body), schema)).toEqual([notification]);
    expect(SnsSqsEnvelope.parse(sqsEvent([body]), schema)).toEqual([notification]);
  }
});
