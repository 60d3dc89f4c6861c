// rspamd and clamd beside the program, GuardDuty behind it: what the templates hold, and what cannot be meant.
import { aws_ecs as ecs, aws_s3 as s3 } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { Egress, MailBridge, type MailBridgeProps } from '../../../infra/index.ts';
import { taskSizeFor, taskSizeProblems } from '../../../infra/bridge/task-size.ts';
import { parseConfiguration } from '../../../src/config/index.ts';
import { makeStack, onlyResource, resourcesOf, synthApp, synthBridge } from '../support.ts';

const hostname = 'mx.example.com';

interface Container {
  readonly Name: string;
  readonly Image: string;
  readonly Essential: boolean;
  readonly Memory?: number;
  readonly Cpu?: number;
  readonly User: string;
  readonly ReadonlyRootFilesystem: boolean;
  readonly DependsOn?: readonly { readonly ContainerName: string; readonly Condition: string }[];
  readonly RestartPolicy?: { readonly Enabled: boolean };
  readonly HealthCheck: { readonly Command: readonly string[]; readonly StartPeriod: number };
  readonly LinuxParameters: object;
  readonly MountPoints?: readonly object[];
  readonly LogConfiguration: { readonly Options: Readonly<Record<string, string>> };
  readonly Environment?: readonly { readonly Value: unknown }[];
}

function containersOf(template: Template): Readonly<Record<string, Container>> {
  const { Properties } = onlyResource(template, 'AWS::ECS::TaskDefinition');
  const containers = Properties['ContainerDefinitions'] as readonly Container[];
  return Object.fromEntries(containers.map((container) => [container.Name, container]));
}

function taskOf(template: Template): [unknown, unknown] {
  const { Properties } = onlyResource(template, 'AWS::ECS::TaskDefinition');
  return [Properties['Cpu'], Properties['Memory']];
}

/** The section `scan` that the program reads. */
function scanOf(template: Template): unknown {
  const [variable] = containersOf(template)['smtp']?.Environment ?? [];
  const { 'Fn::Join': [, parts] = ['', []] } = (variable?.Value ?? {}) as {
    'Fn::Join'?: [string, unknown[]];
  };
  const text = parts.map((part) => (typeof part === 'string' ? part : 'a-stand-in')).join('');
  return (JSON.parse(text) as { readonly scan?: unknown }).scan;
}

