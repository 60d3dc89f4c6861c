// The checks of a sender as a whole: what a mail comes to, when DNS is asked, what is refused, and what a DNS failure does.
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import type { Resolver } from '../../../src/verify/dns/resolver.ts';
import {
  type CheckedPath,
  createSenderCheck,
  type SenderCheckOptions,
} from '../../../src/verify/sender/sender-check.ts';
import type { SenderModes } from '../../../src/verify/sender/sender-modes.ts';
import type { SenderResult } from '../../../src/verify/sender/sender-result.ts';
import { DnsServer } from '../../support/dns-server.ts';
import type { ZoneLookups } from '../../support/zone-lookups.ts';
import { makeKey, sign } from './signed-mail.ts';
import { zoneLookups } from './zone-text.ts';

const key = makeKey('rsa');
const text = (from: string, body = 'Hello.\r\n') =>
  `From: ${from}\r\nTo: b@mx.example\r\nSubject: Hello\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n\r\n${body}`;
const SPF = 'a.example TXT v=spf1 ip4:192.0.2.1 -all';
const KEY = `s1._domainkey.a.example TXT ${key.record}`;
const POLICY = '_dmarc.a.example TXT v=DMARC1; p=reject';
const ZONE = `${SPF}\n${KEY}\n${POLICY}`;
const REJECT: SenderModes = { spf: 'reject', dkim: 'mark', dmarc: 'reject', arc: 'mark' };
const PATH: CheckedPath = { localPart: 'x', domain: 'a.example', address: 'x@a.example' };

interface Given {
  readonly zone?: string;
  readonly mail?: Buffer;
  readonly address?: string;
  readonly helo?: string;
  readonly path?: CheckedPath;
  readonly modes?: SenderModes;
  readonly options?: Partial<SenderCheckOptions>;
}

const signed = (from = 'Alice <alice@a.example>', body?: string) =>
  sign(text(from, body), { key, domain: 'a.example' });

async function judge(
  given: Given = {},
): Promise<SenderResult & { readonly asked: readonly string[] }> {
  const lookups = zoneLookups(given.zone ?? ZONE);
  const result = await judgeBy({ forMail: () => lookups }, given);
  return { ...result, asked: lookups.asked };
}

async function judgeBy(resolver: Resolver, given: Given): Promise<SenderResult> {
  const { address = '192.0.2.1', helo = 'mail.a.example', path = PATH, modes = REJECT } = given;
  const mail = given.mail ?? (await signed());
  const check = createSenderCheck({ resolver, hostname: 'mx.test', ...given.options });
  const sender = check.begin({ clientAddress: address, clientDomain: helo }, path, modes);
  sender.write(mail);
  return sender.end(readHeaderSection(mail, true));
}

test('a mail that passes everything has its results in all places', async () => {
  const { verification, sender, ...rest } = await judge();
  expect(verification).toEqual({
    spf: 'PASS',
    dkim: 'PASS',
    dmarc: 'PASS',
    results: [
      'spf=pass smtp.mailfrom=a.example',
      expect.stringMatching(
        /^dkim=pass header\.d=a\.example header\.s=s1 header\.a=rsa-sha256 header\.b="?[\w+/]{8}"?$/,
      ),
      'dmarc=pass header.from=a.example policy.dmarc=reject',
      'arc=none',
    ],
    receivedSpf:
      'pass (mx.test: a.example permits this client) client-ip=192.0.2.1; receiver=mx.test; identity=mailfrom; envelope-from="x@a.example"; helo=mail.a.example; mechanism="ip4:192.0.2.1"',
  });
  expect(sender).toEqual({
    authenticated: true,
    domain: 'a.example',
    address: 'alice@a.example',
    by: ['dkim', 'spf'],
    dmarc: 'pass',
    spf: 'pass',
    dkim: [{ result: 'pass', domain: 'a.example', selector: 's1', aligned: true }],
    arc: 'none',
  });
  expect(rest).not.toHaveProperty('refusal');
  expect(rest).not.toHaveProperty('quarantine');
});

