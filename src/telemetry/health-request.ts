// HTTP as far as a probe needs it: the head of one request in, one answer out, then the connection is over. Without
// keep-alive, pipelining, bodies and upgrades, a connection can cost no more than one answer.

/** RFC 9110: `target` is what follows the method, without its query. */
export interface HealthRequest {
  readonly method: string;
  readonly path: string;
}

export interface HealthAnswer {
  readonly status: keyof typeof PHRASES;
  readonly type: string;
  readonly body: string;
  /** The methods of the resource, where that of the request is none of them. */
  readonly allow?: string;
}

const PHRASES = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
} as const;

/** The most octets of request line and header fields. */
export const HEAD_OCTETS = 8192;
const END = Buffer.from('\r\n\r\n');
/** RFC 9112 section 3: method, target and version; a target in absolute form names the host first. */
const REQUEST_LINE = /^([A-Z]{1,20}) (?:http:\/\/[^/?#\s]*)?([^\s?#]+)[^\s]* HTTP\/1\.[01]\r\n/;
/** RFC 9112 section 5: a name, a colon, a value without controls. */
const FIELDS = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;

/** The request at the beginning of these octets; `more` while its head is not complete, or why there is none. */
export function parseHealthRequest(
  octets: Buffer,
): HealthRequest | 'more' | 'malformed' | 'too-large' {
  const end = octets.indexOf(END);
  if (end > HEAD_OCTETS || (end === -1 && octets.length > HEAD_OCTETS)) return 'too-large';
  if (end === -1) return 'more';
  const head = octets.toString('latin1', 0, end + END.length);
  const [line = '', method, path] = REQUEST_LINE.exec(head) ?? [];
  if (method === undefined || path === undefined) return 'malformed';
  return FIELDS.test(head.slice(line.length)) ? { method, path } : 'malformed';
}

/** The octets of an answer; for HEAD without the body. */
export function renderHealthAnswer(
  { status, type, body, allow }: HealthAnswer,
  isHead: boolean,
): string {
  const fields = [
    `HTTP/1.1 ${status} ${PHRASES[status]}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...(allow === undefined ? [] : [`Allow: ${allow}`]),
  ];
  return `${fields.join('\r\n')}\r\n\r\n${isHead ? '' : body}`;
}
