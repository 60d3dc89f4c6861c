// What the checks said of a mail, for its line in the log and for the metrics.
import { cleanText, type Metrics } from '../../telemetry/index.ts';
import type { Judgement } from '../../verify/index.ts';

export interface Judged {
  readonly judgement: Judgement;
  readonly millis: number;
}

/** A domain is at most 255 octets. */
export const SUBJECT_CHARACTERS = 255;
export const DETAIL_CHARACTERS = 500;
const SHOWN_SIGNATURES = 10;

export function countJudged(metrics: Metrics, { judgement, millis }: Judged): void {
  const { sender } = judgement;
  metrics.record('VerifyLatency', {}, millis);
  if (sender === undefined) return;
  const { spf, dmarc, arc, dkim } = sender;
  const results = [spf, dmarc, arc, ...dkim.map(({ result }) => result)];
  if (results.includes('temperror')) metrics.count('VerifyTempErrors', {});
}

/** One word or so for each check; `undefined` for what was not done. */
export function judgedFields(judged: Judged | undefined) {
  const { sender, scan, lists, quarantine } = judged?.judgement ?? {};
  const found = lists?.filter(({ result }) => result !== 'not-listed');
  return {
    authenticated: sender?.authenticated,
    senderDomain: sender?.domain,
    spf: sender?.spf,
    dkim: sender?.dkim
      .slice(0, SHOWN_SIGNATURES)
      .map(({ result, domain }) => `${result} ${cleanText(domain, SUBJECT_CHARACTERS)}`.trim()),
    dmarc: sender?.dmarc,
    arc: sender?.arc,
    spam: scan?.spam && wordsOf(scan.spam.verdict, scan.spam.score, scan.spam.notScanned),
    virus: scan?.virus && wordsOf(scan.virus.verdict, scan.virus.signature, scan.virus.notScanned),
    lists: found?.map(({ zone, result }) => `${result} ${zone}`),
    quarantine,
    judgeMillis: judged?.millis,
  };
}

function wordsOf(...words: readonly (string | number | undefined)[]): string {
  return cleanText(words.filter((word) => word !== undefined).join(' '), DETAIL_CHARACTERS);
}
