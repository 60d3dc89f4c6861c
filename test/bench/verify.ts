// What the checks of the sender cost by themselves: CPU per mail, with DNS that answers at once as a cache does, and the
// longest time that they hold the thread while a large mail arrives.
import { randomBytes } from 'node:crypto';
import { readHeaderSection } from '../../src/message/header-section.ts';
import { KeyCache } from '../../src/verify/sender/dkim/key-cache.ts';
import { SignatureCheck } from '../../src/verify/sender/dkim/signature-check.ts';
import { HeaderCollector } from '../../src/verify/sender/header/header-octets.ts';
import { createSenderCheck } from '../../src/verify/sender/sender-check.ts';
import { checkSpf } from '../../src/verify/sender/spf/check-spf.ts';
import { type Zone, ZoneLookups } from '../support/zone-lookups.ts';
import { judgeByMailauth } from '../verify/sender/mailauth.ts';
import { makeEd25519Key, makeRsaKey, sign } from '../verify/sender/reference-signer.ts';
import { inFigures, table } from './report.ts';

const MAILS = 2000;
const ROUNDS = 9;
const LARGE_OCTETS = 30_000_000;
/** What Node.js reads from a socket in one go. */
const SPAN_OCTETS = 65_536;

const rsa = makeRsaKey(2048);
const ed25519 = makeEd25519Key();
const zone: Zone = {
  '_dmarc.a.example TXT': ['v=DMARC1; p=reject'],
  'a.example TXT': ['v=spf1 include:b.example -all'],
  'b.example TXT': ['v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all'],
  's._domainkey.a.example TXT': [`v=DKIM1; k=rsa; p=${rsa.published}`],
  'ed._domainkey.a.example TXT': [`v=DKIM1; k=ed25519; p=${ed25519.published}`],
};

const WORDS = 'It is a truth universally acknowledged, that a single man in  possession of a good';
const bodies = {
  base64: (octets: number): string =>
    (
      randomBytes((octets * 3) / 4)
        .toString('base64')
        .match(/.{1,76}/g) ?? []
    ).join('\r\n'),
  text: (octets: number): string => `${WORDS}\r\n`.repeat(Math.ceil(octets / (WORDS.length + 2))),
};

function mail(octets: number, body: keyof typeof bodies): string {
  const fields = ['Received: from x by y with ESMTP id 1; Mon, 2 Nov 2026 10:00:00 +0000']
    .concat(['From: Ann <ann@a.example>', 'To: bob@r.example', 'Subject: A report', 'Date: x'])
    .concat(['Message-ID: <1@a.example>', 'MIME-Version: 1.0', 'Content-Type: text/plain']);
  return `${fields.join('\r\n')}\r\n\r\n${bodies[body](octets - 400)}`;
}

const H = 'from:to:subject:date:message-id:mime-version:content-type:from:subject';
const small = Buffer.from(sign(mail(4096, 'text'), rsa, { h: H }), 'latin1');
const smallEd = Buffer.from(sign(mail(4096, 'text'), ed25519, { h: H, s: 'ed' }), 'latin1');

export async function measureVerify(): Promise<string> {
  const keys = new KeyCache();
  const spf = (): Promise<unknown> =>
    checkSpf({
      lookups: new ZoneLookups(zone),
      address: '192.0.2.1',
      helo: 'mail.a.example',
      reversePath: { localPart: 'ann', domain: 'a.example' },
      hostname: 'mx.r.example',
    });
  const signatures = (message: Buffer) => async (): Promise<unknown> =>
    (await judge(message, keys)).result;
  const rows: (readonly [string, () => Promise<unknown>, number])[] = [
    ['SPF with one include', spf, MAILS],
    ['DKIM, one RSA signature of 2048 bits', signatures(small), MAILS],
    ['DKIM, one Ed25519 signature', signatures(smallEd), MAILS],
    ['SPF, DKIM by RSA and DMARC, as for each mail', judgeSender(small), MAILS],
    [
      'DKIM by RSA, by mailauth as a whole',
      () => judgeByMailauth(small.toString('latin1'), { zone, now: Date.now() }),
      MAILS / 10,
    ],
  ];
  const costs: string[][] = [];
  for (const [name, run, mails] of rows) {
    costs.push([name, inFigures(await cpuPerMail(run, mails))]);
  }
  const large: string[][] = [];
  for (const body of ['base64', 'text'] as const) {
    for (const c of ['relaxed/relaxed', 'simple/simple']) {
      const message = Buffer.from(sign(mail(LARGE_OCTETS, body), rsa, { h: H, c }), 'latin1');
      const cells = await measureLarge(message, keys);
      large.push([`${body}, ${c}`, ...cells.map((each) => inFigures(each))]);
    }
  }
  return [
    '### Checks of the sender: CPU per mail of 4 KB, µs',
    table(['check', 'µs'], costs),
    '### DKIM of a mail of 30 MB',
    table(['body', 'CPU, ms', 'longest span, ms of CPU', 'memory kept, KiB'], large),
  ].join('\n\n');
}

/** What the program does for a mail, with the header section as it reads it anyway. */
function judgeSender(message: Buffer): () => Promise<unknown> {
  const checks = createSenderCheck({
    resolver: { forMail: () => new ZoneLookups(zone) },
    hostname: 'mx.r.example',
  });
  const header = readHeaderSection(message, true);
  const session = { clientAddress: '192.0.2.1', clientDomain: 'mail.a.example' };
  const path = { localPart: 'ann', domain: 'a.example', address: 'ann@a.example' };
  return async () => {
    const check = checks.begin(session, path);
    check.write(message);
    const { sender } = await check.end(header);
    if (sender.authenticated !== true) throw new Error('the small mail is not authenticated');
  };
}

interface Judged {
  readonly result: string | undefined;
  /** Milliseconds of CPU of the longest call. */
  readonly longest: number;
}

async function judge(message: Buffer, keys: KeyCache): Promise<Judged> {
  const check = new SignatureCheck({
    dkim: true,
    arc: true,
    lookups: new ZoneLookups(zone),
    keys,
    now: Date.now(),
  });
  const collector = new HeaderCollector();
  let longest = 0;
  for (let at = 0; at < message.length; at += SPAN_OCTETS) {
    const span = message.subarray(at, at + SPAN_OCTETS);
    const before = at === 0 ? undefined : process.cpuUsage();
    const bodyStart = collector.write(span);
    if (at === 0) check.begin(collector.end());
    check.write(span, bodyStart);
    if (before !== undefined) longest = Math.max(longest, milliseconds(process.cpuUsage(before)));
  }
  const { dkim } = await check.end();
  return { result: dkim[0]?.result, longest };
}

async function cpuPerMail(run: () => Promise<unknown>, mails: number): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let mailNumber = 0; mailNumber < mails; mailNumber += 1) await run();
    rounds.push((milliseconds(process.cpuUsage(before)) * 1000) / mails);
  }
  return medianOf(rounds);
}

/** CPU, the longest span and what memory grew by, each the median of its rounds. */
async function measureLarge(message: Buffer, keys: KeyCache): Promise<number[]> {
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const held = process.memoryUsage().arrayBuffers;
    const before = process.cpuUsage();
    const { result, longest } = await judge(message, keys);
    const cpu = milliseconds(process.cpuUsage(before));
    if (result !== 'pass') throw new Error(`the large mail is ${result}`);
    rounds.push([cpu, longest, (process.memoryUsage().arrayBuffers - held) / 1024]);
  }
  return [0, 1, 2].map((column) => medianOf(rounds.map((each) => each[column] ?? 0)));
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
