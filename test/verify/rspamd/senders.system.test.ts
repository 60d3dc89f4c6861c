// Generated senders, judged by rspamd and by Mailsluice over one DNS server: both say the same of SPF, DKIM, DMARC and ARC, but for
// the differences that differences.ts explains.
import { expect, onTestFinished, test } from 'vitest';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { createSenderCheck } from '../../../src/verify/sender/sender-check.ts';
import type { SenderResult } from '../../../src/verify/sender/sender-result.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { missing } from '../../support/programs.ts';
import { differences } from './differences.ts';
import { type CheckedMail, Rspamd, type Symbols } from './rspamd.ts';
import { makeMail, makeSenders, makeZone, type Sender } from './senders.ts';

/** What both say, in one set of words. */
interface Said {
  readonly spf: string;
  /** `domain:selector result` of each signature, sorted. */
  readonly dkim: string;
  /** With the policy where it fails. */
  readonly dmarc: string;
  readonly arc: string;
}

const CHECKS = ['spf', 'dkim', 'dmarc', 'arc'] as const;
const AT_ONCE = 4;

const SPF: Readonly<Record<string, string>> = {
  R_SPF_ALLOW: 'pass',
  R_SPF_FAIL: 'fail',
  R_SPF_SOFTFAIL: 'softfail',
  R_SPF_NEUTRAL: 'neutral',
  R_SPF_NA: 'none',
  R_SPF_DNSFAIL: 'temperror',
  R_SPF_PERMFAIL: 'permerror',
};
const DKIM: Readonly<Record<string, string>> = {
  R_DKIM_ALLOW: 'pass',
  R_DKIM_REJECT: 'fail',
  R_DKIM_TEMPFAIL: 'temperror',
  R_DKIM_PERMFAIL: 'permerror',
};
const DMARC: Readonly<Record<string, string>> = {
  DMARC_POLICY_ALLOW: 'pass',
  DMARC_POLICY_REJECT: 'fail reject',
  DMARC_POLICY_QUARANTINE: 'fail quarantine',
  DMARC_POLICY_SOFTFAIL: 'fail none',
  DMARC_NA: 'none',
  DMARC_DNSFAIL: 'temperror',
  DMARC_BAD_POLICY: 'permerror',
};
const ARC: Readonly<Record<string, string>> = {
  ARC_ALLOW: 'pass',
  ARC_REJECT: 'fail',
  ARC_INVALID: 'permerror',
  ARC_DNSFAIL: 'temperror',
  ARC_NA: 'none',
};

/** Exactly one symbol of each table, but for DKIM, that has one for each result. */
function saidByRspamd(symbols: Symbols): Said {
  const only = (table: Readonly<Record<string, string>>): string =>
    [...symbols.keys()].flatMap((name) => table[name] ?? []).join(' and ');
  const signatures = [...symbols].flatMap(([name, options]) => {
    const result = DKIM[name];
    return result === undefined
      ? []
      : options.map((option) => `${option.replace(':s=', ':')} ${result}`);
  });
  return {
    spf: only(SPF),
    dkim: signatures.toSorted().join(', '),
    dmarc: only(DMARC),
    arc: only(ARC),
  };
}

function saidByUs({ sender, verification }: SenderResult): Said {
  const { dmarcPolicy } = verification;
  return {
    spf: sender.spf,
    dkim: sender.dkim
      .map(({ domain, selector, result }) => `${domain}:${selector} ${result}`)
      .toSorted()
      .join(', '),
    dmarc: dmarcPolicy === undefined ? sender.dmarc : `${sender.dmarc} ${dmarcPolicy}`,
    arc: sender.arc,
  };
}

test('rspamd and Mailsluice judge senders alike, but for the differences that have a reason', async ({
  skip,
}) => {
  const reason = missing('rspamd');
  skip(reason !== undefined, reason);
  const dns = await DnsServer.start(makeZone());
  onTestFinished(() => dns[Symbol.asyncDispose]());
  const rspamd = await Rspamd.start(dns.address, ['example']);
  onTestFinished(() => rspamd[Symbol.asyncDispose]());
  const resolver = createResolver({ servers: [dns.address] });
  onTestFinished(() => resolver[Symbol.asyncDispose]());
  const check = createSenderCheck({ resolver, hostname: 'mx.test' });
  const judge = ({ mail, address, helo, envelopeFrom }: CheckedMail): Promise<SenderResult> => {
    const [localPart = '', domain = ''] = envelopeFrom.split('@');
    const session = { clientAddress: address, clientDomain: helo };
    const sender = check.begin(session, { localPart, domain, address: envelopeFrom });
    sender.write(mail);
    return sender.end(readHeaderSection(mail, true));
  };

  const senders = makeSenders();
  expect(senders.length).toBeGreaterThanOrEqual(300);
  const waiting = [...senders];
  const found: { name: string; check: string; rspamd: string; mailsluice: string }[] = [];
  const seen = new Set<string>();
  const work = async (): Promise<void> => {
    for (let sender = waiting.pop(); sender !== undefined; sender = waiting.pop()) {
      const mail = await makeMail(sender);
      const theirs = saidByRspamd(await rspamd.check(mail));
      const ours = saidByUs(await judge(mail));
      for (const each of CHECKS) {
        seen.add(`${each} ${ours[each].replace(/\S*:\S* /g, '')}`);
        if (theirs[each] === ours[each]) continue;
        found.push({
          name: sender.name,
          check: each,
          rspamd: theirs[each],
          mailsluice: ours[each],
        });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));

  const explained = (sender: Sender) =>
    differences
      .filter(({ applies }) => applies(sender))
      .map(({ check: each, rspamd: theirs, mailsluice }) => ({
        name: sender.name,
        check: each,
        rspamd: theirs,
        mailsluice,
      }));
  const byName = (list: typeof found) => list.map((each) => JSON.stringify(each)).toSorted();
  expect(byName(found)).toEqual(byName(senders.flatMap(explained)));
  for (const { applies, reason: why } of differences) expect(senders.some(applies), why).toBe(true);
  // The senders reach every result that both can give.
  for (const result of ['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror']) {
    expect(seen).toContain(`spf ${result}`);
  }
  for (const result of ['pass', 'fail', 'temperror', 'permerror', ''])
    expect(seen).toContain(`dkim ${result}`);
  for (const result of [
    'pass',
    'fail reject',
    'fail quarantine',
    'fail none',
    'none',
    'temperror',
  ]) {
    expect(seen).toContain(`dmarc ${result}`);
  }
  for (const result of ['pass', 'fail', 'none']) expect(seen).toContain(`arc ${result}`);
}, 300_000);
