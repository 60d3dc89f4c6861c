// From what the scanners say to the part of a judgement.
import { firstRefusal } from '../first-refusal.ts';
import type { Rule, ScanFindings, SenderRefusal, Verdict } from '../judgement.ts';
import type {
  ScannedMail,
  ScannersOptions,
  ScanResult,
  SpamOutcome,
  VirusOutcome,
} from './options.ts';
import { replies } from './replies.ts';

/** rspamd's actions: https://rspamd.com/doc/configuration/metrics.html. One of the operator's own is GRAY. */
const VERDICTS: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['no action', 'PASS'],
  ['greylist', 'GRAY'],
  ['soft reject', 'GRAY'],
  ['add header', 'FAIL'],
  ['rewrite subject', 'FAIL'],
  ['quarantine', 'FAIL'],
  ['reject', 'FAIL'],
  ['discard', 'FAIL'],
]);

type Options = Pick<ScannersOptions, 'spam' | 'virus' | 'onFailure'>;

/** What one scanner says of one mail. */
interface Part<Findings> {
  readonly findings: Findings;
  readonly quarantine?: boolean;
  readonly refusal?: SenderRefusal;
}

/** `undefined`: there is no such scanner. What is certain comes first: a virus, spam, then what could not be checked. */
export function resultOf(
  mail: ScannedMail,
  options: Options,
  spam: SpamOutcome | undefined,
  virus: VirusOutcome | undefined,
): ScanResult {
  const subject = mail.reversePath.split('@').at(-1) || mail.clientAddress;
  const ofSpam = spam && spamPart(spam, options, subject);
  const ofVirus = virus && virusPart(virus, options, subject);
  const refusal = firstRefusal(ofVirus?.refusal, ofSpam?.refusal);
  const quarantine =
    ofVirus?.quarantine === true ? 'virus' : ofSpam?.quarantine === true ? 'spam' : undefined;
  return {
    spam: ofSpam?.findings.verdict ?? 'GRAY',
    virus: ofVirus?.findings.verdict ?? 'GRAY',
    scan: {
      ...(ofSpam && { spam: ofSpam.findings }),
      ...(ofVirus && { virus: ofVirus.findings }),
    },
    ...(quarantine && { quarantine }),
    ...(refusal && { refusal }),
  };
}

function spamPart(
  outcome: SpamOutcome,
  { spam, onFailure }: Options,
  subject: string,
): Part<NonNullable<ScanFindings['spam']>> {
  if (outcome.kind !== 'scored') return notScanned(outcome, 'rspamd', onFailure, subject);
  const { score, action, symbols } = outcome;
  const isOver = (threshold: number | undefined) => threshold !== undefined && score >= threshold;
  const isRefused = isOver(spam?.reject);
  const isSetAside = isOver(spam?.quarantine);
  const verdict = isRefused || isSetAside ? 'FAIL' : (VERDICTS.get(action) ?? 'GRAY');
  return {
    findings: { verdict, score, symbols },
    ...(isSetAside && { quarantine: true }),
    ...(isRefused && {
      refusal: refusalBy(
        'spam',
        subject,
        `rspamd: score ${score}, ${action}, ${symbols.join(' ')}`,
      ),
    }),
  };
}

function virusPart(
  outcome: VirusOutcome,
  { virus, onFailure }: Options,
  subject: string,
): Part<NonNullable<ScanFindings['virus']>> {
  if (outcome.kind === 'clean') return { findings: { verdict: 'PASS' } };
  if (outcome.kind !== 'found') return notScanned(outcome, 'clamd', onFailure, subject);
  const { signature } = outcome;
  return {
    findings: { verdict: 'FAIL', signature },
    ...(virus?.action === 'quarantine' && { quarantine: true }),
    ...(virus?.action === 'reject' && {
      refusal: refusalBy('virus', subject, `clamd: ${signature}`),
    }),
  };
}

function notScanned(
  outcome: Extract<SpamOutcome & VirusOutcome, { kind: 'not-scanned' | 'failed' }>,
  scanner: string,
  onFailure: Options['onFailure'],
  subject: string,
): Part<{ readonly verdict: Verdict; readonly notScanned: 'too-large' | 'skipped' | 'failed' }> {
  if (outcome.kind === 'not-scanned') {
    return { findings: { verdict: 'GRAY', notScanned: outcome.because } };
  }
  const { reason, detail } = outcome;
  return {
    findings: { verdict: 'GRAY', notScanned: 'failed' },
    ...(onFailure === 'defer' && {
      refusal: refusalBy('scan-failed', subject, `${scanner}: ${reason}, ${detail}`),
    }),
  };
}

const DETAIL_CHARACTERS = 300;
const REPLIES = { virus: replies.virus, spam: replies.spam, 'scan-failed': replies.scanFailed };

function refusalBy(
  rule: Extract<Rule, keyof typeof REPLIES>,
  subject: string,
  detail: string,
): SenderRefusal {
  return { rule, subject, reply: REPLIES[rule], detail: detail.slice(0, DETAIL_CHARACTERS) };
}
