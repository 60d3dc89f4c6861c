// One line for each way in which AWS can be out of reach, with what to do about it.

/** A sentence for the operator, or `undefined` where the error is none of AWS's. */
export function awsErrorLine(error: unknown, table: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Before the name: the SDK calls a connection that was reset a timeout.
  if (['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'].includes(code)) {
    return `DynamoDB is not reachable (${code}): check the network and AWS_ENDPOINT_URL_DYNAMODB`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `DynamoDB's name cannot be resolved (${code}): check AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB and the DNS`;
  }
  switch (name) {
    case 'ResourceNotFoundException':
      return `table "${table}": not found; check the name (--table), the region (AWS_REGION) and the account, or deploy the stack first`;
    case 'AccessDeniedException':
      return `table "${table}": these AWS credentials have no right to do that; allow dynamodb:GetItem, PutItem, UpdateItem, DeleteItem and Scan on it`;
    case 'ExpiredTokenException':
    case 'ExpiredToken':
      return 'the AWS session has expired: sign in again (aws sso login, or new AWS_SESSION_TOKEN)';
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
    case 'IncompleteSignatureException':
    case 'MissingAuthenticationTokenException':
      return 'AWS refuses these credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the clock of this machine';
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return /expired/i.test(message)
        ? 'the AWS session has expired: sign in again (aws sso login, or new AWS_SESSION_TOKEN)'
        : 'no AWS credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login';
    case 'ProvisionedThroughputExceededException':
    case 'RequestLimitExceeded':
    case 'ThrottlingException':
      return `table "${table}": DynamoDB is throttling; try again in a moment`;
    case 'ValidationException':
      return `table "${table}": its key is not what Mailsluice makes; expected a partition key "pk" of type string and no sort key`;
    case 'TimeoutError':
      return 'DynamoDB did not answer in time: check the network, AWS_REGION and AWS_ENDPOINT_URL_DYNAMODB';
    default:
  }
  if (/region is missing/i.test(message))
    return 'no AWS region: set AWS_REGION, or a region in the AWS profile';
  if ('$metadata' in error) return `DynamoDB refused the call: ${name}`;
  return undefined;
}
