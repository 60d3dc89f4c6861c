// All rights of the task role, action by action, with the reason for each: nothing more, and no wildcard except
// below the key prefixes. A right that is added to the role has to be added here.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { resourcesOf, synthApp } from '../support.ts';
import { writeItem } from '../../../src/credentials/item.ts';
import type { Template } from 'aws-cdk-lib/assertions';

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, unknown>>;
}

function taskStatements(template: Template): readonly Statement[] {
  const policies = Object.entries(resourcesOf(template, 'AWS::IAM::Policy')).filter(([id]) =>
    id.includes('TaskRole'),
  );
  expect(policies).toHaveLength(1);
  const document = policies[0]?.[1].Properties['PolicyDocument'] as { Statement: Statement[] };
  return document.Statement;
}

/** action → where: `mail/*`, `outbox/*`, `bucket`, `topic`, `table`, `secret`, `certificate`, `key`. */
function granted(template: Template): Record<string, string[]> {
  const rights: Record<string, Set<string>> = {};
  for (const { Effect, Action, Resource } of taskStatements(template)) {
    expect(Effect).toBe('Allow');
    for (const action of [Action].flat()) {
      const places = (rights[action] ??= new Set());
      for (const resource of [Resource].flat()) places.add(place(resource));
    }
  }
  return Object.fromEntries(
    Object.entries(rights).map(([action, places]) => [action, [...places].sort()]),
  );
}

function place(resource: unknown): string {
  const text = JSON.stringify(resource);
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/DataMail.*"\/mail\/\*"/, 'mail/*'],
    [/DataMail.*"\/outbox\/\*"/, 'outbox/*'],
    [/DataMail\w*Arn\w*"\}+$/, 'bucket'],
    [/DataTopic/, 'topic'],
    [/DataCredentials/, 'table'],
    [/Secret/, 'secret'],
    [/certificate/, 'certificate'],
    [/DataKey/, 'key'],
  ];
  return kinds.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

const always = {
  // A message, and the notification that SNS did not take, each in one part or in several.
  's3:PutObject': ['mail/*', 'outbox/*'],
  's3:AbortMultipartUpload': ['mail/*', 'outbox/*'],
  // The outbox is listed, read, and emptied once SNS has taken the notification. Stored mail is never read.
  's3:ListBucket': ['bucket'],
  's3:GetObject': ['outbox/*'],
  's3:DeleteObject': ['outbox/*'],
  'sns:Publish': ['topic'],
  'dynamodb:GetItem': ['table'],
  // The last use of a credential is recorded by default.
  'dynamodb:UpdateItem': ['table'],
};

