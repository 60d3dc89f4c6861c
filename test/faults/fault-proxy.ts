// An HTTP proxy between the SDK and the embedded AWS that injects the faults of a test: before the
// service has carried a request out, or after.
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type Operation =
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'ListObjectsV2'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'Publish'
  | 'PublishBatch'
  | 'PutItem'
  | 'GetItem'
  | 'DeleteItem'
  | 'other';

export type Fault =
  | { readonly kind: 'delay'; readonly millis: number }
  /** The service carries it out when the promise is settled. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** Nothing is wrong, but the answers come at once, when this many requests were carried out. */
  | { readonly kind: 'gather'; readonly count: number }
  /** Never answers; `release` lets the client go. */
  | { readonly kind: 'hang' }
  /** The service carries it out; the client gets no answer. */
  | { readonly kind: 'hang-after' }
  /** The connection is reset and the service knows nothing of the request. */
  | { readonly kind: 'reset-before' }
  /** The service carries it out; the answer is lost. */
  | { readonly kind: 'reset-after' }
  /** Answers this instead of the service. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /** The service carries it out; the client gets this answer. */
  | { readonly kind: 'refuse-after'; readonly status: number; readonly code: string }
  /** The service carries it out; the answer is cut off in its body. */
  | { readonly kind: 'truncate' }
  /** The service carries it out; the client gets the first half of the body, and then a reset. */
  | { readonly kind: 'cut' }
  /** The service gets other octets than were sent. */
  | { readonly kind: 'corrupt' }
  /** Answers what `answer` makes: of the service's own answer where it carries the request out, else of nothing. */
  | {
      readonly kind: 'answer';
      readonly carriesOut: boolean;
      readonly answer: (own: Answer | undefined, request: Seen) => Answer;
    }
  /** PublishBatch: these entries (by their place) fail, the others are published. */
  | {
      readonly kind: 'fail-entries';
      readonly places: readonly number[];
      readonly code: string;
      readonly senderFault: boolean;
    };

export interface Seen {
  readonly operation: Operation;
  /** The object's key; `''` for anything else. */
  readonly key: string;
  readonly body: Buffer;
  readonly faulted: boolean;
}

interface Rule {
  readonly operation: Operation | 'any';
  readonly fault: Fault;
  readonly matches: (seen: Seen) => boolean;
  times: number;
}

export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  readonly seen: readonly Seen[];
  /** Breaks the next `times` requests of this kind; rules apply in the order of their making. */
  inject(
    operation: Operation | 'any',
    fault: Fault,
    times?: number,
    matches?: (seen: Seen) => boolean,
  ): void;
  /** Forgets all rules and what was seen, and lets hanging requests go. */
  reset(): void;
  /** Forgets all rules. What hangs goes on hanging, as behind a network that lost it. */
  repair(): void;
  /** Resets the connections that there are and refuses new ones. */
  refuseConnections(): Promise<void>;
  /** On the same port as before. */
  acceptConnections(): Promise<void>;
  count(operation: Operation): number;
  /** Requests that hang now. */
  readonly hanging: number;
  /** Settles when such a request has come. */
  arrival(operation: Operation, matches?: (seen: Seen) => boolean): Promise<Seen>;
}

const KEPT_OCTETS = 512 * 1024;

export interface FaultProxyOptions {
  /** Keeps what it saw, for `seen` and `count`; not for a long campaign. Default true. */
  readonly remembers?: boolean;
  /** How long every call of SNS takes on top. Default 0. */
  readonly snsMillis?: number;
}

