// The whole program takes every mail in which somebody poses as another, and no consumer can take it for authenticated: not by the
// notification, its attributes or the subscriber kit, and not by the fields of the stored object.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimsToBeOurs } from '../../src/message/forged-fields.ts';
import { readHeaderSection } from '../../src/message/header-section.ts';
import { isFrom, notificationSchema, senderDomain } from '../../src/subscriber/index.ts';
import { type AnnouncedMail, takeAnnouncedMail } from '../bridge/announced-mail.ts';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { DnsServer } from '../support/dns-server.ts';
import { TestClient } from '../support/smtp-client.ts';
import { makeKey, sign } from '../verify/sender/signed-mail.ts';
import { type Keys, makeZone, message, type Shape, shapes } from '../verify/sender/spoof-shapes.ts';

const keys: Keys = { attacker: makeKey(), victim: makeKey() };
// The name that the forged fields of the shapes have for this server.
const HOSTNAME = 'mx.test';

let aws: TestAws;
let dns: DnsServer;
let served: Served;

beforeAll(async () => {
  aws = await startTestAws();
  dns = await DnsServer.start(makeZone(keys, '127.0.0.1'));
  const listener = { host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'none' };
  served = await serve(aws, {
    hostname: HOSTNAME,
    listeners: [
      { ...listener, name: 'accept', bareNewline: 'accept' },
      { ...listener, name: 'normalize', bareNewline: 'normalize' },
    ],
    verify: { resolvers: [dns.address] },
  });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  await aws.close();
});

/** What is stored and announced, or the reply that refuses the sender. */
async function send(listener: string, shape: Shape): Promise<AnnouncedMail | string> {
  const { helo = 'attacker.example', mailFrom = { localPart: 'a', domain: 'attacker.example' } } =
    shape.envelope ?? {};
  const path =
    mailFrom === null
      ? ''
      : `${/^\w+$/.test(mailFrom.localPart) ? mailFrom.localPart : `"${mailFrom.localPart}"`}@${mailFrom.domain}`;
  const client = await TestClient.connect(served.port(listener));
  try {
    await client.reply();
    await client.say(`EHLO ${helo}`);
    const sender = await client.say(`MAIL FROM:<${path}>`);
    if (!sender.startsWith('250')) return sender;
    await client.sayAll('RCPT TO:<pay@in.example>', 'DATA');
    const mail = await shape.mail(keys);
    const reply = await client.send(mail).send('\r\n.\r\n').reply();
    expect(reply).toMatch(/^250/);
    return await takeAnnouncedMail(aws);
  } finally {
    client.socket.destroy();
  }
}

/** A bare CR that is made a line end makes this an ordinary mail of the attacker. */
const ORDINARY = 'From behind a bare CR';
const cases = ['accept', 'normalize'].flatMap((listener) =>
  shapes
    .filter(({ name }) => listener !== 'normalize' || name !== ORDINARY)
    .map((shape) => [listener, shape.name, shape] as const),
);

/** As a subscriber gets it. */
function notificationOf({ delivered }: AnnouncedMail) {
  return notificationSchema.parse(JSON.parse(delivered.Message));
}

test.each(cases)(
  'with bareNewline %s, nobody is authenticated by %s',
  async (listener, _, shape) => {
    const mail = await send(listener, shape);
    if (typeof mail === 'string') {
      expect(mail).toMatch(/^501 5\.1\.7/);
      return;
    }
    const { delivered, body } = mail;
    const notification = notificationOf(mail);
    expect(notification.mailsluice?.sender).toMatchObject({ authenticated: false, by: [] });
    expect(delivered.MessageAttributes?.['authenticated']?.Value).toBe('false');
    expect(senderDomain(notification)).toBeUndefined();
    for (const address of ['ceo@victim.example', 'a@attacker.example']) {
      expect(isFrom(notification, address)).toBe(false);
    }
    // One field of results is ours, and it stands before whatever the mail brought.
    const { fields } = readHeaderSection(body, true);
    const ours = fields.filter(
      ({ name, value }) =>
        name.toLowerCase() === 'authentication-results' &&
        claimsToBeOurs('authentication-results', value, HOSTNAME),
    );
    expect(ours).toHaveLength(1);
    expect(ours[0]?.value).not.toMatch(/dmarc=pass[^;]*header\.from="?victim\.example/);
  },
);

test('the attacker is authenticated as himself', async () => {
  const mail = await send('accept', {
    name: 'plain',
    mail: ({ attacker }) =>
      sign(message('From: a@attacker.example'), { key: attacker, domain: 'attacker.example' }),
  });
  if (typeof mail === 'string') throw new Error(mail);
  const notification = notificationOf(mail);
  expect(senderDomain(notification)).toBe('attacker.example');
  expect(isFrom(notification, 'a@attacker.example')).toBe(true);
  expect(mail.delivered.MessageAttributes?.['authenticated']?.Value).toBe('true');
});
