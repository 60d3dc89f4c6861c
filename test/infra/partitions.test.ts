// China and GovCloud: no name of a host, an endpoint or an ARN in the templates is of one partition alone.
import { describe, expect, test, vi } from 'vitest';
import { APP_VARIANTS } from './app-variants.ts';
import { resourcesOf, synthApp } from './support.ts';

// Each synthesizes other templates.
vi.setConfig({ testTimeout: 120_000 });

/** All texts in a template, with the keys that lead to them. */
function textsOf(value: unknown, path = ''): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => textsOf(each, `${path}/${key}`));
}

/** What the operator gives is of his own partition. */
const GIVEN = /certificate-AbCdEf|12345678-1234-1234-1234-123456789012/;

describe.each(APP_VARIANTS)('the app %s', (name, context) => {
  test(`the app ${name} names no host and no ARN of one partition`, () => {
    const { data, service } = synthApp(context);
    const texts = [data, service].flatMap((template) => {
      const { Mappings: _, ...rest } = template.toJSON() as Record<string, unknown>;
      return textsOf(rest);
    });
    const ofOnePartition = texts.filter(
      ([path, text]) =>
        /amazonaws\.com|aws\.amazon\.com|arn:aws[:-]|console\.aws/.test(text) &&
        !GIVEN.test(text) &&
        // The service-linked role of ECS has this name everywhere.
        !text.includes(':role/aws-service-role/ecs.application-autoscaling.amazonaws.com/') &&
        // The same in every partition: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        !/Principal\/Service/.test(path) &&
        !path.endsWith('/Principal') &&
        !path.endsWith('/events:ManagedBy') &&
        // The address of the JSON schema of a template's own metadata.
        !path.startsWith('/Metadata'),
    );
    expect(ofOnePartition).toEqual([]);
  });
});

test('the endpoints of ECR begin otherwise in China, and those of the other services do not', () => {
  const { service } = synthApp({ egress: 'endpoints' });
  const names = Object.values(resourcesOf(service, 'AWS::EC2::VPCEndpoint'))
    .filter(({ Properties }) => Properties['VpcEndpointType'] === 'Interface')
    .map(({ Properties }) => JSON.stringify(Properties['ServiceName']));
  const ecr = names.filter((each) => each.includes('ecr.'));
  expect(ecr).toHaveLength(2);
  const { Mappings } = service.toJSON() as {
    readonly Mappings: Readonly<Record<string, Readonly<Record<string, { prefix?: string }>>>>;
  };
  for (const each of ecr) {
    const [, mapping = ''] =
      /"Fn::FindInMap":\["(\w+)",\{"Ref":"AWS::Partition"\}/.exec(each) ?? [];
    expect(Mappings[mapping]).toEqual({
      aws: { prefix: 'com.amazonaws' },
      'aws-cn': { prefix: 'cn.com.amazonaws' },
      'aws-us-gov': { prefix: 'com.amazonaws' },
    });
  }
  for (const each of names.filter((one) => !one.includes('ecr.'))) {
    expect(each).toContain('com.amazonaws.');
  }
});

test('the links to the console are of the partition of the deployment', () => {
  const { service } = synthApp({});
  const { Mappings } = service.toJSON() as { readonly Mappings: Readonly<Record<string, object>> };
  expect(Mappings['Consoles']).toEqual({
    aws: { domain: 'console.aws.amazon.com' },
    'aws-cn': { domain: 'console.amazonaws.cn' },
    'aws-us-gov': { domain: 'console.amazonaws-us-gov.com' },
  });
  const outputs = service.findOutputs('*') as Record<string, { readonly Value: unknown }>;
  for (const name of ['LogUrl', 'DashboardUrl']) {
    expect(JSON.stringify(outputs[name]?.Value)).toContain(
      '{"Fn::FindInMap":["Consoles",{"Ref":"AWS::Partition"},"domain"]}',
    );
  }
});
