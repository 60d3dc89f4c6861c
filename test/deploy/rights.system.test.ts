// The program and a subscriber with what a deployment made, and with no other rights than those of their roles. moto
// checks the signature, the action and the resource of each call with their credentials.
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type _Object, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mailsluice } from '../support/cli.ts';
import { DeployedProgram, readTask } from './deployed-program.ts';
import {
  awsCli,
  clientOptions,
  GIVEN,
  outputOf,
  python,
  skipReason,
  succeed,
} from './deployment.ts';
import { Engine, REGION } from './engine.ts';

const MULTIPART_BYTES = 12_000_000;
const PROVOKED = 'DenyForTest';

interface Role {
  readonly name: string;
  /** Credentials as the SDK reads them. */
  readonly environment: Readonly<Record<string, string>>;
}

interface FunctionResource {
  readonly Type: string;
  readonly Properties: { readonly Description?: string; readonly Code: { readonly S3Key: string } };
}

describe.skipIf(!python.ok)(`a deployment with the rights of its roles${skipReason}`, () => {
  let engine: Engine;
  let deployed: string;
  let task: Role;
  let program: DeployedProgram;
  let queueUrl: string;

  beforeAll(async () => {
    if (!python.ok) return;
    engine = await Engine.start(python.bin);
    await succeed(engine, 'npx cdk bootstrap');
    deployed = await succeed(
      engine,
      `npx cdk deploy --all ${GIVEN} -c exampleSubscriber=true --require-approval never`,
    );
    task = await assumeRole((await readTask(engine)).roleArn);
    const { QueueUrls } = await awsCli<{ QueueUrls: readonly string[] }>(
      engine,
      ...['sqs', 'list-queues'],
    );
    queueUrl = QueueUrls.find((url) => !url.includes('DeadLetter')) ?? '';
    program = await DeployedProgram.start(engine, { environment: task.environment });
  }, 300_000);
  afterAll(async () => {
    if (!python.ok) return;
    await program?.stop();
    await engine.stop();
  });

  async function assumeRole(arn: string): Promise<Role> {
    const { Credentials } = await awsCli<{ Credentials: Readonly<Record<string, string>> }>(
      engine,
      ...['sts', 'assume-role', '--role-arn', arn, '--role-session-name', 'test'],
    );
    return {
      name: arn.split('/').at(-1) ?? '',
      environment: {
        AWS_ACCESS_KEY_ID: Credentials['AccessKeyId'] ?? '',
        AWS_SECRET_ACCESS_KEY: Credentials['SecretAccessKey'] ?? '',
        AWS_SESSION_TOKEN: Credentials['SessionToken'] ?? '',
      },
    };
  }

  /** Runs the AWS CLI with the rights of the task; what it says on its standard error. */
  async function tryAsTask(...args: readonly string[]): Promise<string> {
    if (!python.ok) return '';
    const result = await promisify(execFile)(
      `${python.bin}/aws`,
      ['--endpoint-url', engine.endpoint, ...args],
      {
        env: {
          ...process.env,
          ...engine.environment,
          ...task.environment,
          AWS_DEFAULT_REGION: REGION,
        },
      },
    ).catch((error: { readonly stderr: string }) => error);
    return result.stderr;
  }

  function send(listener: string, subject: string, options: object = {}): Promise<string> {
    return nodemailer
      .createTransport({
        host: '127.0.0.1',
        port: program.port(listener),
        tls: { rejectUnauthorized: false },
        ...options,
      })
      .sendMail({
        from: 'a@client.example',
        to: 'b@example.com',
        subject,
        text: 'Hello',
        ...('attachments' in options && { attachments: options.attachments as [] }),
      })
      .then(({ response }) => /queued as (\S+)/.exec(response)?.[1] ?? response);
  }

  async function listed(prefix: string): Promise<readonly _Object[]> {
    const { Contents = [] } = await new S3Client({
      ...clientOptions(engine),
      forcePathStyle: true,
    }).send(
      new ListObjectsV2Command({ Bucket: outputOf(deployed, 'MailBucketName'), Prefix: prefix }),
    );
    return Contents;
  }

  async function objectOf(messageId: string): Promise<_Object | undefined> {
    return (await listed('mail/')).find(({ Key = '' }) => Key.includes(messageId));
  }

  async function storedText(messageId: string): Promise<string> {
    const found = await objectOf(messageId);
    const { Body } = await new S3Client({ ...clientOptions(engine), forcePathStyle: true }).send(
      new GetObjectCommand({ Bucket: outputOf(deployed, 'MailBucketName'), Key: found?.Key }),
    );
    return (await Body?.transformToString()) ?? '';
  }

  async function receive(): Promise<readonly Message[]> {
    const { Messages = [] } = await new SQSClient(clientOptions(engine)).send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        WaitTimeSeconds: 10,
        MaxNumberOfMessages: 10,
      }),
    );
    return Messages;
  }

  test('the task may do nothing that its role does not name', async () => {
    const bucket = outputOf(deployed, 'MailBucketName');
    const table = outputOf(deployed, 'CredentialTableName');
    const before = engine.denied.length;
    const refusals = [
      await tryAsTask('dynamodb', 'scan', '--table-name', table),
      await tryAsTask('s3api', 'get-object', '--bucket', bucket, '--key', 'mail/x', '/dev/null'),
      await tryAsTask('s3api', 'delete-object', '--bucket', bucket, '--key', 'mail/x'),
      await tryAsTask(
        'sns',
        'publish',
        '--topic-arn',
        `${outputOf(deployed, 'TopicArn')}x`,
        '--message',
        'x',
      ),
      await tryAsTask('secretsmanager', 'list-secrets'),
      await tryAsTask('sqs', 'receive-message', '--queue-url', queueUrl),
      await tryAsTask('iam', 'list-roles'),
    ];
    for (const refusal of refusals) expect(refusal).toMatch(/AccessDenied|AuthorizationError/);
    expect(engine.denied.slice(before)).toEqual([
      'dynamodb:Scan',
      's3:GetObject',
      's3:DeleteObject',
      'sns:Publish',
      'secretsmanager:ListSecrets',
      'sqs:ReceiveMessage',
      'iam:ListRoles',
    ]);
  }, 120_000);

  test('the certificate is the one of the secret', async () => {
    const { SecretString = '' } = await new SecretsManagerClient(clientOptions(engine)).send(
      new GetSecretValueCommand({ SecretId: outputOf(deployed, 'CertificateSecretArn') }),
    );
    const { cert } = JSON.parse(SecretString) as { readonly cert: string };
    const socket = connect({
      host: '127.0.0.1',
      port: program.port('smtps'),
      rejectUnauthorized: false,
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const served = socket.getPeerX509Certificate()?.fingerprint256;
    socket.destroy();
    expect(served).toBe(new X509Certificate(cert).fingerprint256);
  });

  test('a mail is stored and announced, small and in several parts', async () => {
    const before = engine.denied.length;
    const small = await send('mx', 'small');
    const content = 'x'.repeat(MULTIPART_BYTES);
    const large = await send('mx', 'large', { attachments: [{ filename: 'x.txt', content }] });
    expect(await storedText(small)).toContain('Subject: small');
    // The tag of an object that came in parts ends in their number.
    expect((await objectOf(small))?.ETag).toMatch(/^"\w+"$/);
    expect((await objectOf(large))?.ETag).toMatch(/^"\w+-[2-9]\d*"$/);
    expect((await storedText(large)).length).toBeGreaterThan(MULTIPART_BYTES);
    expect(engine.denied.slice(before)).toEqual([]);
  }, 60_000);

  test('who has a credential of our own command signs in, and nobody else', async () => {
    const before = engine.denied.length;
    const table = outputOf(deployed, 'CredentialTableName');
    const added = await mailsluice(['credentials', 'add', 'scanner', '--table', table, '--json'], {
      ...engine.environment,
    });
    const { secret = '', password = secret } = JSON.parse(added.output) as Record<string, string>;
    const auth = { user: 'scanner', pass: password };
    const messageId = await send('submission', 'signed in', { auth });
    expect(await storedText(messageId)).toContain('Subject: signed in');
    await expect(
      send('submission', 'wrong', { auth: { user: 'scanner', pass: 'wrong' } }),
    ).rejects.toThrow(/535/);
    await expect(send('submission', 'nobody')).rejects.toThrow(/530/);
    expect(engine.denied.slice(before)).toEqual([]);
  }, 60_000);

  test('mail is accepted while the topic refuses, and is announced when it does no more', async () => {
    await receiveAll();
    const before = engine.denied.length;
    const document = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'sns:Publish', Resource: '*' }],
    });
    const policy = ['--role-name', task.name, '--policy-name', PROVOKED];
    await tryAsOperator('iam', 'put-role-policy', ...policy, '--policy-document', document);
    const messageId = await send('mx', 'held back');
    const waiting = await listed('outbox/');
    expect(waiting).toHaveLength(1);
    expect(new Set(engine.denied.slice(before))).toEqual(new Set(['sns:Publish']));
    await tryAsOperator('iam', 'delete-role-policy', ...policy);
    const announced = await waitFor(async () => {
      const messages = await receive();
      return messages.some(({ Body = '' }) => Body.includes(messageId));
    });
    expect(announced).toBe(true);
    expect(await waitFor(async () => (await listed('outbox/')).length === 0)).toBe(true);
  }, 120_000);

  test('the function of the example subscriber runs on what the queue got, with the rights of its role', async () => {
    await receiveAll();
    const messageId = await send('mx', 'for the function');
    const messages = await receive();
    const { Functions } = await awsCli<{
      Functions: readonly {
        readonly Description: string;
        readonly Role: string;
        readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
      }[];
    }>(engine, 'lambda', 'list-functions');
    const subscriber = Functions.find(
      ({ Description }) => Description === 'Logs the subject of each mail that arrives',
    );
    const role = await assumeRole(subscriber?.Role ?? '');
    const before = engine.denied.length;
    const Records = messages.map(({ MessageId, Body, ReceiptHandle }) => ({
      messageId: MessageId,
      body: Body,
      receiptHandle: ReceiptHandle,
      eventSource: 'aws:sqs',
      eventSourceARN: `arn:aws:sqs:${REGION}:123456789012:${queueUrl.split('/').at(-1)}`,
      awsRegion: REGION,
      attributes: {},
      messageAttributes: {},
    }));
    const script = `import { handler } from ${JSON.stringify(subscriberFile(engine))};
      const answer = await handler(JSON.parse(process.env.EVENT));
      process.stdout.write(JSON.stringify({ event: 'answer', answer }));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        env: {
          ...process.env,
          ...engine.environment,
          ...subscriber?.Environment?.Variables,
          ...role.environment,
          EVENT: JSON.stringify({ Records }),
        },
      },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      { event: 'mail-seen', messageId, subject: 'for the function', attachments: [] },
      expect.objectContaining({ event: 'mail-handled', messageId, outcome: 'done' }),
      { event: 'answer', answer: { batchItemFailures: [] } },
    ]);
    expect(engine.denied.slice(before)).toEqual([]);
  }, 60_000);

  test('the program drains at the end', async () => {
    expect(await program.stop()).toBe(0);
  });

  async function receiveAll(): Promise<void> {
    for (;;) {
      const { Messages = [] } = await new SQSClient(clientOptions(engine)).send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return;
    }
  }

  async function tryAsOperator(...args: readonly string[]): Promise<void> {
    if (!python.ok) return;
    await promisify(execFile)(`${python.bin}/aws`, ['--endpoint-url', engine.endpoint, ...args], {
      env: { ...process.env, ...engine.environment, AWS_DEFAULT_REGION: REGION },
    });
  }
});

async function waitFor(isThere: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (await isThere()) return true;
    await sleep(500);
  }
  return false;
}

/** The file that `cdk deploy` put into the function. */
function subscriberFile({ environment }: Engine): string {
  const folder = environment['CDK_OUTPUT'];
  const { Resources } = JSON.parse(
    readFileSync(`${folder}/Mailsluice-prod-Service.template.json`, 'utf8'),
  ) as {
    readonly Resources: Readonly<Record<string, FunctionResource>>;
  };
  const made = Object.values(Resources).find(
    ({ Properties }) => Properties?.Description === 'Logs the subject of each mail that arrives',
  );
  const asset = made?.Properties.Code.S3Key.replace(/\.zip$/, '');
  return pathToFileURL(`${folder}/asset.${asset}/index.mjs`).href;
}
