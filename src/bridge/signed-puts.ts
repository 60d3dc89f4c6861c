// The hot PUT: one signed request over keep-alive node:http(s), without the SDK's command pipeline, which
// costs several times the CPU of the request itself. The SDK stays the owner of everything else: the
// endpoint is the one that it resolved, the signer, credentials, region and clock offset are the client's,
// and so are the sockets and the timeout. And this makes one try only: whatever does not end in a plain
// 200 (or an answer that no retry of the same request could change) is handed to the SDK's own command,
// with its retries. The reference is `createSdkPuts`; the fault tests run against both.
import { type Agent, type ClientRequest, request as httpRequest } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createSdkPuts, type ObjectPuts, type Put, type PutResult } from './object-puts.ts';

/** The SDK's request, as far as it is needed here. */
interface SdkRequest {
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

/** What the SDK resolved for our bucket, taken from a request that it made and did not send. */
interface Template {
  readonly request: SdkRequest;
  /** In front of the key: `/` or `/bucket/`. */
  readonly pathPrefix: string;
  readonly sign: (request: SdkRequest) => Promise<SdkRequest>;
  readonly agent: Agent | HttpsAgent | undefined;
  readonly timeoutMillis: number;
}

const DEFAULT_TIMEOUT_MILLIS = 6000;
/** Of an error document, more than its code needs. */
const ERROR_OCTETS = 4096;

/** An answer that the same request would get again, or that is the store's business: it looks like the SDK's. */
class SignedPutError extends Error {
  readonly $metadata: { readonly httpStatusCode: number; readonly attempts: number };

  constructor(code: string, status: number) {
    super(`S3 answered ${status} ${code}`);
    this.name = code;
    this.$metadata = { httpStatusCode: status, attempts: 1 };
  }
}

/** The statuses and codes that are not handed on. */
const FINAL_STATUS: ReadonlySet<number> = new Set([409, 412]);
const FINAL_CODES: ReadonlySet<string> = new Set(['BadDigest', 'XAmzContentSHA256Mismatch']);

export function createSignedPuts(s3: S3Client, bucket: string): ObjectPuts {
  const sdk = createSdkPuts(s3);
  let template: Promise<Template | undefined> | undefined;

  /** Asked for again when it failed: credentials or a region may come later. */
  async function templateOf(): Promise<Template | undefined> {
    template ??= captureTemplate(s3, bucket);
    try {
      return await template;
    } catch {
      template = undefined;
      return undefined;
    }
  }

  async function send(
    put: Put,
    headers: Readonly<Record<string, string>>,
    query: Readonly<Record<string, string>>,
    fallback: () => Promise<PutResult>,
  ): Promise<PutResult> {
    const known = put.bucket === bucket ? await templateOf() : undefined;
    if (known === undefined) return fallback();
    let octets = 0;
    for (const part of put.body) octets += part.length;
    const unsigned = known.request.clone();
    unsigned.path = known.pathPrefix + escapePath(put.key);
    unsigned.query = { ...query };
    unsigned.body = undefined;
    unsigned.headers = {
      host: known.request.headers['host'] ?? known.request.hostname,
      'user-agent': known.request.headers['user-agent'] ?? 'mailsluice',
      'content-length': String(octets),
      // Signed, so the body cannot be changed on its way; and checked again against what is stored.
      'x-amz-content-sha256': put.sha256.toString('hex'),
      'x-amz-checksum-sha256': put.sha256.toString('base64'),
      ...headers,
    };
    let tried: number;
    try {
      const answer = await exchange(known, await known.sign(unsigned), put);
      if (answer.status === 200) return { etag: answer.etag, attempts: 1 };
      if (FINAL_STATUS.has(answer.status) || FINAL_CODES.has(answer.code)) {
        throw new SignedPutError(answer.code, answer.status);
      }
      // 4xx: it was not carried out, so a 412 for the next try would be somebody else's object.
      tried = answer.status >= 400 && answer.status < 500 ? 0 : 1;
    } catch (error) {
      if (error instanceof SignedPutError) throw error;
      tried = 1;
    }
    try {
      const result = await fallback();
      return { ...result, attempts: result.attempts + tried };
    } catch (error) {
      addAttempts(error, tried);
      throw error;
    }
  }

  return {
    putObject: (put) => {
      const headers: Record<string, string> = { 'content-type': put.contentType };
      if (put.ifNoneMatch) headers['if-none-match'] = '*';
      for (const [name, value] of Object.entries(put.metadata))
        headers[`x-amz-meta-${name}`] = value;
      return send(put, headers, {}, () => sdk.putObject(put));
    },
    putPart: (part) =>
      send(part, {}, { partNumber: String(part.partNumber), uploadId: part.uploadId }, () =>
        sdk.putPart(part),
      ),
  };
}

/** Lets the SDK make a request for our bucket, up to the point where it would sign and send it. */
async function captureTemplate(s3: S3Client, bucket: string): Promise<Template | undefined> {
  const key = 'k';
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: '' });
  let request: SdkRequest | undefined;
  let authScheme: AuthScheme | undefined;
  let schemeId: string | undefined;
  command.middlewareStack.add(
    (_next, context) => async (args) => {
      request = (args as unknown as { readonly request: SdkRequest }).request;
      const { endpointV2, __smithy_context: smithy } = context as SdkContext;
      authScheme = endpointV2?.properties?.authSchemes?.[0];
      schemeId = smithy?.selectedHttpAuthScheme?.httpAuthOption?.schemeId;
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'finalizeRequest', priority: 'high', name: 'captureTemplate' },
  );
  await s3.send(command);
  // Anything but plain SigV4 (S3 Express, multi-region access points) is the SDK's alone.
  if (request === undefined || schemeId !== 'aws.auth#sigv4') return undefined;
  if (authScheme?.name !== undefined && authScheme.name !== 'sigv4') return undefined;
  const { config } = s3;
  const signer = await config.signer(authScheme as never);
  const options = {
    ...(authScheme?.signingRegion !== undefined && { signingRegion: authScheme.signingRegion }),
    ...(authScheme?.signingName !== undefined && { signingService: authScheme.signingName }),
  };
  const isTls = request.protocol === 'https:';
  const handler = config.requestHandler as { httpHandlerConfigs?: () => HandlerConfig };
  const { httpAgent, httpsAgent, requestTimeout } = handler.httpHandlerConfigs?.() ?? {};
  return {
    request,
    pathPrefix: request.path.slice(0, -key.length),
    sign: async (unsigned) => {
      const signingDate = new Date(Date.now() + config.systemClockOffset);
      return (await signer.sign(unsigned as never, { ...options, signingDate })) as SdkRequest;
    },
    agent: isTls ? httpsAgent : httpAgent,
    timeoutMillis: requestTimeout ?? DEFAULT_TIMEOUT_MILLIS,
  };
}

