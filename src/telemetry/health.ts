// The HTTP server beside the SMTP ports: /live, /ready and /metrics, for load balancers, containers and
// Prometheus. It shares nothing with the mail path but the process.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
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
}

/** Open connections; more are closed at once. */
const CONNECTIONS = 64;
/** For the PROXY header, for a request, and between two of them. */
const TIMEOUT_MILLISECONDS = 5000;
const HEADER_OCTETS = 8192;
const REQUESTS_PER_CONNECTION = 1000;

export class HealthServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * Starts listening.
   * @throws the error of `listen`, with its `code` (`EADDRINUSE`, `EACCES`, …), `address` and `port`.
   */
  static async start(options: HealthServerOptions): Promise<HealthServer> {
    const server = createServer(
      {
        maxHeaderSize: HEADER_OCTETS,
        headersTimeout: TIMEOUT_MILLISECONDS,
        requestTimeout: TIMEOUT_MILLISECONDS,
        keepAliveTimeout: TIMEOUT_MILLISECONDS,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => answer(request, response, options),
    );
    server.maxConnections = CONNECTIONS;
    server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
    // HTTP begins where the PROXY header, if one came, ends.
    const serveHttp = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      skipPrefix(socket, options.prefixLength, () => {
        for (const serve of serveHttp) serve.call(server, socket);
      });
    });
    const health = new HealthServer(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    return health;
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
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Calls `proceed` with the socket at the first octet of HTTP. */
function skipPrefix(
  socket: Socket,
  prefixLength: HealthServerOptions['prefixLength'],
  proceed: () => void,
): void {
  let bytes = Buffer.alloc(0);
  // A TCP health check connects and goes away: no error of its is worth a word.
  socket.on('error', () => socket.destroy());
  const hangUp = (): void => {
    socket.destroy();
  };
  const deadline = setTimeout(hangUp, TIMEOUT_MILLISECONDS);
  // HTTP's sockets may stay half open; one that says nothing more will not be answered.
  socket.once('end', hangUp);
  const read = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const length = prefixLength(bytes);
    if (length === 'more') return;
    socket.removeListener('data', read);
    socket.removeListener('end', hangUp);
    clearTimeout(deadline);
    if (length === 'invalid') {
      socket.destroy();
      return;
    }
    socket.pause();
    if (length < bytes.length) socket.unshift(bytes.subarray(length));
    proceed();
    socket.resume();
  };
  socket.on('data', read);
  socket.once('close', () => clearTimeout(deadline));
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { reasonsNotReady, metricsText }: HealthServerOptions,
): void {
  // Nothing here takes a body; one that comes is thrown away, within the request's time.
  request.resume();
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/live' && path !== '/ready' && path !== '/metrics') {
    send(response, 404, JSON_TYPE, '{"error":"not found"}\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, 405, JSON_TYPE, '{"error":"method not allowed"}\n');
    return;
  }
  switch (path) {
    case '/live':
      send(response, 200, JSON_TYPE, '{"status":"live"}\n');
      return;
    case '/ready': {
      const reasons = reasonsNotReady();
      if (reasons.length === 0) send(response, 200, JSON_TYPE, '{"status":"ready"}\n');
      else send(response, 503, JSON_TYPE, `${JSON.stringify({ status: 'not ready', reasons })}\n`);
      return;
    }
    case '/metrics':
      send(response, 200, PROMETHEUS_CONTENT_TYPE, metricsText());
  }
}

const JSON_TYPE = 'application/json';

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
