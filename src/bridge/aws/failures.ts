// What an error of the SDK means for a mail: who is at fault, and whether waiting helps.
import {
  errorCode,
  errorFields,
  errorMessage,
  isCodeless,
  isCorruption,
  isMisconfiguration,
  isRefusedPublish,
  isThrottling,
} from './error-codes.ts';
import { UnprovenAnswerError } from './proof.ts';
import type { AwsFailure, AwsService, FailureCause, Observe } from '../events.ts';

export function classifyAwsError(service: AwsService, error: unknown): AwsFailure {
  const requestId = errorFields(error).$metadata?.requestId;
  return {
    service,
    cause: causeOf(service, error),
    code: errorCode(error),
    // One short line, for a log.
    message: errorMessage(error).replace(/\s+/g, ' ').slice(0, 300),
    ...(requestId !== undefined && { requestId }),
  };
}

/** How many tries the SDK made before it gave up; 0 where it sent no request. */
export function attemptsOf(error: unknown): number {
  return errorFields(error).$metadata?.attempts ?? 1;
}

/** The cause decides about retries, about the reply and about the circuit breaker. */
function causeOf(service: AwsService, error: unknown): FailureCause {
  if (error instanceof UnprovenAnswerError) return 'unavailable';
  if (isCorruption(error)) return 'corrupted';
  const code = errorCode(error);
  // S3 answers 400 RequestTimeout when a body arrives too slowly: waiting helps.
  if (code === 'RequestTimeout' || code === 'SlowDown' || isThrottling(code)) return 'unavailable';
  if (isMisconfiguration(error)) return 'configuration';
  const status = errorFields(error).$metadata?.httpStatusCode;
  if (status === undefined || status >= 500 || status === 429 || status < 300) return 'unavailable';
  // Another operation on the same key is in progress.
  if (status === 409) return 'unavailable';
  // AWS did not say that: a proxy, or whatever else answers at the endpoint.
  if (isCodeless(code)) return 'unavailable';
  if (status === 401 || status === 403 || status < 400) return 'configuration';
  // A notification is reduced where it is refused, so only codes that speak of it are refusals.
  if (service === 'sns' && !isRefusedPublish(code)) return 'unavailable';
  return 'refused';
}

/** Something answers that is not AWS. A 408 passes by itself. */
function isForeign(error: unknown): boolean {
  return error instanceof UnprovenAnswerError && error.$metadata.httpStatusCode !== 408;
}

/** How long the same misconfiguration is not reported again. */
const REPEAT_MILLIS = 60_000;

/**
 * Classifies the errors of one bridge, and reports each misconfiguration at most once a minute, however many mails
 * meet it.
 */
export class FailureReporter {
  readonly #observe: Observe;
  /** By service and code: a few dozen entries at most. */
  readonly #reportedAt = new Map<string, number>();

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  classify(service: AwsService, error: unknown): AwsFailure {
    const failure = classifyAwsError(service, error);
    if (failure.cause === 'configuration' || isForeign(error)) this.#report(failure);
    return failure;
  }

  #report(failure: AwsFailure): void {
    const key = `${failure.service} ${failure.code}`;
    const now = Date.now();
    if (now - (this.#reportedAt.get(key) ?? -Infinity) < REPEAT_MILLIS) return;
    this.#reportedAt.set(key, now);
    this.#observe({ kind: 'aws-misconfigured', failure });
  }
}
