// What CloudFormation does when a setting is changed after the first deployment, as far as two templates can tell.
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { MailBridge } from '../../infra/index.ts';
import { makeStack, resourcesOf, synthApp } from './support.ts';

type Context = Readonly<Record<string, string>>;

/** Each pair is tried in both directions. */
const CHANGES: readonly (readonly [from: Context, to: Context])[] = [
  [{ zones: '2' }, { zones: '3' }],
  [{ zones: '3' }, { zones: '6' }],
  [{ zones: '1' }, { zones: '2' }],
  [{ profile: 'small' }, {}],
  [{ profile: 'small' }, { profile: 'standard', egress: 'endpoints', zones: '3' }],
  [{ egress: 'nat' }, { egress: 'public' }],
  [{ egress: 'endpoints' }, { egress: 'public' }],
  [{ egress: 'nat' }, { egress: 'endpoints' }],
  [
    { egress: 'nat', zones: '2' },
    { egress: 'public', zones: '4' },
  ],
  [
    { dualStack: 'true', zones: '2' },
    { dualStack: 'true', zones: '3' },
  ],
  [{ dualStack: 'false' }, { dualStack: 'true' }],
];
const both = CHANGES.flatMap(([from, to]) => [[from, to] as const, [to, from] as const]);

interface Subnet {
  readonly CidrBlock: unknown;
  readonly Ipv6CidrBlock?: unknown;
  readonly AvailabilityZone: unknown;
}

function subnetsOf(context: Context): Map<string, Subnet> {
  const subnets = resourcesOf(synthApp(context).service, 'AWS::EC2::Subnet');
  return new Map(
    Object.entries(subnets).map(([id, { Properties }]) => [id, Properties as unknown as Subnet]),
  );
}

describe('a changed setting', () => {
  test.each(both)(
    'a change from %j to %j gives no subnet the addresses of another one, and moves none',
    (from, to) => {
      const [before, after] = [subnetsOf(from), subnetsOf(to)];
      const conflicts: string[] = [];
      for (const [id, subnet] of after) {
        for (const [oldId, old] of before) {
          for (const range of ['CidrBlock', 'Ipv6CidrBlock'] as const) {
            const same = JSON.stringify(subnet[range]) === JSON.stringify(old[range]);
            // CloudFormation makes the new one before it deletes the old one, so two would have these addresses.
            if (id !== oldId && same && subnet[range] !== undefined)
              conflicts.push(`${oldId} ${id} ${range}`);
            // To change these, CloudFormation makes the subnet anew, beside what uses it.
            if (id === oldId && range === 'CidrBlock' && !same) conflicts.push(`${id} moves`);
          }
          if (id === oldId) expect(subnet.AvailabilityZone).toEqual(old.AvailabilityZone);
        }
      }
      expect(conflicts).toEqual([]);
    },
  );

  test('a changed setting can remove what the data stack made, since nothing there is an export', () => {
    for (const context of [{}, { zones: '3', customerManagedKey: 'true' }]) {
      const { data, service } = synthApp(context);
      const outputs = Object.values(data.toJSON()['Outputs'] as Record<string, object>);
      expect(outputs.length).toBeGreaterThan(5);
      expect(outputs.filter((output) => 'Export' in output)).toEqual([]);
      expect(JSON.stringify(service.toJSON())).not.toContain('Fn::ImportValue');
    }
  });

  test('a listener of another name on the same port is the same listener of the load balancer', () => {
    const listenersOf = (name: string) => {
      const stack = makeStack();
      new MailBridge(stack, 'Bridge', {
        configuration: {
          hostname: 'mx.example.com',
          listeners: [{ name, port: 2525 }],
        },
        stage: 'test',
      });
      const template = Template.fromStack(stack);
      return [
        resourcesOf(template, 'AWS::ElasticLoadBalancingV2::Listener'),
        resourcesOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'),
        resourcesOf(template, 'AWS::EC2::SecurityGroup'),
      ];
    };
    const before = listenersOf('mx');
    expect(before.map((each) => Object.keys(each).length)).toEqual([1, 1, 2]);
    expect(listenersOf('inbound')).toEqual(before);
  });
});

describe('a first deployment that fails', () => {
  test('a first deployment that fails leaves nothing behind, and a later one deletes nothing', () => {
    const { data, service } = synthApp({ customerManagedKey: 'true' });
    const policies = [data, service].flatMap((template) =>
      Object.values(template.toJSON()['Resources'] as Record<string, { DeletionPolicy?: string }>),
    );
    const kept = policies
      .map(({ DeletionPolicy }) => DeletionPolicy)
      .filter((each) => each !== undefined && each !== 'Delete');
    // Two buckets, topic, table, key, two addresses; log and certificate.
    expect(kept).toEqual(Array.from({ length: 9 }, () => 'RetainExceptOnCreate'));
  });

  test('a first deployment that fails has not yet made the protected table', () => {
    const { data } = synthApp({ customerManagedKey: 'true' });
    const [table] = Object.values(data.findResources('AWS::DynamoDB::Table')) as [
      { DependsOn: string[] },
    ];
    const before = ['AWS::S3::Bucket', 'AWS::SNS::Topic', 'AWS::EC2::EIP'].flatMap((type) =>
      Object.keys(data.findResources(type)).filter((id) => !id.includes('AccessLogs')),
    );
    expect(table.DependsOn).toEqual(expect.arrayContaining(before));
  });

  test('a first deployment that fails has not yet pointed mail here', () => {
    const { service } = synthApp({
      hostedZoneId: 'Z0123456789ABC',
      hostedZoneName: 'example.com',
      mailDomains: 'example.com',
    });
    const [id = ''] = Object.keys(service.findResources('AWS::ECS::Service'));
    const records = Object.values(service.findResources('AWS::Route53::RecordSet')) as {
      Properties: { Type: string };
      DependsOn?: string[];
    }[];
    const mx = records.filter(({ Properties }) => Properties.Type === 'MX');
    expect(mx.map(({ DependsOn = [] }) => DependsOn.includes(id))).toEqual([true]);
  });

  test('a first deployment that fails could not delete a protected table, so there is none beside the service', () => {
    const stack = new Stack(undefined, 'Test');
    new MailBridge(stack, 'Bridge', { configuration: { hostname: 'mx.example.com' } });
    Template.fromStack(stack).hasResourceProperties('AWS::DynamoDB::Table', {
      DeletionProtectionEnabled: false,
    });
  });
});
