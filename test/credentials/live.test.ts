// Sign-in on a running server, by clients that are not ours, with the credentials that the command line makes;
// and everything that the server printed meanwhile, searched for what must not be in it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mainFile } from '../support/local.ts';
import { need, runProgram } from '../support/programs.ts';
import { groupCli } from '../cli/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { ScramClient } from './scram-client.ts';
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

/** The log comes by a pipe, after the reply. */
const SOON = { timeout: 20_000 };

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await groupCli('credentials', aws)(args);
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
  // In the environment and with the configuration of the server, and nothing else said.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [mainFile, 'credentials', 'add', 'device', '--json'],
    {
      env: {
        PATH: process.env['PATH'],
        ...aws.environment,
        MAILSLUICE_CONFIG: JSON.stringify({ credentials: { table: aws.resources.table } }),
      },
    },
  );
  const { password: pass }: { password: string } = JSON.parse(stdout);
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

describe('clients that are not ours', () => {
  for (const mechanism of ['PLAIN', 'LOGIN']) {
    test(`swaks signs in by ${mechanism}`, async ({ skip }) => {
      need(skip, 'swaks');
      const username = `swaks-${mechanism}`;
      const password = await added(username);
      const { code, output } = await swaks(mechanism, username, password);
      expect([code, output]).toEqual([0, expect.stringContaining('235 2.7.0')]);
    });
  }

  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS']) {
    test(`GNU SASL signs in by ${mechanism} and trusts the server, and a wrong password does not`, async ({
      skip,
    }) => {
      need(skip, 'gsasl');
      const username = `gsasl-${mechanism.toLowerCase()}`;
      const password = await added(username);
      expect(await gsasl(mechanism, username, password)).toMatch(
        /235 2\.7\.0.*finished \(server trusted\)/s,
      );
      await expect.poll(() => acceptedBy(username), SOON).toContain(mechanism);
      expect(await gsasl(mechanism, username, `${password}x`)).toMatch(/535 5\.7\.8/);
    });
  }

  test('GNU SASL signs in with a chosen password and its many iterations', async ({ skip }) => {
    need(skip, 'gsasl');
    const password = 'a chosen password';
    secrets.add(password);
    await groupCli('credentials', aws)(['add', 'chooser', '--password-stdin'], { stdin: password });
    expect(await gsasl('SCRAM-SHA-256', 'chooser', password)).toMatch(/235 2\.7\.0/);
    const { response } = await send({ user: 'chooser', pass: password }, 'smtps');
    expect(response).toMatch(/^250/);
  });

  for (const listener of ['smtps', 'submission'] as const) {
    test(`curl signs in by OAUTHBEARER on ${listener}, and a token for others does not`, async ({
      skip,
    }) => {
      need(skip, 'curl');
      const username = `bearer-${listener}`;
      await cli('add', username, '--token-only');
      const token = await issuer.token(username);
      expect(await curl(listener, username, token)).toMatch(/235 2\.7\.0/);
      await expect.poll(() => acceptedBy(username), SOON).toEqual(['OAUTHBEARER']);
      const stolen = await issuer.token(username, { claims: { aud: 'calendar' } });
      expect(await curl(listener, username, stolen)).toMatch(/535 5\.7\.8|Login denied/);
      expect(acceptedBy(username)).toEqual(['OAUTHBEARER']);
    });
  }

  test('a token whose claim only looks like the name of a credential does not sign in', async () => {
    await cli('add', 'admin@corp.example', '--token-only', '--token-issuer', issuer.issuer);
    const client = await TestClient.connectTls(server.port('smtps'));
    await client.reply();
    await client.say('EHLO c');
    const codes: string[] = [];
    for (const claim of ['adm\u0131n@corp.example', 'Admin@corp.example', 'admin@corp.example']) {
      const token = await issuer.token(claim);
      secrets.add(token);
      const response = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`).toString('base64');
      let reply = await client.say(`AUTH OAUTHBEARER ${response}`);
      if (reply.startsWith('334')) reply = await client.say('AQ==');
      codes.push(reply.slice(0, 3));
    }
    client.destroy();
    expect(codes).toEqual(['535', '535', '235']);
  });

  test.each(['smtps', 'submission'] as const)(
    'nodemailer signs in by XOAUTH2 on %s',
    async (listener) => {
      const user = `xoauth2-${listener}`;
      await cli('add', user, '--token-only');
      const accessToken = await issuer.token(user);
      secrets.add(accessToken);
      const { response } = await createTransport({
        host: '127.0.0.1',
        port: server.port(listener),
        secure: listener === 'smtps',
        requireTLS: true,
        tls: { rejectUnauthorized: false },
        auth: { type: 'OAuth2', user, accessToken },
      }).sendMail({ from: 'a@in.example', to: 'b@out.example', text: 'hello' });
      expect(response).toMatch(/^250/);
      await expect.poll(() => acceptedBy(user), SOON).toEqual(['XOAUTH2']);
    },
  );
});

test.each(['SCRAM-SHA-256', 'PLAIN'])('%s works over implicit TLS too', async (mechanism) => {
  const username = `implicit-${mechanism.toLowerCase()}`;
  const password = await added(username);
  const client = await TestClient.connectTls(server.port('smtps'));
  await client.reply();
  expect(await client.say('EHLO client.example')).toMatch(/^250-AUTH .*SCRAM-SHA-256 .*PLAIN/m);
  if (mechanism === 'PLAIN') {
    const response = Buffer.from(`\0${username}\0${password}`).toString('base64');
    expect(await client.say(`AUTH PLAIN ${response}`)).toMatch(/^235 2\.7\.0/);
  } else expect(await signInByScram(client, username, password)).toMatch(/^235 2\.7\.0/);
  client.destroy();
});

/** Plays SCRAM-SHA-256 on a connection that has said EHLO; the last reply, once the server proved itself. */
async function signInByScram(
  client: TestClient,
  username: string,
  password: string,
): Promise<string> {
  const text = (reply: string): string => Buffer.from(reply.slice(4), 'base64').toString();
  const base64 = (message: string): string => Buffer.from(message).toString('base64');
  const scram = new ScramClient(username, password);
  const first = await client.say(`AUTH SCRAM-SHA-256 ${base64(scram.first())}`);
  const final = await client.say(base64(scram.final(text(first))));
  if (!final.startsWith('334')) return final;
  expect(text(final)).toBe(scram.serverFinal());
  return client.say('');
}

/** The mechanisms by which the server said that it let this user in. */
function acceptedBy(username: string): string[] {
  return (
    server
      .output()
      .split('\n')
      // The last line may be on its way.
      .slice(0, -1)
      .filter((line) => line.includes('"sign-in-accepted"'))
      .map((line): { username: string; mechanism: string } => JSON.parse(line))
      .filter((event) => event.username === username)
      .map(({ mechanism }) => mechanism)
  );
}

function swaks(mechanism: string, username: string, password: string) {
  return runProgram('swaks', [
    ...['--server', '127.0.0.1', '--port', `${server.port('submission')}`, '--tls'],
    ...['--from', 'a@in.example', '--to', 'b@out.example'],
    ...['--auth', mechanism, '--auth-user', username, '--auth-password', password],
  ]);
}

async function gsasl(mechanism: string, username: string, password: string): Promise<string> {
  secrets.add(password);
  const { output } = await runProgram(
    'gsasl',
    [
      ...['--client', '--smtp', '--starttls', `--connect=localhost:${server.port('submission')}`],
      // The certificate is the test's own.
      ...['--x509-ca-file=', `--mechanism=${mechanism}`],
      ...(mechanism.endsWith('-PLUS') ? [] : ['--no-cb']),
      ...['-a', username, '-p', password],
    ],
    'QUIT\r\n',
  );
  return output;
}

async function curl(
  listener: 'smtps' | 'submission',
  username: string,
  token: string,
): Promise<string> {
  secrets.add(token);
  const { output } = await runProgram(
    'curl',
    [
      ...['--verbose', '--insecure', '--ssl-reqd', '--upload-file', '-'],
      ...['--login-options', 'AUTH=OAUTHBEARER', '--user', username, '--oauth2-bearer', token],
      ...['--mail-from', 'a@in.example', '--mail-rcpt', 'b@out.example'],
      `${listener === 'smtps' ? 'smtps' : 'smtp'}://127.0.0.1:${server.port(listener)}`,
    ],
    'Subject: hello\r\n\r\nhello\r\n',
  );
  return output;
}

test('no password, token or verifier is in anything that the server printed, encoded or not', async () => {
  const exported = await cli('export');
  const verifiers = exported.match(/(?<="(?:verifier|storedKey|serverKey)":")[^"]+/g) ?? [];
  expect(verifiers.length).toBeGreaterThan(4);
  // To its end, so that nothing is still on its way.
  await server[Symbol.asyncDispose]();
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
