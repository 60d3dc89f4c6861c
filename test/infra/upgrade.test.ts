// What the last release made must be found again by the next one: a changed logical id, or a property that
// CloudFormation can only change by making the resource anew, would lose the address, the mail or the table.
// With a release: `RECORD_RELEASE=1 npm test -- test/infra/upgrade` writes what it made into last-release/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Resource, resourcesOf, synthApp } from './support.ts';

/** Properties whose change makes a new resource, by CloudFormation's documentation ("Update requires: Replacement"). */
const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ['Name', 'Scheme', 'Type'],
  'AWS::EC2::EIP': ['Domain', 'NetworkBorderGroup', 'TransferAddress', 'IpamPoolId', 'Address'],
  'AWS::S3::Bucket': ['BucketName', 'BucketNamePrefix', 'BucketNamespace'],
  'AWS::SNS::Topic': ['TopicName', 'FifoTopic'],
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema', 'ImportSourceSpecification'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'MultiRegion'],
  'AWS::SecretsManager::Secret': ['Name'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::EC2::VPC': ['CidrBlock', 'Ipv4IpamPoolId', 'Ipv4NetmaskLength'],
  'AWS::EC2::Subnet': ['AvailabilityZone', 'CidrBlock', 'VpcId'],
};
/** Not replaced by their change, but only by their coming or going. */
const REPLACED_BY_PRESENCE: Readonly<Record<string, readonly string[]>> = {
  // A security group cannot be given to a load balancer that was made without one.
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ['SecurityGroups', 'SubnetMappings', 'Subnets'],
  'AWS::S3::Bucket': ['ObjectLockEnabled'],
};

interface Kept {
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string;
}

/** What of a template must not change. */
function keptBy(template: ReturnType<typeof synthApp>['data']): Record<string, Kept> {
  const kept: Record<string, Kept> = {};
  for (const [type, names] of Object.entries(REPLACED_BY)) {
    for (const [id, resource] of Object.entries(resourcesOf(template, type))) {
      kept[id] = {
        type,
        properties: fixedProperties(resource, type, names),
        deletionPolicy: resource.DeletionPolicy ?? 'Delete',
      };
    }
  }
  return kept;
}

function fixedProperties(
  { Properties }: Resource,
  type: string,
  names: readonly string[],
): Record<string, unknown> {
  const present = REPLACED_BY_PRESENCE[type] ?? [];
  return {
    ...Object.fromEntries(
      names.filter((name) => name in Properties).map((name) => [name, Properties[name]]),
    ),
    ...Object.fromEntries(present.map((name) => [`has ${name}`, name in Properties])),
  };
}

type Stacks = Readonly<Record<'data' | 'service', Readonly<Record<string, Kept>>>>;

/** What the next deployment would make anew, or forget. */
function lost(last: Stacks, next: Stacks): string[] {
  return (['data', 'service'] as const).flatMap((stack) =>
    Object.entries(last[stack]).flatMap(([id, kept]) => {
      const found = next[stack][id];
      if (found === undefined) return [`${stack}: ${kept.type} ${id} is gone`];
      const names = new Set([...Object.keys(kept.properties), ...Object.keys(found.properties)]);
      const changed = [...names].filter(
        (name) => JSON.stringify(kept.properties[name]) !== JSON.stringify(found.properties[name]),
      );
      if (kept.deletionPolicy !== found.deletionPolicy) changed.push('DeletionPolicy');
      return changed.map((name) => `${stack}: ${kept.type} ${id} changes its ${name}`);
    }),
  );
}

const variants = {
  default: {},
  'own-key': { customerManagedKey: 'true' },
} as const;

function stacksOf(context: Readonly<Record<string, string>>): Stacks {
  const { data, service } = synthApp(context);
  return { data: keptBy(data), service: keptBy(service) };
}

function recordOf(name: string): Stacks {
  return JSON.parse(
    readFileSync(new URL(`last-release/${name}.json`, import.meta.url), 'utf8'),
  ) as Stacks;
}

describe('an upgrade from the last release', () => {
  test.each(Object.entries(variants))(
    'an upgrade from the last release of the app (%s) replaces nothing that must stay',
    (name, context) => {
      const next = stacksOf(context);
      if (process.env['RECORD_RELEASE'] !== undefined) {
        mkdirSync(new URL('last-release/', import.meta.url), { recursive: true });
        writeFileSync(
          new URL(`last-release/${name}.json`, import.meta.url),
          `${JSON.stringify(next, undefined, 2)}\n`,
        );
      }
      expect(lost(recordOf(name), next)).toEqual([]);
    },
  );

  test('the record of the last release has load balancer, addresses, bucket and table in it, and all data retained', () => {
    const { data, service } = recordOf('default');
    const types = (kept: Stacks['data']) => Object.values(kept).map(({ type }) => type);
    expect(types(data).filter((type) => type === 'AWS::EC2::EIP')).toHaveLength(2);
    expect(types(data)).toEqual(
      expect.arrayContaining(['AWS::S3::Bucket', 'AWS::SNS::Topic', 'AWS::DynamoDB::Table']),
    );
    expect(types(service)).toContain('AWS::ElasticLoadBalancingV2::LoadBalancer');
    for (const { type, deletionPolicy } of Object.values(data)) {
      expect([type, deletionPolicy]).toEqual([type, 'RetainExceptOnCreate']);
    }
  });

  test('a moved resource, a changed scheme and a lost security group would be found in an upgrade', () => {
    const last = recordOf('default');
    const [[id, loadBalancer] = ['', undefined]] = Object.entries(last.service).filter(
      ([, { type }]) => type === 'AWS::ElasticLoadBalancingV2::LoadBalancer',
    );
    if (loadBalancer === undefined) throw new Error('expected a load balancer in the record');
    const { [id]: _, ...without } = last.service;
    expect(lost(last, { ...last, service: { ...without, Moved: loadBalancer } })).toEqual([
      `service: AWS::ElasticLoadBalancingV2::LoadBalancer ${id} is gone`,
    ]);
    const properties = {
      ...loadBalancer.properties,
      Scheme: 'internal',
      'has SecurityGroups': false,
    };
    expect(
      lost(last, { ...last, service: { ...without, [id]: { ...loadBalancer, properties } } }),
    ).toEqual([
      `service: AWS::ElasticLoadBalancingV2::LoadBalancer ${id} changes its Scheme`,
      `service: AWS::ElasticLoadBalancingV2::LoadBalancer ${id} changes its has SecurityGroups`,
    ]);
  });
});
