import { awsErrorLine } from './aws-error-line.ts';

/** What went wrong with the credential table, in one line; `undefined` where the error does not come from AWS. */
export function tableErrorLine(error: unknown, table: string): string | undefined {
  const throttled = `table "${table}": DynamoDB is throttling; try again in a moment`;
  return awsErrorLine(error, {
    service: 'DynamoDB',
    endpointVariable: 'AWS_ENDPOINT_URL_DYNAMODB',
    denied: `table "${table}": these AWS credentials have no right to do that; allow dynamodb:GetItem, PutItem, UpdateItem, DeleteItem and Scan on it`,
    lines: {
      ResourceNotFoundException: `table "${table}": not found; check the name (--table), the region (AWS_REGION) and the account, or deploy the stack first`,
      ProvisionedThroughputExceededException: throttled,
      RequestLimitExceeded: throttled,
      ThrottlingException: throttled,
      ValidationException: `table "${table}": the key schema is not that of a credential table; expected a partition key "pk" of type string and no sort key`,
    },
  });
}
