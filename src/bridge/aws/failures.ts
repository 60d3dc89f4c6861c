// What an error of the SDK means for a mail: who is at fault, and whether waiting helps.
import {
  errorCode,
  errorFields,
  errorMessage,
  isCorruption,
  isMisconfiguration,
} from './error-codes.ts';
import type { AwsFailure, AwsService, FailureCause, Observe } from '../events.ts';

export function classifyAwsError(service: AwsService, error: unknown): AwsFailure {
  const requestId = errorFields(error).$metadata?.requestId;
  return {
    service,
    cause: causeOf(error),
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
function causeOf(error: unknown): FailureCause {
  if (isCorruption(error)) return 'corrupted';
  if (isMisconfiguration(error)) return 'configuration';
  const status = errorFields(error).$metadata?.httpStatusCode;
  if (status === undefined || status >= 500 || status === 429 || status < 300) return 'unavailable';
  const code = errorCode(error);
  // S3 answers 400 RequestTimeout when a body arrives too slowly: waiting helps.
  if (code === 'RequestTimeout' || code === 'SlowDown' || code.startsWith('Throttl'))
    return 'unavailable';
  // Another operation on the same key is in progress.
  if (status === 409) return 'unavailable';
  if (status === 401 || status === 403 || status < 400) return 'configuration';
  return 'refused';
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
    if (failure.cause === 'configuration') this.#report(failure);
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
