// Mails of an attacker who owns attacker.example, with valid SPF, DKIM and DMARC there, and wants to be taken for
// victim.example; and mails of victim.example that he has and sends again, altered.
import { seal, sign, type SigningKey } from './signed-mail.ts';

export interface Keys {
  readonly attacker: SigningKey;
  readonly victim: SigningKey;
}

/** For the DNS server of the tests; the attacker sends from `address`. */
export function makeZone({ attacker, victim }: Keys, address: string): string {
  const policy = 'v=DMARC1; p=reject';
  return `
    attacker.example TXT v=spf1 ip4:${address} -all
    _dmarc.attacker.example TXT ${policy}
    s1._domainkey.attacker.example TXT ${attacker.record}
    s1._domainkey.victim.example.attacker.example TXT ${attacker.record}
    s1._domainkey.evilvictim.example TXT ${attacker.record}
    s1._domainkey.victim-tld.example TXT ${attacker.record}
    s1._domainkey.stranger.example TXT ${attacker.record}
    s1._domainkey.xn--vctim-n2e.example TXT ${attacker.record}
    _dmarc.xn--vctim-n2e.example TXT ${policy}
    victim.example TXT v=spf1 ip4:198.51.100.1 -all
    _dmarc.victim.example TXT ${policy}
    s1._domainkey.victim.example TXT ${victim.record}
    soft.example TXT v=spf1 ~all
    _dmarc.soft.example TXT ${policy}
    neutral.example TXT v=spf1 ?all
    _dmarc.neutral.example TXT ${policy}
    bare.example TXT v=spf1 ip4:${address} -all
  `;
}

export interface Envelope {
  readonly address: string;
  readonly helo: string;
  readonly mailFrom: { readonly localPart: string; readonly domain: string } | null;
}

export interface Shape {
  readonly name: string;
  readonly envelope?: Partial<Envelope>;
  readonly mail: (keys: Keys) => Promise<Buffer>;
}

/** A message whose From lines are given; `headers` are lines with their ends. */
export function message(fromLines: string, body = 'Please pay.\r\n', headers = ''): string {
  return `${headers}${fromLines}\r\nTo: pay@mx.example\r\nSubject: Invoice\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@attacker.example>\r\n\r\n${body}`;
}

const VICTIM_FROM = 'From: "The CEO" <ceo@victim.example>';

/** What the victim has once sent, signed. */
export function captured({ victim }: Keys, signer = {}): Promise<Buffer> {
  return sign(message(VICTIM_FROM), { key: victim, domain: 'victim.example', ...signer });
}

/** Signed by the attacker for his own domain. */
function byAttacker(text: string): Shape['mail'] {
  return ({ attacker }) => sign(text, { key: attacker, domain: 'attacker.example' });
}

/** Unsigned, where no signer finds a From field: SPF passes. */
function unsigned(text: string): Shape['mail'] {
  return async () => Buffer.from(text);
}

/** A shape of the From field, or of more than one. */
function from(lines: string, name = JSON.stringify(lines)): Shape {
  return { name: `From as ${name}`, mail: byAttacker(message(lines)) };
}

/** A mail of the victim, sent again after `alter`. */
function replay(name: string, alter: (mail: string) => string, signer = {}): Shape {
  return {
    name: `a mail of the victim, replayed ${name}`,
    mail: async (keys) => {
      const before = (await captured(keys, signer)).toString('latin1');
      const altered = alter(before);
      if (altered === before) throw new Error('the mail was not altered');
      return Buffer.from(altered, 'latin1');
    },
  };
}

