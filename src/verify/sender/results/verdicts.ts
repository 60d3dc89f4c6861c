// Results as the verdicts of Amazon SES, and as what a consumer may act on.
import type { CheckResult, Verdict } from '../../judgement.ts';
import type { Alignment } from '../dmarc/alignment.ts';

/** Of SPF and of DMARC; a `permerror` of DMARC is FAIL, since it is the sender who wrote such a From. */
export function verdictOf(method: 'spf' | 'dmarc', result: CheckResult): Verdict {
  switch (result) {
    case 'pass':
      return 'PASS';
    case 'fail':
      return 'FAIL';
    case 'temperror':
      return 'PROCESSING_FAILED';
    case 'permerror':
      return method === 'dmarc' ? 'FAIL' : 'GRAY';
    case 'softfail':
    case 'neutral':
    case 'none':
    case 'policy':
      return 'GRAY';
  }
}

export interface AlignedSignature {
  readonly result: CheckResult;
  readonly alignment: Alignment;
  readonly partial?: true;
  /** Its domain only tests DKIM: what fails counts as unsigned (RFC 6376 section 3.6.1). */
  readonly testing?: true;
}

/** Only a signature that speaks for the domain of From counts. */
export function dkimVerdict(signatures: readonly AlignedSignature[]): Verdict {
  const whole = signatures.filter(({ partial }) => partial !== true);
  const some = (test: (signature: AlignedSignature) => boolean): boolean => whole.some(test);
  if (some(({ result, alignment }) => result === 'pass' && alignment === 'aligned')) return 'PASS';
  const isOpen = some(
    ({ result, alignment }) =>
      (result === 'temperror' && alignment !== 'unaligned') ||
      (result === 'pass' && alignment === 'unknown'),
  );
  if (isOpen) return 'PROCESSING_FAILED';
  const hasFailed = signatures.some(
    ({ result, alignment, testing }) =>
      result === 'fail' && alignment === 'aligned' && testing !== true,
  );
  return hasFailed ? 'FAIL' : 'GRAY';
}
