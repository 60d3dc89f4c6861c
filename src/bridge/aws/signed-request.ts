// The fast path: PUT to S3 and publish to SNS, signed and sent over keep-alive connections without the SDK's command
// pipeline, which costs several times the CPU of the request itself. The SDK remains the owner of everything else: it
// resolved the endpoint; credentials, region and clock offset are the client's, and so are the agent that connects, its
// number of sockets and the timeout. The fast path makes one try only: the caller hands everything that
// does not end in a plain 200 to the SDK's own command, with its retries. The SDK's path is the reference, and the
// fault tests run against both.
import type { Agent } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { MAX_CONNECTION_AGE_MILLIS } from './aging-agents.ts';
import { errorCode } from './error-codes.ts';
import { classifyAwsError } from './failures.ts';
import type { AwsService } from '../events.ts';
import { reportProgress } from './deadline.ts';
import type { FastPathHealth } from './fast-path-health.ts';
import { type HttpAnswer, HttpConnections } from './http-connections.ts';
import {
  canonicalQuery,
  RequestSigner,
  type SigningCredentials,
  type SigningScope,
} from './signature.ts';
import type { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { PublishCommand, SNSClient } from '@aws-sdk/client-sns';

/** The part of the SDK's request that is used here. */
export interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** One request to sign and send. */
export interface FastRequest {
  readonly method: 'PUT' | 'POST';
  /** Escaped already. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Buffer[];
  readonly sha256: Buffer;
  readonly signal: AbortSignal;
}

const DEFAULT_STALL_MILLIS = 6000;
const DEFAULT_CONNECT_MILLIS = 2000;
const KEEP_ALIVE_MILLIS = 1000;
/** What the operating system may hold of a request after we wrote its last octet. */
const SOCKET_BUFFER_OCTETS = 4 * 1024 * 1024;

type Client = Pick<S3Client | SNSClient, 'config'>;

/** The parts of a client's configuration that are used, the same in every client of the SDK. */
interface ClientConfig {
  readonly systemClockOffset: number;
  readonly credentials: () => Promise<SigningCredentials>;
  readonly region: () => Promise<string>;
  readonly requestHandler: {
    readonly httpHandlerConfigs?: () => {
      readonly httpAgent?: ConnectingAgent;
      readonly httpsAgent?: ConnectingAgent;
      readonly connectionTimeout?: number;
      readonly requestTimeout?: number;
    };
  };
}

/** `options` is what the agent connects with, its TLS settings among them. */
type ConnectingAgent = Agent & { readonly options: object };

interface MiddlewareStack {
  add(middleware: unknown, options: object): void;
}

interface AuthScheme {
  readonly name?: string;
  readonly signingName?: string;
  readonly signingRegion?: string;
}

interface SdkContext {
  readonly endpointV2?: { readonly properties?: { readonly authSchemes?: readonly AuthScheme[] } };
  readonly __smithy_context?: {
    readonly selectedHttpAuthScheme?: {
      readonly httpAuthOption?: {
        readonly schemeId?: string;
        readonly signingProperties?: { readonly name?: string; readonly region?: string };
      };
    };
  };
}

/**
 * Lets the SDK make the request of `command` up to the point where it would sign and send it, and takes
 * endpoint and scope from it. `undefined` where the signature is not plain SigV4 (S3 Express,
 * multi-region access points): only the SDK sends those. Rejects with the SDK's error.
 */
export async function captureSender(
  client: Client,
  command: PutObjectCommand | PublishCommand,
  run: () => Promise<unknown>,
): Promise<FastSender | undefined> {
  let request: SdkRequest | undefined;
  let context: SdkContext = {};
  const capture = (_next: unknown, of: object) => async (args: object) => {
    request = (args as { readonly request: SdkRequest }).request;
    context = of;
    return { response: undefined, output: { $metadata: {} } };
  };
  const stack = command.middlewareStack as unknown as MiddlewareStack;
  stack.add(capture, { step: 'finalizeRequest', priority: 'high', name: 'captureTemplate' });
  await run();
  if (request === undefined) return undefined;
  const option = context.__smithy_context?.selectedHttpAuthScheme?.httpAuthOption;
  const scheme = context.endpointV2?.properties?.authSchemes?.[0];
  if (option?.schemeId !== 'aws.auth#sigv4' || (scheme?.name ?? 'sigv4') !== 'sigv4') {
    return undefined;
  }
  const config = client.config as unknown as ClientConfig;
  const { signingProperties } = option;
  const region = scheme?.signingRegion ?? signingProperties?.region ?? (await config.region());
  const service = scheme?.signingName ?? signingProperties?.name;
  return service === undefined ? undefined : new FastSender(request, config, { region, service });
}

/** Sends requests to the one endpoint that the template names. */
export class FastSender {
  /** Of the request that the SDK made. */
  readonly path: string;
  readonly #template: SdkRequest;
  readonly #config: ClientConfig;
  readonly #signer: RequestSigner;
  readonly #host: string;
  readonly #userAgent: string;
  #endpoint: Endpoint | undefined;

  constructor(template: SdkRequest, config: ClientConfig, scope: SigningScope) {
    this.path = template.path;
    this.#template = template;
    this.#config = config;
    this.#signer = new RequestSigner(scope);
    this.#host = template.headers['host'] ?? template.hostname;
    this.#userAgent = template.headers['user-agent'] ?? 'mailsluice';
  }

  /** The client's sockets are known. They are once the client has sent a request. */
  get isReady(): boolean {
    return this.#connect() !== undefined;
  }

  /** Rejects when the request or its answer was cut off, too slow, or given up: the outcome is unknown. */
  async send({
    method,
    path,
    query,
    headers,
    body,
    sha256,
    signal,
  }: FastRequest): Promise<HttpAnswer> {
    const endpoint = this.#connect();
    if (endpoint === undefined) throw new Error('the client has no sockets yet');
    let octets = 0;
    for (const part of body) octets += part.length;
    const target = canonicalQuery(query);
    const unsigned = {
      method,
      path,
      query: target,
      headers: {
        host: this.#host,
        'user-agent': this.#userAgent,
        'content-length': String(octets),
        // Signed, so the body cannot be changed on its way.
        'x-amz-content-sha256': sha256.toString('hex'),
        ...headers,
      },
    };
    const credentials = await this.#config.credentials();
    const time = new Date(Date.now() + this.#config.systemClockOffset);
    const { connections, stallMillis } = endpoint;
    return connections.exchange({
      method,
      path: target === '' ? path : `${path}?${target}`,
      headers: this.#signer.sign(unsigned, credentials, time),
      body,
      // A slow network still sends when we wait for the answer already.
      stallMillis: stallMillis * (1 + Math.min(1, octets / SOCKET_BUFFER_OCTETS)),
      signal,
      onProgress: (sent) => reportProgress(signal, body, sent),
    });
  }

  /** Closes its connections. */
  close(): void {
    this.#endpoint?.connections[Symbol.dispose]();
  }

  #connect(): Endpoint | undefined {
    return (this.#endpoint ??= endpointOf(this.#template, this.#config));
  }
}

interface Endpoint {
  readonly connections: HttpConnections;
  readonly stallMillis: number;
}

/** `undefined` while the client has no agents: it makes them for its first request. */
function endpointOf(template: SdkRequest, config: ClientConfig): Endpoint | undefined {
  const { httpAgent, httpsAgent, connectionTimeout, requestTimeout } =
    config.requestHandler.httpHandlerConfigs?.() ?? {};
  const isTls = template.protocol === 'https:';
  const agent = isTls ? httpsAgent : httpAgent;
  if (agent === undefined) return undefined;
  const host = template.hostname.replace(/^\[(.*)\]$/, '$1');
  const options = {
    ...agent.options,
    host,
    port: template.port ?? (isTls ? 443 : 80),
    noDelay: true,
    // As the agent sets it for its own sockets: a gateway drops a connection that is idle for minutes without a word.
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MILLIS,
    ...(isTls && isIP(host) === 0 && { servername: host }),
  };
  /** Of the last connection, so that the next one need not verify the certificate again (RFC 8446 section 2.2). */
  let session: Buffer | undefined;
  const connect = (): Socket => {
    const socket = agent.createConnection({ ...options, ...(session && { session }) });
    if (!socket) throw new Error('the agent gave no socket at once');
    if (isTls) {
      (socket as TLSSocket).on('session', (ticket: Buffer) => {
        session = ticket;
      });
    }
    return socket as Socket;
  };
  return {
    connections: new HttpConnections({
      origin: `${template.protocol}//${host.includes(':') ? `[${host}]` : host}:${options.port}`,
      connect,
      connectMillis: connectionTimeout || DEFAULT_CONNECT_MILLIS,
      maxConnections: agent.maxSockets,
      maxAgeMillis: MAX_CONNECTION_AGE_MILLIS,
    }),
    stallMillis: requestTimeout || DEFAULT_STALL_MILLIS,
  };
}

/** A sender that is captured at once, and again at its next use after that failed: credentials may come later. */
export class LazySender {
  readonly #health: FastPathHealth;
  readonly #capture: () => Promise<FastSender | undefined>;
  #captured: Promise<FastSender | undefined> | undefined;

  constructor(health: FastPathHealth, capture: () => Promise<FastSender | undefined>) {
    this.#health = health;
    this.#capture = capture;
    void this.get();
  }

  /** `undefined` while there is none, it is not ready, or it is of no use: then the SDK's command sends the request. */
  async get(): Promise<FastSender | undefined> {
    if (!this.#health.isOpen) return undefined;
    this.#captured ??= this.#capture();
    try {
      const sender = await this.#captured;
      return sender?.isReady === true ? sender : undefined;
    } catch {
      this.#captured = undefined;
      return undefined;
    }
  }

  /** Closes its connections. */
  close(): void {
    this.#captured?.then(
      (sender) => sender?.close(),
      () => undefined,
    );
  }
}

/**
 * One request on the fast path, and the SDK's own command with its retries behind it. `read` gives the result of a
 * good answer, and `undefined` for any other. The attempts of both are counted together.
 */
export async function sendOrFallBack<R extends { readonly attempts: number }>(
  health: FastPathHealth,
  send: () => Promise<HttpAnswer>,
  read: (answer: HttpAnswer) => R | undefined,
  fallback: () => Promise<R>,
): Promise<R> {
  const { service } = health;
  const began = performance.now();
  let answer: HttpAnswer | undefined;
  let reason: unknown;
  try {
    answer = await send();
  } catch (error) {
    reason = error;
    // The outcome is unknown. S3 is asked again, and a 412 then says that the object is there. SNS is asked again too,
    // since at least once is what is promised.
  }
  const result = answer && read(answer);
  if (result !== undefined) {
    health.succeeded();
    return result;
  }
  const final = answer && finalError(service, answer);
  if (final !== undefined) throw final;
  const tried = answer === undefined || countsAsTry(answer) ? 1 : 0;
  const wasUseless = (): void => {
    if (answer === undefined) health.wasUseless(began, reason);
    // A service that fails or throttles is understood.
    else if (answer.status < 500 && answer.status !== 429) {
      health.wasUseless(began, `an answer of status ${answer.status} that proves nothing`);
    }
  };
  try {
    const later = await fallback();
    wasUseless();
    return { ...later, attempts: later.attempts + tried };
  } catch (error) {
    // The object is there, by the try on the fast path.
    if (errorCode(error) === 'PreconditionFailed') wasUseless();
    addAttempts(error, tried);
    throw error;
  }
}

/** A final answer on the fast path: the SDK would get the same. It looks like the SDK's error. */
class FastPathError extends Error {
  readonly $metadata: { readonly httpStatusCode: number; readonly attempts: number };

  constructor(code: string, status: number, message: string) {
    super(message);
    this.name = code;
    this.$metadata = { httpStatusCode: status, attempts: 1 };
  }
}

/**
 * The error for an answer that is final, as a 412 is. `undefined` for what the SDK can mend: by trying again, with
 * fresh credentials, with the right clock.
 */
function finalError(service: AwsService, answer: HttpAnswer): Error | undefined {
  const code = errorCodeIn(answer);
  if (code === undefined) return undefined;
  const { status, text } = answer;
  const [, said] = /<Message>([^<]+)<\/Message>/.exec(text) ?? [];
  const error = new FastPathError(code, status, said ?? `${service} answered ${status} ${code}`);
  const { cause } = classifyAwsError(service, error);
  return status === 409 || cause === 'refused' || cause === 'corrupted' ? error : undefined;
}

/**
 * A 4xx of AWS was not carried out. It does not count, or else a 412 for the next try would look like its work. One
 * that AWS did not give says nothing: the request may have gone through.
 */
function countsAsTry(answer: HttpAnswer): boolean {
  return errorCodeIn(answer) === undefined || answer.status < 400 || answer.status >= 500;
}

/** The error code of AWS; `undefined` where the answer has none. */
function errorCodeIn({ text }: HttpAnswer): string | undefined {
  return /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(text)?.[1];
}

/** Adds the try on the fast path to the tries that the SDK counted in its error. */
function addAttempts(error: unknown, attempts: number): void {
  if (typeof error !== 'object' || error === null) return;
  const { $metadata } = error as { $metadata?: { attempts?: number } };
  if ($metadata !== undefined) $metadata.attempts = ($metadata.attempts ?? 1) + attempts;
}
