import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { OUTBOX_PREFIX } from '../bridge/index.ts';
import { OperatorError } from './operator-error.ts';

// Asked once before anything listens, with rights that the task role has anyway: what can never work stops the
// start with one line; what may recover is left to the circuit breaker.

/** @throws OperatorError where S3 says that this bucket cannot work. */
export async function checkBucket(s3: S3Client, bucket: string): Promise<void> {
  try {
    await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: OUTBOX_PREFIX, MaxKeys: 1 }));
  } catch (error) {
    const reason = permanentReason(error, {
      NoSuchBucket: 'there is no such bucket',
      PermanentRedirect: 'it is in another region: set AWS_REGION to the bucket’s',
    });
    if (reason !== undefined)
      throw failure('store.bucket', 'a bucket that can be used', bucket, reason);
  }
}

/** @throws OperatorError where DynamoDB says that this table cannot work. */
export async function checkCredentialTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    // A name that no credential can have: user names are never empty.
    await client.send(new GetItemCommand({ TableName: table, Key: { pk: { S: 'CRED#' } } }));
  } catch (error) {
    const reason = permanentReason(error, {
      ResourceNotFoundException: 'there is no such table',
      ValidationException: 'its key is not the string "pk" alone',
    });
    if (reason !== undefined)
      throw failure('credentials.table', 'a credential table', table, reason);
  }
}

/** Faults that waiting does not mend, by the error's name. Anything else is `undefined`. */
function permanentReason(
  error: unknown,
  own: Readonly<Record<string, string>>,
): string | undefined {
  const { name = '', message = '' } = error as Partial<Error>;
  return {
    ...own,
    AccessDenied: 'access denied: see the task role',
    AccessDeniedException: 'access denied: see the task role',
    InvalidAccessKeyId: 'the AWS credentials are not valid',
    UnrecognizedClientException: 'the AWS credentials are not valid',
    SignatureDoesNotMatch: 'the AWS credentials are not valid',
    ExpiredToken: 'the AWS credentials have expired',
    ExpiredTokenException: 'the AWS credentials have expired',
    CredentialsProviderError: 'there are no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID',
    ...(message === 'Region is missing'
      ? { [name]: 'there is no AWS region: set AWS_REGION' }
      : {}),
  }[name];
}

function failure(path: string, expected: string, got: string, reason: string): OperatorError {
  return new OperatorError(`${path}: expected ${expected}, got "${got}" (${reason})`);
}
