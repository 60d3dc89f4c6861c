// An S3 that keeps nothing: it compares what comes with the one message that the large senders send, and
// answers as S3 does. For loads that no memory would hold. What it saw, it tells under /report.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { largeMessage } from '../drivers/large-message.ts';

const message = largeMessage(Number(process.argv[3]));
const report = { objects: 0, wrong: 0, aborted: 0 };

interface Part {
  readonly octets: number;
  /** Of the parts but the first, whose trace headers only it knows. */
  readonly sha256: string;
  /** The first part's end, behind the trace headers: as many octets of the message as it holds. */
  readonly isStart: boolean;
}

const uploads = new Map<string, Map<number, Part>>();
const digests = new Map<string, string>();
let count = 0;

function digestOf(from: number, to: number): string {
  const name = `${from}-${to}`;
  const known = digests.get(name);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(message.subarray(from, to)).digest('base64');
  digests.set(name, digest);
  return digest;
}

const START = message.subarray(0, 40);

async function takePart(request: IncomingMessage, id: string, number: number): Promise<boolean> {
  const body = await buffer(request);
  const sha256 = createHash('sha256').update(body).digest('base64');
  if (request.headers['x-amz-checksum-sha256'] !== sha256) return false;
  const at = number === 1 ? body.indexOf(START) : 0;
  const octets = body.length - at;
  const isStart = number === 1 && at >= 0 && body.subarray(at).equals(message.subarray(0, octets));
  uploads.get(id)?.set(number, { octets, sha256, isStart });
  return true;
}

/** Whether the parts are the message, no octet more or less. */
function isWhole(parts: ReadonlyMap<number, Part>): boolean {
  let at = 0;
  for (let number = 1; number <= parts.size; number++) {
    const part = parts.get(number);
    if (part === undefined) return false;
    const end = at + part.octets;
    if (number === 1 ? !part.isStart : part.sha256 !== digestOf(at, end)) return false;
    at = end;
  }
  return at === message.length;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://s3');
  const id = url.searchParams.get('uploadId') ?? '';
  const [bucket = '', ...rest] = url.pathname.slice(1).split('/');
  const key = decodeURIComponent(rest.join('/'));
  response.setHeader('etag', '"0"');
  if (url.pathname === '/report') {
    response.end(JSON.stringify(report));
  } else if (request.method === 'PUT') {
    const number = Number(url.searchParams.get('partNumber') ?? 0);
    if (!(await takePart(request, id, number))) {
      response.statusCode = 400;
      response.end('<Error><Code>BadDigest</Code></Error>');
    } else {
      response.setHeader('x-amz-checksum-sha256', String(request.headers['x-amz-checksum-sha256']));
      response.end();
    }
  } else if (request.method === 'POST' && url.searchParams.has('uploads')) {
    request.resume();
    const uploadId = String(++count);
    uploads.set(uploadId, new Map());
    response.end(
      `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
    );
  } else if (request.method === 'POST') {
    request.resume();
    report.objects++;
    const parts = uploads.get(id) ?? new Map<number, Part>();
    if (!isWhole(parts)) report.wrong++;
    uploads.delete(id);
    response.end(
      `<CompleteMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><ETag>"0-${parts.size}"</ETag></CompleteMultipartUploadResult>`,
    );
  } else if (request.method === 'DELETE') {
    report.aborted++;
    uploads.delete(id);
    response.statusCode = 204;
    response.end();
  } else {
    response.end(
      `<ListBucketResult><Name>${bucket}</Name><KeyCount>0</KeyCount></ListBucketResult>`,
    );
  }
}

createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
}).listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
