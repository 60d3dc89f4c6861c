import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { MailNotFoundError, MailUnavailableError } from './errors.ts';
import { requireSource } from './mail-sources.ts';
import type { MailNotification } from './parse-notification.ts';

export interface FetchOptions {
  /** Default: one client for the whole process, made at the first call from the SDK's environment. */
  readonly s3?: S3Client;
  /**
   * The only objects that are read, as `bucket` or `bucket/prefix`. Default: those in the environment variable
   * `MAILSLUICE_MAIL_SOURCES`, which the CDK construct sets, separated by commas; without it all.
   */
  readonly sources?: readonly string[];
  /** Ends the download; the stream then fails. */
  readonly signal?: AbortSignal;
}

/** The raw mail (RFC 5322) as it is stored. */
export interface FetchedMail {
  /** Every octet of the object. Read it or destroy it: it holds a connection. */
  readonly stream: Readable;
  /** Octets of the object, where it is known. */
  readonly sizeInOctets?: number;
  /** Octets that Mailsluice put in front (`Return-Path`, `Received`, …); the message as sent begins after them. */
  readonly traceHeaderOctets: number;
}

/**
 * Opens the raw mail of a notification as a stream.
 * @throws MailNotAllowedError where it is not one to read; MailNotFoundError where there is none; MailUnavailableError where S3 cannot be asked.
 */
export async function fetchMail(
  mail: Pick<MailNotification, 'object' | 'notification'>,
  options: FetchOptions = {},
): Promise<FetchedMail> {
  const { object, notification } = mail;
  if (object === undefined) return fromNotification(mail);
  requireSource(object, options.sources);
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  const s3 = options.s3 ?? (await defaultClient());
  const get = (Key: string) =>
    s3.send(new GetObjectCommand({ Bucket: object.bucketName, Key }), {
      ...(options.signal && { abortSignal: options.signal }),
    });
  let stream: Readable | undefined;
  try {
    const { Body, ContentLength, Metadata = {} } = await get(object.objectKey);
    if (!(Body instanceof Readable)) throw new TypeError('GetObject gave no stream');
    stream = Body;
    let octets = notification?.mailsluice?.traceHeaderSize;
    // Where only the object is known, Mailsluice's metadata tells, or the sidecar that it names.
    if (octets === undefined && Metadata['sidecar'] !== undefined) {
      const sidecar = await get(`${object.objectKey}.envelope.json`);
      octets = traceHeaderOctets(await sidecar.Body?.transformToString());
    }
    return {
      stream,
      ...(ContentLength !== undefined && { sizeInOctets: ContentLength }),
      traceHeaderOctets: octets ?? traceHeaderOctets(Metadata['facts']),
    };
  } catch (error) {
    stream?.destroy();
    const where = `s3://${object.bucketName}/${object.objectKey}`;
    const name = error instanceof Error ? error.name : '';
    if (name === 'NoSuchKey' || name === 'NotFound') {
      throw new MailNotFoundError(`${where}: not there (expired or deleted?)`, { cause: error });
    }
    if (options.signal?.aborted) throw error;
    throw new MailUnavailableError(`${where}: not readable now (${name})`, { cause: error });
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
    stream: Readable.from([octets], { objectMode: false }),
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
  client ??= new Client({ forcePathStyle: own !== undefined });
  return client;
}
