import { readFileSync } from 'node:fs';
import type { SESReceiptS3Action, SESMail } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeaderField, readHeaderSection } from '../../../src/message/header-section.ts';
import {
  decodeRecord,
  encodeRecord,
  encodeSidecar,
  type MailRecord,
  makeRecord,
} from '../../../src/bridge/contract/mail-record.ts';
import {
  buildNotification,
  type Notification,
  reduceNotification,
} from '../../../src/bridge/notify/notification.ts';
import type { ReceivedNotification } from '../../../src/bridge/contract/notification-types.ts';
import { notVerified, type Verification } from '../../../src/bridge/contract/verification.ts';
import type { Judgement } from '../../../src/verify/index.ts';
import { PROVED, VERIFIED } from '../hashing-judge.ts';
import { type FactsInput, facts, recipient } from '../support.ts';

const KEY = `mail/dt=2026-11-23/hr=13/${'0'.repeat(40)}`;

function record(
  input: FactsInput = {},
  verification: Verification = notVerified,
  judged: Partial<Judgement> = {},
): MailRecord {
  const of = facts(input);
  return makeRecord({
    judgement: { verification, ...judged },
    facts: of,
    recipients: of.envelope.recipients,
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail',
    processingTimeMillis: 0,
    verification,
    sha256: 'ab'.repeat(32),
    sizeInOctets: 1234,
    traceHeaderOctets: 321,
  });
}

function build(of: MailRecord, fields: readonly HeaderField[] = [], truncated = false) {
  const notification = buildNotification({
    record: of,
    bucket: 'mail-bucket',
    key: KEY,
    header: { fields, truncated },
  });
  return { notification, parsed: JSON.parse(notification.message) as ReceivedNotification };
}

test('fits the types that subscribers written for Amazon SES use', () => {
  const { parsed } = build(record());
  // Assigning is the test: @types/aws-lambda models the same JSON.
  const action: SESReceiptS3Action = parsed.receipt.action;
  const mail: Pick<SESMail, 'timestamp' | 'messageId' | 'source' | 'headersTruncated'> =
    parsed.mail;
  expect(action.objectKey).toBe(KEY);
  expect(mail.messageId).toBe('0'.repeat(40));
});

test('gives a positive whole processingTimeMillis, even when no time has passed', () => {
  expect(build(record()).parsed.receipt.processingTimeMillis).toBe(1);
});

test('has dmarcPolicy only when DMARC failed', () => {
  expect(build(record()).parsed.receipt).not.toHaveProperty('dmarcPolicy');
  const failed = record({}, { ...notVerified, dmarc: 'FAIL', dmarcPolicy: 'reject' });
  expect(build(failed).parsed.receipt.dmarcPolicy).toBe('reject');
  expect(build(failed).notification.attributes['verdict']?.StringValue).toBe('FAIL');
});

test('names a repeated recipient once, and keeps it in the envelope', () => {
  const repeated = { ...recipient('A@x.example'), isRepeated: true } as const;
  const { parsed } = build(record({ recipients: [recipient('a@x.example'), repeated] }));
  expect(parsed.receipt.recipients).toEqual(['a@x.example']);
  expect(parsed.mailsluice.envelope.recipients).toEqual([
    { forwardPath: 'a@x.example' },
    { forwardPath: 'A@x.example', repeated: true },
  ]);
});

test('says of the envelope that it is not ASCII without SMTPUTF8, in the record too', async () => {
  const of = record({ from: 'ä@x.example', undeclaredUtf8: true });
  expect(build(of).parsed.mailsluice.envelope).toMatchObject({
    reversePath: 'ä@x.example',
    parameters: {},
    undeclaredUtf8: true,
  });
  const { metadata } = encodeRecord(of);
  expect(await decodeRecord(metadata, () => Promise.reject(new Error('no sidecar')))).toEqual(of);
});

test('the domains in attributes are in lower case, without a final dot, and what SNS takes', () => {
  const of = record({
    from: 'a@X.Example.',
    to: ['b@Y.Example.', 'c@y.example', 'd@\ufffez.test'],
  });
  const { attributes } = build(of).notification;
  expect(attributes['mailFromDomain']?.StringValue).toBe('x.example');
  expect(attributes['recipientDomains']?.StringValue).toBe('["y.example","?z.test"]');
});