describe('the scanners of a task', () => {
  const { service } = synthApp({ scanners: 'spam,virus' });
  const { rspamd, clamd, smtp } = containersOf(service);

  test('without the setting, the task has the program alone, in its own size', () => {
    const { service: plain } = synthApp({});
    expect(Object.keys(containersOf(plain))).toEqual(['smtp']);
    expect(taskOf(plain)).toEqual(['512', '1024']);
    expect(scanOf(plain)).toBeUndefined();
  });

  test('the program finds the scanners at their ports, and its container is the first', () => {
    expect(Object.keys(containersOf(service))).toEqual(['smtp', 'rspamd', 'clamd']);
    expect(scanOf(service)).toEqual({
      spam: { url: 'http://127.0.0.1:11333' },
      virus: { address: '127.0.0.1:3310' },
    });
  });

  test('the task grows by what the scanners need, and each scanner has a limit of its own', () => {
    expect(taskOf(service)).toEqual(['1024', '6144']);
    expect(taskOf(synthApp({ scanners: 'spam' }).service)).toEqual(['1024', '2048']);
    expect(taskOf(synthApp({ scanners: 'virus' }).service)).toEqual(['1024', '5120']);
    expect([rspamd?.Cpu, rspamd?.Memory, clamd?.Cpu, clamd?.Memory]).toEqual([
      256, 1024, 256, 4096,
    ]);
  });

  test('the scanners have no rights of the machine, and are not root', () => {
    for (const container of [rspamd, clamd]) {
      expect(container?.User).toMatch(/^(?:clamav|11333:11333)$/);
      expect(container?.LinuxParameters).toEqual({
        InitProcessEnabled: true,
        Capabilities: { Drop: ['ALL'] },
      });
    }
    expect(rspamd?.ReadonlyRootFilesystem).toBe(true);
    expect(rspamd?.MountPoints).toEqual([
      { ContainerPath: '/var/lib/rspamd', ReadOnly: false, SourceVolume: 'rspamd' },
    ]);
  });

  test('the scanners are started before the program, and stopped after it', () => {
    expect(smtp?.DependsOn).toEqual([
      { Condition: 'START', ContainerName: 'rspamd' },
      { Condition: 'START', ContainerName: 'clamd' },
    ]);
  });

  test('the scanners are watched, started again in their place, and log beside the program', () => {
    for (const container of [rspamd, clamd]) {
      expect(container?.RestartPolicy).toEqual({ Enabled: true });
      expect(container?.HealthCheck.StartPeriod).toBe(300);
      expect(container?.LogConfiguration.Options).toMatchObject({
        mode: 'non-blocking',
        'awslogs-stream-prefix': 'scanner',
      });
    }
    expect(clamd?.HealthCheck.Command).toEqual(['CMD', 'clamdcheck.sh']);
    expect(rspamd?.HealthCheck.Command.join(' ')).toMatch(/127\.0\.0\.1\/11333.*\/ping/);
  });

  test('only the program is reached from outside', () => {
    const ports = Object.values(resourcesOf(service, 'AWS::EC2::SecurityGroupIngress')).map(
      ({ Properties }) => Properties['FromPort'],
    );
    expect(ports).not.toContain(11_333);
    expect(ports).not.toContain(3310);
    expect(rspamd).not.toHaveProperty('PortMappings');
    expect(clamd).not.toHaveProperty('PortMappings');
  });

  test.each([
    [undefined, false],
    ['accept', false],
    ['defer', true],
  ] as const)(
    'with onFailure %s, a task without its scanner ends: %s',
    (onFailure, isEssential) => {
      const { template } = synthBridge(() => ({
        scanners: { spam: true, virus: true },
        configuration: { hostname, ...(onFailure && { scan: { onFailure } }) },
      }));
      const { smtp: program, ...scanners } = containersOf(template);
      expect(program?.Essential).toBe(true);
      expect(Object.values(scanners).map(({ Essential }) => Essential)).toEqual([
        isEssential,
        isEssential,
      ]);
    },
  );

  test('what is given counts: image, size, and what the program does with the verdicts', () => {
    const image = ecs.ContainerImage.fromRegistry(`rspamd/rspamd@sha256:${'a'.repeat(64)}`);
    const { template, bridge } = synthBridge(() => ({
      scanners: { spam: { image, cpu: 1024, memoryMiB: 2048 } },
      configuration: { hostname, scan: { spam: { reject: 15 }, timeout: '5s' } },
    }));
    expect(containersOf(template)['rspamd']).toMatchObject({
      Image: `rspamd/rspamd@sha256:${'a'.repeat(64)}`,
      Cpu: 1024,
      Memory: 2048,
    });
    expect(taskOf(template)).toEqual(['2048', '4096']);
    expect(bridge.configuration.scan).toEqual(
      parseConfiguration({
        hostname,
        listeners: [{ name: 'mx', port: 2525, tls: 'none' }],
        store: { bucket: 'the-bucket' },
        notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
        scan: { spam: { url: 'http://127.0.0.1:11333', reject: 15 }, timeout: '5s' },
      }).scan,
    );
  });

  test('scanners elsewhere need no container', () => {
    const { template } = synthBridge(() => ({
      configuration: { hostname, scan: { virus: { address: 'clamd.example.internal:3310' } } },
    }));
    expect(Object.keys(containersOf(template))).toEqual(['smtp']);
    expect(scanOf(template)).toEqual({ virus: { address: 'clamd.example.internal:3310' } });
  });
});

describe('the construct refuses', () => {
  test.each<[string, object, string | RegExp]>([
    [
      'scanners that are none',
      { scanners: 'spam' },
      /^scanners: expected an object .* got "spam"$/,
    ],
    [
      'another scanner',
      { scanners: { phish: true } },
      /^scanners\.phish: expected no such scanner/,
    ],
    [
      'a scanner as text',
      { scanners: { spam: 'yes' } },
      /^scanners\.spam: expected true, false or/,
    ],
    [
      'memory in which clamd cannot load its signatures',
      { scanners: { virus: { memoryMiB: 1024 } } },
      /^scanners\.virus\.memoryMiB: expected a whole number of at least 3072.* got 1024$/,
    ],
    ['half a CPU unit', { scanners: { spam: { cpu: 0.5 } } }, /^scanners\.spam\.cpu: expected/],
    [
      'more than Fargate has',
      { scanners: { spam: { memoryMiB: 200_000 } } },
      /^scanners: expected no more than a task of Fargate has.* got 768 CPU units and 201024 MiB$/,
    ],
    [
      'an address that it fills in',
      {
        scanners: { spam: true },
        configuration: { hostname, scan: { spam: { url: 'http://elsewhere:11333' } } },
      },
      'configuration.scan.spam.url: expected nothing, since scanners.spam fills it in',
    ],
    [
      'a section without an address and without a scanner',
      { configuration: { hostname, scan: { virus: { action: 'reject' } } } },
      /^configuration\.scan\.virus\.address: expected the address of clamd/,
    ],
    [
      'a password in the task definition',
      {
        configuration: {
          hostname,
          scan: { spam: { url: 'http://elsewhere:11333', password: 'open-sesame' } },
        },
      },
      /^configuration\.scan\.spam\.password: expected nothing/,
    ],
    [
      'images of Docker Hub without a way to the internet',
      { scanners: { spam: true, virus: true }, egress: Egress.endpoints() },
      /^egress: expected Egress\.nat\(\) or Egress\.publicAddresses\(\) with the image of rspamd and clamd/,
    ],
    [
      'more prefixes than GuardDuty takes',
      { malwareProtection: true, additionalPrefixes: ['a/', 'b/', 'c/', 'd/', 'e/'] },
      /^malwareProtection: expected at most 5 key prefixes, the limit of GuardDuty, got 6: mail\/, a\//,
    ],
  ])('the construct refuses %s', (_name, props, expected) => {
    const make = () =>
      new MailBridge(makeStack(), 'Bridge', {
        configuration: { hostname },
        ...props,
      } as MailBridgeProps);
    let problems: string[] = [];
    try {
      make();
    } catch (error) {
      problems = (error as Error).message.split('\n').slice(1);
    }
    expect(problems.map((problem) => problem.trim())).toEqual([
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    ]);
    expect(problems.join()).not.toContain('open-sesame');
  });

  test('the app refuses a scanner that it does not know', () => {
    expect(() => synthApp({ scanners: 'spam,phish' })).toThrow(
      'scanners: expected spam, virus or both, got "phish"',
    );
  });

  test('images of a registry in AWS do without a way to the internet', () => {
    const image = ecs.ContainerImage.fromRegistry(
      '111122223333.dkr.ecr.eu-west-1.amazonaws.com/rspamd:3.13',
    );
    const { template } = synthBridge(() => ({
      scanners: { spam: { image } },
      egress: Egress.endpoints(),
    }));
    expect(containersOf(template)).toHaveProperty('rspamd');
  });
});

