import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import {
  type AccessFault,
  accessFault,
  isRegionMissing,
  OUTBOX_PREFIX,
  proven,
  provesListing,
  UnprovenAnswerError,
} from '../bridge/index.ts';
import { answeredByTable, NAME_THE_TABLE, TableAnswerError } from '../counters/table-answers.ts';
import { OperatorError } from './operator-error.ts';

// Checks the bucket and the table once before anything listens, with rights that the task role has anyway. A fault that
// waiting cannot mend stops the start with one line; any other is left to the circuit breaker.

/** @throws OperatorError where S3 says that this bucket cannot work. */
export async function checkBucket(s3: S3Client, bucket: string): Promise<void> {
  try {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: OUTBOX_PREFIX, MaxKeys: 1 });
    await s3.send(proven(command, provesListing(bucket)));
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
    const Key = { pk: { S: 'CRED#' } };
    await client.send(
      answeredByTable(new GetItemCommand({ TableName: table, Key, ...NAME_THE_TABLE })),
    );
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
  // Something else answers at the endpoint. The message names it.
  if (error instanceof UnprovenAnswerError || error instanceof TableAnswerError) {
    return error.message;
  }
  const { name = '' } = error as Partial<Error>;
  const fault = accessFault(error);
  return own[name] ?? (fault && ACCESS_REASONS[fault]);
}

function failure(path: string, expected: string, got: string, reason: string): OperatorError {
  return new OperatorError(`${path}: expected ${expected}, got "${got}" (${reason})`);
}
