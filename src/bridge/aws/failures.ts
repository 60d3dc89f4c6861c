// What an error of the SDK means for a mail: who is at fault and whether waiting helps.
import type { Reply } from '../../smtp/index.ts';
import type { AwsFailure, AwsService, FailureCause, Observe } from '../events.ts';

/** Only an operator can mend these, whatever status they come with. */
const CONFIGURATION_CODES: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AllAccessDisabled',
  'AccountProblem',
  'AuthFailure',
  'AuthorizationError',
  'AuthorizationErrorException',
  'AuthorizationHeaderMalformed',
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidBucketName',
  'InvalidClientTokenId',
  'InvalidSecurity',
  'InvalidSignatureException',
  'InvalidToken',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'NoSuchBucket',
  'NotFound',
  'NotFoundException',
  'NotSignedUp',
  'OptInRequired',
  'PermanentRedirect',
  'ProviderError',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'ResourceNotFoundException',
  'SignatureDoesNotMatch',
  'TemporaryRedirect',
  'TokenProviderError',
  'TokenRefreshRequired',
  'UnrecognizedClientException',
]);
/** What was stored is not what was sent, or what was sent is not what it said. */
const CORRUPTION_CODES: ReadonlySet<string> = new Set([
  'BadDigest',
  'InvalidDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]);

/** The fields of an SDK error, any of which may be missing. */
interface ErrorFields {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: {
    readonly httpStatusCode?: number;
    readonly requestId?: string;
    readonly attempts?: number;
  };
}

export function classifyAwsError(service: AwsService, error: unknown): AwsFailure {
  const fields = fieldsOf(error);
  const code = codeOf(fields);
  const message = typeof fields.message === 'string' ? fields.message : '';
  const requestId = fields.$metadata?.requestId;
  return {
    service,
    cause: causeOf(code, message, fields.$metadata?.httpStatusCode),
    code,
    // One line, short: it goes into a log.
    message: message.replace(/\s+/g, ' ').slice(0, 300),
    ...(requestId !== undefined && { requestId }),
  };
}

/** How many tries the SDK made before it gave up; 0 when it never got as far as one. */
export function attemptsOf(error: unknown): number {
  return fieldsOf(error).$metadata?.attempts ?? 1;
}

export function errorCode(error: unknown): string {
  return codeOf(fieldsOf(error));
}

export function isCorruption(error: unknown): boolean {
  return CORRUPTION_CODES.has(errorCode(error));
}

function fieldsOf(error: unknown): ErrorFields {
  return typeof error === 'object' && error !== null ? (error as ErrorFields) : {};
}

/** The service's code; for an error of the system its `code`, as `ECONNREFUSED`. */
function codeOf({ name, code, message }: ErrorFields): string {
  if (typeof message === 'string' && message.startsWith('Region is missing'))
    return 'RegionMissing';
  if (typeof name === 'string' && name !== 'Error' && name !== 'AggregateError') return name;
  return typeof code === 'string' ? code : 'Unknown';
}

function causeOf(code: string, message: string, status: number | undefined): FailureCause {
  if (CORRUPTION_CODES.has(code)) return 'corrupted';
  if (CONFIGURATION_CODES.has(code) || code.startsWith('KMS') || code === 'RegionMissing') {
    return 'configuration';
  }
  if (/could not load credentials/i.test(message)) return 'configuration';
  if (status === undefined || status >= 500 || status === 429 || status < 300) return 'unavailable';
  // S3 answers 400 when a body came too slowly; waiting helps.
  if (code === 'RequestTimeout' || code === 'SlowDown' || code.startsWith('Throttl'))
    return 'unavailable';
  // Another operation on the same key is under way.
  if (status === 409) return 'unavailable';
  if (status === 401 || status === 403 || status < 400) return 'configuration';
  return 'refused';
}

/** The operator's fault is temporary to the sender; which one it is, only the log says. */
export function deferral(cause: FailureCause): Reply {
  // RFC 3463 section 3.4: X.3.5 is "system incorrectly configured", X.3.0 any other fault of ours.
  const status = cause === 'configuration' ? '3.5' : '3.0';
  return { code: 451, status, text: 'Message not stored, try again later' };
}

/** How long the same misconfiguration is not said again. */
const REPEAT_MILLIS = 60_000;

/** Tells the operator of a misconfiguration once a minute, however many mails meet it. */
export function createMisconfigurationReporter(observe: Observe): (failure: AwsFailure) => void {
  // As many entries as there are services times codes: a few dozen.
  const lastSaid = new Map<string, number>();
  return (failure) => {
    if (failure.cause !== 'configuration') return;
    const key = `${failure.service} ${failure.code}`;
    const now = Date.now();
    if (now - (lastSaid.get(key) ?? -Infinity) < REPEAT_MILLIS) return;
    lastSaid.set(key, now);
    observe({ kind: 'aws-misconfigured', failure });
  };
}
