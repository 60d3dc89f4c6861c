// Generated senders: policies × alignment × SPF × signatures, in one zone. What differs between two senders is in their names.
import type { CheckedMail } from './rspamd.ts';
import { makeKey, seal, sign, type Signer } from '../sender/signed-mail.ts';

const rsa = makeKey('rsa');
const other = makeKey('rsa');
const ed25519 = makeKey('ed25519');

/** By name: the records at `_dmarc` of the organization and of its subdomain `sub`. */
const POLICIES = {
  reject: ['v=DMARC1; p=reject'],
  quarantine: ['v=DMARC1; p=quarantine'],
  none: ['v=DMARC1; p=none'],
  strict: ['v=DMARC1; p=reject; adkim=s; aspf=s'],
  subnone: ['v=DMARC1; p=reject; sp=none'],
  subown: ['v=DMARC1; p=reject', 'v=DMARC1; p=quarantine'],
  test: ['v=DMARC1; p=reject; t=y'],
  gone: ['v=DMARC1; p=none; np=reject'],
  broken: ['v=DMARC1; p=block'],
  absent: [],
  dead: ['SERVFAIL'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type PolicyName = keyof typeof POLICIES;

/** The organization of a policy. */
const home = (policy: PolicyName): string => `${policy}.example`;
const FOREIGN = 'foreign.example';

/** A subdomain of the last kind does not exist. */
const FROMS = { same: '', sub: 'sub.', missing: 'missing.' } as const;

interface SpfCase {
  readonly address: string;
  readonly domain: (organization: string) => string;
}

const PASS = '192.0.2.1';
const SPFS = {
  pass: { address: PASS, domain: (organization) => organization },
  'pass of a sister': { address: PASS, domain: (organization) => `sister.${organization}` },
  'pass of a stranger': { address: PASS, domain: () => FOREIGN },
  neutral: { address: '192.0.2.2', domain: (organization) => organization },
  softfail: { address: '192.0.2.3', domain: (organization) => organization },
  fail: { address: '192.0.2.4', domain: (organization) => organization },
  none: { address: PASS, domain: (organization) => `nospf.${organization}` },
  permerror: { address: PASS, domain: (organization) => `badspf.${organization}` },
  temperror: { address: PASS, domain: (organization) => `deadspf.${organization}` },
} as const satisfies Readonly<Record<string, SpfCase>>;

export type SpfName = keyof typeof SPFS;

type Alter = (mail: string) => string;

interface DkimCase {
  readonly signers: (organization: string) => readonly Signer[];
  readonly alter?: Alter;
}

const good = (domain: string): Signer => ({ key: rsa, domain, selector: 'rsa' });
const DKIMS = {
  unsigned: { signers: () => [] },
  good: { signers: (organization) => [good(organization)] },
  'good of a sister': { signers: (organization) => [good(`sister.${organization}`)] },
  'good of a stranger': { signers: () => [good(FOREIGN)] },
  'simple/simple': {
    signers: (organization) => [{ ...good(organization), form: 'simple/simple' }],
  },
  'simple/relaxed': {
    signers: (organization) => [{ ...good(organization), form: 'simple/relaxed' }],
  },
  ed25519: { signers: (organization) => [{ key: ed25519, domain: organization, selector: 'ed' }] },
  'altered body': {
    signers: (organization) => [good(organization)],
    alter: (mail) => mail.replace('Please', 'Do not'),
  },
  'altered subject': {
    signers: (organization) => [good(organization)],
    alter: (mail) => mail.replace('Invoice', 'Receipt'),
  },
  'wrong key': { signers: (organization) => [{ ...good(organization), key: other }] },
  'no key': { signers: (organization) => [{ ...good(organization), selector: 'absent' }] },
  'revoked key': { signers: (organization) => [{ ...good(organization), selector: 'revoked' }] },
  'dead key': { signers: (organization) => [{ ...good(organization), selector: 'dead' }] },
  'l=': {
    signers: (organization) => [{ ...good(organization), bodyLength: 13 }],
    alter: (mail) => `${mail}More.\r\n`,
  },
  'good and wrong': {
    signers: (organization) => [good(organization), { ...good(organization), selector: 'wrong' }],
  },
  'stranger and good': { signers: (organization) => [good(FOREIGN), good(organization)] },
} as const satisfies Readonly<Record<string, DkimCase>>;

export type DkimName = keyof typeof DKIMS;

const ARCS = [
  'none',
  'sealed',
  'sealed and altered',
  'sealed by the wrong key',
  'sealed without a key',
] as const;
export type ArcName = (typeof ARCS)[number];

export interface Sender {
  readonly name: string;
  readonly policy: PolicyName;
  readonly from: keyof typeof FROMS;
  readonly spf: SpfName;
  readonly dkim: DkimName;
  readonly arc: ArcName;
}

function keysOf<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[];
}

/**
 * Every policy with every pair of SPF and DKIM that can matter to it would be thousands; so: every policy with every SPF result of
 * unsigned mail, and with every kind of signature where SPF proves nothing, where it fails, and where it passes; and every kind of
 * ARC chain.
 */
export function makeSenders(): Sender[] {
  const senders: Sender[] = [];
  const add = (sender: Omit<Sender, 'name'>): void => {
    const { policy, from, spf, dkim, arc } = sender;
    const name = `${policy}, From ${from}, SPF ${spf}, DKIM ${dkim}, ARC ${arc}`;
    if (!senders.some((each) => each.name === name)) senders.push({ name, ...sender });
  };
  for (const policy of keysOf(POLICIES)) {
    for (const from of keysOf(FROMS)) {
      for (const spf of keysOf(SPFS)) add({ policy, from, spf, dkim: 'unsigned', arc: 'none' });
      for (const dkim of keysOf(DKIMS)) {
        for (const spf of ['none', 'fail', 'pass of a stranger'] as const) {
          add({ policy, from, spf, dkim, arc: 'none' });
        }
      }
    }
  }
  for (const arc of ARCS) {
    for (const policy of ['reject', 'none', 'absent'] as const) {
      add({ policy, from: 'same', spf: 'fail', dkim: 'unsigned', arc });
      add({ policy, from: 'same', spf: 'fail', dkim: 'altered body', arc });
    }
  }
  return senders;
}

export async function makeMail({ policy, from, spf, dkim, arc }: Sender): Promise<CheckedMail> {
  const organization = home(policy);
  const { address, domain }: SpfCase = SPFS[spf];
  const { signers, alter }: DkimCase = DKIMS[dkim];
  const author = `ceo@${FROMS[from]}${organization}`;
  let mail: Buffer = Buffer.from(
    `From: The CEO <${author}>\r\nTo: pay@mx.example\r\nSubject: Invoice\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@${organization}>\r\n\r\nPlease pay.\r\n`,
  );
  for (const signer of signers(organization)) {
    mail = await sign(
      mail,
      signer.selector === 'wrong' ? { ...signer, selector: 'rsa', key: other } : signer,
    );
  }
  if (alter !== undefined) mail = Buffer.from(alter(mail.toString('latin1')), 'latin1');
  if (arc !== 'none') {
    const key = arc === 'sealed by the wrong key' ? other : rsa;
    const selector = arc === 'sealed without a key' ? 'absent' : 'rsa';
    mail = await seal(
      mail,
      { key, domain: FOREIGN, selector },
      `${FOREIGN}; spf=pass smtp.mailfrom=${organization}`,
    );
    if (arc === 'sealed and altered') {
      mail = Buffer.from(
        mail.toString('latin1').replace(/(\r\n\r\n).*\r\n$/s, '$1Gone.\r\n'),
        'latin1',
      );
    }
  }
  const envelope = domain(organization);
  return { mail, address, helo: `mail.${envelope}`, envelopeFrom: `bounce@${envelope}` };
}

const SPF_RECORD = 'v=spf1 ip4:192.0.2.1 ?ip4:192.0.2.2 ~ip4:192.0.2.3 -all';

/** For the DNS server of the tests. */
export function makeZone(): string {
  const lines: string[] = [];
  const addDomain = (domain: string): void => {
    lines.push(
      `${domain} A 192.0.2.10`,
      `${domain} TXT ${SPF_RECORD}`,
      `rsa._domainkey.${domain} TXT ${rsa.record}`,
      `ed._domainkey.${domain} TXT ${ed25519.record}`,
      `revoked._domainkey.${domain} TXT v=DKIM1; k=rsa; p=`,
      `dead._domainkey.${domain} TXT SERVFAIL`,
      `nospf.${domain} A 192.0.2.10`,
      `badspf.${domain} TXT v=spf1 ip4:nonsense -all`,
      `deadspf.${domain} TXT SERVFAIL`,
    );
  };
  for (const policy of keysOf(POLICIES)) {
    const organization = home(policy);
    for (const domain of [organization, `sub.${organization}`, `sister.${organization}`])
      addDomain(domain);
    const [own, ofSub]: readonly string[] = POLICIES[policy];
    if (own !== undefined) lines.push(`_dmarc.${organization} TXT ${own}`);
    if (ofSub !== undefined) lines.push(`_dmarc.sub.${organization} TXT ${ofSub}`);
  }
  addDomain(FOREIGN);
  lines.push(`_dmarc.${FOREIGN} TXT v=DMARC1; p=reject`);
  return lines.join('\n');
}