test('keeps the parameters of the envelope', () => {
  const of = record({
    from: null,
    parameters: { size: 99, body: '8BITMIME', envid: 'e 1', auth: null },
    recipients: [recipient('a@x.example', { notify: ['NEVER'] }), recipient('b@x.example')],
  });
  const { parsed, notification } = build(of);
  expect(parsed.mailsluice.envelope).toEqual({
    reversePath: null,
    parameters: { size: 99, body: '8BITMIME', envid: 'e 1', auth: null },
    recipients: [
      { forwardPath: 'a@x.example', parameters: { notify: ['NEVER'] } },
      { forwardPath: 'b@x.example' },
    ],
  });
  expect(parsed.mail.source).toBe('');
  // SNS refuses an empty attribute value.
  expect(notification.attributes).not.toHaveProperty('mailFromDomain');
  expect(notification.attributes).not.toHaveProperty('authUser');
});

test('marks a replay in an attribute and in its own member, and changes nothing else', () => {
  const of = record();
  const header = { fields: [], truncated: false };
  const input = { record: of, bucket: 'b', key: KEY, header };
  const first = buildNotification(input);
  const replay = buildNotification({ ...input, replay: { at: '2026-11-24T00:00:00.000Z' } });
  expect(replay.attributes).toEqual({
    ...first.attributes,
    replay: { DataType: 'String', StringValue: 'true' },
  });
  const { replay: mark, ...rest } = (JSON.parse(replay.message) as ReceivedNotification).mailsluice;
  expect(mark).toEqual({ at: '2026-11-24T00:00:00.000Z' });
  expect({ ...(JSON.parse(replay.message) as object), mailsluice: rest }).toEqual(
    JSON.parse(first.message),
  );
});

