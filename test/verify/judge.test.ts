// What the checks, the lists and the scanners come to together.
import { expect, test } from 'vitest';
import { readHeaderSection } from '../../src/message/header-section.ts';
import {
  composeJudge,
  type JudgeParts,
  type ListResult,
  type ScanResult,
  type SenderRefusal,
  type SenderResult,
} from '../../src/verify/index.ts';

const header = readHeaderSection(Buffer.from('From: ann@a.example\r\n\r\n'), true);
const chunks = [Buffer.from('octets')];

const refusal = (rule: SenderRefusal['rule'], code: number): SenderRefusal => ({
  rule,
  reply: { code, status: '7.1', text: rule },
  subject: 'a.example',
  detail: rule,
});

const SENDER: SenderResult = {
  verification: { spf: 'PASS', dkim: 'GRAY', dmarc: 'PASS', results: ['spf=pass'] },
  sender: {
    authenticated: true,
    domain: 'a.example',
    address: 'ann@a.example',
    by: ['spf'],
    dmarc: 'pass',
    spf: 'pass',
    dkim: [],
    arc: 'none',
  },
  lookups: 2,
};
const SCAN: ScanResult = { spam: 'PASS', virus: 'GRAY', scan: { spam: { verdict: 'PASS' } } };
const LISTS: ListResult = {
  findings: [{ zone: 'list.example', result: 'not-listed', subject: '192.0.2.7' }],
};

interface Heard {
  readonly heard: string[];
  readonly parts: JudgeParts;
}

/** The parts, as far as there is a result of them, and what they were told. */
function partsOf(
  { sender, lists, scan }: { sender?: SenderResult; lists?: ListResult; scan?: ScanResult },
  mayGoOn = true,
): Heard {
  const heard: string[] = [];
  return {
    heard,
    parts: {
      sender: sender && {
        write: (span) => void heard.push(`sender ${span.toString()}`),
        end: async (given) => {
          expect(given).toBe(header);
          return sender;
        },
        discard: () => void heard.push('sender discarded'),
      },
      lists: lists && { findings: async () => lists },
      scan: scan && {
        write: (span) => {
          heard.push(`scan ${span.toString()}`);
          return mayGoOn;
        },
        end: async (given) => {
          expect(given).toBe(chunks);
          return scan;
        },
        discard: () => void heard.push('scan discarded'),
      },
    },
  };
}

function judgement(results: Parameters<typeof partsOf>[0]) {
  return composeJudge(partsOf(results).parts)?.end({ header, chunks });
}

test('without any part nobody judges', () => {
  expect(composeJudge({})).toBeUndefined();
});

test('all parts together: the verdicts of each, and what each found', async () => {
  expect(await judgement({ sender: SENDER, lists: LISTS, scan: SCAN })).toEqual({
    verification: { ...SENDER.verification, spam: 'PASS', virus: 'GRAY' },
    sender: SENDER.sender,
    scan: SCAN.scan,
    lists: LISTS.findings,
  });
});

test('a part that is left out is GRAY and absent', async () => {
  const gray = { spam: 'GRAY', virus: 'GRAY', spf: 'GRAY', dkim: 'GRAY', dmarc: 'GRAY' };
  expect(await judgement({ lists: LISTS })).toEqual({
    verification: { ...gray, results: [] },
    lists: LISTS.findings,
  });
  expect(await judgement({ scan: SCAN })).toEqual({
    verification: { ...gray, spam: 'PASS', results: [] },
    scan: SCAN.scan,
  });
  expect(await judgement({ sender: SENDER })).toEqual({
    verification: { ...SENDER.verification, spam: 'GRAY', virus: 'GRAY' },
    sender: SENDER.sender,
  });
});

test.each<
  [
    what: string,
    sender: SenderRefusal | undefined,
    scan: SenderRefusal | undefined,
    rule: string | undefined,
  ]
>([
  ['none', undefined, undefined, undefined],
  ['of the sender', refusal('dmarc', 550), undefined, 'dmarc'],
  ['of a scanner', undefined, refusal('virus', 550), 'virus'],
  ['of both for good: that of the sender', refusal('spf', 550), refusal('spam', 550), 'spf'],
  ['for good before one for now', refusal('dmarc', 550), refusal('scan-failed', 451), 'dmarc'],
  ['of a scanner that failed', undefined, refusal('scan-failed', 451), 'scan-failed'],
])('the refusal %s', async (_what, sender, scan, rule) => {
  const said = await judgement({
    sender: { ...SENDER, ...(sender && { refusal: sender }) },
    scan: { ...SCAN, ...(scan && { refusal: scan }) },
  });
  expect(said?.refusal?.rule).toBe(rule);
});

test('a mail is set aside by DMARC before a scanner', async () => {
  const scan: ScanResult = { ...SCAN, quarantine: 'spam' };
  expect((await judgement({ sender: SENDER, scan }))?.quarantine).toBe('spam');
  const sender: SenderResult = { ...SENDER, quarantine: 'dmarc' };
  expect((await judgement({ sender, scan }))?.quarantine).toBe('dmarc');
});

test('every part that reads the message gets each span, and a scanner may ask for a pause', () => {
  const { heard, parts } = partsOf({ sender: SENDER, scan: SCAN }, false);
  const judge = composeJudge(parts);
  expect(judge?.write(Buffer.from('one'))).toBe(false);
  judge?.discard();
  expect(heard).toEqual(['sender one', 'scan one', 'sender discarded', 'scan discarded']);
  const calm = partsOf({ sender: SENDER });
  expect(composeJudge(calm.parts)?.write(Buffer.from('one'))).toBe(true);
});
