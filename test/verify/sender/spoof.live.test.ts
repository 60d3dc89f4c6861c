// No mail in which somebody poses as another is authenticated, whatever its shape: each is sent through the checks as a mail is,
// with SPF, keys and policies in a DNS server.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimsToBeOurs } from '../../../src/message/forged-fields.ts';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { createResolver, type DnsClient } from '../../../src/verify/dns/create-resolver.ts';
import { createSenderCheck, type SenderCheck } from '../../../src/verify/sender/sender-check.ts';
import type { SenderResult } from '../../../src/verify/sender/sender-result.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { makeKey, sign } from './signed-mail.ts';
import {
  captured,
  type Envelope,
  FORGED_RESULTS,
  type Keys,
  makeZone,
  message,
  type Shape,
  shapes,
} from './spoof-shapes.ts';

const keys: Keys = { attacker: makeKey(), victim: makeKey() };
const envelope: Envelope = {
  address: '192.0.2.66',
  helo: 'attacker.example',
  mailFrom: { localPart: 'a', domain: 'attacker.example' },
};

let dns: DnsServer;
let resolver: DnsClient;
let check: SenderCheck;

beforeAll(async () => {
  dns = await DnsServer.start(makeZone(keys, envelope.address));
  resolver = createResolver({ servers: [dns.address] });
  const modes = { spf: 'mark', dkim: 'mark', dmarc: 'reject', arc: 'mark' } as const;
  check = createSenderCheck({ resolver, hostname: 'mx.test', modes });
});

afterAll(async () => {
  await resolver[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
});

/** `size`: of the spans that the message comes in. */
function judge(
  mail: Buffer,
  size: number,
  overrides: Partial<Envelope> = {},
): Promise<SenderResult> {
  const { address, helo, mailFrom } = { ...envelope, ...overrides };
  const reversePath = mailFrom && {
    ...mailFrom,
    address: `${mailFrom.localPart}@${mailFrom.domain}`,
  };
  const sender = check.begin({ clientAddress: address, clientDomain: helo }, reversePath);
  for (let at = 0; at < mail.length; at += size) {
    // As the server does: the octets of a span are others when the call has returned.
    const span = Buffer.from(mail.subarray(at, at + size));
    sender.write(span);
    span.fill(0x78);
  }
  return sender.end(readHeaderSection(mail, true));
}

async function makeMail({ mail }: Shape): Promise<Buffer> {
  return mail(keys);
}

test('the suite has at least sixty shapes, each with a name of its own', () => {
  expect(shapes.length).toBeGreaterThanOrEqual(60);
  expect(new Set(shapes.map(({ name }) => name)).size).toBe(shapes.length);
});

test.each(shapes.map((shape) => [shape.name, shape] as const))(
  'nobody is authenticated by %s',
  async (_, shape) => {
    const mail = await makeMail(shape);
    const result = await judge(mail, 65_536, shape.envelope);
    expect(result.sender.authenticated).toBe(false);
    expect(result.sender.by).toEqual([]);
    // However the octets arrive.
    expect(await judge(mail, 7, shape.envelope)).toEqual(result);
  },
);

test('mail that names the victim in From is refused by the policy of the victim', async () => {
  const refused: string[] = [];
  for (const shape of shapes.filter(({ name }) => name.startsWith('From as'))) {
    const mail = await makeMail(shape);
    if (!/^(?:.*[\r\n])?from.*victim\.example/im.test(mail.toString())) continue;
    const { refusal, sender } = await judge(mail, 65_536, shape.envelope);
    if (refusal === undefined) {
      // A display name, a comment or a local part: the one mailbox is the attacker's.
      expect([shape.name, sender.domain]).toEqual([
        shape.name,
        expect.stringMatching(/attacker\.example$/),
      ]);
    } else {
      expect(refusal.rule).toBe('dmarc');
      expect(refusal.reply).toMatchObject({ code: 550, status: '7.1' });
      refused.push(shape.name);
    }
  }
  expect(refused.length).toBeGreaterThan(30);
});

test('the attacker is authenticated as himself, by SPF and by DKIM', async () => {
  const mail = await sign(message('From: a@attacker.example'), {
    key: keys.attacker,
    domain: 'attacker.example',
  });
  const { sender, verification } = await judge(mail, 65_536);
  expect(sender).toMatchObject({
    authenticated: true,
    domain: 'attacker.example',
    address: 'a@attacker.example',
    by: ['dkim', 'spf'],
    dmarc: 'pass',
  });
  expect(verification).toMatchObject({ spf: 'PASS', dkim: 'PASS', dmarc: 'PASS' });
});

test('a mail of the victim is authenticated wherever it comes from, unless it is altered', async () => {
  const { sender } = await judge(await captured(keys), 65_536);
  expect(sender).toMatchObject({ authenticated: true, domain: 'victim.example', by: ['dkim'] });
});

test.each([
  ['ceo@vіctim.example', 'xn--vctim-n2e.example'],
  ['ceo@victim.example.attacker.example', 'victim.example.attacker.example'],
])('%s, who is like the victim, is authenticated as what he is: %s', async (address, domain) => {
  const mail = await sign(message(`From: ${address}`), { key: keys.attacker, domain });
  const { sender } = await judge(mail, 65_536);
  expect(sender).toMatchObject({ authenticated: true, domain, address });
});

test.each(FORGED_RESULTS)('results that claim to be ours are recognized: %j', (line) => {
  const value = line.slice(line.indexOf(':') + 1);
  expect(claimsToBeOurs('authentication-results', value, 'mx.test')).toBe(true);
});
