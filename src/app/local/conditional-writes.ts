import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Makes the embedded S3 refuse what S3 refuses: a write under `If-None-Match: *` onto a key that exists
 * (412), a write under `If-Match` onto another object (412) or none (404), either of them where another conditional
 * write holds the key right now (409), and a body that does not match its checksum, MD5 or signed payload hash (400).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function refuseWhatS3Refuses(app: FastifyInstance): void {
  const inFlight = new Set<string>();

  // A hook that returns the reply has answered; one that returns nothing lets the request pass.
  app.addHook('preHandler', async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (Buffer.isBuffer(request.body)) {
      const mismatch = checksumMismatch(request);
      if (mismatch !== undefined)
        return refuse(reply, 400, mismatch, 'The checksum you specified did not match.');
    }
    const ifMatch = request.headers['if-match'];
    const isConditional = request.headers['if-none-match'] === '*' || ifMatch !== undefined;
    if (!isConditional || !completesAnObject(request)) return undefined;
    if (inFlight.has(path)) {
      return refuse(
        reply,
        409,
        'ConditionalRequestConflict',
        'A conflicting operation is under way.',
      );
    }
    // Held from the look to the end of the response, so that of two at once only one wins.
    inFlight.add(path);
    reply.raw.once('close', () => inFlight.delete(path));
    const existing = await app.inject({
      method: 'HEAD',
      url: path,
      headers: { host: '127.0.0.1' },
    });
    if (ifMatch !== undefined && existing.statusCode !== 200) {
      return refuse(reply, 404, 'NoSuchKey', 'The specified key does not exist.');
    }
    if (ifMatch === undefined ? existing.statusCode === 200 : existing.headers.etag !== ifMatch) {
      return refuse(
        reply,
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
      );
    }
    return undefined;
  });
}

function completesAnObject(request: FastifyRequest): boolean {
  const query = new URLSearchParams(request.url.split('?', 2)[1] ?? '');
  if (request.method === 'PUT') return !query.has('partNumber');
  return request.method === 'POST' && query.has('uploadId');
}

/** The error code of the first checksum that the body does not have, if any. */
function checksumMismatch(request: FastifyRequest): string | undefined {
  const { headers } = request;
  const body = request.body as Buffer;
  // A chunked-signed body is decoded only behind this hook; the SDK uses it for streams, and we send none.
  if (headers['content-encoding']?.includes('aws-chunked')) return undefined;
  const sha256 = (): Buffer => createHash('sha256').update(body).digest();
  const payloadHash = single(headers['x-amz-content-sha256']);
  if (
    payloadHash !== undefined &&
    /^[0-9a-f]{64}$/.test(payloadHash) &&
    payloadHash !== sha256().toString('hex')
  ) {
    return 'XAmzContentSHA256Mismatch';
  }
  // On a completed multipart upload the header speaks of the whole object, not of this request's body.
  if (request.method !== 'PUT') return undefined;
  const md5 = single(headers['content-md5']);
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    return 'BadDigest';
  const declared = single(headers['x-amz-checksum-sha256']);
  if (declared !== undefined && declared !== sha256().toString('base64')) return 'BadDigest';
  const declaredCrc = single(headers['x-amz-checksum-crc32']);
  if (declaredCrc !== undefined) {
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    if (declaredCrc !== crc.toString('base64')) return 'BadDigest';
  }
  return undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply
    .status(status)
    .header('content-type', 'application/xml')
    .send(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    );
}
