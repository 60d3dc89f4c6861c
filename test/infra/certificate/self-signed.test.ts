// The function behind the custom resource, run as Lambda would run it: against a Secrets Manager that answers
// over HTTP, and a CloudFormation that waits for its answer.
import { X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeSelfSigned } from '../../../infra/certificate/self-signed/certificate.ts';
import { handler, isReplaceable } from '../../../infra/certificate/self-signed/handler.ts';

/** What the secret holds, and what CloudFormation heard. */
let secret = '';
let answers: Record<string, unknown>[] = [];
let isBroken = false;
let server: Server;
let url = '';

async function answerRequest(request: IncomingMessage): Promise<[number, object]> {
  const body = await text(request);
  if (request.method === 'PUT') {
    answers.push(JSON.parse(body) as Record<string, unknown>);
    return [200, {}];
  }
  if (isBroken) return [400, { __type: 'AccessDeniedException', Message: 'no' }];
  const parsed = JSON.parse(body) as { SecretString?: string };
  if (request.headers['x-amz-target'] === 'secretsmanager.PutSecretValue') {
    secret = parsed.SecretString ?? '';
    return [200, {}];
  }
  return [200, { SecretString: secret }];
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void answerRequest(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', url);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});
beforeEach(() => {
  secret = JSON.stringify({ placeholder: true, unused: 'random' });
  answers = [];
  isBroken = false;
});

function event(requestType: 'Create' | 'Update' | 'Delete', hostname = 'mx.example.com') {
  const common = {
    ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:f',
    ResponseURL: `${url}/answer`,
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'SelfSigned',
    ResourceType: 'Custom::MailsluiceSelfSignedCertificate',
    ResourceProperties: { ServiceToken: 'token', SecretArn: 'arn', Hostname: hostname },
  };
  return requestType === 'Create'
    ? ({ ...common, RequestType: requestType } as const)
    : ({
        ...common,
        RequestType: requestType,
        PhysicalResourceId: 'known',
        OldResourceProperties: {},
      } as Parameters<typeof handler>[0]);
}

function certificateIn(value: string): X509Certificate {
  return new X509Certificate((JSON.parse(value) as { cert: string }).cert);
}

describe('the certificate', () => {
  test.each(['mx.example.com', `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`])(
    'the self-signed certificate for %s is one that TLS clients verify by name',
    async (hostname) => {
      const { cert, key } = makeSelfSigned(hostname, new Date(), 30);
      const tls = createTlsServer({ cert, key }, (socket) => socket.end('hello')).listen(
        0,
        '127.0.0.1',
      );
      await once(tls, 'listening');
      const socket = connect({
        port: (tls.address() as AddressInfo).port,
        host: '127.0.0.1',
        servername: hostname,
        ca: cert,
      });
      expect(await text(socket)).toBe('hello');
      expect(socket.authorized).toBe(true);
      tls.close();
    },
  );

  test('the self-signed certificate is valid from now on for as long as it says, also across the year 2050', () => {
    const { cert } = makeSelfSigned('mx.example.com', new Date('2049-12-30T12:00:00Z'), 10);
    const certificate = new X509Certificate(cert);
    expect(certificate.validFromDate.toISOString()).toBe('2049-12-30T12:00:00.000Z');
    expect(certificate.validToDate.toISOString()).toBe('2050-01-09T12:00:00.000Z');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
  });
});

describe('the custom resource', () => {
  test('the certificate’s custom resource puts a certificate in the place of the placeholder, and tells CloudFormation', async () => {
    await handler(event('Create'));
    expect(certificateIn(secret).checkHost('mx.example.com')).toBe('mx.example.com');
    expect(answers).toEqual([
      {
        Status: 'SUCCESS',
        Reason: 'done',
        PhysicalResourceId: 'SelfSigned',
        StackId: 'stack',
        RequestId: 'request',
        LogicalResourceId: 'SelfSigned',
      },
    ]);
  });

  test('the certificate’s custom resource makes a new one for another host name, and keeps it for the same', async () => {
    await handler(event('Create'));
    const first = secret;
    await handler(event('Update'));
    expect(secret).toBe(first);
    await handler(event('Update', 'mail.example.org'));
    expect(certificateIn(secret).checkHost('mail.example.org')).toBe('mail.example.org');
    expect(answers.at(-1)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'known' });
  });

  test('the certificate’s custom resource never touches what somebody else put there, whatever it is', async () => {
    const { cert } = makeSelfSigned('other.example', new Date(), 1);
    const issued = cert.replace('-----BEGIN', 'intermediate\n-----BEGIN');
    for (const theirs of ['my own note', '{"cert":5}', '{}', JSON.stringify({ cert: 'broken' })]) {
      expect(isReplaceable(theirs, 'mx.example.com')).toBe(false);
      secret = theirs;
      await handler(event('Update'));
      expect(secret).toBe(theirs);
    }
    expect(isReplaceable(JSON.stringify({ cert: issued }), 'other.example')).toBe(false);
  });

  test('the certificate’s custom resource leaves everything as it is when the stack is deleted', async () => {
    const before = secret;
    await handler(event('Delete'));
    expect(secret).toBe(before);
    expect(answers).toMatchObject([{ Status: 'SUCCESS' }]);
  });

  test('the certificate’s custom resource tells CloudFormation why it failed, instead of letting it wait for an hour', async () => {
    isBroken = true;
    await handler(event('Create'));
    expect(answers).toMatchObject([
      { Status: 'FAILED', Reason: expect.stringContaining('AccessDenied') as string },
    ]);
  });
});
