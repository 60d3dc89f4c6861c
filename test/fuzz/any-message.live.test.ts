// Messages of any octets through the running program: each is stored exactly, announced once, in a form that consumers
// can read, and its notification can be rebuilt from the bucket alone.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Notification,
  type ReceivedNotification,
  rebuildNotification,
} from '../../src/bridge/index.ts';
import {
  MailUnparsableError,
  notificationSchema,
  parseMail,
  requireNotification,
} from '../../src/subscriber/index.ts';
import { type Delivered, readObject, takeNotifications } from '../bridge/support.ts';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { stringsOf } from '../support/strings.ts';
import { anyMessage } from './messages.ts';
import { runs } from './runs.ts';

let aws: TestAws;
/** With trace header fields in front of the stored message, and without. */
let servers: readonly [Served, Served];

beforeAll(async () => {
  aws = await startTestAws();
  const listener = { host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'none' };
  const start = (traceHeaders: boolean) =>
    serve(aws, {
      listeners: [
        { ...listener, name: 'accept', bareNewline: 'accept' },
        { ...listener, name: 'normalize', bareNewline: 'normalize' },
      ],
      traceHeaders,
      log: { level: 'info' },
    });
  servers = await Promise.all([start(true), start(false)]);
});
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  await aws.close();
});

const isValid = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(
    readFileSync(new URL('../../src/subscriber/notification.schema.json', import.meta.url), 'utf8'),
  ) as object,
);

interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}
const envelope: fc.Arbitrary<Envelope> = fc.record({
  from: fc.constantFrom(
    '',
    'ann@client.example',
    '"a \\" b"@client.example',
    'jörg@exämple.example',
  ),
  to: fc.oneof(
    fc.uniqueArray(
      fc.constantFrom('bob@in.example', '"b, c"@in.example', 'żółw@in.example', 'x@[192.0.2.1]'),
      { minLength: 1 },
    ),
    // Too many for the metadata of an object.
    fc.constant(
      Array.from({ length: 60 }, (_, n) => `recipient-number-${n}@department.in.example`),
    ),
  ),
});

type Transfer =
  | { readonly kind: 'data' }
  | { readonly kind: 'chunks'; readonly sizes: readonly number[] };
/** `data`: with stuffed dots (RFC 5321 section 4.5.2). `chunks`: by BDAT, cut at these places. */
const transfer: fc.Arbitrary<Transfer> = fc.oneof(
  fc.constant({ kind: 'data' as const }),
  fc.array(fc.nat(5000), { maxLength: 4 }).map((sizes) => ({ kind: 'chunks' as const, sizes })),
);

/** `bareNewline` of the listener, and its name. */
type Newlines = 'accept' | 'normalize';

/** Sends one message in a new session; gives the reply to it. */
async function send(
  server: Served,
  newlines: Newlines,
  message: Buffer,
  { from, to }: Envelope,
  by: Transfer,
): Promise<string> {
  const client = await TestClient.connect(server.port(newlines));
  try {
    await client.reply();
    // A message of BODY=BINARYMIME has no line ends to normalize.
    const isBinary = by.kind === 'chunks' && newlines === 'accept';
    const body = isBinary ? 'BINARYMIME' : '8BITMIME';
    const commands = [
      'EHLO client.example',
      `MAIL FROM:<${from}> BODY=${body} SMTPUTF8`,
      ...to.map((address) => `RCPT TO:<${address}>`),
    ];
    const codes = await client.sayAll(...commands);
    expect(codes).toBe(commands.map(() => '250').join(' '));
    if (by.kind === 'data') {
      expect(await client.say('DATA')).toMatch(/^354 /);
      const stuffed = message.toString('latin1').replace(/(^|\r\n)\./g, '$1..');
      return await client.send(Buffer.from(`${stuffed}.\r\n`, 'latin1')).reply();
    }
    let rest = message;
    for (const size of by.sizes) {
      const chunk = rest.subarray(0, size);
      rest = rest.subarray(size);
      expect(await client.send(bdat(chunk, '')).reply()).toMatch(/^250 /);
    }
    return await client.send(bdat(rest, ' LAST')).reply();
  } finally {
    client.destroy();
  }
}

/** In one write: a second one would wait for the acknowledgment of the first. */
function bdat(chunk: Buffer, last: '' | ' LAST'): Buffer {
  return Buffer.concat([Buffer.from(`BDAT ${chunk.length}${last}\r\n`), chunk]);
}

/** The next notification; fails where another one is there. */
async function takeOne(): Promise<Delivered> {
  const [delivered, ...others] = await takeNotifications(aws, 10);
  if (delivered === undefined) throw new Error('expected a notification, got none');
  expect(others).toEqual([]);
  return delivered;
}

function attributesOf({ attributes }: Notification): Delivered['MessageAttributes'] {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => [
      name,
      { Type: DataType, Value: StringValue },
    ]),
  );
}