interface AuthScheme {
  readonly name?: string;
  readonly signingName?: string;
  readonly signingRegion?: string;
}

interface SdkContext {
  readonly endpointV2?: { readonly properties?: { readonly authSchemes?: readonly AuthScheme[] } };
  readonly __smithy_context?: {
    readonly selectedHttpAuthScheme?: { readonly httpAuthOption?: { readonly schemeId?: string } };
  };
}

interface HandlerConfig {
  readonly httpAgent?: Agent;
  readonly httpsAgent?: HttpsAgent;
  readonly requestTimeout?: number;
}

interface Answer {
  readonly status: number;
  readonly etag: string;
  /** Of the error document; `''` when there is none. */
  readonly code: string;
}

/** One request and its whole answer; rejects when either is cut off, too slow, or given up. */
function exchange(known: Template, signed: SdkRequest, put: Put): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { request, agent, timeoutMillis } = known;
    const isTls = request.protocol === 'https:';
    const query = Object.entries(signed.query)
      .map(([name, value]) => `${escape(name)}=${escape(value)}`)
      .join('&');
    const sent: ClientRequest = (isTls ? httpsRequest : httpRequest)({
      method: 'PUT',
      host: request.hostname,
      ...(request.port !== undefined && { port: request.port }),
      path: query === '' ? signed.path : `${signed.path}?${query}`,
      headers: signed.headers,
      ...(agent !== undefined && { agent }),
    });
    const giveUp = (): void => {
      sent.destroy(new Error('the request was given up'));
    };
    const timer = setTimeout(giveUp, timeoutMillis);
    put.signal.addEventListener('abort', giveUp, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      put.signal.removeEventListener('abort', giveUp);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    sent.once('error', fail);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        if (text.length < ERROR_OCTETS) text += chunk;
      });
      response.once('error', fail);
      response.once('end', () => {
        settle();
        const etag = response.headers.etag ?? '';
        const code = /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(text)?.[1] ?? '';
        resolve({ status: response.statusCode ?? 0, etag, code });
      });
    });
    if (put.signal.aborted) giveUp();
    const { body } = put;
    if (body.length > 1) sent.cork();
    for (const octets of body) sent.write(octets);
    sent.end();
  });
}

/** As the SDK escapes a key: every octet but the unreserved of RFC 3986, and the slash. */
function escapePath(key: string): string {
  return key.split('/').map(escape).join('/');
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function addAttempts(error: unknown, attempts: number): void {
  if (typeof error !== 'object' || error === null) return;
  const { $metadata } = error as { $metadata?: { attempts?: number } };
  if ($metadata !== undefined) $metadata.attempts = ($metadata.attempts ?? 1) + attempts;
}