describe('the task has the rights listed here, and no others', () => {
  test('the task has the rights listed here and no others without a customer managed key', () => {
    expect(granted(synthApp({}).service)).toEqual({
      ...always,
      'secretsmanager:GetSecretValue': ['secret'],
    });
  });

  test('the task has the rights listed here and no others with a customer managed key, which it uses through S3, SNS and Secrets Manager only', () => {
    const { service } = synthApp({ customerManagedKey: 'true' });
    expect(granted(service)).toEqual({
      ...always,
      'secretsmanager:GetSecretValue': ['secret'],
      'kms:GenerateDataKey': ['key'],
      'kms:Decrypt': ['key'],
    });
    const statement = taskStatements(service).find(({ Sid }) => Sid === 'UseKey');
    expect(JSON.stringify(statement?.Condition)).toMatch(
      /^\{"StringEquals":\{"kms:ViaService":\[.*"s3\.".*"sns\.".*"secretsmanager\.".*\]\}\}$/,
    );
  });

  test('the task has the rights listed here and no others with an ACM certificate, which it exports instead of reading a secret', () => {
    const certificateArn =
      'arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012';
    expect(granted(synthApp({ certificateArn }).service)).toEqual({
      ...always,
      'acm:ExportCertificate': ['certificate'],
    });
  });

  test.each<[what: string, config: object, writes: Record<string, string[]>]>([
    ['nothing', { credentials: { recordLastUse: false } }, {}],
    ['last uses', {}, { 'dynamodb:UpdateItem': ['CRED#*'] }],
    [
      'shared counts',
      { credentials: { recordLastUse: false, throttle: { shared: true } } },
      { 'dynamodb:UpdateItem': ['COUNT#*'] },
    ],
    [
      'duplicates',
      { credentials: { recordLastUse: false }, duplicates: { window: '48h' } },
      { 'dynamodb:PutItem': ['duplicate#*'], 'dynamodb:DeleteItem': ['duplicate#*'] },
    ],
  ])('the task role: of the table it may write %s, and no other rows', (_, config, writes) => {
    const granted: Record<string, string[]> = {};
    for (const { Action, Condition } of taskStatements(synthApp({ config }).service)) {
      for (const action of [Action].flat()) {
        if (!action.startsWith('dynamodb:') || action === 'dynamodb:GetItem') continue;
        const condition = Condition?.['ForAllValues:StringLike'] as Record<string, string[]>;
        granted[action] = condition['dynamodb:LeadingKeys'] ?? ['*'];
      }
    }
    expect(granted).toEqual(writes);
  });

  test('the task role: of a credential it may write the last use and nothing else, attribute by attribute', () => {
    const statement = taskStatements(synthApp({}).service).find(
      ({ Action }) => Action === 'dynamodb:UpdateItem',
    );
    expect(statement?.Condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['CRED#*'] },
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'lastUsedAt'] },
      StringEqualsIfExists: { 'dynamodb:ReturnValues': ['NONE'] },
      // ForAllValues is true of a request without any: PartiQL names no attributes, and a scan no keys.
      Null: { 'dynamodb:LeadingKeys': 'false', 'dynamodb:Attributes': 'false' },
    });
    const moment = new Date(0);
    const everything = writeItem({
      username: 'a',
      version: 1,
      enabled: true,
      secrets: [],
      scram: { salt: Buffer.alloc(16), iterations: 1 },
      tokenIssuers: ['https://issuer.example'],
      tokenName: 'A',
      grants: {
        allowedSenders: ['*'],
        allowedRecipients: ['*'],
        allowedCidrs: ['192.0.2.0/24'],
        maxMessageSize: 1,
        rate: { messages: 1, periodSeconds: 1 },
        prefix: 'a/',
        topicArn: 'arn:aws:sns:eu-west-1:111122223333:a',
      },
      expiresAt: moment,
      note: 'a',
      createdAt: moment,
      lastUsedAt: moment,
    });
    const allowed = new Set(['pk', 'lastUsedAt']);
    expect(Object.keys(everything).filter((attribute) => !allowed.has(attribute))).toEqual([
      'username',
      'version',
      'enabled',
      'secrets',
      'createdAt',
      'tokenIssuers',
      'tokenName',
      'scramSalt',
      'scramIterations',
      'expiresAt',
      'ttl',
      'note',
      'allowedSenders',
      'allowedRecipients',
      'allowedCidrs',
      'maxMessageSize',
      'rate',
      'prefix',
      'topicArn',
    ]);
  });

  test('the task role: of a count it may write what counting needs', () => {
    const config = { credentials: { recordLastUse: false, throttle: { shared: true } } };
    const statement = taskStatements(synthApp({ config }).service).find(
      ({ Action }) => Action === 'dynamodb:UpdateItem',
    );
    expect(statement?.Condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['COUNT#*'] },
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'count', 'ttl'] },
      StringEqualsIfExists: { 'dynamodb:ReturnValues': ['UPDATED_NEW'] },
      Null: { 'dynamodb:LeadingKeys': 'false', 'dynamodb:Attributes': 'false' },
    });
  });

  test('the task role: these are the keys that the program writes', () => {
    const source = (path: string) =>
      readFileSync(new URL(`../../../src/${path}`, import.meta.url), 'utf8');
    expect(source('credentials/item.ts')).toContain("'CRED#'");
    expect(source('counters/shared-counter.ts')).toContain("'COUNT#'");
    expect(source('bridge/duplicate-guard.ts')).toContain('`duplicate#');
  });

  test('the task role: the bucket is listed under the outbox and the prefixes of mail only', () => {
    const { service } = synthApp({
      config: { routes: [{ recipients: ['*@a.example'], prefix: 'a/' }, { recipients: ['*'] }] },
    });
    const statement = taskStatements(service).find(({ Sid }) => Sid === 'ListKeys');
    expect(statement?.Condition).toEqual({
      StringLike: { 's3:prefix': ['outbox/*', 'mail/*', 'a/*'] },
    });
  });

  test('the task role: it has no managed policy, and only ECS may take the role', () => {
    const { service } = synthApp({});
    const [, role] =
      Object.entries(resourcesOf(service, 'AWS::IAM::Role')).find(([id]) =>
        id.includes('TaskRole'),
      ) ?? [];
    expect(role?.Properties['ManagedPolicyArns']).toBeUndefined();
    expect(role?.Properties['AssumeRolePolicyDocument']).toMatchObject({
      Statement: [{ Principal: { Service: 'ecs-tasks.amazonaws.com' } }],
    });
  });
});
