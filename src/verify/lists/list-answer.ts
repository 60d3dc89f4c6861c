// What the answer of a list means (RFC 5782 section 2.1).
import type { DnsAnswer, FailureReason } from '../dns/resolver.ts';

export type ListAnswer =
  | { readonly kind: 'listed'; readonly codes: readonly string[] }
  | { readonly kind: 'not-listed' }
  | { readonly kind: 'unknown'; readonly reason: FailureReason | 'error-code' | 'strange-answer' };

/** Reads the answer to the question for A records. */
export function readListAnswer(answer: DnsAnswer): ListAnswer {
  switch (answer.kind) {
    case 'failed':
      return { kind: 'unknown', reason: answer.reason };
    case 'no-name':
    case 'no-data':
      return { kind: 'not-listed' };
    case 'records': {
      const { records } = answer;
      if (records.some((address) => address.startsWith('127.255.255.'))) {
        return { kind: 'unknown', reason: 'error-code' };
      }
      // 127.0.0.1 is what some lists answer to a resolver that they do not serve.
      const isEntry = records.every((each) => each.startsWith('127.') && each !== '127.0.0.1');
      return isEntry
        ? { kind: 'listed', codes: records }
        : { kind: 'unknown', reason: 'strange-answer' };
    }
  }
}
