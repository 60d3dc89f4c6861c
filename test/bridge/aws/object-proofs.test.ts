// The answers of S3 to a put: status, fields, body and checksum, at AWS and at an endpoint that was configured.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  provesCompletion,
  provesListing,
  provesPut,
  provesUpload,
} from '../../../src/bridge/aws/object-proofs.ts';
import { createSdkPuts } from '../../../src/bridge/aws/object-puts.ts';
import { proven, UnprovenAnswerError } from '../../../src/bridge/aws/proof.ts';
import { createSignedPuts } from '../../../src/bridge/aws/signed-puts.ts';
import { makeCertificate } from '../../support/certificates.ts';

const BODY = [Buffer.from('first '), Buffer.from('second')];
const WHOLE = Buffer.concat(BODY);
const SHA256 = createHash('sha256').update(WHOLE).digest();
const CHECKSUM = SHA256.toString('base64');
const MD5 = `"${createHash('md5').update(WHOLE).digest('hex')}"`;
const OTHER = '"0123456789abcdef0123456789abcdef"';

const atAws = new S3Client({ region: 'us-east-1' });
const atOwn = new S3Client({ region: 'us-east-1', endpoint: 'http://127.0.0.1:7480' });

/** status, ETag, checksum, server-side encryption, empty body; at AWS, at an endpoint of one's own */
test.each<[number, string, string, string, boolean, boolean, boolean]>([
  [200, MD5, CHECKSUM, '', true, true, true],
  [200, OTHER, CHECKSUM, 'aws:kms', true, true, true],
  [200, 'x', CHECKSUM, '', true, true, true],
  [200, MD5, CHECKSUM, '', false, true, true],
  [200, '', CHECKSUM, '', true, false, false],
  [200, MD5, 'other', '', true, false, false],
  [200, MD5, `${CHECKSUM}, ${CHECKSUM}`, '', true, false, false],
  [200, MD5, '', '', true, false, true],
  [200, MD5, '', 'AES256', true, false, true],
  [200, OTHER, '', 'AES256', true, false, true],
  [200, OTHER, '', '', true, false, false],
  [200, MD5.replaceAll('"', ''), '', '', true, false, false],
  [200, `W/${MD5}`, '', '', true, false, false],
  [200, `${MD5.slice(0, -1)}-1"`, '', 'AES256', true, false, false],
  [200, MD5, '', '', false, false, false],
  [200, OTHER, '', 'AES256', false, false, false],
  [200, '', '', '', true, false, false],
  [201, MD5, CHECKSUM, '', true, false, false],
  [204, MD5, CHECKSUM, '', true, false, false],
  [206, MD5, CHECKSUM, '', true, false, false],
  [304, MD5, CHECKSUM, '', true, false, false],
  [500, MD5, CHECKSUM, '', true, false, false],
])(
  'status %s, ETag %s, checksum %s, encryption %s, empty %s: proof at AWS %s, elsewhere %s',
  (status, etag, checksum, encryption, isEmpty, isProofAtAws, isProofElsewhere) => {
    const answer = { status, etag, checksum, encryption, isEmpty };
    expect(provesPut(answer, CHECKSUM, BODY, atAws)).toBe(isProofAtAws);
    expect(provesPut(answer, CHECKSUM, BODY, atOwn)).toBe(isProofElsewhere);
  },
);

test.each<[string, object, boolean]>([
  ['the whole', { Bucket: 'b', Key: 'k', UploadId: 'u' }, true],
  ['no upload id', { Bucket: 'b', Key: 'k' }, false],
  ['an empty upload id', { Bucket: 'b', Key: 'k', UploadId: '' }, false],
  ['another key', { Bucket: 'b', Key: 'x', UploadId: 'u' }, false],
  ['another bucket', { Bucket: 'x', Key: 'k', UploadId: 'u' }, false],
  ['nothing', {}, false],
])('an upload with %s', (_, output, isProof) => {
  expect(provesUpload('b', 'k')(output)).toBe(isProof);
});

test.each(['arn:aws:s3:eu-west-1:111122223333:accesspoint/in', 'in-1234-s3alias'])(
  'behind the access point %s S3 names the bucket itself',
  (bucket) => {
    expect(provesUpload(bucket, 'k')({ Bucket: 'b', Key: 'k', UploadId: 'u' })).toBe(true);
    expect(provesUpload(bucket, 'k')({ Bucket: '', Key: 'k', UploadId: 'u' })).toBe(false);
    expect(provesListing(bucket)({ Name: 'b', KeyCount: 0 })).toBe(true);
  },
);

const digests = ['one', 'two'].map((text) => createHash('sha256').update(text).digest());
const COMPOSITE = `${createHash('sha256').update(Buffer.concat(digests)).digest('base64')}-2`;

