// What the templates must say, as intentions. The attributes of load balancer and target groups are asserted
// by name: no schema knows them, so that a misspelled one would be found only at deployment.
import { Match } from 'aws-cdk-lib/assertions';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/index.ts';
import { onlyResource, type Resource, resourcesOf, synthApp, synthBridge } from './support.ts';

const { data, service } = synthApp({});

interface KeyValue {
  readonly Key: string;
  readonly Value: string;
}

function attributes(resource: Resource, property: string): Record<string, string> {
  return Object.fromEntries(
    (resource.Properties[property] as KeyValue[]).map(({ Key, Value }) => [Key, Value]),
  );
}

/** Names that CloudFormation documents, taken from the L1 classes' own comments. */
function documentedAttributes(): Set<string> {
  const types = readFileSync(
    new URL(
      '../../node_modules/aws-cdk-lib/aws-elasticloadbalancingv2/lib/elasticloadbalancingv2.generated.d.ts',
      import.meta.url,
    ),
    'utf8',
  );
  return new Set([...types.matchAll(/^ +\* - `([a-z0-9_.]+)` - /gm)].map(([, name]) => name ?? ''));
}

/** What CloudFormation puts in the place of a reference. */
function standIn(reference: string): string {
  if (reference.includes('Topic')) return 'arn:aws:sns:eu-west-1:111122223333:mail';
  if (reference.includes('Secret')) return 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s';
  if (reference.includes('Credentials')) return 'the-credential-table';
  return reference.includes('CidrBlock') ? '10.0.0.0/16' : 'the-mail-bucket';
}

