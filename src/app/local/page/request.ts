import type { IncomingMessage } from 'node:http';

/** A request that cannot be answered as it is: its status, and what was expected. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code = 'MAILSLUICE_PAGE_REQUEST';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const BODY_OCTETS = 64 * 1024;

/** An object of JSON; an empty body is an empty object. */
export async function readJson(
  request: IncomingMessage,
): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > BODY_OCTETS) throw new RequestError(413, 'body: expected at most 64 KiB');
    chunks.push(chunk);
  }
  if (octets === 0) return {};
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
      return body as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below.
  }
  throw new RequestError(400, 'body: expected an object of JSON');
}

/** A whole number within the bounds. */
export function readNumber(
  query: URLSearchParams,
  name: string,
  { min, max, fallback }: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw new RequestError(400, `${name}: expected a number from ${min} to ${max}, got "${text}"`);
}
