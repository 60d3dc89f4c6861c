// The hot requests, PUT to S3 and publish to SNS: signed and sent over keep-alive node:http(s) without the
// SDK's command pipeline, which costs several times the CPU of the request itself. The SDK stays the owner
// of everything else: the endpoint is the one that it resolved, the signer, credentials, region and clock
// offset are the client's, and so are the sockets and the timeout. And this makes one try only: whatever
// does not end in a plain 200 is the caller's to hand to the SDK's own command, with its retries. The SDK's
// path is the reference; the fault tests run against both.
import { type Agent, type ClientRequest, request as httpRequest } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { classifyAwsError } from './aws-failures.ts';
import type { AwsService } from './events.ts';
import type { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { PublishCommand, SNSClient } from '@aws-sdk/client-sns';

/** The SDK's request, as far as it is needed here. */
export interface SdkRequest {
  method: string;
  path: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  headers: Record<string, string>;
  query: Record<string, string>;
  body?: unknown;
  clone(): SdkRequest;
}

/** One request to be signed and sent. */
export interface HotRequest {
  readonly method: 'PUT' | 'POST';
  /** Escaped already. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Buffer[];
  readonly sha256: Buffer;
  readonly signal: AbortSignal;
}

export interface HotAnswer {
  readonly status: number;
  readonly etag: string;
  /** The start of the body, for its error code or its results. */
  readonly text: string;
}

/** Sends hot requests to the one endpoint that the template names. */
export interface HotSender {
  /** The path of the request that the SDK made. */
  readonly path: string;
  /** The client's sockets are known, which they are once it has sent a request of its own. */
  readonly isReady: boolean;
  /** Rejects when the request or its answer was cut off, too slow, or given up: the outcome is unknown. */
  send(request: HotRequest): Promise<HotAnswer>;
}

const DEFAULT_TIMEOUT_MILLIS = 6000;
/** More than the results of ten entries, or than the code of an error, need. */
const ANSWER_LENGTH = 64 * 1024;

type Client = Pick<S3Client | SNSClient, 'config'>;

/** The parts of a client's configuration that are used, the same in every client of the SDK. */
interface ClientConfig {
  readonly systemClockOffset: number;
  readonly signer: (scheme?: AuthScheme) => Promise<Signer>;
  readonly requestHandler: {
    readonly httpHandlerConfigs?: () => {
      readonly httpAgent?: Agent;
      readonly httpsAgent?: HttpsAgent;
      readonly requestTimeout?: number;
    };
  };
}

interface Signer {
  sign(request: SdkRequest, options: object): Promise<SdkRequest>;
}

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
 * endpoint and signer from it. `undefined` where the signature is not plain SigV4 (S3 Express,
 * multi-region access points): those are the SDK's alone. Rejects with the SDK's error.
 */
export async function captureSender(
  client: Client,
  command: PutObjectCommand | PublishCommand,
  run: () => Promise<unknown>,
): Promise<HotSender | undefined> {
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
  const signingRegion = scheme?.signingRegion ?? option.signingProperties?.region;
  const signingService = scheme?.signingName ?? option.signingProperties?.name;
  return createSender(request, config, await config.signer(scheme), {
    ...(signingRegion !== undefined && { signingRegion }),
    ...(signingService !== undefined && { signingService }),
  });
}

function createSender(
  template: SdkRequest,
  config: ClientConfig,
  signer: Signer,
  scope: object,
): HotSender {
  let target: Target | undefined;
  const targetOf = (): Target | undefined => {
    if (target !== undefined) return target;
    const isTls = template.protocol === 'https:';
    const { httpAgent, httpsAgent, requestTimeout } =
      config.requestHandler.httpHandlerConfigs?.() ?? {};
    const agent = isTls ? httpsAgent : httpAgent;
    if (agent === undefined) return undefined;
    target = {
      isTls,
      agent,
      host: template.hostname,
      ...(template.port !== undefined && { port: template.port }),
      timeoutMillis: requestTimeout || DEFAULT_TIMEOUT_MILLIS,
    };
    return target;
  };
  const host = template.headers['host'] ?? template.hostname;
  const userAgent = template.headers['user-agent'] ?? 'mailsluice';
  return {
    path: template.path,
    get isReady() {
      return targetOf() !== undefined;
    },
    send: async (request) => {
      const to = targetOf();
      if (to === undefined) throw new Error('the client has no sockets yet');
      let octets = 0;
      for (const part of request.body) octets += part.length;
      const unsigned = template.clone();
      unsigned.method = request.method;
      unsigned.path = request.path;
      unsigned.query = { ...request.query };
      unsigned.body = undefined;
      unsigned.headers = {
        host,
        'user-agent': userAgent,
        'content-length': String(octets),
        // Signed, so the body cannot be changed on its way.
        'x-amz-content-sha256': request.sha256.toString('hex'),
        ...request.headers,
      };
      const signingDate = new Date(Date.now() + config.systemClockOffset);
      const signed = await signer.sign(unsigned, { ...scope, signingDate });
      return exchange(to, signed, request.body, request.signal);
    },
  };
}

interface Target {
  readonly isTls: boolean;
  readonly host: string;
  readonly port?: number;
  readonly agent: Agent | HttpsAgent;
  readonly timeoutMillis: number;
}

/** One request and its whole answer. */
function exchange(
  { isTls, host, port, agent, timeoutMillis }: Target,
  { method, path, query, headers }: SdkRequest,
  body: readonly Buffer[],
  signal: AbortSignal,
): Promise<HotAnswer> {
  return new Promise((resolve, reject) => {
    const pairs = Object.entries(query).map(
      ([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`,
    );
    const sent: ClientRequest = (isTls ? httpsRequest : httpRequest)({
      method,
      host,
      ...(port !== undefined && { port }),
      path: pairs.length === 0 ? path : `${path}?${pairs.join('&')}`,
      headers,
      agent,
    });
    const giveUp = (): void => {
      sent.destroy(new Error('the request was given up'));
    };
    const timer = setTimeout(giveUp, timeoutMillis);
    signal.addEventListener('abort', giveUp, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    // `on`: an error may follow the one that settled it, and must not end the process.
    sent.on('error', fail);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_LENGTH) text += chunk;
      });
      response.on('error', fail);
      response.once('end', () => {
        settle();
        resolve({ status: response.statusCode ?? 0, etag: response.headers.etag ?? '', text });
      });
    });
    if (signal.aborted) giveUp();
    if (body.length > 1) sent.cork();
    for (const octets of body) sent.write(octets);
    sent.end();
  });
}

/** As the SDK escapes: every octet but the unreserved of RFC 3986. */
export function escapeUri(text: string): string {
  const escaped = encodeURIComponent(text);
  return /[!'()*]/.test(escaped)
    ? escaped.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    : escaped;
}

/**
 * A sender that is captured at once, and again at its use after that failed: credentials may come later.
 * `undefined` while it is not there or not ready: the SDK's command does it then.
 */
export function lazySender(
  capture: () => Promise<HotSender | undefined>,
): () => Promise<HotSender | undefined> {
  let captured: Promise<HotSender | undefined> | undefined;
  const senderOf = async (): Promise<HotSender | undefined> => {
    captured ??= capture();
    try {
      const sender = await captured;
      return sender?.isReady === true ? sender : undefined;
    } catch {
      captured = undefined;
      return undefined;
    }
  };
  void senderOf();
  return senderOf;
}

/** The service's answer to a hot request, where the SDK would get no other. It looks like the SDK's error. */
class HotRequestError extends Error {
  readonly $metadata: { readonly httpStatusCode: number; readonly attempts: number };

  constructor(service: AwsService, code: string, status: number) {
    super(`${service} answered ${status} ${code}`);
    this.name = code;
    this.$metadata = { httpStatusCode: status, attempts: 1 };
  }
}

/**
 * The error for an answer that is final, as a 412 is. `undefined` for what the SDK knows to mend: by trying
 * again, with fresh credentials, with the right clock.
 */
export function finalError(service: AwsService, { status, text }: HotAnswer): Error | undefined {
  const code = /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(text)?.[1] ?? '';
  const error = new HotRequestError(service, code, status);
  const { cause } = classifyAwsError(service, error);
  return status === 409 || cause === 'refused' || cause === 'corrupted' ? error : undefined;
}

/** 4xx: it was not carried out. Then it does not count, lest a 412 for the next try seem to be its doing. */
export function countsAsTry({ status }: HotAnswer): boolean {
  return status < 400 || status >= 500;
}

/** Counts the hot try among the tries that the SDK speaks of in an error. */
export function addAttempts(error: unknown, attempts: number): void {
  if (typeof error !== 'object' || error === null) return;
  const { $metadata } = error as { $metadata?: { attempts?: number } };
  if ($metadata !== undefined) $metadata.attempts = ($metadata.attempts ?? 1) + attempts;
}
