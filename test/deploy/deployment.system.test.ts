// The commands of infra/README.md, by the CDK command line, against a CloudFormation that is not ours (README.md).
import { X509Certificate } from 'node:crypto';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeployedProgram } from './deployed-program.ts';
import {
  clientOptions,
  GIVEN,
  IGNORED_TYPES,
  outputOf,
  python,
  skipReason,
  succeed,
} from './deployment.ts';
import { Engine } from './engine.ts';

let engine: Engine;
beforeAll(async () => {
  if (python.ok) engine = await Engine.start(python.bin);
}, 120_000);
afterAll(() => (python.ok ? engine.stop() : undefined));

async function bucketsOfMail(): Promise<readonly string[]> {
  const { Buckets = [] } = await new S3Client({
    ...clientOptions(engine),
    forcePathStyle: true,
  }).send(new ListBucketsCommand({}));
  return Buckets.map(({ Name = '' }) => Name).filter((name) => name.includes('-datamail'));
}

/** A queue that gets what the topic announces. */
async function subscribeQueue(topicArn: string): Promise<string> {
  const sqs = new SQSClient(clientOptions(engine));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'watcher' }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  await new SNSClient(clientOptions(engine)).send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: Attributes?.QueueArn }),
  );
  return QueueUrl;
}

describe.skipIf(!python.ok)(`a deployment${skipReason}`, () => {
  let deployed = '';

  test('a deployment begins with a bootstrap that needs no setting', async () => {
    expect(await succeed(engine, 'npx cdk bootstrap')).toContain('bootstrapped');
  }, 120_000);

  test('a deployment without a host name says so, and deploys nothing', async () => {
    const { code, output } = await engine.run('npx cdk deploy --all --require-approval never');
    expect(code).toBe(1);
    expect(output).toContain('hostname: expected the name of the mail server');
    expect(output).not.toContain('creating CloudFormation changeset');
  }, 120_000);

  test('a deployment makes both stacks, and a certificate by the function that it deployed', async () => {
    deployed = await succeed(engine, `npm run deploy -- ${GIVEN}`);
    expect(await bucketsOfMail()).toEqual([outputOf(deployed, 'MailBucketName')]);
    const table = outputOf(deployed, 'CredentialTableName');
    const { Table } = await new DynamoDBClient(clientOptions(engine)).send(
      new DescribeTableCommand({ TableName: table }),
    );
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'pk', KeyType: 'HASH' }]);
    expect(outputOf(deployed, 'StaticAddresses').split(' ')).toHaveLength(2);
    const { SecretString = '' } = await new SecretsManagerClient(clientOptions(engine)).send(
      new GetSecretValueCommand({ SecretId: outputOf(deployed, 'CertificateSecretArn') }),
    );
    const { cert } = JSON.parse(SecretString) as { cert: string };
    expect(new X509Certificate(cert).checkHost('mx.example.com')).toBe('mx.example.com');
    expect(engine.handled).toEqual(['Create Custom::MailsluiceSelfSignedCertificate']);
  }, 180_000);

  test('a deployment is one that the program runs with, from a mail to its notification', async () => {
    const queue = await subscribeQueue(outputOf(deployed, 'TopicArn'));
    const program = await DeployedProgram.start(engine);
    try {
      const { response } = await nodemailer
        .createTransport({
          host: '127.0.0.1',
          port: program.port('mx'),
          tls: { rejectUnauthorized: false },
        })
        .sendMail({ from: 'a@client.example', to: 'b@example.com', text: 'Hello' });
      const [, messageId = ''] = /queued as (\S+)/.exec(response) ?? [];
      const { Messages = [] } = await new SQSClient(clientOptions(engine)).send(
        new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 10 }),
      );
      const { Message } = JSON.parse(Messages[0]?.Body ?? '{}') as { Message: string };
      const { mail, receipt } = JSON.parse(Message) as {
        mail: { messageId: string };
        receipt: { action: { bucketName: string; objectKey: string } };
      };
      expect(mail.messageId).toBe(messageId);
      const stored = await new S3Client({ ...clientOptions(engine), forcePathStyle: true }).send(
        new GetObjectCommand({
          Bucket: receipt.action.bucketName,
          Key: receipt.action.objectKey,
        }),
      );
      expect(await stored.Body?.transformToString()).toContain('Hello');
      expect(receipt.action.bucketName).toBe(outputOf(deployed, 'MailBucketName'));
    } finally {
      expect(await program.stop()).toBe(0);
    }
  }, 120_000);

  test('a deployment of the same settings has no differences', async () => {
    const output = await succeed(engine, `npx cdk diff ${GIVEN} --method=template --fail`);
    expect(output).toContain('Number of stacks with differences: 0');
  }, 120_000);

  test('a deployment is removed without its settings, and its mail is not', async () => {
    const output = await succeed(engine, 'npx cdk destroy Mailsluice-prod-Service --force');
    expect(output).toContain('Mailsluice-prod-Service: destroyed');
    expect(await bucketsOfMail()).toHaveLength(1);
    const refused = await engine.run('npx cdk destroy Mailsluice-prod-Data --force');
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/TerminationProtection/);
    expect(await bucketsOfMail()).toHaveLength(1);
  }, 120_000);

  test('a deployment was tried in full, but for what the engine does not know', () => {
    expect(engine.ignoredTypes).toEqual(IGNORED_TYPES);
  });
});