describe('bounds', () => {
  test('the notification gives the first 10 KB of the header fields and says that there are more', () => {
    const fields = Array.from({ length: 200 }, (_, n) => ({
      name: `X-${n}`,
      value: 'v'.repeat(95),
    }));
    const { mail } = build(record(), fields).parsed;
    expect(mail.headersTruncated).toBe(true);
    expect(mail.headers).toEqual(fields.slice(0, mail.headers.length));
    expect(JSON.stringify(mail.headers).length).toBeGreaterThan(9 * 1024);
    expect(mail.headers.length).toBeLessThan(110);
  });

  test('the notification says that headers are truncated when the section was not read to its end', () => {
    expect(build(record(), [], true).parsed.mail.headersTruncated).toBe(true);
    expect(build(record(), [], false).parsed.mail.headersTruncated).toBe(false);
  });

  test('the notification leaves out a header field that does not fit into 10 KB, and goes on behind it', () => {
    const fields = [
      { name: 'X-First', value: 'v'.repeat(6000) },
      { name: 'X-Long', value: 'v'.repeat(6000) },
      { name: 'Subject', value: 's' },
      { name: 'X-More', value: 'ü'.repeat(2000) },
      { name: 'X-Last', value: '1' },
    ];
    const { mail } = build(record(), fields).parsed;
    // 6,011 octets, 12, 4,010 (two for each ü) and 11 are 10,044.
    expect(mail.headers.map(({ name }) => name)).toEqual([
      'X-First',
      'Subject',
      'X-More',
      'X-Last',
    ]);
    expect(mail.headersTruncated).toBe(true);
  });

  test('the notification reads common headers also past the 10 KB', () => {
    const fields = [
      { name: 'X-Long', value: 'v'.repeat(10_200) },
      { name: 'To', value: 'late@x.example' },
      { name: 'Cc', value: 'c@x.example' },
    ];
    const { mail } = build(record(), fields).parsed;
    expect(mail.headers.map(({ name }) => name)).toEqual(['X-Long', 'To']);
    expect(mail.destination).toEqual(['late@x.example', 'c@x.example']);
  });

  test.each([
    ['1000 recipients of 300 octets', 1000, 0],
    ['100 recipients and a To field of 60 KB', 100, 1],
    ['1000 recipients and all address fields full', 1000, 4],
  ])(
    'the notification stays under 256 KiB with %s, and names what it left out',
    (_, recipients, lists) => {
      const to = Array.from(
        { length: recipients },
        (__, n) => `${n}${'x'.repeat(290)}@d${n}.example`,
      );
      const list = Array.from({ length: 3000 }, (__, n) => `"ü${n}" <a${n}@x.example>`).join(', ');
      const fields = ['To', 'Cc', 'Bcc', 'Reply-To']
        .slice(0, lists)
        .map((name) => ({ name, value: list }));
      const { notification, parsed } = build(record({ to }), fields);
      let octets = Buffer.byteLength(notification.message);
      for (const [name, value] of Object.entries(notification.attributes)) {
        octets += Buffer.byteLength(name + value.DataType + value.StringValue);
      }
      expect(octets).toBeLessThanOrEqual(256 * 1024);
      const whole =
        parsed.receipt.recipients.length === recipients &&
        parsed.mailsluice.envelope.recipients.length === recipients;
      expect(parsed.mailsluice.reduced !== undefined).toBe(!whole);
      expect(parsed.receipt.action.objectKey).toBe(KEY);
    },
  );

  const many = Array.from({ length: 1000 }, (_, n) => `r${n}${'x'.repeat(50)}@d.example`);
  const long = '"'.repeat(60_000);

  test.each([
    ['Subject', long, 'mail.commonHeaders.subject', { subject: '"'.repeat(1000) }],
    ['Message-ID', long, 'mail.commonHeaders.messageId', { messageId: '"'.repeat(1000) }],
    ['Date', long, 'mail.commonHeaders.date', { date: '"'.repeat(1000) }],
    // In JSON, each of these has two escapes.
    [
      'Reply-To',
      `"${'\\"'.repeat(30_000)}" <r@x.example>`,
      'mail.commonHeaders',
      { replyTo: ['r@x.example'] },
    ],
    [
      'Sender',
      `"${'\\"'.repeat(30_000)}" <s@x.example>`,
      'mail.commonHeaders',
      { sender: 's@x.example' },
    ],
    ['Sender', `"${'\\"'.repeat(30_000)}"`, 'mail.commonHeaders', {}],
  ] as const)(
    'a notification that is too large for its %s gives up that before any recipient or address',
    (name, value, reduced, short) => {
      const fields = [
        { name: 'To', value: 'a@x.example, b@x.example' },
        { name, value },
      ];
      const { parsed } = build(record({ to: many }), fields);
      expect(parsed.mailsluice.reduced).toEqual([reduced]);
      expect(parsed.mail.commonHeaders).toMatchObject({
        to: ['a@x.example', 'b@x.example'],
        ...short,
      });
      expect(parsed.mail.destination).toEqual(['a@x.example', 'b@x.example']);
      expect(parsed.receipt.recipients).toEqual(many);
      expect(parsed.mailsluice.envelope.recipients).toHaveLength(1000);
      for (const text of Object.values(parsed.mail.commonHeaders).flat()) {
        expect(text.length).toBeLessThanOrEqual(1000);
      }
    },
  );

  test('a notification gives up long header fields without addresses before any recipient', () => {
    const to = `"${'\\"'.repeat(29_000)}" <a@x.example>`;
    const fields = [
      { name: 'X-Long', value: '"'.repeat(5000) },
      { name: 'Subject', value: 's' },
      { name: 'From', value: `"${'f'.repeat(1500)}" <f@x.example>` },
      { name: 'Bcc', value: to },
    ];
    const { mail, mailsluice } = build(record({ to: many }), fields).parsed;
    expect(mailsluice.reduced).toEqual(['mail.headers', 'mail.commonHeaders']);
    expect(mail.headers.map(({ name }) => name)).toEqual(['Subject', 'From']);
    expect(mail.headersTruncated).toBe(true);
    expect(mail.commonHeaders.from).toEqual(['f@x.example']);
    expect(mail.commonHeaders.bcc).toEqual(['a@x.example']);
    expect(mailsluice.envelope.recipients).toHaveLength(1000);
  });

  test('a subject of 60,000 control characters takes nothing from a mail to 1000 recipients', () => {
    const head = readFileSync(
      new URL('../../message/field/ctrl-subject-multircpt.eml', import.meta.url),
    );
    const { parsed } = build(record({ to: many }), readHeaderSection(head, true).fields);
    expect(parsed.mailsluice.reduced).toBeUndefined();
    expect(parsed.mail.destination).toEqual(['c@r.example']);
    expect(parsed.receipt.recipients).toEqual(many);
  });

  test('what was found of the sender is cut before any recipient, and what one acts on stays', () => {
    const domain = 'sender.example';
    const signature = { result: 'fail', domain, selector: 's', aligned: false } as const;
    const judged: Partial<Judgement> = {
      sender: {
        ...PROVED,
        address: `${'a'.repeat(60_000)}@${domain}`,
        dkim: Array.from({ length: 200 }, () => signature),
      },
      scan: { spam: { verdict: 'FAIL', score: 9, symbols: ['s'.repeat(60_000)] } },
      lists: Array.from({ length: 900 }, () => ({
        zone: 'list.example',
        result: 'listed' as const,
        subject: '192.0.2.7',
        text: 't'.repeat(200),
      })),
    };
    const { mailsluice, receipt } = build(record({ to: many }, notVerified, judged)).parsed;
    expect(mailsluice.reduced).toEqual([
      'mailsluice.sender',
      'mailsluice.scan',
      'mailsluice.lists',
    ]);
    expect(mailsluice.sender).toEqual({
      ...judged.sender,
      address: undefined,
      dkim: judged.sender?.dkim.slice(0, 10),
    });
    expect(mailsluice.scan).toEqual({ spam: { verdict: 'FAIL', score: 9 } });
    expect(mailsluice.lists).toHaveLength(10);
    expect(receipt.recipients).toEqual(many);
    expect(mailsluice.envelope.recipients).toHaveLength(1000);
  });

  test('the notification has no more than 9 attributes', () => {
    const session = { identity: { username: 'u', mechanism: 'PLAIN' } };
    const of = record({ session }, VERIFIED.verification, VERIFIED);
    expect(Object.keys(build(of).notification.attributes)).toHaveLength(9);
  });

  test('the notification leaves out one thing after the other when SNS refuses it, and keeps what SES needs', () => {
    const fields = [
      { name: 'To', value: 'a@x.example' },
      { name: 'X-Other', value: 'x' },
    ];
    const whole = build(record({ parameters: { envid: 'e' } }), fields).notification;
    const steps: Notification[] = [];
    for (
      let rest = reduceNotification(whole, 'Invalid parameter: Message');
      rest !== undefined;
      rest = reduceNotification(rest, 'Invalid parameter: Message')
    ) {
      expect(rest.attributes).toEqual(whole.attributes);
      steps.push(rest);
    }
    const parsed = steps.map(({ message }) => JSON.parse(message) as ReceivedNotification);
    expect(parsed.map(({ mailsluice }) => mailsluice.reduced?.at(-1))).toEqual([
      'mailsluice.envelope',
      'mail.headers',
      'mail.headers',
      'mail.destination',
    ]);
    expect(parsed[0]?.mailsluice.envelope.parameters).toEqual({});
    expect(parsed[0]?.mail.headers).toEqual(fields);
    expect(parsed[1]?.mail.headers).toEqual([fields[0]]);
    expect(parsed[1]?.mail.headersTruncated).toBe(true);
    expect(parsed[2]?.mail.headers).toEqual([]);
    expect(parsed[2]?.mail.destination).toEqual(['a@x.example']);
    expect(parsed[3]?.mail.destination).toEqual([]);
    for (const { receipt } of parsed) expect(receipt.recipients).toEqual(['bob@in.example']);
  });

  test('the notification leaves out attributes only if the reason speaks of them, the one that it names first', () => {
    const whole = build(record(), []).notification;
    const named = reduceNotification(whole, "The message attribute 'listener' is not valid");
    expect(Object.keys(whole.attributes)).toContain('listener');
    expect(Object.keys(named?.attributes ?? {})).not.toContain('listener');
    expect(Object.keys(named?.attributes ?? {})).toContain('sizeBytes');
    let steps = 0;
    for (
      let rest: Notification | undefined = whole;
      rest !== undefined && Object.keys(rest.attributes).length > 0;
      rest = reduceNotification(rest, 'a message attribute is not valid')
    ) {
      steps += 1;
    }
    expect(steps).toBe(Object.keys(whole.attributes).length);
  });
});

