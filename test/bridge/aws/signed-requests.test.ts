// The fast path, seen from the service's side: over TLS, in one try, and with a signature that a second
// implementation of Signature Version 4 finds right, since the embedded AWS checks none.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent, createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bridge, createBridge } from '../../../src/bridge/index.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { deliver, facts, takeNotifications } from '../support.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: SECRET,
  sessionToken: 'a+b/c==',
};

interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

let aws: TestAws;
let front: Server;
let seen: SeenRequest[] = [];
let s3: S3Client;
let sns: SNSClient;

beforeAll(async () => {
  aws = await startTestAws();
  const { cert, key } = await makeCertificate();
  front = createServer({ cert, key }, (request, response) => {
    void readAll(request).then((body) => {
      const headers = request.headers as Record<string, string>;
      const { method = '', url = '' } = request;
      seen.push({ method, url, headers, body });
      const { hostname, port } = new URL(aws.endpoint);
      const forwarded = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      });
      forwarded.end(body);
    });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const settings = {
    region: 'eu-west-1',
    endpoint: `https://127.0.0.1:${(front.address() as AddressInfo).port}`,
    credentials,
    requestHandler: { httpsAgent: new Agent({ keepAlive: true, rejectUnauthorized: false }) },
  };
  s3 = new S3Client({ ...settings, forcePathStyle: true });
  sns = new SNSClient(settings);
});
beforeEach(() => {
  seen = [];
});
afterAll(async () => {
  s3.destroy();
  sns.destroy();
  front.closeAllConnections();
  front.close();
  await aws.close();
});

function makeBridge(requests: 'signed' | 'sdk'): Bridge {
  return createBridge({
    s3,
    sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    prefix: "odd prefix/(ü)*'!~/",
    requests,
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const sha256 = (octets: string | Buffer): string =>
  createHash('sha256').update(octets).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** What the signature of the request has to be. */
function signatureOf({ method, url, headers, body }: SeenRequest, service: string): string {
  const [, date = '', signed = ''] =
    /Credential=AKIDEXAMPLE\/(\d{8})\/eu-west-1\/(?:s3|sns)\/aws4_request, SignedHeaders=([^,]+),/.exec(
      headers['authorization'] ?? '',
    ) ?? [];
  const [path = '', query = ''] = url.split('?', 2);
  const canonical = [
    method,
    path,
    query
      .split('&')
      .map((pair) => (pair === '' || pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...signed
      .split(';')
      .map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    sha256(body),
  ].join('\n');
  const scope = `${date}/eu-west-1/${service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${headers['x-amz-date']}\n${scope}\n${sha256(canonical)}`;
  const key = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, date), 'eu-west-1'), service), 'aws4_request');
  return hmac(key, text).toString('hex');
}

function expectRightSignature(request: SeenRequest): void {
  const service = request.url === '/' ? 'sns' : 's3';
  expect(request.headers['x-amz-content-sha256'] ?? sha256(request.body)).toBe(
    sha256(request.body),
  );
  expect(request.headers['authorization']).toContain(`Signature=${signatureOf(request, service)}`);
  expect(request.headers['x-amz-security-token']).toBe('a+b/c==');
}

describe.each(['signed', 'sdk'] as const)('with requests: %s', (requests) => {
  test('signs PutObject and Publish rightly, with an odd key and odd metadata', async () => {
    await using bridge = makeBridge(requests);
    // The first mail goes through the SDK, which makes its sockets then.
    await deliver(bridge, facts(), 'From: a\r\n\r\nbody');
    await takeNotifications(aws, 2);
    seen = [];
    const of = facts({
      session: { clientDomain: 'a  b   c', listener: 'mx é' },
      from: '"x  y"@b.example',
    });
    expect(await deliver(bridge, of, 'From: a\r\n\r\nbody')).toMatchObject({ code: 250 });
    expect(seen.map(({ method }) => method)).toEqual(['PUT', 'POST']);
    for (const request of seen) expectRightSignature(request);
    const isSdk = seen.map(({ headers }) => headers['amz-sdk-invocation-id'] !== undefined);
    expect(isSdk).toEqual([requests === 'sdk', requests === 'sdk']);
    expect(await takeNotifications(aws, 2)).toHaveLength(1);
  });

  test('signs every part of a mail in parts', async () => {
    await using bridge = makeBridge(requests);
    expect(await deliver(bridge, facts(), Buffer.alloc(11 * 1024 * 1024, 'x'))).toMatchObject({
      code: 250,
    });
    const parts = seen.filter(({ url }) => url.includes('partNumber='));
    expect(parts).toHaveLength(3);
    for (const request of parts) {
      expectRightSignature(request);
      expect(request.headers['amz-sdk-invocation-id'] === undefined).toBe(requests === 'signed');
    }
    await takeNotifications(aws, 2);
  });

  test('signs a batch rightly', async () => {
    await using bridge = makeBridge(requests);
    const mails = Array.from({ length: 12 }, () =>
      deliver(bridge, facts(), 'Subject: ü (x)!\r\n\r\nb'),
    );
    const replies = await Promise.all(mails);
    expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
    const batches = seen.filter(({ body }) => body.includes('Action=PublishBatch'));
    expect(batches.length).toBeGreaterThan(0);
    for (const request of seen) expectRightSignature(request);
    expect(await takeNotifications(aws, 2)).toHaveLength(12);
  });
});

test('the second implementation notices a request that was changed', async () => {
  await using bridge = makeBridge('signed');
  await deliver(bridge, facts(), 'From: a\r\n\r\nbody');
  const put = seen.at(0);
  if (put === undefined) throw new Error('nothing was seen');
  const changed = { ...put, body: Buffer.from('other') };
  expect(put.headers['authorization']).not.toContain(signatureOf(changed, 's3'));
  await takeNotifications(aws, 2);
});