test('any message is stored exactly, announced once in a valid form, and can be announced again', async () => {
  const cases = fc.record({
    octets: anyMessage,
    addresses: envelope,
    by: transfer,
    which: fc.constantFrom(0, 1),
    newlines: fc.constantFrom<Newlines>('accept', 'accept', 'normalize'),
  });
  const property = fc.asyncProperty(cases, async ({ octets, addresses, by, which, newlines }) => {
    // What is sent by DATA ends with a line end.
    const isWhole = by.kind === 'chunks' || octets.length === 0 || octets.subarray(-2).equals(CRLF);
    const message = isWhole ? octets : Buffer.concat([octets, CRLF]);
    const reply = await send(servers[which], newlines, message, addresses, by);
    const messageId = /^250 2\.0\.0 Ok: queued as ([0-9a-v]{40})$/.exec(reply)?.[1];
    expect(messageId, reply).toBeDefined();

    const delivered = await takeOne();
    const notification = JSON.parse(delivered.Message) as ReceivedNotification;
    expect(isValid(notification), JSON.stringify(isValid.errors)).toBe(true);
    expect(notificationSchema.parse(notification)).toEqual(notification);
    const texts = stringsOf(notification);
    expect(texts.filter((text) => CONTROLS.test(text) || !text.isWellFormed())).toEqual([]);
    const sent = [delivered.Message, ...stringsOf(delivered.MessageAttributes)];
    expect(sent.filter((text) => NOT_FOR_SNS.test(text))).toEqual([]);
    const { mail, receipt, mailsluice } = notification;
    expect([mail.messageId, mail.source]).toEqual([messageId, addresses.from]);
    expect(receipt.recipients).toEqual(addresses.to);

    // Stored exactly, or with normalized line ends: behind the trace header block, or alone.
    const stored = newlines === 'accept' ? message : normalized(message);
    if (!('objectKey' in receipt.action)) throw new Error('expected an object in S3');
    const { bucketName: bucket, objectKey: key } = receipt.action;
    const { body, contentType } = await readObject(aws.s3, bucket, key);
    const trace = body.subarray(0, mailsluice.traceHeaderSize);
    const { renamedFields = 0 } = mailsluice;
    const content = body.subarray(trace.length);
    // But for the names of fields that claim to be ours.
    const renamed = renamings(stored, content);
    expect(content.equals(renamed.stored)).toBe(true);
    expect(renamed.count).toBe(renamedFields);
    expect([contentType, mailsluice.size]).toEqual(['message/rfc822', message.length]);
    expect(mailsluice.sha256).toBe(sha256(message));
    const { storedSha256, storedSize, normalizedNewlines } = mailsluice;
    expect([storedSha256, storedSize, normalizedNewlines ?? 0]).toEqual(
      content.equals(message)
        ? [undefined, undefined, 0]
        : [sha256(content), content.length, content.length - message.length],
    );
    expect(trace.toString('latin1')).toMatch(which === 0 ? TRACE : /^$/);

    // From the bucket alone.
    const place = { s3: aws.s3, bucket };
    const rebuilt = await rebuildNotification(place, key);
    expect(rebuilt.message).toBe(delivered.Message);
    expect(rebuilt.subject).toBe(delivered.Subject);
    expect(attributesOf(rebuilt)).toEqual(delivered.MessageAttributes);
    const mark = { at: '2026-11-29T12:00:00.000Z', id: 'again' };
    const again = JSON.parse(
      (await rebuildNotification(place, key, mark)).message,
    ) as ReceivedNotification;
    if (again.mailsluice.reduced?.length === mailsluice.reduced?.length) {
      expect(again).toEqual({ ...notification, mailsluice: { ...mailsluice, replay: mark } });
    }

    await expectReadable(delivered, body, trace.length);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  });
  await fc.assert(property, { ...runs(30), endOnFailure: process.env['CI'] === 'true' });
  expect(await takeNotifications(aws)).toEqual([]);
});

function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** The message with those names of fields changed that differ in what is stored, and their number. */
function renamings(message: Buffer, stored: Buffer): { stored: Buffer; count: number } {
  let count = 0;
  const text = stored.toString('latin1');
  const names =
    /(?<=(?:^|[\r\n])(?:\xef\xbb\xbf)?)(?:return-path|received-spf|authentication-results)(?=[ \t]*:)/gi;
  const renamed = message.toString('latin1').replace(names, (name, at: number) => {
    if (text.slice(at, at + name.length) === name) return name;
    count += 1;
    return FORMER.get(name.toLowerCase()) ?? name;
  });
  return { stored: Buffer.from(renamed, 'latin1'), count };
}

/** Written by hand, of as many octets. */
const FORMER: ReadonlyMap<string, string> = new Map([
  ['return-path', 'X-Former-RP'],
  ['received-spf', 'X-Former-SPF'],
  ['authentication-results', 'X-Former-Authn-Results'],
]);

function normalized(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}

/** C0, DEL, C1, and the line and paragraph separators of Unicode. */
// oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
const CONTROLS = /[\0-\x1f\x7f-\x9f\u2028\u2029]/;
/** What XML 1.0 section 2.2 has no character for; the message escapes it. */
// oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
const NOT_FOR_SNS = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const CRLF = Buffer.from('\r\n');
const TRACE = /^Return-Path: <.*>\r\nReceived: (?:[^\r\n]*\r\n)(?:[\t ][^\r\n]*\r\n)*[^]*\r\n$/;

/** `parseMail` reads the mail, or refuses it for good; no string has what a consumer's database refuses. */
async function expectReadable(
  { Message }: Delivered,
  body: Buffer,
  traceHeaderOctets: number,
): Promise<void> {
  expect(requireNotification(Message).notification).toEqual(JSON.parse(Message));
  const stream = Readable.from([body], { objectMode: false });
  try {
    const found = stringsOf(await parseMail({ stream, traceHeaderOctets }));
    expect(found.filter((text) => text.includes('\0') || !text.isWellFormed())).toEqual([]);
  } catch (error) {
    if (!(error instanceof MailUnparsableError)) throw error;
  }
}
