// Props that synthesise and cannot work at AWS, each refused with a sentence that says what to give instead.
import {
  App,
  aws_certificatemanager as acm,
  aws_dynamodb as dynamodb,
  aws_ec2 as ec2,
  aws_kms as kms,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  aws_sns as sns,
  Stack,
} from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { Egress, MailBridge, type MailBridgeProps, TlsCertificate } from '../../../infra/index.ts';
import { cdkVersionProblem } from '../../../infra/bridge/cdk-version.ts';
import { exampleRecipient } from '../../../infra/bridge/default-routes.ts';
import { makeStack, resourcesOf, synthApp, synthBridge } from '../support.ts';

const hostname = 'mx.example.com';

/** Without `make`, as JavaScript can leave out the props. */
function errorsOf(make: ((stack: Stack) => object) | undefined, stack = makeStack()): string[] {
  try {
    const props = make && { configuration: { hostname }, ...make(stack) };
    new MailBridge(stack, 'Bridge', props as MailBridgeProps);
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

const inIreland = () =>
  new Stack(new App(), 'Test', { env: { account: '111122223333', region: 'eu-west-1' } });

describe('the construct refuses', () => {
  test.each<[what: string, make: ((stack: Stack) => object) | undefined, expected: string]>([
    ['no configuration', () => ({ configuration: undefined }), 'configuration.hostname: expected'],
    [
      'two listeners on one public port',
      () => ({ ports: { mx: 587 } }),
      'ports: expected another port than that of listener "mx" for "submission", got 587',
    ],
    [
      'the port of a listener that there is not',
      () => ({ ports: { smtp: 26 } }),
      'ports: expected the names of listeners (mx, submission, smtps), got "smtp"',
    ],
    [
      'a port that is none',
      () => ({ ports: { mx: 70_000 } }),
      'ports: expected a port from 1 to 65535 for "mx", got 70000',
    ],
    [
      'a listener on the port of the health checks',
      () => ({
        configuration: { hostname, listeners: [{ name: 'mx', port: 8080 }] },
        ports: { mx: 25 },
      }),
      'configuration.health.port: expected an address that no listener has, as listeners[0] has, got "0.0.0.0:8080"',
    ],
    [
      'a FIFO topic',
      (stack) => ({ topic: new sns.Topic(stack, 'Topic', { fifo: true }) }),
      'topic: expected a standard topic, since notifications have no order, got a FIFO topic',
    ],
    [
      'a table with another key',
      (stack) => ({
        table: new dynamodb.Table(stack, 'Table', {
          partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
        }),
      }),
      'table: expected the partition key "pk" (S) and no sort key, got "id" (S)',
    ],
    [
      'a table with a sort key',
      (stack) => ({
        table: new dynamodb.Table(stack, 'Table', {
          partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
          sortKey: { name: 'sk', type: dynamodb.AttributeType.NUMBER },
        }),
      }),
      'table: expected the partition key "pk" (S) and no sort key, got "pk" (S) and "sk" (N)',
    ],
    [
      'a directory bucket',
      (stack) => ({ bucket: s3.Bucket.fromBucketName(stack, 'Given', 'mail--euw1-az1--x-s3') }),
      'bucket: expected a general purpose bucket, since a directory bucket (S3 Express) knows no versions and is in one zone, got "mail--euw1-az1--x-s3"',
    ],
    [
      'a certificate whose key cannot be exported',
      (stack) => ({
        certificate: TlsCertificate.fromAcm(
          new acm.Certificate(stack, 'Certificate', { domainName: hostname }),
        ),
      }),
      'certificate: expected an exportable certificate (allowExport: true), since the tasks read its key, got one that is not',
    ],
    [
      'the issuers of tokens without a way to them',
      () => ({
        egress: Egress.endpoints(),
        configuration: {
          hostname,
          credentials: { tokens: [{ issuer: 'https://login.example.com', audience: ['mail'] }] },
        },
      }),
      'egress: expected Egress.nat() or Egress.publicAddresses() with configuration.credentials.tokens, since the keys of an issuer are outside the AWS network, got Egress.endpoints()',
    ],
    [
      'a size that Fargate does not have',
      () => ({ cpu: 1024, memoryMiB: 1024 }),
      'memoryMiB: expected 2048 to 8192 in steps of 1024 with cpu 1024, which is all that Fargate has, got 1024',
    ],
    [
      'a processor that Fargate does not have',
      () => ({ cpu: 300 }),
      'cpu: expected 256, 512, 1024, 2048, 4096, 8192, 16384, got 300',
    ],
    [
      'the name of an egress from JavaScript',
      () => ({ egress: 'public' }),
      'egress: expected Egress.nat(), Egress.endpoints() or Egress.publicAddresses(), got "public"',
    ],
    [
      'the name of a certificate from JavaScript',
      () => ({ certificate: 'self-signed' }),
      'certificate: expected a TlsCertificate, got "self-signed"',
    ],
    [
      'a monitoring that there is not',
      () => ({ monitoring: 'none' }),
      'monitoring: expected "full" or "basic", got "none"',
    ],
    [
      'an imported FIFO topic',
      (stack) => ({
        topic: sns.Topic.fromTopicArn(stack, 'Given', 'arn:aws:sns:eu-west-1:111122223333:m.fifo'),
      }),
      'topic: expected a standard topic, since notifications have no order, got a FIFO topic',
    ],
    [
      'a runbook that is no address',
      () => ({ runbookUrl: 'infra/RUNBOOK.md' }),
      'runbookUrl: expected an https address, like "https://wiki.example.com/RUNBOOK.md", got "infra/RUNBOOK.md"',
    ],
    ['no props at all', undefined, 'configuration.hostname: expected a host name'],
    [
      'zones beside a VPC',
      (stack) => ({ vpc: new ec2.Vpc(stack, 'Vpc'), zones: 2 }),
      'zones: expected none beside vpc, whose subnets decide it',
    ],
    [
      'a network that is too small',
      () => ({ cidr: '10.0.0.0/24' }),
      'cidr: expected an IPv4 network of /16 to /20, like "10.0.0.0/16", got "10.0.0.0/24"',
    ],
  ])('the construct refuses %s', (_, make, expected) => {
    expect(errorsOf(make)).toContainEqual(expect.stringContaining(expected));
  });

  test('the construct refuses a VPC without a public subnet and without a way out, and names the props that choose', () => {
    const errors = errorsOf((stack) => ({
      vpc: new ec2.Vpc(stack, 'Vpc', {
        subnetConfiguration: [{ name: 'inner', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
      }),
    }));
    expect(errors).toEqual([
      'loadBalancerSubnets: expected subnets of the vpc, which has none of the type Public; choose others with loadBalancerSubnets, or another way out with egress',
      'taskSubnets: expected subnets of the vpc, which has none of the type Private; choose others with taskSubnets, or another way out with egress',
    ]);
  });

  const other = (service: string, rest: string) =>
    `arn:aws:${service}:us-east-1:111122223333:${rest}`;
  test.each<[prop: string, make: (stack: Stack) => object]>([
    [
      'certificate',
      (stack) => ({
        certificate: TlsCertificate.fromAcm(
          acm.Certificate.fromCertificateArn(stack, 'C', other('acm', 'certificate/1-2')),
        ),
      }),
    ],
    [
      'certificate',
      (stack) => ({
        certificate: TlsCertificate.fromSecret(
          secretsmanager.Secret.fromSecretCompleteArn(
            stack,
            'C',
            other('secretsmanager', 'secret:mx-AbCdEf'),
          ),
        ),
      }),
    ],
    ['topic', (stack) => ({ topic: sns.Topic.fromTopicArn(stack, 'T', other('sns', 'mail')) })],
    [
      'table',
      (stack) => ({
        table: dynamodb.Table.fromTableArn(stack, 'T', other('dynamodb', 'table/credentials')),
      }),
    ],
    [
      'encryptionKey',
      (stack) => ({ encryptionKey: kms.Key.fromKeyArn(stack, 'K', other('kms', 'key/1-2')) }),
    ],
  ])('the construct refuses a %s of another region, where both are known (%#)', (prop, make) => {
    expect(errorsOf(make, inIreland())).toEqual([
      `${prop}: expected one in the region eu-west-1 of the stack, got us-east-1`,
    ]);
  });

  test('the construct warns of an imported bucket whose key it cannot know, and takes the key', () => {
    const bucketOf = (stack: Stack) => s3.Bucket.fromBucketName(stack, 'Given', 'their-mail');
    const key = (stack: Stack) =>
      kms.Key.fromKeyArn(stack, 'K', 'arn:aws:kms:eu-west-1:111122223333:key/1-2');
    const warningsOf = (make: (stack: Stack) => Partial<MailBridgeProps>) =>
      JSON.stringify(synthBridge(make).bridge.node.metadata);
    expect(warningsOf((stack) => ({ bucket: bucketOf(stack) }))).toContain('mailsluice:bucket-key');
    for (const make of [
      () => ({}),
      (stack: Stack) => ({ bucket: new s3.Bucket(stack, 'Own', { enforceSSL: true }) }),
      (stack: Stack) => ({ bucket: bucketOf(stack), encryptionKey: key(stack) }),
      (stack: Stack) => ({
        bucket: s3.Bucket.fromBucketAttributes(stack, 'Given', {
          bucketName: 'their-mail',
          encryptionKey: key(stack),
        }),
      }),
    ]) {
      expect(warningsOf(make as (stack: Stack) => Partial<MailBridgeProps>)).not.toContain(
        'mailsluice:bucket-key',
      );
    }
  });

  test('the construct takes two listeners whose names differ in a dash and a capital alone', () => {
    const { bridge } = synthBridge(() => ({
      configuration: {
        hostname,
        listeners: [
          { name: 'a-b', port: 2525 },
          { name: 'aB', port: 2587 },
        ],
      },
    }));
    expect(bridge.ports.map(({ listener, publicPort }) => [listener, publicPort])).toEqual([
      ['a-b', 25],
      ['aB', 587],
    ]);
  });

  test('the construct takes a secret by a partial ARN, and may read it whatever its last six characters', () => {
    const { template } = synthBridge((stack) => ({
      certificate: TlsCertificate.fromSecret(
        secretsmanager.Secret.fromSecretPartialArn(
          stack,
          'Given',
          'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx',
        ),
      ),
    }));
    expect(JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'))).toContain(
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-??????',
    );
  });

  test('the construct refuses a bucket of another region or account, where both are known', () => {
    const errors = errorsOf(
      (stack) => ({
        bucket: s3.Bucket.fromBucketAttributes(stack, 'Given', {
          bucketName: 'their-mail',
          region: 'us-east-1',
          account: '444455556666',
        }),
      }),
      inIreland(),
    );
    expect(errors).toEqual([
      'bucket: expected one in the region eu-west-1 of the stack, got us-east-1',
      'bucket: expected one in the account 111122223333 of the stack, got 444455556666',
    ]);
  });
});

test.each([
  [
    '2.249.1',
    'aws-cdk-lib: expected version 2.250 or later, got 2.249.1; run "npm install aws-cdk-lib@2"',
  ],
  ['2.250.0', undefined],
  ['2.276.0', undefined],
  ['3.0.0', undefined],
])('the construct in an app with aws-cdk-lib %s says: %s', (version, problem) => {
  expect(cdkVersionProblem(version)).toBe(problem);
});

describe('routes', () => {
  const routesOf = (props: Partial<MailBridgeProps>) =>
    synthBridge(() => props).bridge.configuration.routes;
  const warningsOf = (props: Partial<MailBridgeProps>) =>
    JSON.stringify(synthBridge(() => props).bridge.node.metadata);

  test('the default routes are the mail domains and the postmaster', () => {
    const routes = routesOf({ mailDomains: ['example.com', 'example.org'] });
    expect(routes.map(({ recipients }) => recipients)).toEqual([
      ['*@example.com', '*@example.org'],
      ['postmaster@mx.example.com'],
    ]);
    const { service } = synthApp({ mailDomains: 'example.com' });
    const [task] = Object.values(resourcesOf(service, 'AWS::ECS::TaskDefinition'));
    expect(JSON.stringify(task)).toContain('*@example.com');
  });

  test('the routes of the configuration stay as they are', () => {
    const routes = routesOf({
      mailDomains: ['example.com'],
      configuration: { hostname, routes: [{ recipients: ['a@example.com'] }] },
    });
    expect(routes.map(({ recipients }) => recipients)).toEqual([['a@example.com']]);
  });

  test('routes for everybody are warned of where the internet can connect', () => {
    expect(warningsOf({})).toContain('mailsluice:no-routes');
    expect(warningsOf({ internetFacing: false })).not.toContain('mailsluice:no-routes');
    expect(warningsOf({ mailDomains: ['example.com'] })).not.toContain('mailsluice:no-routes');
  });

  test.each([
    [['*@in.example.com'], 'test@in.example.com'],
    [['invoices@example.com'], 'invoices@example.com'],
    [['abuse@*'], 'abuse@mx.example.com'],
    [['*@*.example.com'], 'test@mail.example.com'],
    [['*'], 'test@mx.example.com'],
    [['postmaster'], 'postmaster@mx.example.com'],
  ])('routes for %j take the test mail to %s', (recipients, expected) => {
    expect(
      exampleRecipient([{ recipients: ['x@y.example'], reject: {} }, { recipients }], hostname),
    ).toBe(expected);
  });
});
