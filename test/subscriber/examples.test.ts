// The examples as Lambda would run them: events made of what the live server put into its queue, S3 and
// DynamoDB behind the SDK, real HTTP servers where they call out.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { MailHandler } from '../../src/subscriber/index.ts';
import { bodyFor, lambdaEvent } from './ses-consumers/live-queue.ts';
import { LocalProcess } from '../support/local.ts';
import { sqsEvent } from './support.ts';

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let local: LocalProcess;
let server: Server;
const received: Received[] = [];
let answer = 200;
let fileInvoices: MailHandler;
let postToWebhook: MailHandler;
let answerTickets: MailHandler;

beforeAll(async () => {
  local = await LocalProcess.start();
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url = '', headers } = request;
      received.push({ url, headers, body: Buffer.concat(chunks).toString() });
      response.statusCode = answer;
      response.end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { region, endpoint, dynamoDbEndpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  Object.assign(process.env, {
    AWS_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbEndpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    INVOICE_BUCKET: local.ready.bucket,
    WEBHOOK_URL: `${base}/hook`,
    WEBHOOK_SECRET: 'a secret',
    TICKET_API: base,
    TICKET_TOKEN: 'a token',
    IDEMPOTENCY_TABLE: local.ready.table,
  });
  const example = async (name: string): Promise<MailHandler> =>
    ((await import(`../../src/subscriber/examples/${name}.ts`)) as { handler: MailHandler })
      .handler;
  fileInvoices = await example('file-invoices');
  postToWebhook = await example('post-to-webhook');
  answerTickets = await example('answer-tickets');
  // The handlers' log lines.
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterAll(async () => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
  expect(await local.stop()).toBe(0);
});
afterEach(() => {
  received.length = 0;
  answer = 200;
});

/** Sends one mail; gives the body of its SQS message. */
async function send(mail: SendMailOptions & { readonly to: string }): Promise<string> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: local.port('mx'),
    tls: { rejectUnauthorized: false },
  });
  await transport.sendMail({ from: 'Ann <ann@client.example>', text: 'Hello', ...mail });
  transport.close();
  return bodyFor(local, mail.to);
}

test('every example is under 60 lines', () => {
  const folder = new URL('../../src/subscriber/examples/', import.meta.url);
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const file of files) {
    expect(readFileSync(new URL(file, folder), 'utf8').split('\n').length).toBeLessThan(60);
  }
});

test('file-invoices puts the PDFs of a mail under another prefix, the same at every try', async () => {
  const body = await send({
    to: 'invoices@mx.example',
    subject: 'Your invoice',
    date: new Date('2026-11-20T10:00:00Z'),
    attachments: [
      { filename: '../../etc/über.pdf', content: '%PDF-1', contentType: 'application/pdf' },
      { filename: 'logo.png', content: 'PNG', contentType: 'image/png' },
      { filename: 'b.pdf', content: '%PDF-2', contentType: 'application/pdf' },
    ],
  });
  expect(await fileInvoices(sqsEvent([body]))).toEqual({ batchItemFailures: [] });
  await fileInvoices(lambdaEvent(body));
  const { Contents = [] } = await local.s3.send(
    new ListObjectsV2Command({ Bucket: local.ready.bucket, Prefix: 'invoices/' }),
  );
  const keys = Contents.map(({ Key = '' }) => Key);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^invoices\/2026-11-20\/[0-9a-v]{40}-0-[A-Za-z0-9._-]+\.pdf$/);
  const { Body } = await local.s3.send(
    new GetObjectCommand({ Bucket: local.ready.bucket, Key: keys[1] ?? '' }),
  );
  expect(await Body?.transformToString()).toBe('%PDF-2');
});

test('post-to-webhook posts a signed summary, and leaves the mail in the queue when refused', async () => {
  const body = await send({ to: 'hook@mx.example', subject: 'Grüße' });
  expect(await postToWebhook(sqsEvent([body]))).toEqual({ batchItemFailures: [] });
  const { headers = {}, body: posted = '' }: Partial<Received> = received[0] ?? {};
  expect(JSON.parse(posted)).toMatchObject({
    from: 'ann@client.example',
    recipients: ['hook@mx.example'],
    subject: 'Grüße',
    dmarc: 'GRAY',
    isReplay: false,
    messageId: headers['idempotency-key'],
  });
  expect(headers['x-signature']).toBe(
    createHmac('sha256', 'a secret').update(posted).digest('hex'),
  );
  answer = 503;
  await expect(postToWebhook(sqsEvent([body]))).rejects.toThrow('webhook: answered 503');
});

test('answer-tickets opens a ticket, comments on one, and each mail once', async () => {
  const bodies = [
    await send({ to: 'tickets@mx.example', subject: 'It does not work' }),
    await send({ to: 'tickets@mx.example', subject: 'Re: [#123] It does not work' }),
  ];
  // Twice, as SQS may deliver.
  for (let delivery = 0; delivery < 2; delivery += 1) {
    expect(await answerTickets(sqsEvent(bodies))).toEqual({ batchItemFailures: [] });
  }
  expect(received.map(({ url }) => url).sort()).toEqual(['/tickets', '/tickets/123/comments']);
  const opened = received.find(({ url }) => url === '/tickets');
  expect(opened?.headers.authorization).toBe('Bearer a token');
  expect(JSON.parse(opened?.body ?? '')).toMatchObject({
    from: 'ann@client.example',
    subject: 'It does not work',
    isVerified: false,
    attachments: [],
  });
});

test('answer-tickets tries again after the ticket system was down', async () => {
  const body = await send({ to: 'tickets@mx.example', subject: 'Later' });
  answer = 500;
  await expect(answerTickets(sqsEvent([body]))).rejects.toThrow('ticket system: answered 500');
  answer = 201;
  expect((await answerTickets(sqsEvent([body]))).batchItemFailures).toHaveLength(0);
  expect(received).toHaveLength(2);
});

test('answer-tickets says nothing to what a machine sent', async () => {
  const bodies = [
    await send({
      to: 'tickets@mx.example',
      subject: 'Out of office',
      headers: { 'Auto-Submitted': 'auto-replied' },
    }),
    await send({
      to: 'tickets@mx.example',
      subject: 'Undeliverable',
      envelope: { from: '', to: 'tickets@mx.example' },
    }),
  ];
  expect(await answerTickets(sqsEvent(bodies))).toEqual({ batchItemFailures: [] });
  expect(received).toEqual([]);
});
