// Every refusal of a mail, for a fault of ours or by its judge: the reply for the client, and the event for the log.
import type { MessageFacts, Reply } from '../smtp/index.ts';
import type { SenderRefusal } from '../verify/index.ts';
import type { CircuitBreaker } from './aws/circuit-breaker.ts';
import type { FailureReporter } from './aws/failures.ts';
import type { AwsFailure, Observe } from './events.ts';
import { notStored, OVERLOADED } from './replies.ts';

export class Deferrals {
  readonly #observe: Observe;
  readonly #failures: FailureReporter;
  readonly #breaker: CircuitBreaker;

  /** `breaker` is the one of S3. */
  constructor(observe: Observe, failures: FailureReporter, breaker: CircuitBreaker) {
    this.#observe = observe;
    this.#failures = failures;
    this.#breaker = breaker;
  }

  /** Memory did not become free in time. */
  overloaded(facts: MessageFacts, sizeInOctets: number): Reply {
    return this.#defer(facts, sizeInOctets, OVERLOADED, 'overload', 0);
  }

  /** The checks of the sender and the scanners did not end in time. */
  judgeLate(facts: MessageFacts, sizeInOctets: number): Reply {
    return this.#defer(facts, sizeInOctets, notStored('unavailable'), 'judge-late', 0);
  }

  /** S3 is known to fail, so the message is not received at all. */
  breakerOpen(facts: MessageFacts): Reply {
    return this.#defer(facts, 0, OVERLOADED, 'breaker-open', 0);
  }

  /** S3 failed while the data was still arriving. */
  uploadFailed(facts: MessageFacts, sizeInOctets: number, error: unknown): Reply {
    const failure = this.#failures.classify('s3', error);
    this.#breaker.record(failure);
    return this.commitFailed(facts, sizeInOctets, failure, 0);
  }

  /** `orphans`: objects of the mail that are in S3 and were not announced. */
  commitFailed(
    facts: MessageFacts,
    sizeInOctets: number,
    failure: AwsFailure,
    commitMillis: number,
    orphans = 0,
  ): Reply {
    const { cause } = failure;
    const reply = notStored(cause);
    return this.#defer(facts, sizeInOctets, reply, cause, commitMillis, failure, orphans);
  }

  /** Another commit of the same mail did not end in time. */
  duplicateBusy(facts: MessageFacts, sizeInOctets: number, commitMillis: number): Reply {
    const reply = notStored('unavailable');
    return this.#defer(facts, sizeInOctets, reply, 'duplicate-under-way', commitMillis);
  }

  /** The judge does not take it. */
  refusedByJudge(
    facts: MessageFacts,
    sizeInOctets: number,
    refusal: SenderRefusal,
    judgeMillis: number,
  ): Reply {
    this.#observe({ kind: 'message-refused', facts, sizeInOctets, refusal, judgeMillis });
    return refusal.reply;
  }

  #defer(
    facts: MessageFacts,
    sizeInOctets: number,
    reply: Reply,
    cause: string,
    commitMillis: number,
    failure?: AwsFailure,
    orphans = 0,
  ): Reply {
    this.#observe({
      kind: 'message-deferred',
      facts,
      sizeInOctets,
      reply,
      cause,
      ...(failure && { failure }),
      ...(orphans > 0 && { orphans }),
      commitMillis,
    });
    return reply;
  }
}
