// One line for each way in which AWS can be out of reach, with what to do about it.

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
]);

/** A sentence for the operator, or `undefined` where the error is none of AWS's. */
export function awsErrorLine(error: unknown, bucket: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (name) {
    case 'NoSuchBucket':
      return `bucket "${bucket}": not found; check --bucket or store.bucket, and AWS_REGION`;
    case 'PermanentRedirect':
      return `bucket "${bucket}": is in another region; set AWS_REGION to it`;
    case 'AccessDenied':
    case 'AccessDeniedException':
    case 'AuthorizationErrorException':
    case 'AuthorizationError':
    case 'Forbidden':
    case '403':
      return `these AWS credentials have no right to do that; reading the archive takes s3:ListBucket and s3:GetObject on "${bucket}", a replay the right to call its destination`;
    case 'NotFoundException':
    case 'NotFound':
    case 'ResourceNotFoundException':
    case 'QueueDoesNotExist':
      return `the destination is not there: ${oneLine(message)}`;
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return 'the AWS session has expired: sign in again (aws sso login, or new AWS_SESSION_TOKEN)';
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
      return 'AWS refuses these credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the clock of this machine';
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return 'no AWS credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login';
    case 'TimeoutError':
      return 'AWS did not answer in time: check the network, AWS_REGION and AWS_ENDPOINT_URL';
    default:
  }
  if (/region is missing/i.test(message)) {
    return 'no AWS region: set AWS_REGION, or a region in the AWS profile';
  }
  if (NETWORK.has(code)) {
    return `AWS is not reachable (${code}): check the network, AWS_REGION and AWS_ENDPOINT_URL`;
  }
  if ('$metadata' in error) return `AWS refused the call: ${name}: ${oneLine(message)}`;
  return undefined;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
