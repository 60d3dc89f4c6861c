// The rights of the program on AWS, as explicit statements: the grant methods of the CDK grant more.
import { aws_iam as iam, Aws } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { OUTBOX_PREFIX } from '../../src/bridge/contract/object-key.ts';
import { acknowledgePrefixes } from './prefix-findings.ts';

export interface TaskRoleProps {
  readonly bucketArn: string;
  /** Each ends in a slash, or is empty for the whole bucket. */
  readonly mailPrefixes: readonly string[];
  readonly topicArn: string;
  readonly tableArn: string;
  /** The kinds of rows that the program writes into the table. */
  readonly tableWrites: readonly TableWrite[];
  /** Keys of bucket, topic and certificate. */
  readonly keyArns: readonly string[];
  /** The key of the table, if it has one of the account. */
  readonly tableKeyArn: string | undefined;
  readonly certificateStatements: readonly iam.PolicyStatement[];
}

/** `last-use` of credentials, `counts` that the fleet shares, `duplicates` that are remembered. */
export type TableWrite = 'last-use' | 'counts' | 'duplicates';

/** The actions of each write, and the prefix of the keys of its rows (src/credentials, src/counters, src/bridge). */
const TABLE_WRITES = {
  'last-use': { actions: ['dynamodb:UpdateItem'], keys: 'CRED#*' },
  counts: { actions: ['dynamodb:UpdateItem'], keys: 'COUNT#*' },
  duplicates: { actions: ['dynamodb:PutItem', 'dynamodb:DeleteItem'], keys: 'duplicate#*' },
} as const;

export function makeTaskRole(scope: Construct, id: string, props: TaskRoleProps): iam.Role {
  const role = new iam.Role(scope, id, {
    description: 'What the SMTP service may do',
    assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
  });
  for (const statement of taskStatements(props)) role.addToPolicy(statement);
  acknowledgePrefixes(role, props.bucketArn, [...props.mailPrefixes, OUTBOX_PREFIX]);
  return role;
}

function taskStatements(props: TaskRoleProps): iam.PolicyStatement[] {
  const { bucketArn, mailPrefixes, keyArns, tableArn, tableWrites } = props;
  const outbox = `${bucketArn}/${OUTBOX_PREFIX}*`;
  return [
    new iam.PolicyStatement({
      sid: 'StoreMail',
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
      resources: [...mailPrefixes.map((prefix) => `${bucketArn}/${prefix}*`), outbox],
    }),
    new iam.PolicyStatement({
      sid: 'DrainOutbox',
      actions: ['s3:GetObject', 's3:DeleteObject'],
      resources: [outbox],
    }),
    new iam.PolicyStatement({
      // Keys of mail too: whether an object is there whose write was never answered. Its octets stay unreadable.
      sid: 'ListKeys',
      actions: ['s3:ListBucket'],
      resources: [bucketArn],
      conditions: {
        StringLike: {
          's3:prefix': [OUTBOX_PREFIX, ...mailPrefixes].map((prefix) => `${prefix}*`),
        },
      },
    }),
    new iam.PolicyStatement({
      sid: 'Announce',
      actions: ['sns:Publish'],
      resources: [props.topicArn],
    }),
    new iam.PolicyStatement({
      sid: 'CheckCredentials',
      actions: ['dynamodb:GetItem'],
      resources: [tableArn],
    }),
    ...tableWrites.map(
      (write) =>
        new iam.PolicyStatement({
          actions: [...TABLE_WRITES[write].actions],
          resources: [tableArn],
          // Only these rows: the right to count sign-ins is no right to create a credential.
          conditions: {
            'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [TABLE_WRITES[write].keys] },
          },
        }),
    ),
    ...props.certificateStatements,
    ...(props.tableKeyArn === undefined
      ? []
      : [tableKeyStatement(props.tableKeyArn, tableWrites.length > 0)]),
    ...(keyArns.length === 0
      ? []
      : [
          new iam.PolicyStatement({
            sid: 'UseKey',
            actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
            resources: [...keyArns],
            conditions: {
              StringEquals: {
                'kms:ViaService': ['s3', 'sns', 'secretsmanager'].map(endpointOf),
              },
            },
          }),
        ]),
  ];
}

/** What DynamoDB asks of the caller for a table with a key of the account. */
function tableKeyStatement(keyArn: string, writes: boolean): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: 'UseTableKey',
    actions: [
      'kms:Decrypt',
      'kms:DescribeKey',
      ...(writes
        ? ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo']
        : []),
    ],
    resources: [keyArn],
    conditions: { StringEquals: { 'kms:ViaService': endpointOf('dynamodb') } },
  });
}

function endpointOf(service: string): string {
  return `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}`;
}
