// The running program judges who sent a mail: by a DNS server on loopback, with mail that a client signs.
import { generateKeyPairSync } from 'node:crypto';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { isFrom, notificationSchema, senderDomain } from '../../src/subscriber/index.ts';
import { takeAnnouncedMail } from '../bridge/announced-mail.ts';
import { listKeys, takeNotifications } from '../bridge/support.ts';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { DnsServer } from '../support/dns-server.ts';
import { TestClient } from '../support/smtp-client.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');

const ZONE = `
  signed.example TXT v=spf1 -all
  k1._domainkey.signed.example TXT v=DKIM1; k=rsa; p=${KEY}
  _dmarc.signed.example TXT v=DMARC1; p=reject
  bank.example TXT v=spf1 -all
  _dmarc.bank.example TXT v=DMARC1; p=reject
  shop.example TXT v=spf1 -all
  _dmarc.shop.example TXT v=DMARC1; p=quarantine
  here.example TXT v=spf1 ip4:127.0.0.1 -all
  _dmarc.here.example TXT v=DMARC1; p=none
  dead.example TXT SERVFAIL
  _dmarc.dead.example TXT SERVFAIL
  test.dbl.example A 127.0.1.2
  spammer.example.dbl.example A 127.0.1.2
  spammer.example.dbl.example TXT https://dbl.example/query?spammer.example
`;

let aws: TestAws;
let dns: DnsServer;
let quarantine: string;
let password: string;
/** Without a mode in the configuration. */
let marking: Served;
/** Does what the owners of domains ask for. */
let rejecting: Served;

beforeAll(async () => {
  aws = await startTestAws();
  dns = await DnsServer.start(ZONE);
  const { TopicArn = '' } = await aws.sns.send(new CreateTopicCommand({ Name: 'set-aside' }));
  const queue = aws.resources.queueUrl.split('/').at(-1) ?? '';
  const Endpoint = `arn:aws:sqs:${aws.region}:000000000000:${queue}`;
  await aws.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  quarantine = TopicArn;
  const administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  password = (await administration.add({ username: 'alice' })).generated ?? '';
  [marking, rejecting] = await Promise.all([
    serveWith({ lists: [{ zone: 'dbl.example' }, { zone: 'no-list.example', action: 'reject' }] }),
    serveWith({
      dmarc: 'reject',
      lists: [{ zone: 'dbl.example', action: 'reject' }],
      quarantine: { topicArn: quarantine },
    }),
  ]);
});
afterEach(() => takeNotifications(aws));
afterAll(async () => {
  await Promise.all([marking, rejecting].map((each) => each[Symbol.asyncDispose]()));
  await dns[Symbol.asyncDispose]();
  await aws.close();
});

const listener = { host: '127.0.0.1', port: 0, tls: 'starttls' };

function serveWith(verify: object, changes: object = {}): Promise<Served> {
  return serve(aws, {
    hostname: 'mx.in.example',
    listeners: [
      { ...listener, name: 'mx', auth: 'none' },
      { ...listener, name: 'mixed', auth: 'optional' },
    ],
    verify: { resolvers: [dns.address], ...verify },
    ...changes,
  });
}

interface Sent {
  readonly from: string;
  readonly envelopeFrom?: string;
  readonly signedBy?: string;
  readonly text?: string;
}

/** Sends by nodemailer; gives the reply, or that of the refusal. */
async function send(
  served: Served,
  { from, envelopeFrom = from, signedBy, text = 'Hello' }: Sent,
): Promise<string> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: served.port('mx'),
    ignoreTLS: true,
    ...(signedBy !== undefined && {
      dkim: {
        domainName: signedBy,
        keySelector: 'k1',
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      },
    }),
  });
  try {
    const { response } = await transport.sendMail({
      from: `Somebody <${from}>`,
      to: 'bob@in.example',
      subject: 'Hello',
      text,
      envelope: { from: envelopeFrom, to: 'bob@in.example' },
    });
    return response;
  } catch (error) {
    return (error as { response?: string }).response ?? String(error);
  } finally {
    transport.close();
  }
}

