import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type AccessFault, accessFault, isRegionMissing, OUTBOX_PREFIX } from '../bridge/index.ts';
import { OperatorError } from './operator-error.ts';

// Checks the bucket and the table once before anything listens, with rights that the task role has anyway. A fault that
// waiting cannot mend stops the start with one line; any other is left to the circuit breaker.

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

const ACCESS_REASONS: Readonly<Record<AccessFault, string>> = {
  denied: 'access denied: see the task role',
  rejected: 'the AWS credentials are not valid',
  expired: 'the AWS credentials have expired',
  missing: 'there are no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID',
};

/** The reason of a fault that waiting does not mend; `own` has those of one service, by the error's name. */
function permanentReason(
  error: unknown,
  own: Readonly<Record<string, string>>,
): string | undefined {
  if (isRegionMissing(error)) return 'there is no AWS region: set AWS_REGION';
  const { name = '' } = error as Partial<Error>;
  const fault = accessFault(error);
  return own[name] ?? (fault && ACCESS_REASONS[fault]);
}

function failure(path: string, expected: string, got: string, reason: string): OperatorError {
  return new OperatorError(`${path}: expected ${expected}, got "${got}" (${reason})`);
}