describe('the load balancer', () => {
  const targetGroups = Object.values(
    resourcesOf(service, 'AWS::ElasticLoadBalancingV2::TargetGroup'),
  );
  const loadBalancer = onlyResource(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer');

  test('the load balancer forwards 25, 587 and 465 as TCP, and lets a connection be idle for 660 s', () => {
    const listeners = Object.values(resourcesOf(service, 'AWS::ElasticLoadBalancingV2::Listener'));
    expect(listeners.map(({ Properties }) => [Properties['Port'], Properties['Protocol']])).toEqual(
      [
        [25, 'TCP'],
        [587, 'TCP'],
        [465, 'TCP'],
      ],
    );
    for (const listener of listeners) {
      expect(attributes(listener, 'ListenerAttributes')).toEqual({
        'tcp.idle_timeout.seconds': '660',
      });
    }
  });

  test('the load balancer has the attributes that mail needs, by their very names', () => {
    expect(attributes(loadBalancer, 'LoadBalancerAttributes')).toEqual({
      'deletion_protection.enabled': 'false',
      'load_balancing.cross_zone.enabled': 'true',
      'zonal_shift.config.enabled': 'true',
    });
    expect(targetGroups).toHaveLength(3);
    for (const targetGroup of targetGroups) {
      expect(attributes(targetGroup, 'TargetGroupAttributes')).toEqual({
        'preserve_client_ip.enabled': 'true',
        'proxy_protocol_v2.enabled': 'false',
        'deregistration_delay.timeout_seconds': '120',
        'deregistration_delay.connection_termination.enabled': 'false',
        'target_health_state.unhealthy.connection_termination.enabled': 'false',
        'target_health_state.unhealthy.draining_interval_seconds': '120',
      });
    }
  });

  test('the load balancer: every attribute is one that CloudFormation documents', () => {
    const documented = documentedAttributes();
    expect(documented.size).toBeGreaterThan(40);
    const used = [
      ...Object.keys(attributes(loadBalancer, 'LoadBalancerAttributes')),
      ...targetGroups.flatMap((each) => Object.keys(attributes(each, 'TargetGroupAttributes'))),
      ...Object.values(resourcesOf(service, 'AWS::ElasticLoadBalancingV2::Listener')).flatMap(
        (each) => Object.keys(attributes(each, 'ListenerAttributes')),
      ),
    ];
    expect(used.filter((name) => !documented.has(name))).toEqual([]);
  });

  test('the load balancer asks /ready on 8080 by HTTP, and both security groups let it', () => {
    for (const { Properties } of targetGroups) {
      expect(Properties).toMatchObject({
        HealthCheckProtocol: 'HTTP',
        HealthCheckPort: '8080',
        HealthCheckPath: '/ready',
        Matcher: { HttpCode: '200' },
        HealthCheckIntervalSeconds: 10,
        HealthyThresholdCount: 2,
        UnhealthyThresholdCount: 3,
        TargetType: 'ip',
      });
    }
    const ports = (type: string) =>
      Object.values(resourcesOf(service, type)).map(({ Properties }) => Properties['FromPort']);
    const expected = new Set([2465, 2525, 2587, 8080]);
    expect(new Set(ports('AWS::EC2::SecurityGroupIngress'))).toEqual(expected);
    expect(new Set(ports('AWS::EC2::SecurityGroupEgress'))).toEqual(expected);
  });

  test('the load balancer has its security group and a fixed address in each zone from its creation', () => {
    const { SecurityGroups, SubnetMappings, Scheme } = loadBalancer.Properties;
    expect(SecurityGroups).toHaveLength(1);
    expect(Scheme).toBe('internet-facing');
    expect(SubnetMappings).toHaveLength(2);
    for (const mapping of SubnetMappings as object[])
      expect(mapping).toHaveProperty('AllocationId');
  });

  test('the load balancer with PROXY v2 neither keeps the address nor leaves the header out', () => {
    const { service: dual } = synthApp({ dualStack: 'true' });
    for (const each of Object.values(
      resourcesOf(dual, 'AWS::ElasticLoadBalancingV2::TargetGroup'),
    )) {
      expect(attributes(each, 'TargetGroupAttributes')).toMatchObject({
        'preserve_client_ip.enabled': 'false',
        'proxy_protocol_v2.enabled': 'true',
      });
    }
  });
});

describe('the tasks', () => {
  test('the tasks run without rights of the machine, and stop in peace', () => {
    service.hasResourceProperties('AWS::ECS::TaskDefinition', {
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
      ContainerDefinitions: [
        Match.objectLike({
          User: '65532:65532',
          ReadonlyRootFilesystem: true,
          LinuxParameters: { InitProcessEnabled: true, Capabilities: { Drop: ['ALL'] } },
          StopTimeout: 120,
          Ulimits: [{ Name: 'nofile', SoftLimit: 65_535, HardLimit: 65_535 }],
          Privileged: Match.absent(),
          LogConfiguration: {
            LogDriver: 'awslogs',
            Options: Match.objectLike({ mode: 'non-blocking', 'max-buffer-size': '26214400b' }),
          },
          HealthCheck: Match.objectLike({
            Command: ['CMD', 'node', '/app/health-check.mjs', '8080'],
          }),
        }),
      ],
    });
  });

  test('the tasks are two over two zones, replaced without a gap, and rolled back when they fail', () => {
    service.hasResourceProperties('AWS::ECS::Service', {
      AvailabilityZoneRebalancing: 'ENABLED',
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        Alarms: Match.objectLike({ Enable: true, Rollback: true }),
      },
      NetworkConfiguration: {
        AwsvpcConfiguration: Match.objectLike({
          AssignPublicIp: 'DISABLED',
          Subnets: [Match.anyValue(), Match.anyValue()],
        }),
      },
      // Set, it would undo the scaling with every deployment.
      DesiredCount: Match.absent(),
    });
    service.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 10,
    });
  });

  test('the tasks scale on CPU and on the program’s own open connections', () => {
    service.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      }),
    });
    service.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        CustomizedMetricSpecification: {
          Namespace: 'MailBridge',
          MetricName: 'ActiveConnections',
          Dimensions: [{ Name: 'Stage', Value: 'prod' }],
          Statistic: 'Average',
        },
      }),
    });
  });

  test('the tasks are reached by the load balancer alone, and reach nothing but HTTPS', () => {
    const groups = Object.entries(resourcesOf(service, 'AWS::EC2::SecurityGroup'));
    const [, tasks] = groups.find(([id]) => id.includes('ServiceSecurityGroup')) ?? [];
    expect(tasks?.Properties['SecurityGroupIngress']).toBeUndefined();
    expect(tasks?.Properties['SecurityGroupEgress']).toMatchObject([
      { CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 },
      { CidrIpv6: '::/0', FromPort: 443, ToPort: 443 },
    ]);
    for (const { Properties } of Object.values(
      resourcesOf(service, 'AWS::EC2::SecurityGroupIngress'),
    )) {
      expect(Properties).toHaveProperty('SourceSecurityGroupId');
      expect(Properties).not.toHaveProperty('CidrIp');
    }
  });

  test('the tasks get a configuration that the program takes as it is', () => {
    for (const template of [service, synthApp({ dualStack: 'true' }).service]) {
      const [container] = onlyResource(template, 'AWS::ECS::TaskDefinition').Properties[
        'ContainerDefinitions'
      ] as { Environment: { Value: { 'Fn::Join': [string, unknown[]] } }[] }[];
      const [, parts] = container?.Environment[0]?.Value['Fn::Join'] ?? ['', []];
      const text = parts
        .map((part) => (typeof part === 'string' ? part : standIn(JSON.stringify(part))))
        .join('');
      expect(parseConfiguration(JSON.parse(text))).toMatchObject({
        hostname: 'mx.example.com',
        store: { bucket: 'the-mail-bucket' },
        credentials: { table: 'the-credential-table' },
        health: { host: '0.0.0.0', port: 8080 },
        metrics: { emf: true, stage: 'prod' },
        shutdown: { grace: 30, deadline: 110 },
      });
    }
  });

  test('the tasks hold no secret in their environment', () => {
    const [container] = onlyResource(service, 'AWS::ECS::TaskDefinition').Properties[
      'ContainerDefinitions'
    ] as { Environment: { Name: string }[]; Secrets?: unknown }[];
    expect(container?.Environment.map(({ Name }) => Name)).toEqual(['MAILSLUICE_CONFIG']);
    expect(container?.Secrets).toBeUndefined();
  });
});

