// A real HTTP hop between the SDK and the embedded DynamoDB that counts the calls and can break.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createCredentialClient } from '../../src/credentials/index.ts';
import type { EmbeddedAws } from '../../src/app/local/embedded-aws.ts';

export type Fault =
  | 'none'
  | 'hang'
  | 'reset'
  | 'throttle'
  | 'unavailable'
  | 'expired'
  | 'unrecognized'
  | 'denied'
  | 'denied-writes';

const ERRORS = {
  throttle: [400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException'],
  unavailable: [503, 'com.amazonaws.dynamodb.v20120810#ServiceUnavailable'],
  expired: [400, 'com.amazon.coral.service#ExpiredTokenException'],
  unrecognized: [400, 'com.amazon.coral.service#UnrecognizedClientException'],
  denied: [400, 'com.amazonaws.dynamodb.v20120810#AccessDeniedException'],
} as const;

export interface FaultyTable extends AsyncDisposable {
  /** As production makes it, pointed at the hop. */
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  fault: Fault;
  /** The operations asked for, as `GetItem`, retries included. */
  readonly operations: string[];
}

export async function startFaultyTable(aws: EmbeddedAws): Promise<FaultyTable> {
  const { hostname, port } = new URL(aws.dynamoDbEndpoint);
  const server = createServer((incoming, outgoing) => {
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    table.operations.push(operation);
    const isWrite = operation !== 'GetItem';
    const fault = table.fault === 'denied-writes' ? (isWrite ? 'denied' : 'none') : table.fault;
    switch (fault) {
      case 'none':
        forward(incoming, outgoing, hostname, Number(port));
        break;
      case 'hang':
        incoming.resume();
        break;
      case 'reset':
        incoming.socket.resetAndDestroy();
        break;
      case 'throttle':
      case 'unavailable':
      case 'expired':
      case 'unrecognized':
      case 'denied': {
        const [status, type] = ERRORS[fault];
        incoming.resume();
        outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
        outgoing.end(JSON.stringify({ __type: type, message: fault }));
      }
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createCredentialClient({
    region: aws.region,
    endpoint,
    credentials: aws.credentials,
  });
  const table: FaultyTable = {
    client,
    endpoint,
    fault: 'none',
    operations: [],
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return table;
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  hostname: string,
  port: number,
): void {
  const { method, url: path, headers } = incoming;
  const onward = request({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