test.each([
  // Program, scanners, and the smallest of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  [[[256, 512]], [256, 512]],
  [
    [
      [256, 512],
      [256, 1024],
    ],
    [512, 2048],
  ],
  [
    [
      [256, 512],
      [256, 4096],
    ],
    [1024, 5120],
  ],
  [
    [
      [512, 1024],
      [256, 1024],
      [256, 4096],
    ],
    [1024, 6144],
  ],
  [
    [
      [1024, 8192],
      [256, 4096],
    ],
    [2048, 12_288],
  ],
  [
    [
      [4096, 8192],
      [256, 1024],
    ],
    [8192, 16_384],
  ],
  [
    [
      [8192, 17_000],
      [256, 1024],
    ],
    [16_384, 32_768],
  ],
  [
    [
      [16_384, 32_768],
      [256, 1024],
    ],
    undefined,
  ],
] as const)('the smallest task for %j has %j', (parts, expected) => {
  const sizes = parts.map(([cpu, memoryMiB]) => ({ cpu, memoryMiB }));
  const size = taskSizeFor(sizes);
  expect(size).toEqual(expected && { cpu: expected[0], memoryMiB: expected[1] });
  if (size !== undefined) expect(taskSizeProblems(size, [])).toEqual([]);
});

describe('GuardDuty Malware Protection', () => {
  test('nothing of it is there unless it is asked for', () => {
    synthApp({}).service.resourceCountIs('AWS::GuardDuty::MalwareProtectionPlan', 0);
  });

  test('it scans and tags the objects of the mail prefixes, and nothing else', () => {
    const { template } = synthBridge((stack) => ({
      malwareProtection: true,
      bucket: new s3.Bucket(stack, 'Given') as s3.IBucket,
      configuration: { hostname, routes: [{ recipients: ['*@example.com'], prefix: 'in/' }] },
    }));
    template.hasResourceProperties('AWS::GuardDuty::MalwareProtectionPlan', {
      Actions: { Tagging: { Status: 'ENABLED' } },
      ProtectedResource: {
        S3Bucket: {
          BucketName: { Ref: Match.stringLikeRegexp('^Given') },
          ObjectPrefixes: ['mail/', 'in/'],
        },
      },
    });
    const [policy] = Object.values(resourcesOf(template, 'AWS::IAM::Policy')).filter(
      ({ Properties }) => JSON.stringify(Properties).includes('PutObjectTagging'),
    );
    const { Statement } = (policy?.Properties['PolicyDocument'] ?? {}) as {
      readonly Statement: readonly {
        readonly Action: string | string[];
        readonly Resource: unknown;
      }[];
    };
    const reading = Statement.filter(({ Action }) => [Action].flat().includes('s3:GetObject'));
    expect(reading).toHaveLength(1);
    const resources = JSON.stringify(reading[0]?.Resource);
    expect(resources).toContain('/mail/*');
    expect(resources).toContain('/in/*');
    expect(resources).not.toContain('"/*"');
    expect(JSON.stringify(Statement)).not.toContain('s3:DeleteObject');
    // Only GuardDuty takes the role, and only for this account.
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Principal: { Service: 'malware-protection-plan.guardduty.amazonaws.com' },
            Action: 'sts:AssumeRole',
            Effect: 'Allow',
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
        Version: '2012-10-17',
      },
    });
  });

  test('with a key of the account it may decrypt what it scans', () => {
    const { service } = synthApp({ malwareProtection: 'true', customerManagedKey: 'true' });
    service.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({ Sid: 'UseKey', Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }),
        ]),
      }),
      Roles: [{ Ref: Match.stringLikeRegexp('MalwareProtection') }],
    });
  });
});