describe('the network', () => {
  test('the network always has gateway endpoints for S3 and DynamoDB, and S3’s leads only to the mail and the image', () => {
    for (const egress of ['nat', 'endpoints', 'public']) {
      const { service: template } = synthApp({ egress });
      const endpoints = Object.values(resourcesOf(template, 'AWS::EC2::VPCEndpoint'));
      const gateways = endpoints.filter((each) => each.Properties['VpcEndpointType'] === 'Gateway');
      expect(gateways).toHaveLength(2);
      const policy = JSON.stringify(gateways.map((each) => each.Properties['PolicyDocument']));
      expect(policy).toContain('starport-layer-bucket');
      template.resourceCountIs('AWS::EC2::NatGateway', egress === 'nat' ? 1 : 0);
      expect(endpoints.length - gateways.length).toBe(egress === 'endpoints' ? 5 : 0);
      template.hasResourceProperties('AWS::ECS::Service', {
        NetworkConfiguration: {
          AwsvpcConfiguration: Match.objectLike({
            AssignPublicIp: egress === 'public' ? 'ENABLED' : 'DISABLED',
          }),
        },
      });
    }
  });
});

describe('the data', () => {
  test('the mail bucket is private, encrypted, versioned, TLS only, and forgets unfinished uploads', () => {
    data.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: Match.anyValue(),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        VersioningConfiguration: { Status: 'Enabled' },
        LifecycleConfiguration: {
          Rules: Match.arrayWith([
            Match.objectLike({
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
              Status: 'Enabled',
            }),
          ]),
        },
      },
    });
    for (const { Properties } of Object.values(resourcesOf(data, 'AWS::S3::BucketPolicy'))) {
      expect(JSON.stringify(Properties)).toContain('"aws:SecureTransport":"false"');
    }
  });

  test('mail expires, or cannot be deleted, only where that was asked for', () => {
    expect(JSON.stringify(data.toJSON())).not.toContain('"Id":"expire"');
    data.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: Match.anyValue(),
      ObjectLockEnabled: Match.absent(),
    });
    const { data: locked } = synthApp({ objectLockDays: '30', expireAfterDays: '400' });
    locked.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: {
        Rule: { DefaultRetention: { Days: 30, Mode: 'GOVERNANCE' } },
      },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([{ Id: 'expire', ExpirationInDays: 400, Status: 'Enabled' }]),
      },
    });
  });

  test('the table is as the program writes it, on demand, with a way back', () => {
    data.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      },
    });
  });

  test('topic and addresses are kept, and the topic takes nothing without TLS', () => {
    for (const type of ['AWS::SNS::Topic', 'AWS::EC2::EIP']) {
      for (const resource of Object.values(resourcesOf(data, type))) {
        expect(resource).toMatchObject({
          DeletionPolicy: 'RetainExceptOnCreate',
          UpdateReplacePolicy: 'Retain',
        });
      }
    }
    expect(JSON.stringify(onlyResource(data, 'AWS::SNS::TopicPolicy').Properties)).toContain(
      '"aws:SecureTransport":"false"',
    );
  });

  test('a key of one’s own encrypts bucket and topic, by a bucket key', () => {
    const { data: encrypted } = synthApp({ customerManagedKey: 'true' });
    encrypted.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
    encrypted.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          Match.objectLike({
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: Match.objectLike({ SSEAlgorithm: 'aws:kms' }),
          }),
        ],
      },
    });
    encrypted.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  });
});