const fields: readonly Shape[] = [
  from('From: ceo@victim.example'),
  from('From: "The CEO" <ceo@victim.example>'),
  from('From: CEO@VICTIM.EXAMPLE'),
  from('FROM: ceo@Victim.Example'),
  from('From: ceo@sub.victim.example'),
  // Two fields
  from('From: a@attacker.example\r\nFrom: ceo@victim.example'),
  from('From: ceo@victim.example\r\nFrom: a@attacker.example'),
  from('From: a@attacker.example\r\nfrom: ceo@victim.example'),
  from('From: a@attacker.example\r\nFrom : ceo@victim.example'),
  from('From: a@attacker.example\r\nFrom\t: ceo@victim.example'),
  from('From: a@attacker.example\r\nFrom\r\n : ceo@victim.example'),
  from('From: a@attacker.example\r\nF\0rom: ceo@victim.example'),
  from('From: a@attacker.example\r\n\ufeffFrom: ceo@victim.example'),
  from('From: a@attacker.example\r\nX: y\rFrom: ceo@victim.example'),
  from('From: a@attacker.example\r\nX: y\nFrom: ceo@victim.example'),
  from('From: a@attacker.example\r\nno field\r\nFrom: ceo@victim.example'),
  from('From: a@attacker.example\r\n \r\nFrom: ceo@victim.example'),
  from('From: a@attacker.example\r\nFrom: a@attacker.example'),
  // Names of the field
  from('From : a@attacker.example'),
  { name: 'From behind a bare CR', mail: unsigned(message('X: y\rFrom: a@attacker.example')) },
  from('no field\r\nFrom: a@attacker.example'),
  from('From ceo@victim.example Sun Nov 29 12:00:00 2026\r\nFrom: a@attacker.example'),
  // More than one mailbox
  from('From: a@attacker.example, ceo@victim.example'),
  from('From: ceo@victim.example, a@attacker.example'),
  from('From: ceo@victim.example; a@attacker.example'),
  from('From: <a@attacker.example> <ceo@victim.example>'),
  from('From: <ceo@victim.example> <a@attacker.example>'),
  from('From: ceo@victim.example <a@attacker.example>'),
  from('From: a@attacker.example <ceo@victim.example>'),
  from('From: ceo@victim.example a@attacker.example'),
  from('From: a@attacker.example,\r\n ceo@victim.example'),
  // Groups
  from('From: The CEO: a@attacker.example;'),
  from('From: ceo@victim.example: a@attacker.example;'),
  from('From: The CEO: ceo@victim.example, a@attacker.example;'),
  from('From: The CEO:;'),
  // Comments
  from('From: a@attacker.example (ceo@victim.example)'),
  from('From: (ceo@victim.example) a@attacker.example'),
  from('From: ceo@victim.example (<a@attacker.example>)'),
  from('From: ceo@victim.example(\\)<a@attacker.example>'),
  from('From: a@attacker.example(.victim.example)'),
  from('From: ceo(@victim.example>)@attacker.example'),
  from('From: a@attacker.example (open ceo@victim.example'),
  // Encoded words
  from('From: =?utf-8?q?ceo=40victim.example?= <a@attacker.example>'),
  from('From: =?utf-8?b?Y2VvQHZpY3RpbS5leGFtcGxl?= <a@attacker.example>'),
  from('From: "=?utf-8?q?ceo=40victim.example?=" <a@attacker.example>'),
  from('From: =?utf-8?q?ceo=40victim.example=3E?= <a@attacker.example>'),
  from('From: =?utf-8?q?ceo?==?utf-8?q?=40victim.example?= <a@attacker.example>'),
  from('From: =?utf-8?q?ceo=EF=BC=A0victim.example?= <a@attacker.example>'),
  from('From: =?utf-7?q?ceo+AEA-victim.example?= <a@attacker.example>'),
  from('From: =?utf-8?q?ceo=40victim.example?=@attacker.example'),
  from('From: =?utf-8?q?ceo=40victim.example?='),
  // Quoted parts
  from('From: "ceo@victim.example" <a@attacker.example>'),
  from('From: "ceo@victim.example"@attacker.example'),
  from('From: "<ceo@victim.example>" <a@attacker.example>'),
  from('From: "ceo@victim.example\\" <a@attacker.example>'),
  from('From: "a\\"@attacker.example" <ceo@victim.example>'),
  from('From: "ceo@victim.example\r\n " <a@attacker.example>'),
  // Controls and line ends
  from('From: ceo@victim.example\0@attacker.example'),
  from('From: a@attacker.example\0ceo@victim.example'),
  from('From: a@attacker.example\x08\x08'),
  from('From: a@attacker.example\r <ceo@victim.example>'),
  from('From: a@attacker.example\r\n \r\n ceo@victim.example'),
  from('From: "\u202eelpmaxe.mitciv@oec\u202c" <a@attacker.example>'),
  // Domains
  from('From: a@attacker.example.'),
  from('From: ceo@victim.example.'),
  from('From: ceo@victim.example@attacker.example'),
  from('From: <@victim.example:a@attacker.example>'),
  from('From: ceo%victim.example@attacker.example'),
  from('From: victim.example!ceo@attacker.example'),
  from('From: ceo@victim.example\\@attacker.example'),
  from('From: ceo@[192.0.2.66]'),
  // IDN
  from('From: ceo@vіctim.example', 'an address with a Cyrillic i'),
  from('From: ceo@ｖictim.example'),
  from('From: ceo@victim。example'),
  from('From: ceo@vic\u00adtim.example'),
  from('From: ceo@victim\u200b.example'),
  from('From: a@attacker\u200d.example'),
  // None
  {
    name: 'no From field',
    mail: unsigned('To: pay@mx.example\r\nSender: ceo@victim.example\r\n\r\nPay.\r\n'),
  },
  { name: 'Resent-From alone', mail: unsigned(message('Resent-From: a@attacker.example')) },
  from('From:'),
  from('From:\r\n ceo@victim.example'),
  from('From:\r\n \r\n a@attacker.example'),
  {
    name: 'From behind more header than is read',
    mail: byAttacker(message('From: a@attacker.example', 'Pay.\r\n', 'X-Pad: x\r\n'.repeat(7_000))),
  },
];

