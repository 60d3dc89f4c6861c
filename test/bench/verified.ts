// What the checks of the sender cost the whole program, beside the program without them, and how long a mail waits for DNS
// behind its last octet.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHeaderSection } from '../../src/message/header-section.ts';
import { createResolver, createSenderCheck } from '../../src/verify/index.ts';
import { DnsServer } from '../support/dns-server.ts';
import { makeRsaKey, sign } from '../verify/sender/reference-signer.ts';
import { startEmbeddedAws, startOurs } from './bridge.ts';
import { type Kind, sendLoad } from './load.ts';
import { median } from './measure.ts';
import type { RunningServer } from './processes.ts';
import { inFigures, table } from './report.ts';

const rsa = makeRsaKey(2048);
const KEY = `v=DKIM1; k=rsa; p=${rsa.published}`;
const H = 'from:to:subject:date:message-id:from:subject';
const LINE =
  'It is a truth universally acknowledged, that a single man in possession of a good\r\n';

function mailOf(author: string): string {
  const fields = [`From: Ann <${author}>`, 'To: bob@bench.example', 'Subject: A report'];
  const rest = ['Date: Mon, 2 Nov 2026 10:00:00 +0000', `Message-ID: <1@${author}>`];
  return `${[...fields, ...rest].join('\r\n')}\r\n\r\n${LINE.repeat(44)}`;
}

const KIND: Kind = { octets: 4096, isReused: true, sessions: 16, isTls: false };
const MESSAGES = 2000;
const WARM_UP_MESSAGES = 20_000;

/** CPU of the program for a signed mail of 4 KB with SPF, DKIM and DMARC, and without, in alternation. */
export async function measureVerifiedBridge(rounds: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-bench-verified-'));
  const running: RunningServer[] = [];
  await using dns = await DnsServer.start(`
    sender.example TXT v=spf1 include:spf.sender.example -all
    spf.sender.example TXT v=spf1 ip4:127.0.0.0/8 -all
    s._domainkey.sender.example TXT ${KEY}
    _dmarc.sender.example TXT v=DMARC1; p=reject
  `);
  try {
    const aws = await startEmbeddedAws(running);
    const file = join(folder, 'mail');
    const mail = sign(mailOf('ann@sender.example'), rsa, { h: H, d: 'sender.example' });
    writeFileSync(file, mail.replaceAll('\r\n', '\n'), 'latin1');
    const prepared = { file, from: 'ann@sender.example' };
    const start = (name: string, verify?: object): Promise<RunningServer> =>
      startOurs(aws, aws.environment, join(folder, name), verify);
    const without = await start('without');
    const judged = await start('judged', { resolvers: [dns.address] });
    running.push(without, judged);
    const cpu = new Map([without, judged].map((server) => [server, [] as number[]]));
    for (const server of cpu.keys()) {
      await sendLoad(server.port, { ...KIND, sessions: 64 }, WARM_UP_MESSAGES, prepared);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [server, spent] of cpu) {
        const before = server.cpu();
        await sendLoad(server.port, KIND, MESSAGES, prepared);
        spent.push((server.cpu() - before) / MESSAGES);
      }
    }
    const [off = [], on = []] = cpu.values();
    const more = median(on.map((each, round) => each - (off[round] ?? Number.NaN)));
    return [
      '### CPU of the program for a signed mail of 4 KB, µs',
      table(
        ['without checks', 'SPF, DKIM and DMARC', 'more'],
        [[inFigures(median(off)), inFigures(median(on)), inFigures(more)]],
      ),
    ].join('\n\n');
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true });
  }
}

const DNS_MILLIS = 10;
const SENDERS = 300;

interface Kin {
  readonly name: string;
  /** The zone of the sender, whose domain nobody asked about before. */
  readonly zone: (domain: string) => string;
  readonly signatures: readonly ((domain: string) => string)[];
}

const KINDS: readonly Kin[] = [
  {
    name: 'one include, one signature, a policy at the domain of From',
    zone: (domain) => `
      ${domain} TXT v=spf1 include:spf.${domain} -all
      spf.${domain} TXT v=spf1 ip4:192.0.2.1 -all
      s._domainkey.${domain} TXT ${KEY}
      _dmarc.${domain} TXT v=DMARC1; p=reject`,
    signatures: [(domain) => domain],
  },
  {
    name: 'three includes within one another, an mx, two signatures, the policy two labels up',
    zone: (domain) => `
      a.b.${domain} TXT v=spf1 mx include:one.${domain} -all
      a.b.${domain} MX 10 mx.${domain}
      mx.${domain} A 198.51.100.1
      one.${domain} TXT v=spf1 include:two.${domain} -all
      two.${domain} TXT v=spf1 include:three.${domain} -all
      three.${domain} TXT v=spf1 ip4:192.0.2.1 -all
      s._domainkey.${domain} TXT ${KEY}
      s._domainkey.relay.${domain} TXT ${KEY}
      _dmarc.${domain} TXT v=DMARC1; p=reject`,
    signatures: [(domain) => domain, (domain) => `relay.${domain}`],
  },
];

/**
 * The time from the last octet to the judgement, for senders whose domains were never asked about, over a DNS that takes 10
 * ms for each answer. The whole mail comes with its MAIL: no round trip of SMTP hides any of it. One mail after another.
 */
export async function measureVerifyWait(): Promise<string> {
  const rows: string[][] = [];
  for (const { name, zone, signatures } of KINDS) {
    const domains = Array.from({ length: SENDERS }, (_, at) => `sender${at}.example`);
    await using dns = await DnsServer.start('', DNS_MILLIS);
    const resolver = createResolver({ servers: [dns.address] });
    const checks = createSenderCheck({ resolver, hostname: 'mx.bench.example' });
    const waits: number[] = [];
    // Signed before the clock runs: they are signed and judged in one process.
    const mails = domains.map((domain) => {
      const from = signatures.length === 1 ? domain : `a.b.${domain}`;
      const signed = signatures.reduce(
        (mail, signer) => sign(mail, rsa, { h: H, d: signer(domain) }),
        mailOf(`ann@${from}`),
      );
      const message = Buffer.from(signed, 'latin1');
      return { domain, from, message, header: readHeaderSection(message, true) };
    });
    const judge = async ({ domain, from, message, header }: (typeof mails)[number]) => {
      const path = { localPart: 'ann', domain: from, address: `ann@${from}` };
      const session = { clientAddress: '192.0.2.1', clientDomain: `mail.${domain}` };
      const check = checks.begin(session, path);
      check.write(message);
      const begun = performance.now();
      const { sender } = await check.end(header);
      waits.push(performance.now() - begun);
      if (sender.authenticated !== true) throw new Error(`${domain} is not authenticated`);
    };
    for (const each of mails) {
      // It looks through all of its zone for each question.
      dns.serve(zone(each.domain));
      await judge(each);
    }
    resolver.close();
    const sorted = waits.toSorted((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    rows.push([name, at(0.5), at(0.9), at(0.99), at(1)]);
  }
  return [
    `### Wait for DNS behind the last octet, ms, where each answer takes ${DNS_MILLIS} ms`,
    table(['sender', 'median', 'p90', 'p99', 'longest'], rows),
  ].join('\n\n');
}
