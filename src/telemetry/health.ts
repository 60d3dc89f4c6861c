// The HTTP server beside the SMTP ports: /live, /ready and /metrics, for load balancers, containers and
// Prometheus. It shares nothing with the mail path but the process. It has no sign-in, so anyone who can reach it can
// crowd it: each connection serves one request within 5 s, and gives way to newer ones.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HealthConnections } from './health-connections.ts';
import {
  type HealthAnswer,
  type HealthRequest,
  parseHealthRequest,
  renderHealthAnswer,
} from './health-request.ts';
import { PROMETHEUS_CONTENT_TYPE } from './prometheus.ts';

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Why the program is not ready, in words an operator can act on; an empty list: it is. */
  readonly reasonsNotReady: () => readonly string[];
  /** The metrics in Prometheus's text format. */
  readonly metricsText: () => string;
  /**
   * How many octets stand in front of HTTP, as a load balancer's PROXY header: 0 for none, `more` when that is
   * not known yet, `invalid` for a header that is none.
   */
  readonly prefixLength: (octets: Buffer) => number | 'more' | 'invalid';
  /** What counts as one client, of an address: the clients share the connections. */
  readonly clientOf: (address: string) => string;
}

/** From the connection to its end: the PROXY header, the request, and the reading of the answer. */
const TIMEOUT_MILLISECONDS = 5000;
/** The metrics are written anew so many times a second; who asks more often gets the last ones. */
const RENDERINGS_A_SECOND = 10;
const JSON_TYPE = 'application/json';
const UNREADABLE = {
  malformed: { status: 400, type: JSON_TYPE, body: '{"error":"bad request"}\n' },
  'too-large': { status: 431, type: JSON_TYPE, body: '{"error":"header fields too large"}\n' },
} as const;

export class HealthServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections: HealthConnections;

  private constructor(server: Server, connections: HealthConnections) {
    this.#server = server;
    this.#connections = connections;
  }

  /**
   * Starts listening.
   * @throws the error of `listen`, with its `code` (`EADDRINUSE`, `EACCES`, …), `address` and `port`.
   */
  static async start(given: HealthServerOptions): Promise<HealthServer> {
    const options = { ...given, metricsText: limitRenderings(given.metricsText) };
    const connections = new HealthConnections(options.clientOf);
    // Half open: a client may close its side behind its request.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      connections.add(socket);
      serve(socket, options);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    return new HealthServer(server, connections);
  }

  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Stops listening and closes what is open, under way or not. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#connections.closeAll();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Answers the first request of a connection, and ends it. */
function serve(socket: Socket, options: HealthServerOptions): void {
  const hangUp = (): void => {
    socket.destroy();
  };
  const deadline = setTimeout(hangUp, TIMEOUT_MILLISECONDS);
  socket.once('close', () => clearTimeout(deadline));
  // A TCP health check connects and goes away: no error of its is worth a word.
  socket.on('error', hangUp);
  // Of one that is not answered yet, the rest of the request will not come.
  socket.once('end', hangUp);
  let octets = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    octets = Buffer.concat([octets, chunk]);
    const prefix = options.prefixLength(octets);
    if (prefix === 'more') return;
    if (prefix === 'invalid') return hangUp();
    const request = parseHealthRequest(octets.subarray(prefix));
    if (request === 'more') return;
    socket.off('data', read);
    socket.off('end', hangUp);
    const answer = typeof request === 'string' ? UNREADABLE[request] : answerTo(request, options);
    socket.end(
      renderHealthAnswer(answer, typeof request !== 'string' && request.method === 'HEAD'),
      'utf8',
    );
    // What still comes is thrown away: octets that nobody reads would reset the connection before the answer is read.
    socket.resume();
  };
  socket.on('data', read);
}

function answerTo(
  { method, path }: HealthRequest,
  { reasonsNotReady, metricsText }: HealthServerOptions,
): HealthAnswer {
  if (path !== '/live' && path !== '/ready' && path !== '/metrics') {
    return { status: 404, type: JSON_TYPE, body: '{"error":"not found"}\n' };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const body = '{"error":"method not allowed"}\n';
    return { status: 405, type: JSON_TYPE, body, allow: 'GET, HEAD' };
  }
  switch (path) {
    case '/live':
      return { status: 200, type: JSON_TYPE, body: '{"status":"live"}\n' };
    case '/ready': {
      const reasons = reasonsNotReady();
      if (reasons.length === 0) {
        return { status: 200, type: JSON_TYPE, body: '{"status":"ready"}\n' };
      }
      const body = `${JSON.stringify({ status: 'not ready', reasons })}\n`;
      return { status: 503, type: JSON_TYPE, body };
    }
    case '/metrics':
      return { status: 200, type: PROMETHEUS_CONTENT_TYPE, body: metricsText() };
  }
}

/** Fresh for everybody who asks now and then, and once for all who ask again and again. */
function limitRenderings(render: () => string): () => string {
  let second = 0;
  let renderings = 0;
  let text = '';
  return () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) renderings = 0;
    second = now;
    if (renderings < RENDERINGS_A_SECOND) {
      renderings += 1;
      text = render();
    }
    return text;
  };
}
