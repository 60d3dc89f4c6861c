// What the DNS client tells of its work, for metrics and logs. Without the names that were asked: in one may be the key of
// a list.
import type { FailureReason, RecordType } from './resolver.ts';

export type DnsEvent =
  | {
      /** A question was answered by a server. */
      readonly kind: 'look-up';
      readonly type: RecordType;
      readonly result: 'records' | 'no-name' | 'no-data';
      readonly milliseconds: number;
      /** Questions sent for it. */
      readonly tries: number;
    }
  | {
      /** A question was not answered. */
      readonly kind: 'failure';
      readonly type: RecordType;
      readonly reason: FailureReason;
      readonly milliseconds: number;
      readonly tries: number;
    }
  | { readonly kind: 'cache-hit' }
  /** The question was under way already. */
  | { readonly kind: 'joined' }
  /** A look-up was not made: the bound of its mail, or of those that wait, was reached. */
  | { readonly kind: 'over-bound' }
  /** A message that is no answer to the question came from the address of this server: somebody may be guessing. */
  | { readonly kind: 'foreign-answer'; readonly server: string };
