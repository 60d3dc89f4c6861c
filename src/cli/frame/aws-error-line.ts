// One line for each way in which a call to AWS can fail, with what to do about it.
import {
  type AccessFault,
  accessFault,
  isCertificateFault,
  isRegionMissing,
  UnprovenAnswerError,
} from '../../bridge/index.ts';

const SESSION_EXPIRED =
  'the AWS session has expired: sign in again (aws sso login, or new AWS_SESSION_TOKEN)';
const NO_CREDENTIALS =
  'no AWS credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login';
const PROVIDER_FAILED =
  'what gives the AWS credentials (the container, the instance or the web identity) failed: try again';
const BAD_CREDENTIALS =
  'AWS refuses these credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the clock of this machine';

const ACCESS_LINES: Readonly<Record<Exclude<AccessFault, 'denied'>, string>> = {
  expired: SESSION_EXPIRED,
  rejected: BAD_CREDENTIALS,
  missing: NO_CREDENTIALS,
  provider: PROVIDER_FAILED,
};

const UNREACHABLE = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'];
const UNRESOLVED = ['ENOTFOUND', 'EAI_AGAIN'];

export interface AwsErrorWords {
  /** The service that was called: `DynamoDB`. */
  readonly service: string;
  /** The variable that names its endpoint: `AWS_ENDPOINT_URL_DYNAMODB`. */
  readonly endpointVariable: string;
  /** The line for credentials that lack the right. */
  readonly denied: string;
  /** Lines for other errors, by the error's name. */
  readonly lines: Readonly<Record<string, string>>;
}

/** A sentence for the operator, or `undefined` where the error does not come from AWS. */
export function awsErrorLine(error: unknown, words: AwsErrorWords): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name } = error;
  const { service, endpointVariable, denied, lines } = words;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Before the name: the SDK calls a connection that was reset a timeout.
  if (UNREACHABLE.includes(code)) {
    return `${service} is not reachable (${code}): check the network, AWS_REGION and ${endpointVariable}`;
  }
  if (UNRESOLVED.includes(code)) {
    return `${service}'s name cannot be resolved (${code}): check AWS_REGION, ${endpointVariable} and the DNS`;
  }
  if (isCertificateFault(error)) {
    return `the certificate of ${service} is not trusted (${code}): check ${endpointVariable}, and AWS_CA_BUNDLE where its CA is your own`;
  }
  if (isRegionMissing(error)) {
    return 'no AWS region: set AWS_REGION, or a region in the AWS profile';
  }
  if (name === 'TimeoutError') {
    return `${service} did not answer in time: check the network, AWS_REGION and ${endpointVariable}`;
  }
  // Its message names the endpoint where something else answers.
  if (error instanceof UnprovenAnswerError) return error.message;
  const line = lines[name];
  if (line !== undefined) return line;
  const fault = accessFault(error);
  if (fault !== undefined) return fault === 'denied' ? denied : ACCESS_LINES[fault];
  return '$metadata' in error ? `${service} refused the call: ${name}` : undefined;
}
