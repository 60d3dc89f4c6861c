// Fields in our name from outside, from the socket to the bucket, the notification and what readers get.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMail, requireNotification } from '../../src/subscriber/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { need } from '../support/programs.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startBridgeServer, takeAnnouncedMail } from './announced-mail.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const PYTHON = '/usr/bin/python3';
/** Another reader of header sections than ours and mailparser's. */
const READ_FIELDS = `
import email, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer)
names = ['authentication-results', 'received-spf', 'return-path']
print(json.dumps({name: [str(value) for value in mail.get_all(name, [])] for name in names}))
`;

const forged = [
  'Return-Path: <ceo@bank.example>',
  'Authentication-Results: mx.in.example;\r\n\tdmarc=pass header.from=bank.example',
  'AUTHENTICATION-RESULTS: (our own) "MX.in.example" 1; spf=pass',
  'Received-SPF: pass client-ip=192.0.2.1; receiver=mx.in.example',
];
const honest = [
  'Authentication-Results: mx.elsewhere.example; dkim=pass',
  'Received-SPF: pass client-ip=192.0.2.1; receiver=mx.elsewhere.example',
];
const head = ['From: ceo@bank.example', ...forged, ...honest, 'Subject: transfer'].join('\r\n');
const sha256 = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex');

async function deliver(traceHeaders: boolean, message: Buffer) {
  const port = await startBridgeServer(aws, 'mx.in.example', {}, { traceHeaders });
  const client = await TestClient.connect(port);
  await client.openMessage();
  client.send(message);
  expect(await client.say('.')).toMatch(/^250 /);
  client.destroy();
  const { delivered, notification, body } = await takeAnnouncedMail(aws);
  return { text: delivered.Message, notification, body, member: notification.mailsluice };
}

const sizes: [string, number][] = [
  ['small', 0],
  ['of 9 MB, in parts', 9_000_000],
];

test.each(
  sizes.flatMap(([name, size]) => [true, false].map((trace) => [name, trace, size] as const)),
)(
  'what a %s mail claims in our name is renamed (trace headers: %s)',
  async (_, traceHeaders, size) => {
    const filler = `${'0123456789'.repeat(7)}\r\n`.repeat(Math.ceil(size / 72));
    const message = Buffer.from(`${head}\r\n\r\n${filler}Return-Path: <body@x>\r\n`);
    const { body, notification, member } = await deliver(traceHeaders, message);

    const expected = message
      .toString()
      .replace('Return-Path: <ceo', 'X-Former-RP: <ceo')
      .replace('Authentication-Results: mx.in', 'X-Former-Authn-Results: mx.in')
      .replace('AUTHENTICATION-RESULTS: (our', 'X-Former-Authn-Results: (our')
      .replace(
        'Received-SPF: pass client-ip=192.0.2.1; receiver=mx.in',
        'X-Former-SPF: pass client-ip=192.0.2.1; receiver=mx.in',
      );
    const stored = body.subarray(member.traceHeaderSize);
    expect(stored.equals(Buffer.from(expected))).toBe(true);
    expect(member).toMatchObject({
      renamedFields: 4,
      sha256: sha256(message),
      size: message.length,
      storedSha256: sha256(stored),
      storedSize: message.length,
    });
    expect(member).not.toHaveProperty('normalizedNewlines');

    const shown = notification.mail.headers as { name: string; value: string }[];
    const named = (name: string): string[] =>
      shown.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value);
    const own = (value: string): string[] => (traceHeaders ? [value] : []);
    expect(named('authentication-results').map((value) => value.split(';')[0])).toEqual([
      ...own('mx.in.example'),
      'mx.elsewhere.example',
    ]);
    expect(named('return-path')).toEqual(own('<a@example.com>'));
  },
);

test.each([true, false])(
  'readers find no results in our name but our own (trace headers: %s)',
  async (traceHeaders) => {
    const message = Buffer.from(`${head}\r\n\r\ntext\r\n`);
    const { text } = await deliver(traceHeaders, message);
    const parsed = await parseMail(requireNotification(text), {
      s3: aws.s3,
      withTraceHeaders: true,
    });
    const results = [parsed.headers.get('authentication-results')].flat().map(String);
    expect(
      results.filter((value) => value.includes('mx.in.example') && value.includes('pass')),
    ).toEqual([]);
    const behind = await parseMail(requireNotification(text), { s3: aws.s3 });
    expect([behind.headers.get('authentication-results')].flat()).toEqual([
      'mx.elsewhere.example; dkim=pass',
    ]);
    expect(behind.headers.get('return-path')).toBeUndefined();
  },
);

test.for([true, false])(
  'the email package of Python finds no results in our name but our own (trace headers: %s)',
  async (traceHeaders, { skip }) => {
    need(skip, PYTHON);
    const { body } = await deliver(traceHeaders, Buffer.from(`${head}\r\n\r\ntext\r\n`));
    const fields = JSON.parse(
      execFileSync(PYTHON, ['-c', READ_FIELDS], { input: body, encoding: 'utf8' }),
    );
    const own = traceHeaders ? 1 : 0;
    expect(fields['authentication-results']).toHaveLength(own + 1);
    expect(fields['authentication-results'].at(-1)).toBe('mx.elsewhere.example; dkim=pass');
    expect(fields['received-spf']).toHaveLength(own + 1);
    expect(fields['return-path']).toEqual(traceHeaders ? ['<a@example.com>'] : []);
  },
);

test('a mail that claims nothing has no second digest', async () => {
  const message = Buffer.from(`From: a@b.example\r\n${honest.join('\r\n')}\r\n\r\ntext\r\n`);
  const { member, body } = await deliver(true, message);
  expect(member).not.toHaveProperty('renamedFields');
  expect(member).not.toHaveProperty('storedSha256');
  expect(body.subarray(member.traceHeaderSize).equals(message)).toBe(true);
});
