// An app of a user's own with `mailsluice/cdk`, as ES module, as CommonJS and in TypeScript: one stack for each thing that can be
// given to the construct. It prints which types of resources each stack has, and how many.

/** Each stack with a type of resource, and how many of it the construct makes there. */
export const GIVEN: readonly (readonly [stack: string, type: string, count: number])[] = [
  ['Nothing', 'AWS::S3::Bucket', 2],
  ['Vpc', 'AWS::EC2::VPC', 0],
  ['Bucket', 'AWS::S3::Bucket', 0],
  ['Topic', 'AWS::SNS::Topic', 0],
  ['Table', 'AWS::DynamoDB::Table', 0],
  ['Key', 'AWS::KMS::Key', 0],
  ['Zone', 'AWS::Route53::RecordSet', 2],
  ['Secret', 'AWS::SecretsManager::Secret', 0],
  ['Subscriber', 'AWS::Lambda::EventSourceMapping', 1],
];

const IMPORTS: readonly (readonly [names: string, from: string])[] = [
  [
    'App, Stack, aws_dynamodb as dynamodb, aws_ec2 as ec2, aws_kms as kms, aws_lambda as lambda, aws_route53 as route53, aws_s3 as s3, aws_secretsmanager as secretsmanager, aws_sns as sns',
    'aws-cdk-lib',
  ],
  ['MailBridge, TlsCertificate', 'mailsluice/cdk'],
];

/** Runs as TypeScript and as JavaScript. */
const BODY = `
const app = new App({ outdir: process.argv[2] });
const configuration = { hostname: 'mx.example.com' };
const arn = (service, rest) => \`arn:aws:\${service}:eu-west-1:111122223333:\${rest}\`;
const make = {
  Nothing: () => ({}),
  Vpc: (stack) => ({
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Given', {
      vpcId: 'vpc-0123456789abcdef0',
      vpcCidrBlock: '10.1.0.0/16',
      availabilityZones: ['a', 'b'],
      publicSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      privateSubnetIds: ['subnet-0123456789abcdef2', 'subnet-0123456789abcdef3'],
    }),
  }),
  Bucket: (stack) => ({ bucket: s3.Bucket.fromBucketName(stack, 'Given', 'their-mail') }),
  Topic: (stack) => ({ topic: sns.Topic.fromTopicArn(stack, 'Given', arn('sns', 'theirs')) }),
  Table: (stack) => ({ table: dynamodb.Table.fromTableName(stack, 'Given', 'theirs') }),
  Key: (stack) => ({
    encryptionKey: kms.Key.fromKeyArn(stack, 'Given', arn('kms', 'key/12345678-1234-1234-1234-123456789012')),
  }),
  Zone: (stack) => ({
    hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Given', {
      hostedZoneId: 'Z0123456789ABC',
      zoneName: 'example.com',
    }),
    mailDomains: ['example.com'],
  }),
  Secret: (stack) => ({
    certificate: TlsCertificate.fromSecret(
      secretsmanager.Secret.fromSecretCompleteArn(stack, 'Given', arn('secretsmanager', 'secret:mx-AbCdEf')),
    ),
  }),
  Subscriber: () => ({}),
};
for (const [name, props] of Object.entries(make)) {
  const stack = new Stack(app, name);
  const bridge = new MailBridge(stack, 'Mail', { configuration, ...props(stack) });
  if (name === 'Subscriber') {
    const handler = new lambda.Function(stack, 'Handler', {
      runtime: lambda.Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: lambda.Code.fromInline('exports.handler = async () => {}'),
    });
    bridge.addSubscriber(handler);
    bridge.grantReadMail(handler);
  }
}
const counts = {};
for (const { stackName, template } of app.synth().stacks) {
  const types = Object.values(template.Resources).map(({ Type }) => Type);
  counts[stackName] = Object.fromEntries([...new Set(types)].map((type) => [type, types.filter((each) => each === type).length]));
}
console.log(JSON.stringify(counts));
`;

/** The program, by the ending of its file name. */
export function ownApp(ending: 'mjs' | 'cjs' | 'mts'): string {
  if (ending === 'cjs') {
    const required = IMPORTS.map(
      ([names, from]) => `const { ${names.replaceAll(' as ', ': ')} } = require('${from}');`,
    );
    return `${required.join('\n')}\n${BODY}`;
  }
  const imported = IMPORTS.map(([names, from]) => `import { ${names} } from '${from}';`);
  const typed = BODY.replaceAll('(stack)', '(stack: Stack)')
    .replace('props(stack: Stack)', 'props(stack)')
    .replace('(service, rest)', '(service: string, rest: string)')
    .replace('const counts = {}', 'const counts: Record<string, Record<string, number>> = {}')
    .replace('of app.synth().stacks', 'of app.synth().stacks as Synthesized[]')
    .replace('process.argv[2] }', "process.argv[2] ?? 'out' }");
  const types =
    'interface Synthesized { stackName: string; template: { Resources: Record<string, { Type: string }> } }\n';
  return `${imported.join('\n')}\n${ending === 'mts' ? types + typed : BODY}`;
}