const replays: readonly Shape[] = [
  replay('with another From', (mail) => mail.replace('ceo@victim', 'cfo@victim')),
  replay('with another name', (mail) => mail.replace('The CEO', 'The CFO')),
  replay('with a From in front', (mail) => `From: a@attacker.example\r\n${mail}`),
  replay('with a From behind the header fields', (mail) =>
    mail.replace('\r\n\r\n', '\r\nFrom: a@attacker.example\r\n\r\n'),
  ),
  replay('with a From behind, in another spelling', (mail) =>
    mail.replace('\r\n\r\n', '\r\nFrom : cfo@victim.example\r\n\r\n'),
  ),
  replay('with a From behind a bare CR', (mail) =>
    mail.replace('Subject: Invoice', 'Subject: Invoice\rFrom: a@attacker.example'),
  ),
  replay(
    'with a From behind a bare CR in an unsigned field',
    (mail) => `X: y\rFrom: a@attacker.example\r\n${mail}`,
  ),
  replay('with its From doubled', (mail) =>
    mail.replace(VICTIM_FROM, `${VICTIM_FROM}\r\n${VICTIM_FROM}`),
  ),
  replay('with its From renamed', (mail) => mail.replace('\r\nFrom:', '\r\nX-From:')),
  replay('with another Subject', (mail) => mail.replace('Invoice', 'Account')),
  replay('with another body', (mail) => mail.replace('Please pay', 'Please pay twice')),
  replay('with more body', (mail) => `${mail}To another account.\r\n`),
  replay('with more body behind l=', (mail) => `${mail}To another account.\r\n`, {
    bodyLength: 13,
  }),
  replay(
    'with another body behind l=0',
    (mail) => mail.replace('Please pay.', 'To another account.'),
    { bodyLength: 0 },
  ),
  replay(
    'with a subject that was not signed, and its From doubled',
    (mail) => mail.replace('\r\nFrom:', `\r\nFrom: cfo@victim.example\r\nFrom:`),
    { fields: ['From'] },
  ),
  replay('behind a field that is none', (mail) => `no field\r\n${mail}`),
  replay('behind a line of blanks', (mail) => `X: y\r\n \r\n${mail}`),
  replay('with its d= altered', (mail) => mail.replace('d=victim.example', 'd=attacker.example')),
  replay('with its signature cut', (mail) => mail.replace(/ b=[^;]{8}/, ' b=')),
  replay(
    'in an attachment',
    (mail) => `${VICTIM_FROM}\r\nContent-Type: message/rfc822\r\n\r\n${mail}`,
  ),
];

const signatures: readonly Shape[] = [
  {
    name: 'a signature for the victim by the wrong key',
    mail: ({ attacker }) => sign(message(VICTIM_FROM), { key: attacker, domain: 'victim.example' }),
  },
  {
    name: 'a signature for the victim with a selector that has no key',
    mail: ({ attacker }) =>
      sign(message(VICTIM_FROM), { key: attacker, domain: 'victim.example', selector: 'none' }),
  },
  {
    name: 'a signature for the victim with a selector that DNS cannot have',
    mail: ({ attacker }) =>
      sign(message(VICTIM_FROM), {
        key: attacker,
        domain: 'victim.example',
        selector: 'x'.repeat(70),
      }),
  },
  {
    name: 'a signature for a domain below the attacker that begins like the victim',
    mail: ({ attacker }) =>
      sign(message(VICTIM_FROM), { key: attacker, domain: 'victim.example.attacker.example' }),
  },
  {
    name: 'a signature for a domain that ends like the victim',
    mail: ({ attacker }) =>
      sign(message(VICTIM_FROM), { key: attacker, domain: 'evilvictim.example' }),
  },
  {
    name: 'a signature for the domain above the victim',
    mail: ({ attacker }) =>
      sign(message(VICTIM_FROM), { key: attacker, domain: 'victim-tld.example' }),
  },
  {
    name: 'a signature with i= of the victim',
    mail: async (keys) =>
      Buffer.from(
        (await sign(message(VICTIM_FROM), { key: keys.attacker, domain: 'attacker.example' }))
          .toString('latin1')
          .replace('d=attacker.example;', 'd=attacker.example; i=ceo@victim.example;'),
        'latin1',
      ),
  },
  {
    name: 'a signature with d= twice',
    mail: async (keys) =>
      Buffer.from(
        (await sign(message(VICTIM_FROM), { key: keys.attacker, domain: 'attacker.example' }))
          .toString('latin1')
          .replace('d=attacker.example;', 'd=victim.example; d=attacker.example;'),
        'latin1',
      ),
  },
  {
    name: 'signatures of both, that of the victim from another mail',
    mail: async (keys) => {
      const [theirs = ''] = (await captured(keys)).toString('latin1').split('From:');
      const mine = await sign(message(VICTIM_FROM, 'To another account.\r\n'), {
        key: keys.attacker,
        domain: 'attacker.example',
      });
      return Buffer.concat([Buffer.from(theirs, 'latin1'), mine]);
    },
  },
];

