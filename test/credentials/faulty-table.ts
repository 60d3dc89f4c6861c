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
  | 'denied-writes'
  /** Something else answers: a page with 200, or with 403, and JSON that says nothing. */
  | 'page'
  | 'refusing-page'
  | 'empty'
  /** DynamoDB answers about another table, or another row. */
  | 'other-table'
  | 'other-row';

const ERRORS = {
  throttle: [400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException'],
  unavailable: [503, 'com.amazonaws.dynamodb.v20120810#ServiceUnavailable'],
  expired: [400, 'com.amazon.coral.service#ExpiredTokenException'],
  unrecognized: [400, 'com.amazon.coral.service#UnrecognizedClientException'],
  denied: [400, 'com.amazonaws.dynamodb.v20120810#AccessDeniedException'],
} as const;

const PAGE = '<!DOCTYPE html><html><body>It works!</body></html>';
const OTHER_ROW = { pk: { S: 'CRED#somebody-else' }, enabled: { BOOL: true } };

/** Each is answered with a status that is no error of DynamoDB. */
const ANSWERS = {
  page: [200, 'text/html', () => PAGE],
  'refusing-page': [403, 'text/html', () => PAGE],
  empty: [200, 'application/json', () => '{}'],
  'other-table': [200, 'application/x-amz-json-1.0', () => answerOf('other-table')],
  'other-row': [
    200,
    'application/x-amz-json-1.0',
    (table: string) => answerOf(table, { Item: OTHER_ROW, Attributes: {} }),
  ],
} as const;

function answerOf(table: string, members: object = {}): string {
  return JSON.stringify({ ConsumedCapacity: { TableName: table, CapacityUnits: 1 }, ...members });
}

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
      case 'page':
      case 'refusing-page':
      case 'empty':
      case 'other-table':
      case 'other-row': {
        const [status, type, body] = ANSWERS[fault];
        incoming.resume();
        outgoing.writeHead(status, { 'content-type': type });
        outgoing.end(body(aws.resources.table));
        break;
      }
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