const verdicts: readonly (readonly [
  string,
  Given,
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, unknown>>,
])[] = [
  [
    'SPF fails and DKIM passes',
    { address: '192.0.2.9' },
    { spf: 'FAIL', dkim: 'PASS', dmarc: 'PASS' },
    { authenticated: true, by: ['dkim'] },
  ],
  [
    'SPF passes and nothing is signed',
    { mail: Buffer.from(text('alice@a.example')) },
    { spf: 'PASS', dkim: 'GRAY', dmarc: 'PASS' },
    { authenticated: true, by: ['spf'] },
  ],
  [
    'nothing passes',
    { address: '192.0.2.9', mail: Buffer.from(text('alice@a.example')) },
    { spf: 'FAIL', dkim: 'GRAY', dmarc: 'FAIL', dmarcPolicy: 'reject' },
    { authenticated: false, by: [] },
  ],
  [
    'there is no record at all',
    { zone: '' },
    { spf: 'GRAY', dkim: 'GRAY', dmarc: 'GRAY' },
    { authenticated: false, dmarc: 'none' },
  ],
  [
    'there is no DMARC record',
    { zone: `${SPF}\n${KEY}` },
    { spf: 'PASS', dkim: 'PASS', dmarc: 'GRAY' },
    { authenticated: false, by: [], dmarc: 'none' },
  ],
  [
    'the null reverse-path, with an aligned HELO name',
    { path: null, helo: 'a.example', mail: Buffer.from(text('alice@a.example')) },
    { spf: 'PASS', dmarc: 'PASS' },
    { authenticated: true, by: ['spf'] },
  ],
  [
    'the null reverse-path, with a HELO name that is none',
    { path: null, helo: '[192.0.2.1]', mail: Buffer.from(text('alice@a.example')) },
    { spf: 'GRAY', dmarc: 'FAIL' },
    { authenticated: false, spf: 'none' },
  ],
  [
    'two mailboxes of domains without a policy',
    { zone: '', mail: Buffer.from(text('a@b.example, c@d.example')) },
    { dmarc: 'FAIL', dmarcPolicy: 'none' },
    { authenticated: false, dmarc: 'permerror' },
  ],
  [
    'a display name with another address',
    { mail: Buffer.from(text('"ceo@v.example" <alice@a.example>')) },
    { spf: 'PASS', dmarc: 'PASS' },
    { authenticated: false, by: [], domain: 'a.example' },
  ],
  [
    'no From field',
    { mail: Buffer.from('To: b@mx.example\r\n\r\nHello.\r\n') },
    { dmarc: 'GRAY' },
    { authenticated: false, dmarc: 'none' },
  ],
  [
    'an empty message',
    { mail: Buffer.alloc(0) },
    { spf: 'PASS', dmarc: 'GRAY' },
    { authenticated: false, dmarc: 'none' },
  ],
  [
    'a message that ends in its header section',
    { mail: Buffer.from('From: alice@a.example\r\n') },
    { dmarc: 'PASS' },
    { authenticated: true },
  ],
];

test.each(verdicts)(
  'verdicts and findings where there is: %s',
  async (_, given, verification, sender) => {
    const result = await judge(given);
    expect(result.verification).toMatchObject(verification);
    expect(result.sender).toMatchObject(sender);
    expect('dmarcPolicy' in result.verification).toBe(result.verification.dmarc === 'FAIL');
  },
);