describe('the record', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  const records = fc
    .record({
      helo: text,
      user: fc.option(text),
      from: fc.option(text),
      to: fc.array(text, { minLength: 1, maxLength: 30 }),
      envid: text,
      listener: text,
      tls: fc.boolean(),
    })
    .map(({ helo, user, from, to, envid, listener, tls }) =>
      record({
        from,
        to,
        parameters: { envid, size: 5 },
        session: {
          listener: listener.toWellFormed(),
          clientDomain: helo,
          identity: user === null ? null : { username: user, mechanism: 'PLAIN' },
          tls: tls ? { version: 'TLSv1.3', cipher: helo, serverName: helo } : null,
        },
      }),
    );

  test('the mail record comes back from metadata or sidecar so that the notification is the same octet by octet', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (of) => {
        const { metadata, sidecar } = encodeRecord(of);
        let octets = 0;
        for (const [name, value] of Object.entries(metadata)) {
          expect(value).toMatch(/^[!-~](?:[ -~]*[!-~])?$|^$/);
          expect(value).not.toContain('  ');
          octets += name.length + value.length;
        }
        expect(octets).toBeLessThanOrEqual(2048);
        const back = await decodeRecord(metadata, async () => sidecar ?? '');
        expect(build(back).notification).toEqual(build(of).notification);
      }),
    );
  });

  test('the mail record comes back from a sidecar of a later record', async () => {
    const of = record();
    const back = await decodeRecord({ schema: '1', sidecar: '1' }, async () => encodeSidecar(of));
    expect(back).toEqual(of);
  });

  test.each([
    ['no schema', {}],
    ['a later schema', { schema: '2' }],
    ['no envelope', { schema: '1', facts: '{}' }],
    ['an envelope that is no JSON', { schema: '1', envelope: '{', facts: '{}' }],
  ])('the mail record is refused with %s', async (_, metadata) => {
    await expect(decodeRecord(metadata, async () => '')).rejects.toThrow('metadata');
  });
});

