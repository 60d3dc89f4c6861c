import { awsErrorLine } from './aws-error-line.ts';

/** What went wrong with the bucket or with where its mail was sent; `undefined` where the error does not come from AWS. */
export function bucketErrorLine(error: unknown, bucket: string): string | undefined {
  const denied = `these AWS credentials have no right to do that; reading the bucket requires s3:ListBucket and s3:GetObject on "${bucket}", a replay requires the right to call its destination`;
  const nowhere = `the destination does not exist: ${oneLine(error)}`;
  return awsErrorLine(error, {
    service: 'AWS',
    endpointVariable: 'AWS_ENDPOINT_URL',
    denied,
    lines: {
      NoSuchBucket: `bucket "${bucket}": not found; check --bucket or store.bucket, and AWS_REGION`,
      PermanentRedirect: `bucket "${bucket}": is in another region; set AWS_REGION to it`,
      NotFound: nowhere,
      NotFoundException: nowhere,
      QueueDoesNotExist: nowhere,
      ResourceNotFoundException: nowhere,
    },
  });
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error))
    .replace(/\s+/g, ' ')
    .slice(0, 200);
}
