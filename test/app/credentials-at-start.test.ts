// What the start check says about credentials and certificates, with real providers and servers on loopback.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Agent, createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkBucket } from '../../src/app/check-services.ts';
import { ignoredProxy } from '../../src/app/ignored-proxy.ts';
import { classifyAwsError } from '../../src/bridge/aws/failures.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { mailsluice } from '../support/cli.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const open: Server[] = [];
async function listen(server: Server): Promise<number> {
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
beforeEach(() => {
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const client = (endpoint: string, ca?: string): S3Client =>
  new S3Client({
    region: aws.region,
    endpoint,
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { httpsAgent: new Agent(ca === undefined ? {} : { ca }) },
  });

/** The credentials endpoint of a container, which fails so many times. */
async function startProvider(failures: number) {
  let asked = 0;
  const port = await listen(
    createServer((_, response) => {
      asked += 1;
      if (asked <= failures) {
        response.writeHead(500).end('not yet');
        return;
      }
      const { accessKeyId, secretAccessKey } = aws.credentials;
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      response.end(
        JSON.stringify({
          AccessKeyId: accessKeyId,
          SecretAccessKey: secretAccessKey,
          Token: 'token',
          Expiration,
        }),
      );
    }),
  );
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/credentials`);
}

describe('credentials', () => {
  test('none anywhere stop the start', async () => {
    await expect(checkBucket(client(aws.endpoint), aws.resources.bucket)).rejects.toThrow(
      'there are no AWS credentials',
    );
  });

  test('of a container that fails for a moment are waited for', async () => {
    await startProvider(6);
    const s3 = client(aws.endpoint);
    await checkBucket(s3, aws.resources.bucket);
    expect(await s3.config.credentials()).toMatchObject({
      accessKeyId: aws.credentials.accessKeyId,
    });
  });

  test('of a container that goes on failing are no misconfiguration, and the start goes on', async () => {
    await startProvider(Infinity);
    const s3 = client(aws.endpoint);
    await checkBucket(s3, aws.resources.bucket);
    const [failed] = await Promise.allSettled([s3.config.credentials()]);
    expect(failed.status === 'rejected' && classifyAwsError('s3', failed.reason).cause).toBe(
      'unavailable',
    );
  });
});

describe('a certificate', () => {
  async function startTlsAws(names: readonly string[], days = 30) {
    const authority = await makeCertificate({ names: ['ca'], isAuthority: true });
    const { cert, key } = await makeCertificate({ names, days, authority });
    const port = await listen(
      createTlsServer({ cert, key }, (request, response) => {
        request.resume();
        response.writeHead(200, { 'content-type': 'application/xml' });
        response.end(
          '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>mail-bucket</Name><Prefix>outbox/</Prefix><KeyCount>0</KeyCount><MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>',
        );
      }),
    );
    return { endpoint: `https://localhost:${port}`, authority };
  }

  test.each([
    ['of an unknown authority', ['localhost'], 30, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['that names another host', ['other.example'], 30, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['that is over', ['localhost'], -1, 'CERT_HAS_EXPIRED'],
  ])('%s stops the start and is named', async (_, names, days, code) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const { endpoint, authority } = await startTlsAws(names, days);
    const isKnown = code === 'ERR_TLS_CERT_ALTNAME_INVALID';
    const s3 = client(endpoint, isKnown ? authority.cert : undefined);
    await expect(checkBucket(s3, 'mail-bucket')).rejects.toThrow(
      `store.bucket: expected a bucket that can be used, got "mail-bucket" (the certificate of the endpoint is not trusted (${code}): set AWS_CA_BUNDLE where its CA is your own)`,
    );
  });

  test('of the authority in AWS_CA_BUNDLE is trusted, by every command', async () => {
    const { endpoint, authority } = await startTlsAws(['localhost']);
    const folder = mkdtempSync(join(tmpdir(), 'mailsluice-ca-'));
    const bundle = join(folder, 'ca.pem');
    writeFileSync(bundle, `# ours\n${authority.cert}`);
    const environment = {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL: endpoint,
    };
    const list = (more: Record<string, string>) =>
      mailsluice(['outbox', 'list', '--bucket', 'mail-bucket'], { ...environment, ...more });
    const untrusted = await list({});
    expect(untrusted.code).toBe(1);
    expect(untrusted.lines.join('\n')).toContain(
      'is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    );
    expect(await list({ AWS_CA_BUNDLE: bundle })).toMatchObject({ code: 0 });

    writeFileSync(bundle, 'nothing');
    expect(await list({ AWS_CA_BUNDLE: bundle })).toMatchObject({
      code: 1,
      lines: [
        `mailsluice outbox list: AWS_CA_BUNDLE: expected a file of PEM certificates, got "${bundle}" (it has none)`,
      ],
    });
    expect((await list({ AWS_CA_BUNDLE: `${bundle}.no` })).lines).toEqual([
      `mailsluice outbox list: AWS_CA_BUNDLE: expected a file of PEM certificates, got "${bundle}.no" (ENOENT)`,
    ]);
    rmSync(folder, { recursive: true });
  });
});

test.each([
  [{ HTTPS_PROXY: 'http://proxy:3128' }, 'HTTPS_PROXY'],
  [{ http_proxy: 'http://proxy:3128' }, 'http_proxy'],
  [{ HTTPS_PROXY: '', HTTP_PROXY: 'http://proxy:3128' }, 'HTTP_PROXY'],
  [{ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '*' }, undefined],
  [{ HTTPS_PROXY: 'http://proxy:3128', AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }, undefined],
  [{ HTTPS_PROXY: 'http://proxy:3128', AWS_ENDPOINT_URL: 'https://s3.example' }, 'HTTPS_PROXY'],
  [{}, undefined],
])('a proxy in %j: %s is ignored', (environment, variable) => {
  expect(ignoredProxy(environment)).toBe(variable);
});
