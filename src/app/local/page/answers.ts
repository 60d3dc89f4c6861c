// What every answer carries, and the policies of what a browser may do with it.
import type { ServerResponse } from 'node:http';

const COMMON = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // A link in a mail is not looked up before someone follows it.
  'x-dns-prefetch-control': 'off',
} as const;

export const POLICIES = {
  /** Scripts and styles of the page alone, and no HTML made from a string but that of the mail, by its one parser. */
  page: [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types mail-html',
  ].join('; '),
  /** The frame of a mail's HTML: its styles, and the images that it carries. */
  frame: frame("img-src 'self' data:", 'font-src data:', "style-src 'unsafe-inline'"),
  /** The same, with images, styles and fonts of other hosts. */
  remoteFrame: frame(
    "img-src 'self' data: http: https:",
    'font-src data: http: https:',
    "style-src 'unsafe-inline' http: https:",
  ),
  /** Content of a mail by itself. */
  content: "default-src 'none'; sandbox; frame-ancestors 'none'",
} as const;

/** No script runs in it, so that the page may be of its origin and put the mail into it. */
function frame(...sources: readonly string[]): string {
  return [
    "default-src 'none'",
    ...sources,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    'sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox',
  ].join('; ');
}

export interface ContentOptions {
  readonly status?: number;
  readonly contentType: string;
  readonly policy?: keyof typeof POLICIES;
  /** The browser saves it under that name. */
  readonly saveAs?: string;
}

export function answer(
  response: ServerResponse,
  body: string | Buffer,
  { status = 200, contentType, policy = 'content', saveAs }: ContentOptions,
): void {
  response.writeHead(status, {
    ...COMMON,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'content-security-policy': POLICIES[policy],
    ...(policy === 'page' && { 'cross-origin-opener-policy': 'same-origin' }),
    ...(saveAs !== undefined && { 'content-disposition': attachmentOf(saveAs) }),
  });
  response.end(body);
}

export function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  answer(response, JSON.stringify(body), {
    status,
    contentType: 'application/json; charset=utf-8',
  });
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, {
    ...COMMON,
    'content-type': 'text/event-stream; charset=utf-8',
    'content-security-policy': POLICIES.content,
  });
}

/** The name as UTF-8 (RFC 8187), without what could be a path or could turn its letters around. */
function attachmentOf(name: string): string {
  const plain = name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\:*?"<>|]/gu, '_')
    .replace(/^\.+/, '_')
    .slice(0, 150);
  const encoded = encodeURIComponent(plain).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