test.each<[string, object, boolean]>([
  ['ETag and checksum', { Key: 'k', ETag: '"ab-2"', ChecksumSHA256: COMPOSITE }, true],
  ['the ETag alone', { Key: 'k', ETag: '"ab-2"' }, true],
  ['an ETag without quotes', { Key: 'k', ETag: 'ab-2' }, true],
  ['the ETag of one part', { Key: 'k', ETag: '"ab-1"' }, false],
  ['the ETag of twelve parts', { Key: 'k', ETag: '"ab-12"' }, false],
  ['no ETag', { Key: 'k', ChecksumSHA256: COMPOSITE }, false],
  ['another key', { Key: 'x', ETag: '"ab-2"', ChecksumSHA256: COMPOSITE }, false],
  ['another checksum', { Key: 'k', ETag: '"ab-2"', ChecksumSHA256: 'x-2' }, false],
  ['nothing', {}, false],
])('a completion with %s', (_, output, isProof) => {
  expect(provesCompletion('k', digests)(output)).toBe(isProof);
});

test.each<[string, object, boolean]>([
  ['name and count', { Name: 'b', KeyCount: 0 }, true],
  ['another name', { Name: 'x', KeyCount: 0 }, false],
  ['no count', { Name: 'b' }, false],
  ['nothing', {}, false],
])('a listing with %s', (_, output, isProof) => {
  expect(provesListing('b')(output)).toBe(isProof);
});

describe('at AWS itself', () => {
  let server: Server;
  let s3: S3Client;
  let answers: { status: number; headers: Record<string, string>; body?: string }[] = [];
  let requests = 0;

  /** Leads every connection to the server of this test, whatever the name. */
  class LocalAgent extends Agent {
    override createConnection(
      options: Parameters<Agent['createConnection']>[0],
      ...rest: [((error: Error | null, stream: Duplex) => void)?]
    ) {
      const { port } = server.address() as AddressInfo;
      return super.createConnection({ ...options, host: '127.0.0.1', port }, ...rest);
    }
  }

  beforeAll(async () => {
    const { cert, key } = await makeCertificate();
    server = createServer({ cert, key }, (request, response) => {
      request.resume();
      request.once('end', () => {
        requests += 1;
        const { status, headers, body = '' } = answers.shift() ?? { status: 503, headers: {} };
        response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
        response.end(body);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    s3 = new S3Client({
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      requestHandler: {
        httpsAgent: new LocalAgent({ keepAlive: true, rejectUnauthorized: false }),
      },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 2,
    });
  });
  afterEach(() => {
    answers = [];
  });
  afterAll(() => {
    s3.destroy();
    server.closeAllConnections();
    server.close();
  });

  const { signal } = new AbortController();
  const put = {
    bucket: 'mail-bucket',
    key: 'k',
    body: BODY,
    sha256: SHA256,
    contentType: 'a/b',
    metadata: {},
    ifNoneMatch: true,
    signal,
  };
  const proved = { status: 200, headers: { etag: MD5, 'x-amz-checksum-sha256': CHECKSUM } };
  const unproved = { status: 200, headers: { etag: MD5 } };

  test.each(['signed', 'sdk'] as const)(
    'the absence of the checksum is an unknown outcome, with requests: %s',
    async (way) => {
      const puts =
        way === 'sdk' ? createSdkPuts(s3) : createSignedPuts(s3, put.bucket, () => undefined);
      answers = [proved];
      await puts.putObject(put);
      requests = 0;
      answers = [unproved, proved];
      expect(await puts.putObject(put)).toMatchObject({ etag: MD5, attempts: 2 });
      answers = [unproved, unproved, unproved];
      const part = { ...put, uploadId: 'u', partNumber: 1 };
      await expect(puts.putPart(part)).rejects.toThrow(UnprovenAnswerError);
      expect(requests).toBe(way === 'sdk' ? 4 : 5);
      puts.close();
    },
  );

  test('the error names the endpoint, the operation and what was answered', async () => {
    const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html></html>' };
    answers = [page, page];
    const listing = proven(
      new ListObjectsV2Command({ Bucket: 'mail-bucket' }),
      provesListing('mail-bucket'),
    );
    await expect(s3.send(listing)).rejects.toMatchObject({
      name: 'UnprovenAnswerError',
      code: 'MAILSLUICE_ANSWER_UNPROVEN',
      message: expect.stringMatching(
        /^https:\/\/mail-bucket\.s3\.us-east-1\.amazonaws\.com answered ListObjectsV2 with 200 \(text\/html\)/,
      ) as unknown,
      $metadata: { attempts: 2 },
    });
  });
});