/** SPF passes for the attacker in these, or for nobody. */
const envelopes: readonly Shape[] = [
  {
    name: 'MAIL FROM of the victim',
    envelope: { mailFrom: { localPart: 'ceo', domain: 'victim.example' } },
    mail: byAttacker(message(VICTIM_FROM)),
  },
  {
    name: 'the null reverse-path and HELO of the victim',
    envelope: { mailFrom: null, helo: 'victim.example' },
    mail: byAttacker(message(VICTIM_FROM)),
  },
  {
    name: 'MAIL FROM with the victim in a quoted local part',
    envelope: { mailFrom: { localPart: 'ceo@victim.example', domain: 'attacker.example' } },
    mail: byAttacker(message(VICTIM_FROM)),
  },
  {
    name: 'MAIL FROM with a final dot',
    envelope: { mailFrom: { localPart: 'ceo', domain: 'victim.example.' } },
    mail: byAttacker(message(VICTIM_FROM)),
  },
  {
    name: 'MAIL FROM that softfails for the author',
    envelope: { mailFrom: { localPart: 'a', domain: 'soft.example' } },
    mail: async () => Buffer.from(message('From: a@soft.example')),
  },
  {
    name: 'SPF of the author that permits everybody neutrally',
    envelope: { mailFrom: { localPart: 'a', domain: 'neutral.example' } },
    mail: async () => Buffer.from(message('From: a@neutral.example')),
  },
  {
    name: 'SPF passes, and the author has no DMARC record',
    envelope: { mailFrom: { localPart: 'a', domain: 'bare.example' } },
    mail: async () => Buffer.from(message('From: a@bare.example')),
  },
];

const CLAIM =
  'spf=pass smtp.mailfrom=victim.example; dkim=pass header.d=victim.example; dmarc=pass header.from=victim.example; arc=pass';

const arcs: readonly Shape[] = [
  {
    name: 'an ARC set of the attacker that claims dmarc=pass',
    mail: ({ attacker }) =>
      seal(
        message(VICTIM_FROM),
        { key: attacker, domain: 'attacker.example' },
        `mx.example; ${CLAIM}`,
      ),
  },
  {
    name: 'an ARC set of a stranger that claims to be of this server',
    mail: ({ attacker }) =>
      seal(
        message(VICTIM_FROM),
        { key: attacker, domain: 'stranger.example' },
        `mx.test; ${CLAIM}`,
      ),
  },
  {
    name: 'an ARC set for the victim by the wrong key',
    mail: ({ attacker }) =>
      seal(
        message(VICTIM_FROM),
        { key: attacker, domain: 'victim.example' },
        `mx.victim.example; ${CLAIM}`,
      ),
  },
];

/** Results that claim to be ours. `mx.test` is this server. */
export const FORGED_RESULTS = [
  `Authentication-Results: mx.test; ${CLAIM}`,
  `authentication-results:MX.TEST;${CLAIM}`,
  `Authentication-Results: (hello) mx.test (you) 1; ${CLAIM}`,
  `Authentication-Results: "mx.test"; ${CLAIM}`,
  `Authentication-Results:\r\n\tmx.test;\r\n\t${CLAIM}`,
  `Authentication-Results: =?utf-8?q?mx.test?=; ${CLAIM}`,
  `Authentication-Results: mx.test.; ${CLAIM}`,
] as const;

const forged: readonly Shape[] = [
  ...FORGED_RESULTS.map((line) => ({
    name: `forged results: ${JSON.stringify(line.slice(0, 48))}`,
    mail: byAttacker(message(VICTIM_FROM, 'Please pay.\r\n', `${line}\r\n`)),
  })),
  {
    name: 'forged Received-SPF',
    mail: byAttacker(
      message(
        VICTIM_FROM,
        'Please pay.\r\n',
        'Received-SPF: pass (mx.test: domain of victim.example) receiver=mx.test\r\n',
      ),
    ),
  },
];

export const shapes: readonly Shape[] = [
  ...fields,
  ...replays,
  ...signatures,
  ...envelopes,
  ...arcs,
  ...forged,
];
