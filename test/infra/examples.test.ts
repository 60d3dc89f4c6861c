// The example handlers, deployed as their page says: a function bundled by esbuild, given to `addSubscriber`.
import { fileURLToPath } from 'node:url';
import { Duration, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Match, Template } from 'aws-cdk-lib/assertions';
import type { Construct } from 'constructs';
import { beforeAll, describe, expect, test } from 'vitest';
import { MailBridge } from '../../infra/index.ts';
import { newApp, removeOutput, resourcesOf } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const ENVIRONMENTS = {
  'file-invoices': ['INVOICE_BUCKET'],
  'post-to-webhook': ['WEBHOOK_SECRET', 'WEBHOOK_URL'],
  'answer-tickets': ['IDEMPOTENCY_TABLE', 'TICKET_API', 'TICKET_TOKEN'],
} as const;
type Example = keyof typeof ENVIRONMENTS;

function makeExample(
  scope: Construct,
  name: Example,
  environment: Readonly<Record<string, string>>,
): NodejsFunction {
  return new NodejsFunction(scope, name, {
    entry: `${root}src/subscriber/examples/${name}.ts`,
    depsLockFilePath: `${root}package-lock.json`,
    projectRoot: root,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    timeout: Duration.seconds(30),
    environment,
    bundling: {
      format: OutputFormat.ESM,
      minify: true,
      // mailparser's packages are CommonJS and call `require`.
      banner:
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
}

let template: Template;
beforeAll(() => {
  const app = newApp();
  const stack = new Stack(app, 'Test');
  const bridge = new MailBridge(stack, 'Bridge', { configuration: { hostname: 'mx.example.com' } });
  const invoices = new s3.Bucket(stack, 'Invoices', { enforceSSL: true });
  const handled = new dynamodb.Table(stack, 'Handled', {
    partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: 'ttl',
  });

  const filer = makeExample(stack, 'file-invoices', { INVOICE_BUCKET: invoices.bucketName });
  invoices.grantPut(filer);
  const webhook = makeExample(stack, 'post-to-webhook', {
    WEBHOOK_URL: 'https://hooks.example.com/mail',
    WEBHOOK_SECRET: 'from-a-secret-in-earnest',
  });
  const tickets = makeExample(stack, 'answer-tickets', {
    TICKET_API: 'https://tickets.example.com/api',
    TICKET_TOKEN: 'from-a-secret-in-earnest',
    IDEMPOTENCY_TABLE: handled.tableName,
  });
  handled.grantReadWriteData(tickets);
  for (const subscriber of [filer, webhook, tickets]) bridge.addSubscriber(subscriber);

  template = Template.fromStack(stack);
  return () => removeOutput(app);
}, 120_000);

describe.each(Object.entries(ENVIRONMENTS))('%s', (name, names) => {
  const idOf = (): string => {
    const [id] =
      Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(([, { Properties }]) => {
        const { Variables = {} } = (Properties['Environment'] ?? {}) as { Variables?: object };
        return names.every((name) => name in Variables);
      }) ?? [];
    if (id === undefined) throw new Error(`no function has ${names.join(', ')}`);
    return id;
  };

  test(`the example ${name} is a function on the Node.js that this project runs on`, () => {
    expect(resourcesOf(template, 'AWS::Lambda::Function')[idOf()]?.Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
    });
  });

  test(`the example ${name} is called for each mail, and what it cannot handle is kept`, () => {
    const [mapping] = Object.values(
      resourcesOf(template, 'AWS::Lambda::EventSourceMapping'),
    ).filter(({ Properties }) => JSON.stringify(Properties['FunctionName']).includes(idOf()));
    expect(mapping?.Properties['FunctionResponseTypes']).toEqual(['ReportBatchItemFailures']);
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'sqs',
      Endpoint: mapping?.Properties['EventSourceArn'],
      RedrivePolicy: { deadLetterTargetArn: Match.anyValue() },
    });
  });

  test(`the example ${name} may read the mail`, () => {
    const role = Match.objectLike({ Ref: Match.stringLikeRegexp(idOf().slice(0, 10)) });
    template.hasResourceProperties('AWS::IAM::Policy', {
      Roles: Match.arrayWith([role]),
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: 's3:GetObject', Effect: 'Allow' })]),
      },
    });
  });
});
