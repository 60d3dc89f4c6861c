/** The endpoint of S3 that the environment names in the place of AWS's own. */
export function ownS3Endpoint(): string | undefined {
  return process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
}
