// The error codes of AWS, grouped by the question that a caller asks about an error. The services and the SDK name
// the same fault differently, so each group has all names that are known for it.

/** The fields of an SDK error. Any of them may be missing. */
export interface ErrorFields {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: {
    readonly httpStatusCode?: number;
    readonly requestId?: string;
    readonly attempts?: number;
  };
}

/** Why AWS does not let the caller in. */
export type AccessFault =
  /** The session or the token is over: sign in again. */
  | 'expired'
  /** AWS does not know the access key, or the secret does not belong to it. */
  | 'rejected'
  /** The SDK found no credentials. */
  | 'missing'
  /** What should give the credentials did not answer, or failed: waiting may help. */
  | 'provider'
  /** The credentials are good and lack the right. */
  | 'denied';

const ACCESS_FAULTS: Readonly<Record<Exclude<AccessFault, 'provider'>, readonly string[]>> = {
  expired: ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'],
  rejected: [
    'IncompleteSignature',
    'IncompleteSignatureException',
    'InvalidAccessKeyId',
    'InvalidClientTokenId',
    'InvalidSignatureException',
    'InvalidToken',
    'MissingAuthenticationToken',
    'MissingAuthenticationTokenException',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
  ],
  missing: ['CredentialsProviderError', 'ProviderError', 'TokenProviderError'],
  denied: [
    'AccessDenied',
    'AccessDeniedException',
    'AllAccessDisabled',
    'AuthFailure',
    'AuthorizationError',
    'AuthorizationErrorException',
    'Forbidden',
    'UnauthorizedOperation',
    // The SDK's name for a HEAD request that was denied: such an answer has no body.
    '403',
  ],
};

const accessFaults: ReadonlyMap<string, AccessFault> = new Map(
  Object.entries(ACCESS_FAULTS).flatMap(([fault, codes]) =>
    codes.map((code) => [code, fault as AccessFault] as const),
  ),
);

/** Other credentials, which a provider may have by now, would be accepted. */
const OLD_CREDENTIALS_CODES: ReadonlySet<string> = new Set([
  ...ACCESS_FAULTS.expired,
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  'RequestExpired',
  'UnrecognizedClientException',
]);

/** OpenSSL's codes for a certificate that is not trusted, and Node.js's for one of another name. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Besides the access faults: faults that only the operator can mend, whatever status they come with. */
const CONFIGURATION_CODES: ReadonlySet<string> = new Set([
  'AccountProblem',
  'AuthorizationHeaderMalformed',
  'InvalidBucketName',
  'InvalidSecurity',
  'NoSuchBucket',
  'NotFound',
  'NotFoundException',
  'NotSignedUp',
  'OptInRequired',
  'PermanentRedirect',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'ResourceNotFoundException',
  'TemporaryRedirect',
]);

/** The service received other octets than were sent, or other octets than their checksum says. */
const CORRUPTION_CODES: ReadonlySet<string> = new Set([
  'BadDigest',
  'InvalidDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]);

/**
 * What SNS answers when it does not take a message as it is, by its API and by the SDK's name.
 * https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
 */
const REFUSED_PUBLISH_CODES: ReadonlySet<string> = new Set(
  [
    'BatchEntryIdsNotDistinct',
    'BatchRequestTooLong',
    'EmptyBatchRequest',
    'InvalidBatchEntryId',
    'InvalidParameter',
    'InvalidParameterCombination',
    'InvalidParameterValue',
    'ParameterValueInvalid',
    'TooManyEntriesInBatchRequest',
    'Validation',
    'ValidationError',
  ].flatMap((code) => [code, `${code}Exception`]),
);

/** The names of errors that carry no code of AWS: what the SDK calls an answer that it does not know. */
const CODELESS_NAMES: ReadonlySet<string> = new Set(['', 'Unknown', 'UnknownError', 'SyntaxError']);

/** The service's code; for an error of the system its `code`, as `ECONNREFUSED`. */
export function errorCode(error: unknown): string {
  if (isRegionMissing(error)) return 'RegionMissing';
  const { name, code } = errorFields(error);
  if (typeof name === 'string' && name !== 'Error' && name !== 'AggregateError') return name;
  return typeof code === 'string' ? code : 'Unknown';
}

/** What is wrong with the credentials of the call, or with their rights; `undefined` for any other error. */
export function accessFault(error: unknown): AccessFault | undefined {
  const fault = accessFaults.get(errorCode(error));
  const message = errorMessage(error);
  if (fault === undefined) {
    return /could not load credentials/i.test(message) ? missingOrProvider(message) : undefined;
  }
  if (fault !== 'missing') return fault;
  return /expired/i.test(message) ? 'expired' : missingOrProvider(message);
}

/**
 * The SDK's last word about a container's or an instance's provider that failed is that it found no credentials. So
 * what the environment names tells the two apart.
 */
function missingOrProvider(message: string): 'missing' | 'provider' {
  if (/instance metadata service|responded with status: 5/i.test(message)) return 'provider';
  if (!/could not load credentials/i.test(message)) return 'missing';
  return PROVIDER_VARIABLES.some((name) => process.env[name]) ? 'provider' : 'missing';
}

const PROVIDER_VARIABLES = [
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
];

/** The service does not accept the credentials any more. New ones of the same provider may be accepted. */
export function areCredentialsOld(error: unknown): boolean {
  return OLD_CREDENTIALS_CODES.has(errorCode(error));
}

/** The certificate of the endpoint is not trusted, is over, or is another host's. */
export function isCertificateFault(error: unknown): boolean {
  return CERTIFICATE_CODES.has(errorCode(error));
}

/** The SDK has no region, so it knows no endpoint. */
export function isRegionMissing(error: unknown): boolean {
  return errorMessage(error).startsWith('Region is missing');
}

/** S3 has no object of this key. */
export function isMissingObject(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'NoSuchKey' || code === 'NotFound';
}

/** Only the operator can mend it: credentials, rights, region, key, bucket, topic or table. */
export function isMisconfiguration(error: unknown): boolean {
  const fault = accessFault(error);
  if (fault !== undefined) return fault !== 'provider';
  if (isCertificateFault(error)) return true;
  const code = errorCode(error);
  return CONFIGURATION_CODES.has(code) || code.startsWith('KMS') || code === 'RegionMissing';
}

/** The octets were changed on their way. */
export function isCorruption(error: unknown): boolean {
  return CORRUPTION_CODES.has(errorCode(error));
}

/** Too many requests, of the service itself or of its key: waiting helps. */
export function isThrottling(code: string): boolean {
  return code.startsWith('Throttl') || /^KMS\.?Throttling/.test(code);
}

/** SNS does not take the message as it is. */
export function isRefusedPublish(code: string): boolean {
  return REFUSED_PUBLISH_CODES.has(code);
}

/** The answer named no error code, so it need not be from AWS. */
export function isCodeless(code: string): boolean {
  return CODELESS_NAMES.has(code);
}

export function errorFields(error: unknown): ErrorFields {
  return typeof error === 'object' && error !== null ? (error as ErrorFields) : {};
}

export function errorMessage(error: unknown): string {
  const { message } = errorFields(error);
  return typeof message === 'string' ? message : '';
}