const fieldName = fc.constantFrom('Subject', 'From', 'To', 'Sender', 'Message-ID', 'X-Other');
const hostileText = fc.string({ unit: 'binary', maxLength: 40 });

test('holds no control character, line end, lone surrogate or character that SNS refuses, whatever the mail and its envelope hold', () => {
  const encoded = fc
    .tuple(fc.constantFrom('utf-8', 'utf-16le', 'utf-7', 'iso-8859-1', 'iso-2022-jp'), hostileText)
    .map(([label, text]) =>
      Buffer.from(`=?${label}?B?${Buffer.from(text, 'utf16le').toString('base64')}?=`),
    );
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
    encoded,
  );
  fc.assert(
    fc.property(
      fieldName,
      value,
      fc.record({ helo: hostileText, from: hostileText, to: hostileText, envid: hostileText }),
      (name, octets, { helo, from, to, envid }) => {
        const head = Buffer.concat([Buffer.from(`${name}: `), octets, Buffer.from('\r\n\r\n')]);
        const of = record({
          from: `${from}@${helo}`,
          to: [`${to}@${helo}`],
          parameters: { envid },
          session: { clientDomain: helo, identity: { username: envid, mechanism: 'PLAIN' } },
        });
        const { notification, parsed } = build(of, readHeaderSection(head, true).fields);
        // XML 1.0 section 2.2.
        expect(notification.message).toMatch(
          /^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u,
        );
        const texts = [
          ...stringsOf(parsed),
          ...Object.values(notification.attributes).map(({ StringValue }) => StringValue),
        ];
        for (const text of texts) {
          expect(text).toMatch(/^[^\0-\x1f\x7f-\x9f\u2028\u2029]*$/);
          expect(text.isWellFormed()).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

test('a control character in the envelope or in HELO is U+FFFD, and a tab or a line end a space', () => {
  const of = record({
    from: 'a\0b@x.example',
    to: ['c\x1b[31m@y\x7f.example'],
    session: { clientDomain: 'host\r\n\tname\u0085\ud800' },
  });
  const { parsed, notification } = build(of);
  expect(parsed.mail.source).toBe('a\ufffdb@x.example');
  expect(parsed.receipt.recipients).toEqual(['c\ufffd[31m@y\ufffd.example']);
  expect(parsed.mailsluice.client.helo).toBe('host name \ufffd');
  expect(notification.attributes['recipientDomains']?.StringValue).toBe('["y\ufffd.example"]');
});
