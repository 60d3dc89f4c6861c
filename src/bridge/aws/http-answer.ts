// Reads one HTTP/1.1 answer (RFC 9112) from the octets of a connection: as much of the protocol as S3 and SNS use.
// Anything else is an error, and the SDK's own client then repeats the request.
import type { Headers } from './proof.ts';

export interface HttpAnswer {
  readonly status: number;
  /** Those that are of interest, by their names in lower case. */
  readonly headers: Headers;
  readonly text: string;
  /** The connection may carry another request. */
  readonly isReusable: boolean;
}

/** The answer cannot be read, so the outcome of the request is unknown. */
export class HttpAnswerError extends Error {
  override readonly name = 'HttpAnswerError';
}

/** Far more than the results of ten entries need, or an error with its header. */
const MAX_OCTETS = 128 * 1024;

/**
 * The answer at the start of `octets`, which is everything that has arrived since the request was sent; `undefined`
 * while the answer is incomplete.
 * @throws HttpAnswerError
 */
export function readHttpAnswer(octets: Buffer): HttpAnswer | undefined {
  if (octets.length > MAX_OCTETS) throw new HttpAnswerError('the answer is too long');
  const end = octets.indexOf('\r\n\r\n', 0, 'latin1');
  if (end === -1) return undefined;
  const head = octets.toString('latin1', 0, end);
  const [, code] = /^HTTP\/1\.1 ([1-5]\d\d)(?: |\r|$)/.exec(head) ?? [];
  if (code === undefined) throw new HttpAnswerError('the answer is not HTTP/1.1');
  const status = Number(code);
  const start = end + 4;
  // RFC 9110 section 15.2: any number of these may come before the answer.
  if (status < 200) return readHttpAnswer(octets.subarray(start));

  const headers = readFields(head);
  const rest = octets.subarray(start);
  const transferEncoding = headers['transfer-encoding'];
  const body =
    transferEncoding !== undefined
      ? readChunked(rest, transferEncoding)
      : readSized(rest, headers['content-length'] ?? '', status);
  if (body === undefined) return undefined;
  return {
    status,
    headers,
    text: body.content.toString(),
    isReusable: body.octets === rest.length && !/\bclose\b/i.test(headers.connection ?? ''),
  };
}

type Fields = {
  etag?: string;
  connection?: string;
  'content-length'?: string;
  'transfer-encoding'?: string;
  'x-amz-checksum-sha256'?: string;
  'x-amz-server-side-encryption'?: string;
};

/** The lengths of their names: most fields need no further look. */
const LENGTHS: ReadonlySet<number> = new Set([4, 10, 14, 17, 21, 28]);

function readFields(head: string): Fields {
  const fields: Fields = {};
  for (let at = head.indexOf('\r\n'); at !== -1; ) {
    const next = head.indexOf('\r\n', at + 2);
    const line = head.slice(at + 2, next === -1 ? head.length : next);
    const colon = line.indexOf(':');
    if (LENGTHS.has(colon)) {
      const name = line.slice(0, colon).toLowerCase();
      switch (name) {
        case 'etag':
        case 'connection':
        case 'content-length':
        case 'transfer-encoding':
        case 'x-amz-checksum-sha256':
        case 'x-amz-server-side-encryption':
          fields[name] = line.slice(colon + 1).trim();
          break;
      }
    }
    at = next;
  }
  return fields;
}

interface Body {
  readonly content: Buffer;
  /** On the wire. */
  readonly octets: number;
}

function readSized(rest: Buffer, contentLength: string, status: number): Body | undefined {
  if (status === 204 || status === 304) return { content: rest.subarray(0, 0), octets: 0 };
  if (!/^\d{1,9}$/.test(contentLength)) {
    throw new HttpAnswerError('the answer does not tell its length');
  }
  const octets = Number(contentLength);
  if (octets > MAX_OCTETS) throw new HttpAnswerError('the answer is too long');
  return rest.length < octets ? undefined : { content: rest.subarray(0, octets), octets };
}

/** RFC 9112 section 7.1. */
function readChunked(rest: Buffer, transferEncoding: string): Body | undefined {
  if (transferEncoding.toLowerCase() !== 'chunked') {
    throw new HttpAnswerError('the answer has a transfer coding that is not known');
  }
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) return undefined;
    const [, digits] =
      /^([0-9a-f]{1,6})[ \t]*(?:;|$)/i.exec(rest.toString('latin1', at, lineEnd)) ?? [];
    if (digits === undefined) throw new HttpAnswerError('the answer has a chunk without a size');
    const size = Number.parseInt(digits, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const octets = endOfTrailers(rest, at);
      return octets === undefined ? undefined : { content: Buffer.concat(chunks), octets };
    }
    if (rest.length < at + size + 2) return undefined;
    if (rest[at + size] !== 0x0d || rest[at + size + 1] !== 0x0a) {
      throw new HttpAnswerError('the answer has a chunk that is longer than its size');
    }
    chunks.push(rest.subarray(at, at + size));
    at += size + 2;
  }
}

/** Skips the trailers, up to the empty line that ends them. */
function endOfTrailers(rest: Buffer, from: number): number | undefined {
  for (let at = from; ; ) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) return undefined;
    if (lineEnd === at) return lineEnd + 2;
    at = lineEnd + 2;
  }
}
