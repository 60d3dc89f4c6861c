// The rights of the program on AWS, as explicit statements: the grant methods of the CDK grant more.
import { aws_iam as iam, type aws_kms as kms, Aws } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Configuration } from '../../src/config/index.ts';
import { OUTBOX_PREFIX } from '../../src/bridge/contract/object-key.ts';
import { acknowledgePrefixes } from './prefix-findings.ts';

export interface TaskRoleProps {
  readonly bucketArn: string;
  /** Each ends in a slash, or is empty for the whole bucket. */
  readonly mailPrefixes: readonly string[];
  /** The topic of mail, and that of mail in quarantine where there is one. */
  readonly topicArns: readonly string[];
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

/** What the program writes into the table with this configuration. */
export function tableWrites({ credentials, duplicates }: Configuration): TableWrite[] {
  return [
    ...(credentials?.recordLastUse === true ? (['last-use'] as const) : []),
    ...(credentials?.throttle.shared === true ? (['counts'] as const) : []),
    ...(duplicates === undefined ? [] : (['duplicates'] as const)),
  ];
}

interface WriteRights {
  readonly actions: readonly string[];
  /** The prefix of the keys of the rows. */
  readonly keys: string;
  /** The only attributes that the request may name. */
  readonly attributes?: readonly string[];
  /** What the request may have returned. */
  readonly returns?: string;
}

/** The rights of each write (src/credentials, src/counters, src/bridge). */
const TABLE_WRITES: Readonly<Record<TableWrite, WriteRights>> = {
  // A compromised task must not be able to create or enable a credential, or to change its secret.
  'last-use': {
    actions: ['dynamodb:UpdateItem'],
    keys: 'CRED#*',
    attributes: ['pk', 'lastUsedAt'],
    returns: 'NONE',
  },
  counts: {
    actions: ['dynamodb:UpdateItem'],
    keys: 'COUNT#*',
    attributes: ['pk', 'count', 'ttl'],
    returns: 'UPDATED_NEW',
  },
  duplicates: { actions: ['dynamodb:PutItem', 'dynamodb:DeleteItem'], keys: 'duplicate#*' },
};

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
      resources: [...props.topicArns],
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
          conditions: conditionsOf(TABLE_WRITES[write]),
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

/** A service as `kms:ViaService` names it. */
export function endpointOf(service: string): string {
  return `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}`;
}

/**
 * Only these rows, and of them only these attributes. `ForAllValues` is true of a request that has none, so that `Null`
 * must say that there are some.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
function conditionsOf({ keys, attributes, returns }: WriteRights): Record<string, object> {
  return {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [keys] },
    ...(attributes && {
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': [...attributes] },
    }),
    ...(returns !== undefined && {
      StringEqualsIfExists: { 'dynamodb:ReturnValues': [returns] },
    }),
    Null: {
      'dynamodb:LeadingKeys': 'false',
      ...(attributes && { 'dynamodb:Attributes': 'false' }),
    },
  };
}

/** Each key once. */
export function distinctKeys(keys: readonly (kms.IKey | undefined)[]): kms.IKey[] {
  const byArn = new Map(keys.flatMap((key) => (key === undefined ? [] : [[key.keyArn, key]])));
  return [...byArn.values()];
}
