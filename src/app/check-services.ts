import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AccessFault,
  accessFault,
  isCertificateFault,
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
    await withCredentials(() => s3.send(proven(command, provesListing(bucket))));
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
    const command = new GetItemCommand({ TableName: table, Key, ...NAME_THE_TABLE });
    await withCredentials(() => client.send(answeredByTable(command)));
  } catch (error) {
    const reason = permanentReason(error, {
      ResourceNotFoundException: 'there is no such table',
      ValidationException: 'its key is not the string "pk" alone',
    });
    if (reason !== undefined)
      throw failure('credentials.table', 'a credential table', table, reason);
  }
}

/** How long a provider of credentials may fail before the start goes on without it. */
const PROVIDER_MILLIS = 10_000;
const PROVIDER_PAUSE_MILLIS = 500;

/** Calls again while what gives the credentials fails: a container or an instance has just begun too. */
async function withCredentials<T>(call: () => Promise<T>): Promise<T> {
  const until = performance.now() + PROVIDER_MILLIS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (accessFault(error) !== 'provider' || performance.now() >= until) throw error;
      await sleep(PROVIDER_PAUSE_MILLIS);
    }
  }
}

/** A provider that fails is left to the circuit breaker, as every fault that waiting can mend. */
const ACCESS_REASONS: Readonly<Record<Exclude<AccessFault, 'provider'>, string>> = {
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
  if (isCertificateFault(error)) {
    const { code = name } = error as { readonly code?: string };
    return `the certificate of the endpoint is not trusted (${code}): set AWS_CA_BUNDLE where its CA is your own`;
  }
  const fault = accessFault(error);
  return (
    own[name] ?? (fault === undefined || fault === 'provider' ? undefined : ACCESS_REASONS[fault])
  );
}

function failure(path: string, expected: string, got: string, reason: string): OperatorError {
  return new OperatorError(`${path}: expected ${expected}, got "${got}" (${reason})`);
}
