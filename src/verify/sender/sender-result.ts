// What the checks of one sender come to: verdicts, findings, trace clauses, and whether the mail is taken.
import type { SenderFindings, SenderRefusal, Verification } from '../judgement.ts';
import type { ArcResult } from './arc/arc-result.ts';
import type { Author } from './author/author.ts';
import type { DkimResult } from './dkim/dkim-result.ts';
import type { Dmarc } from './dmarc/dmarc.ts';
import { isQuarantined, refuseByDmarc, refuseBySpf } from './refusal.ts';
import { type ClauseSource, renderClauses } from './results/authentication-results.ts';
import { renderReceivedSpf } from './results/received-spf.ts';
import { type AlignedSignature, dkimVerdict, verdictOf } from './results/verdicts.ts';
import type { SenderModes } from './sender-modes.ts';
import type { SpfResult } from './spf/spf-result.ts';

export interface SenderResult {
  readonly verification: Omit<Verification, 'spam' | 'virus'>;
  readonly sender: SenderFindings;
  /** DMARC failed, its mode is `reject`, and the policy is `quarantine`. */
  readonly quarantine?: 'dmarc';
  readonly refusal?: SenderRefusal;
  /** DNS look-ups made, cached ones counted. */
  readonly lookups: number;
}

/** Absent results: not checked. */
export interface SenderChecks {
  readonly modes: SenderModes;
  readonly hostname: string;
  /** Of the client. */
  readonly address: string;
  readonly helo: string;
  /** The address of the envelope; `''` for the null reverse-path. */
  readonly envelopeFrom: string;
  readonly author: Author;
  readonly spf: SpfResult | undefined;
  readonly dkim: readonly DkimResult[] | undefined;
  readonly unjudged: number;
  readonly arc: ArcResult | undefined;
  readonly dmarc: Dmarc | undefined;
  readonly lookups: number;
}

export function summarize(checks: SenderChecks): SenderResult {
  const { modes, spf, dmarc, author, lookups } = checks;
  const refusal =
    (modes.spf === 'reject' && spf !== undefined && refuseBySpf(spf, checks.address)) ||
    (modes.dmarc === 'reject' && dmarc !== undefined && refuseByDmarc(dmarc)) ||
    undefined;
  const isSetAside = modes.dmarc === 'reject' && dmarc !== undefined && isQuarantined(dmarc);
  const dmarcVerdict = verdictOf('dmarc', dmarc?.result ?? 'none');
  return {
    verification: {
      spf: verdictOf('spf', spf?.result ?? 'none'),
      dkim: dkimVerdict(signaturesOf(checks)),
      dmarc: dmarcVerdict,
      ...(dmarcVerdict === 'FAIL' && { dmarcPolicy: dmarc?.policy ?? 'none' }),
      results: renderClauses(clauseSource(checks)),
      ...(spf !== undefined && {
        receivedSpf: renderReceivedSpf({
          ...spf,
          envelopeFrom: checks.envelopeFrom,
          helo: checks.helo,
          address: checks.address,
          hostname: checks.hostname,
        }),
      }),
    },
    sender: findingsOf(checks, author),
    ...(isSetAside && { quarantine: 'dmarc' }),
    ...(refusal !== undefined && { refusal }),
    lookups,
  };
}

function findingsOf(checks: SenderChecks, author: Author): SenderFindings {
  const { spf, dmarc, arc } = checks;
  const signatures = signaturesOf(checks);
  const isClear = author.kind === 'mailbox' && author.doubt === undefined;
  const isPass = isClear && dmarc?.result === 'pass';
  const by: SenderFindings['by'][number][] = [];
  if (isPass && signatures.some(isProof)) by.push('dkim');
  if (isPass && spf?.result === 'pass' && dmarc.spf === 'aligned') by.push('spf');
  return {
    // DNS can leave open only what a clear From could have been.
    authenticated: isPass ? true : isClear && dmarc?.result === 'temperror' ? null : false,
    ...(author.kind === 'mailbox' && { domain: author.domain, address: author.address }),
    by,
    dmarc: dmarc?.result ?? 'none',
    spf: spf?.result ?? 'none',
    dkim: (checks.dkim ?? []).map(({ result, domain, selector, partial }, index) => ({
      result,
      domain,
      selector,
      aligned: signatures[index]?.alignment === 'aligned',
      ...(partial === true && { partial }),
    })),
    arc: arc?.result ?? 'none',
  };
}

function isProof({ result, alignment, partial }: AlignedSignature): boolean {
  return result === 'pass' && alignment === 'aligned' && partial !== true;
}

function signaturesOf({ dkim = [], dmarc }: SenderChecks): AlignedSignature[] {
  return dkim.map((each, index) => ({ ...each, alignment: dmarc?.dkim[index] ?? 'unaligned' }));
}

function clauseSource({
  author,
  spf,
  dkim,
  unjudged,
  dmarc,
  arc,
  address,
}: SenderChecks): ClauseSource {
  const doubt = author.kind === 'mailbox' ? author.doubt : undefined;
  const domain = author.kind === 'mailbox' ? author.domain : dmarc?.policyOf;
  const reason = doubt ?? dmarc?.reason;
  return {
    address,
    unjudged,
    ...(spf && { spf }),
    ...(dkim && { dkim }),
    ...(dmarc && {
      dmarc: {
        result: dmarc.result,
        ...(domain !== undefined && { domain }),
        ...(dmarc.policy !== undefined && { policy: dmarc.policy }),
        ...(reason !== undefined && { reason }),
      },
    }),
    ...(arc && { arc }),
  };
}
