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
import { Engine, REGION } from './engine.ts';
import { preparePython } from './python.ts';

const python = preparePython();
/** What an operator gives at least; the image stands for the one that Docker would build. */
const GIVEN = '-c hostname=mx.example.com -c image=public.ecr.aws/docker/library/node:24';

/** Every setting that has another value later, in one deployment. */
const OTHERS = Object.entries({
  zones: '3',
  egress: 'endpoints',
  architecture: 'x86_64',
  cpu: '1024',
  memoryMiB: '4096',
  minimumTasks: '4',
  maximumTasks: '20',
  customerManagedKey: 'true',
  expireAfterDays: '30',
  alarmEmail: 'oncall@example.com',
  exampleSubscriber: 'true',
})
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

/** What moto's CloudFormation passes over; README.md says what covers it instead. */
const IGNORED = ['AWS::Logs::QueryDefinition', 'AWS::S3::BucketPolicy'];

let engine: Engine;
beforeAll(async () => {
  if (python.ok) engine = await Engine.start(python.bin);
}, 120_000);
afterAll(() => (python.ok ? engine.stop() : undefined));

async function expectSuccess(command: string): Promise<string> {
  const { code, output } = await engine.run(command);
  if (code !== 0)
    throw new Error(`${command}: exit code ${code}\n${output.slice(-4000)}\n${engine.lastWords}`);
  return output;
}

function aws() {
  return {
    region: REGION,
    endpoint: engine.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
}

async function bucketsOfMail(): Promise<readonly string[]> {
  const { Buckets = [] } = await new S3Client({ ...aws(), forcePathStyle: true }).send(
    new ListBucketsCommand({}),
  );
  return Buckets.map(({ Name = '' }) => Name).filter((name) => name.includes('-datamail'));
}

/** A queue that gets what the topic announces. */
async function subscribeQueue(topicArn: string): Promise<string> {
  const sqs = new SQSClient(aws());
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'watcher' }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  await new SNSClient(aws()).send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: Attributes?.QueueArn }),
  );
  return QueueUrl;
}

function outputOf(text: string, name: string): string {
  return new RegExp(`\\.${name} = (.+)`).exec(text)?.[1] ?? '';
}

describe.skipIf(!python.ok)(`a deployment${python.ok ? '' : `: ${python.reason}`}`, () => {
  let deployed = '';

  test('a deployment begins with a bootstrap that needs no setting', async () => {
    expect(await expectSuccess('npx cdk bootstrap')).toContain('bootstrapped');
  }, 120_000);

  test('a deployment without a host name says so, and deploys nothing', async () => {
    const { code, output } = await engine.run('npx cdk deploy --all --require-approval never');
    expect(code).toBe(1);
    expect(output).toContain('hostname: expected the name of the mail server');
    expect(output).not.toContain('creating CloudFormation changeset');
  }, 120_000);

  test('a deployment makes both stacks, and a certificate by the function that it deployed', async () => {
    deployed = await expectSuccess(`npm run deploy -- ${GIVEN}`);
    expect(await bucketsOfMail()).toEqual([outputOf(deployed, 'MailBucketName')]);
    const table = outputOf(deployed, 'CredentialTableName');
    const { Table } = await new DynamoDBClient(aws()).send(
      new DescribeTableCommand({ TableName: table }),
    );
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'pk', KeyType: 'HASH' }]);
    expect(outputOf(deployed, 'StaticAddresses').split(' ')).toHaveLength(2);
    const { SecretString = '' } = await new SecretsManagerClient(aws()).send(
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
      const { Messages = [] } = await new SQSClient(aws()).send(
        new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 10 }),
      );
      const { Message } = JSON.parse(Messages[0]?.Body ?? '{}') as { Message: string };
      const { mail, receipt } = JSON.parse(Message) as {
        mail: { messageId: string };
        receipt: { action: { bucketName: string; objectKey: string } };
      };
      expect(mail.messageId).toBe(messageId);
      const stored = await new S3Client({ ...aws(), forcePathStyle: true }).send(
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
    const output = await expectSuccess(`npx cdk diff ${GIVEN} --method=template --fail`);
    expect(output).toContain('Number of stacks with differences: 0');
  }, 120_000);

  test('a deployment changes the settings, and changes them back', async () => {
    const changed = await expectSuccess(
      `npx cdk deploy --all ${GIVEN} ${OTHERS} --require-approval never`,
    );
    expect(outputOf(changed, 'StaticAddresses').split(' ')).toHaveLength(3);
    await expectSuccess(`npx cdk diff ${GIVEN} ${OTHERS} --method=template --fail`);
    const back = await expectSuccess(`npx cdk deploy --all ${GIVEN} --require-approval never`);
    // Not the topic: moto makes one whose key changes anew, which CloudFormation does not.
    for (const name of ['StaticAddresses', 'MailBucketName', 'CredentialTableName']) {
      expect(outputOf(back, name)).toBe(outputOf(deployed, name));
    }
  }, 240_000);

  test('a deployment is removed without its settings, and its mail is not', async () => {
    const output = await expectSuccess('npx cdk destroy Mailsluice-prod-Service --force');
    expect(output).toContain('Mailsluice-prod-Service: destroyed');
    expect(await bucketsOfMail()).toHaveLength(1);
    const refused = await engine.run('npx cdk destroy Mailsluice-prod-Data --force');
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/TerminationProtection/);
    expect(await bucketsOfMail()).toHaveLength(1);
  }, 120_000);

  test('a deployment was tried in full, but for what the engine does not know', () => {
    expect(engine.ignoredTypes).toEqual(IGNORED);
  });
});
