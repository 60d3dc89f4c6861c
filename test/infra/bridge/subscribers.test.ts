// How functions and queues subscribe, and the rights that go with a mail: templates alone.
import {
  aws_dynamodb as dynamodb,
  aws_kms as kms,
  aws_lambda as lambda,
  aws_secretsmanager as secretsmanager,
  aws_sqs as sqs,
  CfnResource,
  Duration,
  type Stack,
} from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { MailBridge, TlsCertificate } from '../../../infra/index.ts';
import { makeStack, resourcesOf } from '../support.ts';

function makeFunction(stack: Stack, timeout?: Duration): lambda.Function {
  return new lambda.Function(stack, 'Reader', {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => {}'),
    ...(timeout && { timeout }),
  });
}

function makeBridge(stack: Stack): MailBridge {
  return new MailBridge(stack, 'Bridge', { configuration: { hostname: 'mx.example.com' } });
}

function queues(template: Template) {
  return Object.values(resourcesOf(template, 'AWS::SQS::Queue'));
}

/** There is one alarm whose text leads to this article of the runbook. */
function expectAlarm(template: Template, article: string): void {
  const leading = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).filter((alarm) =>
    JSON.stringify(alarm).includes(`article ${article} on `),
  );
  expect(leading).toHaveLength(1);
}

describe('a function subscribes', () => {
  test.each([
    [undefined, 30],
    [Duration.seconds(30), 180],
    [Duration.minutes(5), 1800],
  ])(
    'a function of %s subscribes through a queue, with a dead-letter queue that has an alarm',
    (timeout, visibility) => {
      const stack = makeStack();
      makeBridge(stack).addSubscriber(makeFunction(stack, timeout));
      const template = Template.fromStack(stack);
      template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'sqs' });
      template.resourceCountIs('AWS::SNS::Subscription', 1);
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
      template.hasResourceProperties('AWS::SQS::Queue', {
        VisibilityTimeout: visibility,
        RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
      });
      for (const queue of queues(template)) {
        expect(queue).toMatchObject({
          DeletionPolicy: 'RetainExceptOnCreate',
          Properties: { MessageRetentionPeriod: 1_209_600 },
        });
      }
      expectAlarm(template, 'SubscriberDeadLetters');
      expectAlarm(template, 'SubscriberBehind');
    },
  );

  test('a function subscribes directly where that is asked for, and what it fails on is kept', () => {
    const stack = makeStack();
    makeBridge(stack).addSubscriber(makeFunction(stack), { direct: true });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'lambda' });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
    expect(queues(template)).toHaveLength(1);
    expectAlarm(template, 'SubscriberDeadLetters');
  });

  test('a queue subscribes as it is', () => {
    const stack = makeStack();
    makeBridge(stack).addSubscriber(new sqs.Queue(stack, 'Own'));
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 0);
    expect(queues(template)).toHaveLength(2);
  });
});

describe('keys', () => {
  const statementsOf = (template: Template, role: string) =>
    Object.entries(resourcesOf(template, 'AWS::IAM::Policy'))
      .filter(([id]) => id.includes(role))
      .flatMap(
        ([, { Properties }]) =>
          (
            Properties['PolicyDocument'] as {
              Statement: {
                Sid?: string;
                Action: string | string[];
                Resource: unknown;
                Condition?: unknown;
              }[];
            }
          ).Statement,
      );

  test('a table with a key of the account can be read by the tasks, through DynamoDB alone', () => {
    const stack = makeStack();
    const key = new kms.Key(stack, 'TableKey');
    const table = new dynamodb.Table(stack, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      encryptionKey: key,
    });
    new MailBridge(stack, 'Bridge', {
      configuration: { hostname: 'mx.example.com' },
      table: table as dynamodb.ITable,
    });
    const statement = statementsOf(Template.fromStack(stack), 'BridgeTaskRole').find(
      ({ Sid }) => Sid === 'UseTableKey',
    );
    expect(statement?.Action).toEqual(expect.arrayContaining(['kms:Decrypt', 'kms:DescribeKey']));
    expect(JSON.stringify(statement?.Resource)).toContain('TableKey');
    expect(JSON.stringify(statement?.Condition)).toMatch(
      /^\{"StringEquals":\{"kms:ViaService":.*"dynamodb\."/,
    );
  });

  test('a key of the certificate is for the tasks, and not for who may read mail', () => {
    const stack = makeStack();
    const key = new kms.Key(stack, 'CertificateKey');
    const secret = new secretsmanager.Secret(stack, 'Secret', { encryptionKey: key });
    const bridge = new MailBridge(stack, 'Bridge', {
      configuration: { hostname: 'mx.example.com' },
      certificate: TlsCertificate.fromSecret(secret as secretsmanager.ISecret),
    });
    bridge.grantReadMail(makeFunction(stack));
    const template = Template.fromStack(stack);
    expect(JSON.stringify(statementsOf(template, 'BridgeTaskRole'))).toContain('CertificateKey');
    expect(JSON.stringify(statementsOf(template, 'Reader'))).not.toContain('CertificateKey');
  });
});

test('the tasks start after the way out and the right to pull the image, and the pages after the tasks', () => {
  const stack = makeStack();
  const bridge = makeBridge(stack);
  const template = Template.fromStack(stack);
  const idsOf = (type: string) => Object.keys(resourcesOf(template, type));
  const dependencies = (type: string, id = '') =>
    Object.entries(template.findResources(type))
      .filter(([each]) => each.includes(id))
      .flatMap(([, resource]) => (resource as { DependsOn?: string[] }).DependsOn ?? []);
  const before = dependencies('AWS::ECS::Service');
  expect(before).toEqual(expect.arrayContaining(idsOf('AWS::EC2::NatGateway')));
  expect(before).toEqual(
    expect.arrayContaining(idsOf('AWS::EC2::Route').filter((id) => id.includes('tasks'))),
  );
  expect(before).toEqual(expect.arrayContaining(idsOf('AWS::EC2::VPCEndpoint')));
  expect(before.filter((id) => id.includes('ExecutionRoleDefaultPolicy'))).toHaveLength(1);
  const { defaultChild } = bridge.service.node;
  if (!CfnResource.isCfnResource(defaultChild)) throw new Error('expected a service');
  expect(dependencies('AWS::CloudWatch::Alarm', 'UnhealthyTasks')).toContain(
    stack.getLogicalId(defaultChild),
  );
});
