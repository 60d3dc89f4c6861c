// Sign-in on a running server, by clients that are not ours, with the credentials that the command line makes;
// and everything that the server printed meanwhile, searched for what must not be in it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mainFile } from '../support/local.ts';
import { missing, runProgram } from '../support/programs.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { serve, type Served } from './served.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

let aws: TestAws;
let issuer: TokenIssuer;
let server: Served;
/** Every secret that was used here. */
const secrets = new Set<string>();

beforeAll(async () => {
  aws = await startTestAws();
  issuer = await startTokenIssuer();
  server = await serve(aws, {
    credentials: {
      table: aws.resources.table,
      throttle: { delay: 0, addressFailures: 1000 },
      tokens: [{ issuer: issuer.issuer, audience: ['mail'] }],
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await aws.close();
});

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [mainFile, 'credentials', ...args, '--table', aws.resources.table],
    { env: { PATH: process.env['PATH'], ...aws.environment } },
  );
  return stdout;
}

async function added(username: string, ...args: string[]): Promise<string> {
  const printed: { password: string } = JSON.parse(await cli('add', username, ...args, '--json'));
  secrets.add(printed.password);
  return printed.password;
}

interface Auth {
  readonly user: string;
  readonly pass: string;
}

function send(auth: Auth, listener: 'submission' | 'smtps', mail: SendMailOptions = {}) {
  secrets.add(auth.pass);
  return createTransport({
    host: '127.0.0.1',
    port: server.port(listener),
    secure: listener === 'smtps',
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth,
  }).sendMail({ from: 'a@in.example', to: 'b@out.example', text: 'hello', ...mail });
}

test('a credential of the command line signs in at once, over STARTTLS and implicit TLS', async () => {
  const pass = await added('device');
  for (const listener of ['submission', 'smtps'] as const) {
    const { response } = await send({ user: 'Device', pass }, listener);
    expect(response).toMatch(/^250 2\.0\.0/);
  }
});

test('wrong and unknown hear the same', async () => {
  for (const auth of [
    { user: 'device', pass: 'wrong-secret-1' },
    { user: 'nobody', pass: 'wrong-secret-2' },
  ]) {
    await expect(send(auth, 'submission')).rejects.toMatchObject({
      responseCode: 535,
      response: '535 5.7.8 Authentication credentials invalid',
    });
  }
});

test('a rotated secret works at once, and so does the one before', async () => {
  const old = await added('rotated');
  await send({ user: 'rotated', pass: old }, 'smtps');
  const { password }: { password: string } = JSON.parse(await cli('rotate', 'rotated', '--json'));
  await send({ user: 'rotated', pass: password }, 'smtps');
  await send({ user: 'rotated', pass: old }, 'smtps');
});

test('what a credential grants holds: senders, recipients, and its own place in the bucket', async () => {
  const pass = await added(
    ...(['tenant', '--sender', '*@in.example', '--recipient', '*@out.example'] as const),
    ...['--prefix', 'tenant/'],
  );
  const auth = { user: 'tenant', pass };
  await send(auth, 'smtps');
  const { Contents = [] } = await aws.s3.send(
    new ListObjectsV2Command({ Bucket: aws.resources.bucket, Prefix: 'tenant/' }),
  );
  expect(Contents).toHaveLength(1);
  await expect(send(auth, 'smtps', { from: 'a@elsewhere.example' })).rejects.toMatchObject({
    responseCode: 550,
    response: expect.stringMatching(/^550 5\.7\.1/),
  });
  await expect(send(auth, 'smtps', { to: 'b@elsewhere.example' })).rejects.toMatchObject({
    responseCode: 550,
  });
});

test('a credential for other networks is refused here', async () => {
  const pass = await added('elsewhere', '--cidr', '198.51.100.0/24');
  await expect(send({ user: 'elsewhere', pass }, 'smtps')).rejects.toMatchObject({
    responseCode: 535,
  });
});

const swaksIsMissing = missing('swaks');
test.skipIf(swaksIsMissing !== undefined).each(['PLAIN', 'LOGIN'])(
  'swaks signs in by %s',
  async (mechanism) => {
    const password = await added(`swaks-${mechanism}`);
    const { code, output } = await swaks(mechanism, `swaks-${mechanism}`, password);
    expect([code, output]).toEqual([0, expect.stringContaining('235 2.7.0')]);
  },
);

function swaks(mechanism: string, username: string, password: string) {
  return runProgram('swaks', [
    ...['--server', '127.0.0.1', '--port', `${server.port('submission')}`, '--tls'],
    ...['--from', 'a@in.example', '--to', 'b@out.example'],
    ...['--auth', mechanism, '--auth-user', username, '--auth-password', password],
  ]);
}

test('no password, token or verifier is in anything that the server printed, encoded or not', async () => {
  const exported = await cli('export');
  const verifiers = exported.match(/(?<="(?:verifier|storedKey|serverKey)":")[^"]+/g) ?? [];
  expect(verifiers.length).toBeGreaterThan(4);
  const output = server.output();
  expect(output).toContain('sign-in-accepted');
  expect(output).toContain('sign-in-refused');
  expect(secrets.size).toBeGreaterThan(5);
  for (const secret of [...secrets, ...verifiers]) {
    expect(output).not.toContain(secret);
    expect(output).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
    expect(output).not.toContain(Buffer.from(secret).toString('base64url'));
  }
  // As in the argument of AUTH PLAIN.
  for (const secret of secrets) {
    for (const user of ['device', 'Device', 'nobody', 'rotated', 'tenant']) {
      const response = Buffer.from(`\0${user}\0${secret}`).toString('base64');
      expect(output).not.toContain(response.replace(/=+$/, ''));
    }
  }
});
