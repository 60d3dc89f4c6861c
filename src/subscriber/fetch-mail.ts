import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { MailNotFoundError, MailUnavailableError } from './errors.ts';
import { requireSource } from './mail-sources.ts';
import { MailStream } from './mail-stream.ts';
import type { MailNotification, MailObject } from './parse-notification.ts';
import { mailErrorOf } from './s3-failures.ts';

export interface FetchOptions {
  /** Default: one client for the whole process, made at the first call from the SDK's environment. */
  readonly s3?: S3Client;
  /**
   * The only objects that are read, as `bucket` or `bucket/prefix`. Default: those in the environment variable
   * `MAILSLUICE_MAIL_SOURCES`, which the CDK construct sets, separated by commas; without it all.
   */
  readonly sources?: readonly string[];
  /** Ends the request and the download; both then fail with its reason. */
  readonly signal?: AbortSignal;
  /** How long S3 may say nothing: before its answer, retries included, and between two parts of it. Default 30,000. */
  readonly silenceMillis?: number;
}

const SILENCE_MILLIS = 30_000;
/** Of one attempt of the process's own client: a connection that hangs leaves time for another one. */
const CONNECT_MILLIS = 3_000;
const ANSWER_MILLIS = 8_000;

/** The raw mail (RFC 5322) as it is stored. */
export interface FetchedMail {
  /**
   * Every octet of the object. Read it or destroy it: it holds a connection. It can be read once; a second reading by `pipe` or
   * by iteration throws `MailAlreadyReadError`.
   */
  readonly stream: Readable;
  /** Octets of the object, where it is known. */
  readonly sizeInOctets?: number;
  /** Octets that Mailsluice put in front (`Return-Path`, `Received`, …); the message as sent begins after them. */
  readonly traceHeaderOctets: number;
}

/**
 * Opens the raw mail of a notification as a stream. The stream fails with the same errors.
 * @throws MailNotAllowedError where it is not one to read; MailNotFoundError where there is none; MailUnreadableError where
 *   somebody must change something first; MailUnavailableError where a retry can help
 */
export async function fetchMail(
  mail: Pick<MailNotification, 'object' | 'notification'>,
  options: FetchOptions = {},
): Promise<FetchedMail> {
  const { object, notification } = mail;
  if (object === undefined) return fromNotification(mail);
  requireSource(object, options.sources);
  const { stream, output } = await open(object, options);
  const { ContentLength, Metadata = {} } = output;
  let octets = notification?.mailsluice?.traceHeaderSize;
  // Where only the object is known, Mailsluice's metadata tells, or the sidecar that it names.
  if (octets === undefined && Metadata['sidecar'] !== undefined) {
    try {
      const objectKey = `${object.objectKey}.envelope.json`;
      const sidecar = await open({ ...object, objectKey }, options);
      octets = traceHeaderOctets(await text(sidecar.stream));
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }
  return {
    stream,
    ...(ContentLength !== undefined && { sizeInOctets: ContentLength }),
    traceHeaderOctets: octets ?? traceHeaderOctets(Metadata['facts']),
  };
}

async function open(
  object: MailObject,
  options: FetchOptions,
): Promise<{ readonly stream: MailStream; readonly output: GetObjectCommandOutput }> {
  const output = await getObject(object, options);
  if (!(output.Body instanceof Readable)) {
    throw mailErrorOf(new TypeError('GetObject gave no stream'), object);
  }
  const stream = new MailStream(output.Body, {
    silenceMillis: options.silenceMillis ?? SILENCE_MILLIS,
    explain: (error) => mailErrorOf(error, object),
    signal: options.signal,
  });
  return { stream, output };
}

async function getObject(
  object: MailObject,
  { s3, signal, silenceMillis = SILENCE_MILLIS }: FetchOptions,
): Promise<GetObjectCommandOutput> {
  signal?.throwIfAborted();
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new DOMException(`no answer for ${silenceMillis} ms`, 'TimeoutError')),
    silenceMillis,
  );
  const signals = [silence.signal, ...(signal ? [signal] : [])];
  try {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    return await (s3 ?? (await defaultClient())).send(
      new GetObjectCommand({ Bucket: object.bucketName, Key: object.objectKey }),
      { abortSignal: AbortSignal.any(signals) },
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw mailErrorOf(silence.signal.aborted ? silence.signal.reason : error, object);
  } finally {
    clearTimeout(timer);
  }
}

/** The SNS action of SES sends the mail along instead of storing it. */
function fromNotification({ notification }: Pick<MailNotification, 'notification'>): FetchedMail {
  const { content, receipt } = notification ?? {};
  if (content === undefined || receipt === undefined) {
    throw new MailNotFoundError('the notification names no object and has no content');
  }
  const isBase64 = 'encoding' in receipt.action && /^base64$/i.test(receipt.action.encoding ?? '');
  const octets = Buffer.from(content, isBase64 ? 'base64' : 'utf8');
  return {
    stream: new MailStream(Readable.from([octets], { objectMode: false }), {
      silenceMillis: SILENCE_MILLIS,
      explain: (error) =>
        new MailUnavailableError('the content of the notification', { cause: error }),
      signal: undefined,
    }),
    sizeInOctets: octets.length,
    traceHeaderOctets: 0,
  };
}

function traceHeaderOctets(facts: string | undefined): number {
  if (facts === undefined) return 0;
  try {
    const parsed: unknown = JSON.parse(facts);
    const { traceHeaderSize, member } = Object(parsed) as {
      readonly traceHeaderSize?: unknown;
      readonly member?: { readonly traceHeaderSize?: unknown };
    };
    const octets = traceHeaderSize ?? member?.traceHeaderSize;
    return typeof octets === 'number' && Number.isSafeInteger(octets) && octets > 0 ? octets : 0;
  } catch {
    return 0;
  }
}

let client: S3Client | undefined;

async function defaultClient(): Promise<S3Client> {
  const { S3Client: Client } = await import('@aws-sdk/client-s3');
  // At another endpoint than AWS's, the bucket is not part of the host name.
  const own = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  client ??= new Client({
    forcePathStyle: own !== undefined,
    requestHandler: {
      connectionTimeout: CONNECT_MILLIS,
      requestTimeout: ANSWER_MILLIS,
      throwOnRequestTimeout: true,
    },
  });
  return client;
}