/** The line of the log of that kind that has these fields; it may come later than the reply. */
function lineOf(served: Served, event: string, fields: object): Promise<unknown> {
  return vi.waitFor(
    () => {
      const lines = served
        .output()
        .split('\n')
        .flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as { event: string }] : []))
        .filter((line) => line.event === event);
      expect(lines).toContainEqual(expect.objectContaining(fields));
    },
    { timeout: 5000 },
  );
}

describe('without a mode in the configuration', () => {
  test('a signed mail is authenticated in the notification, the object and the log, and a replay says the same', async () => {
    const reply = await send(marking, { from: 'ann@signed.example', signedBy: 'signed.example' });
    expect(reply).toMatch(/^250 2\.0\.0 Ok/);
    // It compares the notification with the one that is rebuilt from the bucket, octet by octet.
    const { notification, delivered, body, metadata } = await takeAnnouncedMail(aws);
    const { receipt, mailsluice } = notification;
    expect(receipt).toMatchObject({
      spfVerdict: { status: 'FAIL' },
      dkimVerdict: { status: 'PASS' },
      dmarcVerdict: { status: 'PASS' },
      spamVerdict: { status: 'GRAY' },
      virusVerdict: { status: 'GRAY' },
    });
    expect(mailsluice.sender).toMatchObject({
      authenticated: true,
      domain: 'signed.example',
      address: 'ann@signed.example',
      by: ['dkim'],
    });
    const parsed = notificationSchema.parse(notification);
    expect(senderDomain(parsed)).toBe('signed.example');
    expect(isFrom(parsed, 'ann@signed.example')).toBe(true);
    expect(isFrom(parsed, 'bob@signed.example')).toBe(false);
    expect(delivered.MessageAttributes['senderDomain']?.Value).toBe('signed.example');
    expect(metadata).not.toHaveProperty('sidecar');
    const block = body.subarray(0, mailsluice.traceHeaderSize).toString().replaceAll('\r\n\t', ' ');
    expect(block).toMatch(/^Received-SPF: fail /m);
    expect(block).toMatch(
      /^Authentication-Results: mx\.in\.example;.* dkim=pass .*header\.d=signed\.example/m,
    );
    expect(block).toMatch(/ dmarc=pass .*header\.from=signed\.example/);
    await lineOf(marking, 'message-accepted', {
      authenticated: true,
      senderDomain: 'signed.example',
      spf: 'fail',
      dkim: ['pass signed.example'],
      dmarc: 'pass',
      arc: 'none',
      lists: ['unknown no-list.example'],
    });
  });

  test('a large mail has its verdicts in front of its first part', async () => {
    const text = 'x'.repeat(70).concat('\r\n').repeat(150_000);
    const sent = { from: 'ann@signed.example', signedBy: 'signed.example', text };
    expect(await send(marking, sent)).toMatch(/^250/);
    const { notification, body, metadata } = await takeAnnouncedMail(aws);
    expect(metadata).toHaveProperty('sidecar');
    expect(notification.mailsluice.sender?.authenticated).toBe(true);
    const block = body.subarray(0, notification.mailsluice.traceHeaderSize).toString();
    expect(block).toContain('dkim=pass');
  });

  test.each([
    ['a forged sender', 'ann@bank.example', { authenticated: false, dmarc: 'fail' }, 'FAIL'],
    ['a client that SPF names', 'ann@here.example', { authenticated: true, by: ['spf'] }, 'PASS'],
    [
      'a domain without policy',
      'ann@none.example',
      { authenticated: false, dmarc: 'none' },
      'GRAY',
    ],
    [
      'a domain whose DNS fails',
      'ann@dead.example',
      { authenticated: null, dmarc: 'temperror', spf: 'temperror' },
      'PROCESSING_FAILED',
    ],
  ])('%s is reported, and taken', async (_what, from, sender, verdict) => {
    expect(await send(marking, { from })).toMatch(/^250/);
    const { notification } = await takeAnnouncedMail(aws);
    expect(notification.mailsluice.sender).toMatchObject(sender);
    expect(notification.receipt.dmarcVerdict.status).toBe(verdict);
    expect(notification.receipt.action.topicArn).toBe(aws.resources.topicArn);
  });

  test('who has signed in is not checked, and who has not on the same listener is', async () => {
    const asked = dns.asked.length;
    const client = await TestClient.connect(marking.port('mixed'));
    await client.reply();
    await client.sayAll('EHLO client.example');
    await client.startTls();
    const plain = Buffer.from(`\0alice\0${password}`).toString('base64');
    const mail = [
      'MAIL FROM:<ann@bank.example>',
      'RCPT TO:<bob@in.example>',
      'DATA',
      'From: ann@bank.example\r\n\r\nHello\r\n.',
    ];
    expect(await client.sayAll('EHLO client.example', ...mail)).toBe('250 250 250 354 250');
    const stranger = await takeAnnouncedMail(aws);
    expect(stranger.notification.mailsluice.sender?.dmarc).toBe('fail');
    const askedOfStranger = dns.asked.length;
    expect(askedOfStranger).toBeGreaterThan(asked);

    expect(await client.sayAll(`AUTH PLAIN ${plain}`, ...mail, 'QUIT')).toBe(
      '235 250 250 354 250 221',
    );
    const user = await takeAnnouncedMail(aws);
    expect(user.notification.mailsluice).not.toHaveProperty('sender');
    expect(user.notification.receipt.dmarcVerdict.status).toBe('GRAY');
    expect(dns.asked.length).toBe(askedOfStranger);
  });
});

