import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * A DynamoDB client for sign-in: a client waits at the other end, so it gives up early. Region, endpoint and
 * credentials are the SDK's standard environment unless `settings` says otherwise.
 */
export function createCredentialClient(
  settings: Pick<DynamoDBClientConfig, 'region' | 'endpoint' | 'credentials'> = {},
): DynamoDBClient {
  return new DynamoDBClient({
    ...settings,
    // `adaptive` would let one throttled table slow every call of the client.
    retryMode: 'standard',
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1000,
      requestTimeout: 1000,
      // Without it the SDK only warns when requestTimeout passes.
      throwOnRequestTimeout: true,
      // More than the reads that the authenticator lets be in flight at once.
      httpsAgent: { keepAlive: true, maxSockets: 128 },
      httpAgent: { keepAlive: true, maxSockets: 128 },
    },
  });
}
