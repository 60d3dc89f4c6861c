// What the lists are told, and what they tell.
import type { ListFinding, SenderRefusal } from '../judgement.ts';
import type { FailureReason, Resolver } from '../dns/resolver.ts';

/** What a list has entries of. */
export type ListKind = 'address' | 'domain';

/** One DNS list (RFC 5782). */
export interface DnsListOptions {
  /** As in `zen.spamhaus.org`. */
  readonly zone: string;
  /** Is asked as a label before the zone, and shown nowhere: the key of Spamhaus' Data Query Service. */
  readonly key?: string;
  readonly action: 'mark' | 'reject';
  /** Default: what its test entries show. Needed for a zone that has entries of both. */
  readonly kind?: ListKind;
}

/** Why it is not known whether something is listed. */
export type UnknownReason =
  | FailureReason
  /** 127.255.255.0/24: the list refuses the question. */
  | 'error-code'
  /** 127.0.0.1, or outside 127.0.0.0/8: no list answers so, but one that is gone or blocks the resolver does. */
  | 'strange-answer'
  /** The list has not passed its test. */
  | 'untested';

/** Why a list has not passed its test (RFC 5782 section 5). */
export type TestFault =
  | FailureReason
  | 'error-code'
  | 'strange-answer'
  /** 127.0.0.2, ::FFFF:7F00:2 or TEST is not listed: the list is empty, or no list. */
  | 'not-listed'
  /** 127.0.0.1, ::FFFF:7F00:1 or INVALID is listed: everything is. */
  | 'everything-listed';

export type ListEvent =
  | {
      readonly kind: 'list-test';
      readonly zone: string;
      readonly result: 'passed';
      readonly entries: ListKind;
      /** Of addresses: whether IPv6 clients are asked about. */
      readonly hasIpv6: boolean;
    }
  | {
      readonly kind: 'list-test';
      readonly zone: string;
      readonly result: 'failed';
      readonly fault: TestFault;
    }
  | {
      readonly kind: 'list-unknown';
      readonly zone: string;
      readonly reason: UnknownReason;
    };

export interface ListsOptions {
  readonly resolver: Resolver;
  readonly lists: readonly DnsListOptions[];
  /** The longest time for a test. Default 5000. */
  readonly testTimeoutMillis?: number;
  /** Default an hour: until a list that passed its test is tested again. */
  readonly retestMillis?: number;
  /** Default a minute: until a list that failed its test is tested again. */
  readonly retryMillis?: number;
  /** Called for each event; must not throw. */
  readonly observe?: (event: ListEvent) => void;
}

/** What the lists are asked about. */
export interface ListSubjects {
  readonly clientAddress: string;
  /** What the client said after HELO or EHLO. */
  readonly helo?: string;
  /** The domain of the reverse-path. */
  readonly senderDomain?: string;
}

export interface ListResult {
  /** One for each list and each subject that it was asked about. */
  readonly findings: readonly ListFinding[];
  /** By the first list, in the order of the options, that has an entry and the action `reject`. */
  readonly refusal?: SenderRefusal;
}

/** Look-ups under way. */
export interface ListLookups {
  /** Settles by the deadline; never rejects. */
  findings(): Promise<ListResult>;
}

export interface DnsLists extends AsyncDisposable {
  /**
   * Asks every list. `deadline` on the clock of `performance.now`; `client`: who it is for, as limits count clients. Never
   * throws.
   */
  begin(subjects: ListSubjects, deadline: number, client?: string): ListLookups;
  /** The result of the first test of each list, in the order of the options. Never rejects. */
  tests(): Promise<readonly Extract<ListEvent, { kind: 'list-test' }>[]>;
  /** Ends the tests. */
  close(): void;
}