test('a signature behind l= is shown as policy, and proves nothing', async () => {
  const mail = Buffer.concat([
    await sign(text('alice@a.example'), { key, domain: 'a.example', bodyLength: 8 }),
    Buffer.from('More.\r\n'),
  ]);
  const { verification, sender } = await judge({ mail, address: '192.0.2.9' });
  expect(sender).toMatchObject({
    authenticated: false,
    dmarc: 'fail',
    dkim: [{ result: 'pass', partial: true, aligned: true }],
  });
  expect(verification).toMatchObject({ dkim: 'GRAY', dmarc: 'FAIL' });
  // Where SPF proves who sent it, the signature has no part in that.
  expect((await judge({ mail })).sender).toMatchObject({ authenticated: true, by: ['spf'] });
  expect(verification.results).toContainEqual(
    expect.stringMatching(/^dkim=policy reason="the signature leaves/),
  );
});

const quarantine = `${SPF}\n${KEY}\n_dmarc.a.example TXT v=DMARC1; p=quarantine`;
const stranger: Given = {
  address: '192.0.2.9',
  path: { localPart: 'm', domain: 'm.example', address: 'm@m.example' },
};
const forged: Given = { ...stranger, mail: Buffer.from(text('alice@a.example')) };

test('mail that DMARC fails is refused where the policy says reject, with the domain and where to read on', async () => {
  const { refusal } = await judge(forged);
  expect(refusal).toEqual({
    rule: 'dmarc',
    reply: {
      code: 550,
      status: '7.1',
      text: 'Rejected by the DMARC policy of a.example: neither SPF nor DKIM proves that domain, see https://www.rfc-editor.org/info/rfc9989',
    },
    subject: 'a.example',
    detail: 'dmarc=fail policy=reject',
  });
});

test('mail with two mailboxes is refused by the strictest of their policies', async () => {
  const { refusal } = await judge({
    ...forged,
    mail: Buffer.from(text('m@m.example, alice@a.example')),
  });
  expect(refusal).toMatchObject({
    rule: 'dmarc',
    subject: 'a.example',
    reply: {
      text: 'Rejected by the DMARC policy of a.example: From must be one field with one mailbox, see https://www.rfc-editor.org/info/rfc5322',
    },
    detail: 'dmarc=permerror policy=reject: more than one mailbox in From',
  });
});

test('mail that SPF fails is refused, with the domain and the address', async () => {
  const { refusal } = await judge({ address: '192.0.2.9' });
  expect(refusal).toEqual({
    rule: 'spf',
    reply: {
      code: 550,
      status: '7.23',
      text: 'The SPF record of a.example does not permit mail from 192.0.2.9, see https://www.rfc-editor.org/info/rfc7208',
    },
    subject: 'a.example',
    detail: 'spf=fail -all',
  });
});

const MARK: SenderModes = { spf: 'mark', dkim: 'mark', dmarc: 'mark', arc: 'mark' };
const actions: readonly (readonly [string, Given, 'refused' | 'quarantine' | undefined])[] = [
  ['policy reject', forged, 'refused'],
  ['policy reject, mode mark', { ...forged, modes: MARK }, undefined],
  ['policy quarantine', { ...forged, zone: quarantine }, 'quarantine'],
  ['policy quarantine, mode mark', { ...forged, zone: quarantine, modes: MARK }, undefined],
  ['policy none', { ...forged, zone: '_dmarc.a.example TXT v=DMARC1; p=none' }, undefined],
  [
    'policy reject under test',
    { ...forged, zone: '_dmarc.a.example TXT v=DMARC1; p=reject; t=y' },
    'quarantine',
  ],
  ['no policy', { ...forged, zone: '' }, undefined],
  ['SPF fails', { address: '192.0.2.9' }, 'refused'],
  ['SPF fails, mode mark', { address: '192.0.2.9', modes: { ...REJECT, spf: 'mark' } }, undefined],
  [
    'SPF softfails',
    { address: '192.0.2.9', zone: `a.example TXT v=spf1 ~all\n${KEY}\n${POLICY}` },
    undefined,
  ],
  ['DNS fails for SPF', { zone: `a.example TXT FAIL\n${KEY}\n${POLICY}` }, undefined],
  ['DNS fails for the policy', { ...forged, zone: '_dmarc.a.example TXT FAIL' }, undefined],
  [
    'DNS fails for an aligned key',
    { ...stranger, zone: `s1._domainkey.a.example TXT FAIL\n${POLICY}` },
    undefined,
  ],
];

test.each(actions)('what is done with: %s', async (_, given, action) => {
  const { refusal, quarantine: aside } = await judge(given);
  expect(refusal === undefined ? undefined : 'refused').toBe(
    action === 'refused' ? 'refused' : undefined,
  );
  expect(aside).toBe(action === 'quarantine' ? 'dmarc' : undefined);
});

test('a refusal fits into a reply line, whatever the length of the domain', async () => {
  const domain = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.example`;
  const path = { localPart: 'x', domain, address: `x@${domain}` };
  const zone = `${domain} TXT v=spf1 -all\n_dmarc.${domain} TXT v=DMARC1; p=reject`;
  const mail = Buffer.from(text(`x@${domain}`));
  for (const modes of [REJECT, { ...REJECT, spf: 'mark' } as const]) {
    const { refusal } = await judge({
      zone,
      path,
      mail,
      modes,
      address: '2001:db8:1111:2222:3333:4444:5555:6666',
    });
    // RFC 5321 section 4.5.3.1.5: 512 octets with code, status and line end.
    expect(String(refusal?.reply.text).length).toBeLessThan(512 - '550 5.7.23 \r\n'.length);
  }
});

const modes: readonly (readonly [Partial<SenderModes>, readonly string[]])[] = [
  [{}, ['spf', 'dkim', 'dmarc', 'arc']],
  [{ arc: 'off' }, ['spf', 'dkim', 'dmarc']],
  [{ dmarc: 'off' }, ['spf', 'dkim', 'arc']],
  [{ dmarc: 'off', spf: 'off' }, ['dkim', 'arc']],
  [{ dmarc: 'off', dkim: 'off' }, ['spf', 'arc']],
  // DMARC cannot do without them.
  [{ spf: 'off', dkim: 'off', arc: 'off' }, ['spf', 'dkim', 'dmarc']],
  [{ spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off' }, []],
];

test.each(modes)('modes %j check %j', async (off, methods) => {
  const { verification, sender, asked } = await judge({ modes: { ...MARK, ...off } });
  expect(verification.results.map((clause) => clause.split('=')[0])).toEqual(methods);
  expect(verification.receivedSpf === undefined).toBe(!methods.includes('spf'));
  expect(sender.authenticated).toBe(methods.includes('dmarc'));
  // Who the mail says it is from is known anyhow.
  expect(sender.domain).toBe('a.example');
  if (methods.length === 0) expect(asked).toEqual([]);
});

test('SPF is asked at MAIL, keys and policy side by side with the header section, and nothing waits', async () => {
  const mail = await signed();
  const all: ZoneLookups[] = [];
  const resolver: Resolver = {
    forMail: () => {
      const lookups = zoneLookups(ZONE);
      all.push(lookups);
      return lookups;
    },
  };
  const asked = () => all.flatMap((lookups) => lookups.asked);
  const check = createSenderCheck({ resolver, hostname: 'mx.test' });
  const sender = check.begin({ clientAddress: '192.0.2.1', clientDomain: 'h.example' }, PATH);
  expect(asked()).toEqual(['a.example TXT']);
  const bodyAt = mail.indexOf('\r\n\r\n') + 4;
  sender.write(mail.subarray(0, bodyAt - 1));
  expect(asked()).toEqual(['a.example TXT']);
  sender.write(mail.subarray(bodyAt - 1, bodyAt));
  expect(asked().toSorted()).toEqual(
    [
      'a.example TXT',
      's1._domainkey.a.example TXT',
      '_dmarc.a.example TXT',
      '_dmarc.example TXT',
    ].toSorted(),
  );
  const before = asked().length;
  sender.write(mail.subarray(bodyAt));
  const { sender: findings, lookups } = await sender.end(readHeaderSection(mail, true));
  expect(findings.authenticated).toBe(true);
  // At the end there is nothing left to ask.
  expect(asked()).toHaveLength(before);
  expect(lookups).toBe(before);
});

test('a message that arrives for longer than DNS may take has time for its last questions', async () => {
  const mail = await signed();
  let isLate = false;
  const sisters = `${ZONE}\nsister.a.example TXT v=spf1 ip4:192.0.2.1 -all`;
  const resolver: Resolver = {
    forMail: () => {
      const lookups = zoneLookups(sisters);
      const wasLate = isLate;
      return {
        count: 0,
        lookUp: (name, type) =>
          isLate && !wasLate
            ? Promise.resolve({ kind: 'failed', reason: 'timeout' })
            : lookups.lookUp(name, type),
      };
    },
  };
  const path = { localPart: 'x', domain: 'sister.a.example', address: 'x@sister.a.example' };
  const check = createSenderCheck({ resolver, hostname: 'mx.test' });
  const sender = check.begin({ clientAddress: '192.0.2.1', clientDomain: 'h.example' }, path);
  sender.write(mail.subarray(0, -1));
  // What was asked for has been answered; whether the sister is aligned is asked at the end.
  await new Promise((resolve) => setImmediate(resolve));
  isLate = true;
  sender.write(mail.subarray(-1));
  const { sender: findings } = await sender.end(readHeaderSection(mail, true));
  expect(findings).toMatchObject({ authenticated: true, by: ['dkim', 'spf'] });
});

test('the author who is judged is the one in the header section that is shown', async () => {
  const mail = await signed();
  const check = createSenderCheck({
    resolver: { forMail: () => zoneLookups(ZONE) },
    hostname: 'mx.test',
  });
  const sender = check.begin({ clientAddress: '192.0.2.1', clientDomain: 'h.example' }, PATH);
  sender.write(mail);
  const fields = [{ name: 'From', value: 'ceo@v.example' }];
  const { sender: findings } = await sender.end({ fields, truncated: false });
  expect(findings).toMatchObject({ authenticated: false, dmarc: 'permerror' });
});

const servers: DnsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function resolverFor(zone: string) {
  const server = await DnsServer.start(zone);
  servers.push(server);
  return createResolver({ servers: [server.address], timeoutMillis: 200 });
}

const names = [
  'a.example TXT',
  's1._domainkey.a.example TXT',
  '_dmarc.a.example TXT',
  '_dmarc.example TXT',
];

test.each(['SILENT', 'SERVFAIL', 'REFUSED'])(
  'with a DNS that is %s, nothing fails and nobody is authenticated',
  async (failure) => {
    const zone = names.map((name) => `${name} ${failure}`).join('\n');
    await using resolver = await resolverFor(zone);
    const result = await judgeBy(resolver, { options: { timeoutMillis: 300 } });
    expect(result.verification).toMatchObject({
      spf: 'PROCESSING_FAILED',
      dkim: 'PROCESSING_FAILED',
      dmarc: 'PROCESSING_FAILED',
    });
    expect(result.verification).not.toHaveProperty('dmarcPolicy');
    expect(result.sender).toMatchObject({
      authenticated: null,
      by: [],
      dmarc: 'temperror',
      spf: 'temperror',
    });
    expect(result.refusal).toBeUndefined();
    expect(result.quarantine).toBeUndefined();
    expect(result.verification.results.map((clause) => clause.split(' ')[0])).toEqual([
      'spf=temperror',
      'dkim=temperror',
      'dmarc=temperror',
      'arc=none',
    ]);
  },
);

test.each([
  ['the policy', '_dmarc.a.example TXT', { authenticated: null, dmarc: 'temperror' }],
  ['a key, where SPF passes', 's1._domainkey.a.example TXT', { authenticated: true, by: ['spf'] }],
  ['SPF, where a signature passes', 'a.example TXT', { authenticated: true, by: ['dkim'] }],
  // The policy of the domain itself is known, and the identifiers are identical to it.
  ['the domain above', '_dmarc.example TXT', { authenticated: true, by: ['dkim', 'spf'] }],
])('DNS is silent for %s', async (_, name, findings) => {
  await using resolver = await resolverFor(
    `${name} SILENT\n${ZONE.split('\n')
      .filter((line) => !line.startsWith(name))
      .join('\n')}`,
  );
  const result = await judgeBy(resolver, { options: { timeoutMillis: 300 } });
  expect(result.sender).toMatchObject(findings);
  expect(result.refusal).toBeUndefined();
});

test('a forgery with a selector that DNS cannot have is refused: it is no DNS failure', async () => {
  await using resolver = await resolverFor(ZONE);
  const signature = (await signed()).toString('latin1');
  for (const selector of ['x'.repeat(70), `${'x.'.repeat(130)}x`, 'a..b', '*', '.']) {
    const mail = Buffer.from(signature.replace('s=s1;', `s=${selector};`), 'latin1');
    const result = await judgeBy(resolver, { ...forged, mail });
    expect(result.sender.dkim[0]?.result, selector).toMatch(/^(?:permerror|neutral)$/);
    expect(result.sender.authenticated).toBe(false);
    expect(result.refusal?.rule, selector).toBe('dmarc');
  }
});

test('no octets make a check reject, and only a clear author is authenticated', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'From: alice@a.example\r\n',
      'DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s1; h=From; bh=; b=\r\n',
      'ARC-Seal: i=1; cv=none;',
      '\r\n',
      '\r\n\r\n',
      '\n\n',
      '\r',
      '\0',
      ':',
      ';',
      '<',
      '"',
      '(',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      const mail = Buffer.from(pieces.join(''), 'latin1');
      const { sender } = await judge({ mail });
      // SPF passes for a.example, so this is the one way.
      expect(sender.authenticated === true).toBe(
        sender.dmarc === 'pass' && sender.by.includes('spf'),
      );
      if (sender.authenticated === true) expect(sender.domain).toBe('a.example');
    }),
    { numRuns: 1000 },
  );
});
