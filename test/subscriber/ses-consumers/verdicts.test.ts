// What subscribers written for Amazon SES do with the verdicts of a mail: their branches, as public code and the documentation
// of SES have them, on what the bridge announces of mails with each verdict.
import type { SESReceipt } from 'aws-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBridge } from '../../../src/bridge/index.ts';
import type { Verdict, Verification } from '../../../src/verify/index.ts';
import { HashingJudge } from '../../bridge/hashing-judge.ts';
import { deliver, facts, takeNotifications } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

/** The receipt of a mail that was judged so, as SNS delivers it. */
async function receiptOf(verification: Verification): Promise<SESReceipt> {
  await using bridge = createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    judge: () => new HashingJudge({ verification }),
  });
  await deliver(bridge, facts(), 'From: ann@sender.example\r\n\r\nHello\r\n');
  const [delivered] = await takeNotifications(aws, 2);
  return (JSON.parse(delivered?.Message ?? '') as { receipt: SESReceipt }).receipt;
}

function every(verdict: Verdict, more: Partial<Verification> = {}): Verification {
  const all = { spam: verdict, virus: verdict, spf: verdict, dkim: verdict, dmarc: verdict };
  return { ...all, results: [], ...more };
}

type Branch = (receipt: SESReceipt) => string | boolean;

/** What each branch says of the mails of `MAILS`, in their order. */
const BRANCHES: readonly (readonly [name: string, branch: Branch, expected: readonly unknown[]])[] =
  [
    [
      'the documentation of SES: drop what failed SPF, DKIM, spam or virus',
      ({ spfVerdict, dkimVerdict, spamVerdict, virusVerdict }) =>
        [spfVerdict, dkimVerdict, spamVerdict, virusVerdict].some(({ status }) => status === 'FAIL')
          ? 'STOP_RULE_SET'
          : 'CONTINUE',
      ['CONTINUE', 'STOP_RULE_SET', 'CONTINUE', 'CONTINUE', 'CONTINUE'],
    ],
    [
      // `dmarcPolicy` is a text, so this never bounces; without a policy beside FAIL it would throw.
      'the documentation of SES: bounce by dmarcPolicy.status',
      ({ dmarcVerdict, dmarcPolicy }) =>
        dmarcVerdict.status === 'FAIL' &&
        (dmarcPolicy as unknown as { status?: string }).status === 'REJECT',
      [false, false, false, false, false],
    ],
    [
      'one that bounces what DMARC says to reject',
      ({ dmarcVerdict, dmarcPolicy }) =>
        dmarcVerdict.status === 'FAIL' && dmarcPolicy?.toLowerCase() === 'reject',
      [false, true, false, false, false],
    ],
    [
      'one that wants virus and spam passed, and DKIM or DMARC',
      ({ virusVerdict, spamVerdict, dkimVerdict, dmarcVerdict }) => {
        if (virusVerdict.status !== 'PASS') return 'virus';
        if (spamVerdict.status !== 'PASS') return 'spam';
        const isKnown = dkimVerdict.status === 'PASS' || dmarcVerdict.status === 'PASS';
        return isKnown ? 'received' : 'unknown sender';
      },
      ['received', 'virus', 'virus', 'virus', 'unknown sender'],
    ],
    [
      'a mapper to booleans',
      ({ spfVerdict, dkimVerdict, dmarcVerdict }) =>
        [spfVerdict, dkimVerdict, dmarcVerdict].every(({ status }) => status === 'PASS'),
      [true, false, false, false, false],
    ],
    [
      'one that asks again later what could not be checked',
      ({ dmarcVerdict: { status } }) =>
        status === 'PROCESSING_FAILED' || status === 'GRAY' ? 'unknown' : status,
      ['PASS', 'FAIL', 'unknown', 'unknown', 'FAIL'],
    ],
  ];

const MAILS: readonly Verification[] = [
  every('PASS'),
  every('FAIL', { dmarcPolicy: 'reject' }),
  every('GRAY'),
  every('PROCESSING_FAILED'),
  // DMARC failed for a mail that no policy covers: SES has a policy beside every FAIL, and so have we.
  { ...every('PASS'), dkim: 'GRAY', dmarc: 'FAIL' },
];

test.each(BRANCHES)('%s', async (_name, branch, expected) => {
  const said: unknown[] = [];
  for (const mail of MAILS) said.push(branch(await receiptOf(mail)));
  expect(said).toEqual(expected);
});

test('dmarcPolicy stands beside FAIL and nowhere else', async () => {
  const policies: unknown[] = [];
  for (const mail of [...MAILS, every('PASS', { dmarcPolicy: 'reject' })]) {
    policies.push((await receiptOf(mail)).dmarcPolicy);
  }
  expect(policies).toEqual([undefined, 'reject', undefined, undefined, 'none', undefined]);
});
