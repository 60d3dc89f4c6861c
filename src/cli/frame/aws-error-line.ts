// One line for each way in which a call to AWS can fail, with what to do about it.

const SESSION_EXPIRED =
  'the AWS session has expired: sign in again (aws sso login, or new AWS_SESSION_TOKEN)';
const NO_CREDENTIALS =
  'no AWS credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login';
const BAD_CREDENTIALS =
  'AWS refuses these credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the clock of this machine';

/** By the error's name: what the services have in common. */
const LINES: Readonly<Record<string, string>> = {
  ExpiredToken: SESSION_EXPIRED,
  ExpiredTokenException: SESSION_EXPIRED,
  IncompleteSignatureException: BAD_CREDENTIALS,
  InvalidAccessKeyId: BAD_CREDENTIALS,
  InvalidClientTokenId: BAD_CREDENTIALS,
  InvalidSignatureException: BAD_CREDENTIALS,
  MissingAuthenticationTokenException: BAD_CREDENTIALS,
  SignatureDoesNotMatch: BAD_CREDENTIALS,
  UnrecognizedClientException: BAD_CREDENTIALS,
};

const UNREACHABLE = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'];
const UNRESOLVED = ['ENOTFOUND', 'EAI_AGAIN'];

export interface AwsErrorWords {
  /** The service that was called: `DynamoDB`. */
  readonly service: string;
  /** The variable that names its endpoint: `AWS_ENDPOINT_URL_DYNAMODB`. */
  readonly endpointVariable: string;
  /** Lines of this service, by the error's name. */
  readonly lines: Readonly<Record<string, string>>;
}

/** A sentence for the operator, or `undefined` where the error does not come from AWS. */
export function awsErrorLine(error: unknown, words: AwsErrorWords): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const { service, endpointVariable, lines } = words;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Before the name: the SDK calls a connection that was reset a timeout.
  if (UNREACHABLE.includes(code)) {
    return `${service} is not reachable (${code}): check the network, AWS_REGION and ${endpointVariable}`;
  }
  if (UNRESOLVED.includes(code)) {
    return `${service}'s name cannot be resolved (${code}): check AWS_REGION, ${endpointVariable} and the DNS`;
  }
  if (/region is missing/i.test(message)) {
    return 'no AWS region: set AWS_REGION, or a region in the AWS profile';
  }
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return /expired/i.test(message) ? SESSION_EXPIRED : NO_CREDENTIALS;
  }
  if (name === 'TimeoutError') {
    return `${service} did not answer in time: check the network, AWS_REGION and ${endpointVariable}`;
  }
  const line = lines[name] ?? LINES[name];
  if (line !== undefined) return line;
  return '$metadata' in error ? `${service} refused the call: ${name}` : undefined;
}