/** Starts a proxy on a free loopback port in front of `target`. */
export async function startFaultProxy(
  target: string,
  { remembers = true, snsMillis = 0 }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let rules: Rule[] = [];
  let seen: Seen[] = [];
  const hanging = new Set<ServerResponse>();
  let gathered: (() => void)[] = [];
  let waiting: { matches: (seen: Seen) => boolean; resolve: (seen: Seen) => void }[] = [];

  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const operation = operationOf(request, body);
    const key = keyOf(request.url ?? '');
    const arrived: Seen = { operation, key, body, faulted: false };
    const rule = rules.find(
      (each) =>
        each.times > 0 &&
        (each.operation === 'any' || each.operation === operation) &&
        each.matches(arrived),
    );
    if (rule !== undefined) rule.times -= 1;
    rules = rules.filter(({ times }) => times > 0);
    // Of mail in parts only the start is kept, so that a long campaign does not keep all it saw.
    const kept = body.length > KEPT_OCTETS ? Buffer.from(body.subarray(0, 100)) : body;
    const noted: Seen = { ...arrived, body: kept, faulted: rule !== undefined };
    if (remembers) seen.push(noted);
    waiting = waiting.filter(({ matches, resolve }) => {
      if (!matches(noted)) return true;
      resolve(noted);
      return false;
    });
    const service = serviceOf(operation);
    if (service === 'sns' && snsMillis > 0) await pause(snsMillis);
    const { fault } = rule ?? {};
    switch (fault?.kind) {
      case undefined:
        pass(await forward(request, body), response);
        return;
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, fault.millis));
        pass(await forward(request, body), response);
        return;
      case 'hold':
        await fault.until;
        pass(await forward(request, body), response);
        return;
      case 'gather': {
        const answer = await forward(request, body);
        gathered.push(() => pass(answer, response));
        if (gathered.length < fault.count) return;
        for (const release of gathered) release();
        gathered = [];
        return;
      }
      case 'hang':
        hanging.add(response);
        response.once('close', () => hanging.delete(response));
        return;
      case 'hang-after':
        await forward(request, body);
        hanging.add(response);
        response.once('close', () => hanging.delete(response));
        return;
      case 'reset-before':
        request.socket.resetAndDestroy();
        return;
      case 'reset-after':
        await forward(request, body);
        request.socket.resetAndDestroy();
        return;
      case 'refuse':
        refuse(response, fault.status, fault.code, service);
        return;
      case 'refuse-after':
        await forward(request, body);
        refuse(response, fault.status, fault.code, service);
        return;
      case 'truncate': {
        const answer = await forward(request, body);
        response.writeHead(answer.status, {
          ...answer.headers,
          'content-length': String(answer.body.length + 10),
        });
        response.write(answer.body, () => request.socket.resetAndDestroy());
        response.flushHeaders();
        return;
      }
      case 'cut': {
        const { status, headers, body: octets } = await forward(request, body);
        response.writeHead(status, { ...headers, 'content-length': String(octets.length) });
        const half = octets.subarray(0, octets.length >> 1);
        response.write(half, () => request.socket.resetAndDestroy());
        response.flushHeaders();
        return;
      }
      case 'corrupt': {
        const changed = Buffer.from(body);
        if (changed.length > 0) changed[0] = (changed[0] ?? 0) ^ 1;
        pass(await forward(request, changed), response);
        return;
      }
      case 'answer': {
        const own = fault.carriesOut ? await forward(request, body) : undefined;
        pass(fault.answer(own, arrived), response);
        return;
      }
      case 'fail-entries':
        pass(await failEntries(request, body, fault), response);
        return;
      default:
        fault satisfies never;
    }
  }

  async function failEntries(
    request: IncomingMessage,
    body: Buffer,
    { places, code, senderFault }: Extract<Fault, { kind: 'fail-entries' }>,
  ): Promise<Answer> {
    const kept = new URLSearchParams();
    const failed: string[] = [];
    for (const [name, value] of new URLSearchParams(body.toString())) {
      const match = /^PublishBatchRequestEntries\.member\.(\d+)\.(.*)$/.exec(name);
      if (match === null || !places.includes(Number(match[1]) - 1)) kept.append(name, value);
      else if (match[2] === 'Id') {
        failed.push(
          `<member><Id>${value}</Id><Code>${code}</Code><Message>injected</Message><SenderFault>${senderFault}</SenderFault></member>`,
        );
      }
    }
    const answer = await forward(request, Buffer.from(kept.toString()));
    const text = answer.body
      .toString()
      .replace('<Failed></Failed>', `<Failed>${failed.join('')}</Failed>`);
    return { ...answer, body: Buffer.from(text) };
  }

  function forward(request: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        {
          agent,
          hostname,
          port,
          method: request.method,
          path: request.url,
          // The host that the client named: it is signed.
          headers: { ...request.headers, 'content-length': String(body.length) },
        },
        (answer) => {
          readAll(answer).then(
            (read) =>
              resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: read }),
            reject,
          );
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  }

  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ownPort = (server.address() as AddressInfo).port;
  const reset = (): void => {
    rules = [];
    seen = [];
    for (const response of hanging) response.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${ownPort}`,
    get seen() {
      return seen;
    },
    get hanging() {
      return hanging.size;
    },
    inject: (operation, fault, times = 1, matches = () => true) => {
      rules.push({ operation, fault, times, matches });
    },
    reset,
    repair: () => {
      rules = [];
    },
    refuseConnections: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
    acceptConnections: async () => {
      server.listen(ownPort, '127.0.0.1');
      await once(server, 'listening');
    },
    count: (operation) => seen.filter((each) => each.operation === operation).length,
    arrival: (operation, matches = () => true) =>
      new Promise((resolve) => {
        waiting.push({
          matches: (each) => each.operation === operation && matches(each),
          resolve,
        });
      }),
    [Symbol.asyncDispose]: async () => {
      reset();
      agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function pass({ status, headers, body }: Answer, response: ServerResponse): void {
  const { 'transfer-encoding': _, connection: __, ...kept } = headers;
  // A HEAD's length is not its body's.
  const length = kept['content-length'] !== undefined && body.length === 0;
  response.writeHead(status, length ? kept : { ...kept, 'content-length': String(body.length) });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, code: string, service: string): void {
  if (service === 'dynamodb') {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb#${code}`, message: 'injected' }));
    return;
  }
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>injected</Message></Error>`;
  response.writeHead(status, { 'content-type': service === 's3' ? 'application/xml' : 'text/xml' });
  response.end(
    service === 's3'
      ? `<?xml version="1.0" encoding="UTF-8"?>\n${error}`
      : `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${error}<RequestId>r</RequestId></ErrorResponse>`,
  );
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function operationOf({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Operation {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target.slice(target.indexOf('.') + 1) as Operation;
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true) {
    return new URLSearchParams(body.toString()).get('Action') as Operation;
  }
  const query = new URL(url, 'http://x').searchParams;
  switch (method) {
    case 'PUT':
      return query.has('partNumber') ? 'UploadPart' : 'PutObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      if (query.has('delete')) return 'DeleteObjects';
      return query.has('uploadId') ? 'CompleteMultipartUpload' : 'other';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'GET':
      return query.has('list-type') ? 'ListObjectsV2' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    default:
      return 'other';
  }
}

function serviceOf(operation: Operation): 's3' | 'sns' | 'dynamodb' {
  if (operation === 'Publish' || operation === 'PublishBatch') return 'sns';
  return operation.endsWith('Item') ? 'dynamodb' : 's3';
}

/** Path style: `/bucket/key`. */
function keyOf(url: string): string {
  const path = new URL(url, 'http://x').pathname.slice(1);
  const slash = path.indexOf('/');
  return slash === -1 ? '' : decodeURIComponent(path.slice(slash + 1));
}
