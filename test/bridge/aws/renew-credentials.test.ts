// Credentials that a service rejects, and a provider that has others: seen from the service's side, on both paths.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSdkPuts } from '../../../src/bridge/aws/object-puts.ts';
import { renewCredentials } from '../../../src/bridge/aws/renew-credentials.ts';
import { createSignedPuts } from '../../../src/bridge/aws/signed-puts.ts';

let server: Server;
let endpoint: string;
/** The access keys in the order of the requests. */
let seen: string[];
let accepted: string;
let code: string;

beforeEach(async () => {
  seen = [];
  code = 'ExpiredToken';
  server = createServer((request, response) => {
    request.resume().once('end', () => {
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      seen.push(key);
      if (key === accepted) {
        const sha256 = String(request.headers['x-amz-checksum-sha256'] ?? '');
        response.writeHead(200, { etag: '"1"', 'x-amz-checksum-sha256': sha256 }).end();
        return;
      }
      response.writeHead(400, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code><Message>no longer valid</Message></Error>`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function makeClient(provider: () => string) {
  let asked = 0;
  const s3 = new S3Client({
    region: 'eu-west-1',
    endpoint,
    forcePathStyle: true,
    credentials: async () => {
      asked += 1;
      return {
        accessKeyId: provider(),
        secretAccessKey: 'secret',
        sessionToken: 'token',
        expiration: new Date(Date.now() + 3_600_000),
      };
    },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  renewCredentials(s3);
  return { s3, asked: () => asked };
}

const put = (key: string) => ({
  bucket: 'mail',
  key,
  body: [],
  sha256: Buffer.from('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', 'base64'),
  contentType: 'message/rfc822',
  metadata: {},
  ifNoneMatch: true,
  signal: new AbortController().signal,
});

describe.each(['signed', 'sdk'] as const)('with requests: %s', (requests) => {
  test.each(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'InvalidClientTokenId'])(
    '%s: asks the provider for new credentials, tries again, and keeps them',
    async (name) => {
      code = name;
      accepted = 'AKIA1';
      let current = 'AKIA1';
      const { s3, asked } = makeClient(() => current);
      const puts =
        requests === 'sdk' ? createSdkPuts(s3) : createSignedPuts(s3, 'mail', () => undefined);
      await puts.putObject(put('a'));
      await puts.putObject(put('b'));
      current = 'AKIA2';
      accepted = 'AKIA2';
      seen = [];
      await puts.putObject(put('c'));
      const old = requests === 'sdk' ? ['AKIA1'] : ['AKIA1', 'AKIA1'];
      expect(seen).toEqual([...old, 'AKIA2']);
      expect(asked()).toBe(2);
      seen = [];
      await puts.putObject(put('d'));
      expect(seen).toEqual(['AKIA2']);
      puts.close();
      s3.destroy();
    },
  );
});

const send = (s3: S3Client, Key: string) =>
  s3.send(new PutObjectCommand({ Bucket: 'mail', Key, Body: 'x' }));

test('a provider that has no others is asked once, and the error stays', async () => {
  accepted = 'none';
  const { s3, asked } = makeClient(() => 'AKIA1');
  for (const key of ['a', 'b', 'c']) {
    await expect(send(s3, key)).rejects.toMatchObject({ name: 'ExpiredToken' });
  }
  expect(asked()).toBe(2);
  expect(seen).toHaveLength(3);
  s3.destroy();
});

test('a provider that fails leaves the error of the service', async () => {
  accepted = 'none';
  let fails = false;
  const { s3 } = makeClient(() => {
    if (fails) throw new Error('the provider failed');
    return 'AKIA1';
  });
  await expect(send(s3, 'a')).rejects.toMatchObject({ name: 'ExpiredToken' });
  fails = true;
  await expect(send(s3, 'b')).rejects.toMatchObject({ name: 'ExpiredToken' });
  s3.destroy();
});

test('calls at the same time share one refresh', async () => {
  accepted = 'AKIA1';
  let current = 'AKIA1';
  const { s3, asked } = makeClient(() => current);
  await send(s3, 'first');
  accepted = 'AKIA2';
  current = 'AKIA2';
  await Promise.all(Array.from({ length: 8 }, (_, n) => send(s3, `n${n}`)));
  expect(asked()).toBeLessThanOrEqual(3);
  s3.destroy();
});

test('another error is not a reason to ask', async () => {
  accepted = 'none';
  code = 'AccessDenied';
  const { s3, asked } = makeClient(() => 'AKIA1');
  await expect(send(s3, 'a')).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(asked()).toBe(1);
  s3.destroy();
});