describe('DNS', () => {
  const context = {
    mailDomains: 'example.com',
    receiveOnly: 'true',
    tlsReportAddress: 'tls@example.com',
  };

  test('without a hosted zone the DNS records are an output to paste, with the fixed addresses', () => {
    const { service: template } = synthApp(context);
    template.resourceCountIs('AWS::Route53::RecordSet', 0);
    const records = JSON.stringify(template.findOutputs('DnsRecords'));
    for (const line of [
      'mx.example.com. A ',
      'example.com. MX 10 mx.example.com.',
      'example.com. TXT "v=spf1 -all"',
      '_dmarc.example.com. TXT "v=DMARC1; p=reject"',
      '_smtp._tls.example.com. TXT "v=TLSRPTv1; rua=mailto:tls@example.com"',
    ]) {
      expect(records).toContain(JSON.stringify(line).slice(1, -1));
    }
    expect(records.match(/PublicIp/g)).toHaveLength(2);
  });

  test('with a hosted zone the DNS records are made, and MTA-STS has its host', () => {
    const { service: template } = synthApp({
      ...context,
      hostedZoneId: 'Z0123456789ABC',
      hostedZoneName: 'example.com',
      mtaSts: 'testing',
    });
    const records = Object.values(resourcesOf(template, 'AWS::Route53::RecordSet')).map(
      ({ Properties }) => `${String(Properties['Name'])} ${String(Properties['Type'])}`,
    );
    expect(records.sort()).toEqual([
      '_dmarc.example.com. TXT',
      '_mta-sts.example.com. TXT',
      '_smtp._tls.example.com. TXT',
      'example.com. MX',
      'example.com. TXT',
      'mta-sts.example.com. A',
      'mx.example.com. A',
      'mx.example.com. TXT',
    ]);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          POLICY: 'version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\nmax_age: 86400\r\n',
        },
      },
    });
  });
});

describe('outputs', () => {
  test('the outputs say everything that one needs next', () => {
    const outputs = Object.keys(service.findOutputs('*')).sort();
    expect(outputs).toEqual([
      'CertificateSecretArn',
      'ClusterName',
      'CreateCredentialCommand',
      'CredentialTableName',
      'DashboardUrl',
      'DnsRecords',
      'DoctorCommand',
      'LoadBalancerName',
      'LogGroupName',
      'LogUrl',
      'MailBucketName',
      'MailKeyPrefix',
      'Ports',
      'ReplaceCertificateCommand',
      'ReverseDnsCommand',
      'SaveConfigurationCommand',
      'SendTestMailCommand',
      'ServiceName',
      'SmtpEndpoint',
      'StaticAddresses',
      'TopicArn',
      'Version',
    ]);
  });

  test('the doctor is called with the name of this stack', () => {
    expect(service.findOutputs('DoctorCommand')).toMatchObject({
      DoctorCommand: { Value: 'npx mailsluice doctor --stack Mailsluice-prod-Service' },
    });
  });

  test('one command sets the PTR record of each fixed address', () => {
    const { Value } = service.findOutputs('ReverseDnsCommand')['ReverseDnsCommand'] as {
      readonly Value: { readonly 'Fn::Join': readonly [string, readonly unknown[]] };
    };
    const [separator, parts] = Value['Fn::Join'];
    const ids = parts.filter((part) => typeof part !== 'string');
    expect(ids).toHaveLength(2);
    expect(parts.map((part) => (typeof part === 'string' ? part : 'ID')).join(separator)).toBe(
      'aws ec2 modify-address-attribute --allocation-id ID --domain-name mx.example.com && aws ec2 modify-address-attribute --allocation-id ID --domain-name mx.example.com',
    );
    expect(JSON.stringify(ids)).toContain('AllocationId');
  });

  test('the data stack is protected from being deleted', () => {
    const { app } = synthApp({});
    const stacks = app.node.children.filter((each) => 'terminationProtection' in each);
    expect(
      stacks.map((each) => [
        each.node.id,
        (each as { terminationProtection?: boolean }).terminationProtection,
      ]),
    ).toEqual([
      ['Mailsluice-prod-Data', true],
      ['Mailsluice-prod-Service', false],
    ]);
  });
});

test('the key prefixes of routes are written to, and can be read by who is granted that', () => {
  const { bridge, template } = synthBridge(() => ({
    configuration: {
      hostname: 'mx.example.com',
      store: { prefix: 'mail' },
      routes: [{ recipients: ['*@in.example.com'], prefix: 'in/' }, { recipients: ['*'] }],
    },
    additionalPrefixes: ['tenants/'],
  }));
  expect(bridge.mailPrefixes).toEqual(['mail/', 'in/', 'tenants/']);
  const policies = JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'));
  for (const prefix of ['/mail/*', '/in/*', '/tenants/*']) expect(policies).toContain(prefix);
});