describe('with dmarc "reject"', () => {
  test('a forged sender is refused with the domain and where to read on, and the log says why', async () => {
    const before = await listKeys(aws);
    const reply = await send(rejecting, { from: 'ann@bank.example' });
    expect(reply).toMatch(/^550 5\.7\.1 .*bank\.example.*https:\/\//);
    expect(await listKeys(aws)).toEqual(before);
    expect(await takeNotifications(aws)).toEqual([]);
    await lineOf(rejecting, 'message-refused', {
      level: 'info',
      rule: 'dmarc',
      subject: 'bank.example',
      detail: expect.stringContaining('reject') as unknown,
      code: 550,
      from: 'ann@bank.example',
    });
  });

  test('a policy of quarantine is announced on the topic of quarantine', async () => {
    expect(await send(rejecting, { from: 'ann@shop.example' })).toMatch(/^250/);
    const { notification } = await takeAnnouncedMail(aws);
    expect(notification.mailsluice.quarantine).toBe('dmarc');
    expect(notification.receipt.dmarcPolicy).toBe('quarantine');
    expect(notification.receipt.action.topicArn).toBe(quarantine);
  });

  test('a DNS failure is no refusal', async () => {
    expect(await send(rejecting, { from: 'ann@dead.example' })).toMatch(/^250/);
    expect((await takeAnnouncedMail(aws)).notification.mailsluice.sender?.authenticated).toBeNull();
  });
});

describe('with DNS lists', () => {
  test('"reject": the recipients are refused with the text of the zone, and the log says it', async () => {
    const client = await TestClient.connect(rejecting.port('mx'));
    await client.reply();
    await client.sayAll('EHLO client.example', 'MAIL FROM:<x@spammer.example>');
    const reply = await client.say('RCPT TO:<bob@in.example>');
    expect(reply).toMatch(/^550[- ]5\.7\.1 .*spammer\.example.*dbl\.example/);
    expect(reply).toContain('https://dbl.example/query?spammer.example');
    expect(await client.sayAll('RSET', 'MAIL FROM:<ann@here.example>')).toBe('250 250');
    expect(await client.sayAll('RCPT TO:<bob@in.example>', 'QUIT')).toBe('250 221');
    await lineOf(rejecting, 'client-refused', {
      rule: 'list',
      subject: 'spammer.example',
      code: 550,
      from: 'x@spammer.example',
    });
  });

  test('"mark": the listing is in the notification, with the text of the zone; a list that failed its test refuses nobody', async () => {
    expect(
      await send(marking, { from: 'ann@none.example', envelopeFrom: 'x@spammer.example' }),
    ).toMatch(/^250/);
    const { notification } = await takeAnnouncedMail(aws);
    expect(notification.mailsluice.lists).toMatchObject([
      {
        zone: 'dbl.example',
        result: 'listed',
        subject: 'spammer.example',
        text: 'https://dbl.example/query?spammer.example',
      },
      { zone: 'no-list.example', result: 'unknown' },
    ]);
    await lineOf(marking, 'list-failed', {
      level: 'warn',
      zone: 'no-list.example',
      fault: 'not-listed',
    });
  });
});
