import {
  aws_certificatemanager as acm,
  aws_dynamodb as dynamodb,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_kms as kms,
  aws_lambda as lambda,
  aws_route53 as route53,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  aws_sns as sns,
  aws_sqs as sqs,
  App,
  CfnResource,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import {
  ClientAddress,
  Egress,
  MailBridge,
  type MailBridgeProps,
  TlsCertificate,
} from '../../infra/index.ts';
import { APP_VARIANTS } from './app-variants.ts';
import {
  makeApp,
  makeStack,
  onlyResource,
  resourcesOf,
  synthApp,
  synthBridge,
  synthCheckedApp,
} from './support.ts';

// Each of these synthesises with the validator of aws-cdk-lib on, and the app's with cdk-nag besides: a
// resource that does not fit CloudFormation's schema, or an unacknowledged finding, throws.

describe('the ready app', () => {
  test.each(APP_VARIANTS)('the ready app synthesises %s', (_, context) => {
    const { data, service } = synthCheckedApp(context);
    expect(Object.keys(resourcesOf(data, 'AWS::S3::Bucket'))).toHaveLength(2);
    expect(onlyResource(service, 'AWS::ECS::Service').Type).toBe('AWS::ECS::Service');
  });

  test('the ready app is in as many zones as it was told, with an address in each', () => {
    const { data, service } = synthApp({ zones: '3' });
    expect(Object.keys(resourcesOf(data, 'AWS::EC2::EIP'))).toHaveLength(3);
    expect(
      onlyResource(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties[
        'SubnetMappings'
      ],
    ).toHaveLength(3);
    service.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 3,
    });
    const zones = Object.values(resourcesOf(service, 'AWS::EC2::Subnet')).map(({ Properties }) =>
      JSON.stringify(Properties['AvailabilityZone']),
    );
    expect(new Set(zones).size).toBe(3);
  });

  test('the ready app names no account, region or partition, so that it deploys anywhere', () => {
    const { data, service } = synthApp({});
    const text = JSON.stringify([data.toJSON(), service.toJSON()]);
    expect(text).not.toMatch(/"arn:aws:|\b(us|eu|ap)-(east|west|central|south)\w*-\d\b/);
  });

  test('the ready app gives the same templates twice', () => {
    const [first, second] = [synthCheckedApp({}), synthCheckedApp({})];
    expect(second.data.toJSON()).toEqual(first.data.toJSON());
    expect(second.service.toJSON()).toEqual(first.service.toJSON());
  });

  test('at most 8 findings of cdk-nag are acknowledged over all variants, each with its reason', () => {
    const reasons = new Map<string, string>();
    for (const context of [
      {},
      {
        customerManagedKey: 'true',
        hostedZoneId: 'Z0123456789ABC',
        hostedZoneName: 'example.com',
        mailDomains: 'example.com',
        mtaSts: 'testing',
        egress: 'endpoints',
        alarmEmail: 'oncall@example.com',
        exampleSubscriber: 'true',
      },
    ]) {
      const { app } = synthCheckedApp(context);
      for (const construct of app.node.findAll()) {
        for (const { type, data } of construct.node.metadata) {
          if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue;
          for (const [id, reason] of Object.entries(data as Record<string, string>)) {
            // aws-cdk-lib answers some warnings of its own.
            if (id.startsWith('AwsSolutions')) reasons.set(id, reason);
          }
        }
      }
    }
    expect(reasons.size).toBeGreaterThan(3);
    expect(reasons.size).toBeLessThanOrEqual(8);
    for (const reason of reasons.values()) expect(reason.length).toBeGreaterThan(30);
  });
});

describe('what would be wrong fails the synth', () => {
  test('the synth fails for a misspelled property', () => {
    const app = makeApp();
    const stack = new Stack(app, 'Test');
    new CfnResource(stack, 'Bucket', {
      type: 'AWS::S3::Bucket',
      properties: { VersioningConfigration: { Status: 'Enabled' } },
    });
    expect(() => app.synth()).toThrow('VersioningConfigration: Additional properties');
  });

  test('the synth fails for a misspelled property that an escape hatch brings into our own resources', () => {
    const stack = makeStack();
    const bridge = new MailBridge(stack, 'Bridge', {
      configuration: { hostname: 'mx.example.com' },
    });
    const listener = bridge.loadBalancer.node
      .findAll()
      .find(
        (each) => CfnResource.isCfnResource(each) && each.cfnResourceType.endsWith('LoadBalancer'),
      );
    (listener as CfnResource).addPropertyOverride('IpAdressType', 'ipv4');
    expect(() => (stack.node.root as App).synth()).toThrow('IpAdressType: Additional properties');
  });

  test('the synth fails for a finding of cdk-nag that nobody acknowledged', () => {
    const app = makeApp();
    Validations.of(app).addPlugins(new AwsSolutionsChecks());
    new sns.Topic(new Stack(app, 'Test'), 'Topic');
    expect(() => app.synth()).toThrow('AwsSolutions::AwsSolutions-SNS3');
  });
});

describe('the construct in somebody’s own app', () => {
  test('the construct alone in a stack makes all that it needs', () => {
    const { bridge, template } = synthBridge(() => ({}));
    expect(Object.keys(resourcesOf(template, 'AWS::EC2::EIP'))).toHaveLength(3); // two zones and a NAT gateway
    expect(MailBridge.isMailBridge(bridge)).toBe(true);
    expect(MailBridge.isMailBridge(bridge.bucket)).toBe(false);
  });

  test('the construct takes what is given, imported or not, and makes none of it again', () => {
    const { template } = synthBridge((stack) => ({
      vpc: new ec2.Vpc(stack, 'Vpc', { restrictDefaultSecurityGroup: false }) as ec2.IVpc,
      bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'their-mail'),
      topic: sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-west-1:111122223333:theirs'),
      table: dynamodb.Table.fromTableName(stack, 'Table', 'their-credentials'),
      encryptionKey: kms.Key.fromKeyArn(
        stack,
        'Key',
        'arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012',
      ),
      cluster: new ecs.Cluster(stack, 'Cluster') as ecs.ICluster,
      certificate: TlsCertificate.fromSecret(
        secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'their-certificate'),
        { serverNames: ['mx.example.com'] },
      ),
      image: ecs.ContainerImage.fromRegistry('example.com/mailsluice:1'),
      allocationIds: ['eipalloc-0123456789abcdef0', 'eipalloc-0123456789abcdef1'],
      addresses: ['192.0.2.1', '192.0.2.2'],
    }));
    template.resourceCountIs('AWS::S3::Bucket', 0);
    template.resourceCountIs('AWS::SNS::Topic', 0);
    template.resourceCountIs('AWS::DynamoDB::Table', 0);
    template.resourceCountIs('AWS::KMS::Key', 0);
    template.resourceCountIs('AWS::ECS::Cluster', 1);
    template.resourceCountIs('AWS::SecretsManager::Secret', 0);
    template.resourceCountIs('Custom::MailsluiceSelfSignedCertificate', 0);
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:GenerateDataKey', 'kms:Decrypt'].sort(),
            Resource: 'arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012',
          }),
        ]),
      },
    });
  });

  test.each<[given: string, type: string, props: (stack: Stack) => Partial<MailBridgeProps>]>([
    [
      'a bucket',
      'AWS::S3::Bucket',
      (stack) => ({ bucket: s3.Bucket.fromBucketName(stack, 'Given', 'their-mail') }),
    ],
    [
      'a topic',
      'AWS::SNS::Topic',
      (stack) => ({
        topic: sns.Topic.fromTopicArn(stack, 'Given', 'arn:aws:sns:eu-west-1:111122223333:theirs'),
      }),
    ],
    [
      'a table',
      'AWS::DynamoDB::Table',
      (stack) => ({ table: dynamodb.Table.fromTableName(stack, 'Given', 'their-credentials') }),
    ],
  ])('the construct given %s alone, makes the others and not it', (_, type, props) => {
    const { template } = synthBridge(props);
    template.resourceCountIs(type, 0);
    const others = ['AWS::S3::Bucket', 'AWS::SNS::Topic', 'AWS::DynamoDB::Table'];
    for (const other of others.filter((each) => each !== type)) {
      expect(Object.keys(resourcesOf(template, other)).length).toBeGreaterThan(0);
    }
  });

  test('the construct in a VPC of three zones takes three addresses, and says so where it is given two', () => {
    const make = (allocationIds?: string[]) =>
      synthBridge((stack) => ({
        vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
          vpcId: 'vpc-0123456789abcdef0',
          vpcCidrBlock: '10.1.0.0/16',
          availabilityZones: ['a', 'b', 'c'],
          publicSubnetIds: [
            'subnet-0123456789abcdef1',
            'subnet-0123456789abcdef2',
            'subnet-0123456789abcdef3',
          ],
          privateSubnetIds: [
            'subnet-0123456789abcdef4',
            'subnet-0123456789abcdef5',
            'subnet-0123456789abcdef6',
          ],
        }),
        ...(allocationIds && { allocationIds }),
      }));
    const { template } = make();
    template.resourceCountIs('AWS::EC2::EIP', 3);
    template.resourceCountIs('AWS::EC2::VPC', 0);
    expect(() => make(['eipalloc-1', 'eipalloc-2'])).toThrow(
      'allocationIds: expected one for each of 3 zones of the load balancer, got 2',
    );
  });

  test('the construct can be internal, with an own listener, in one’s own subnets', () => {
    const { bridge, template } = synthBridge(() => ({
      configuration: {
        hostname: 'relay.corp.example',
        listeners: [{ name: 'devices', port: 2526, tls: 'starttls', auth: 'required' }],
      },
      internetFacing: false,
      ports: { devices: 2525 },
      allowedPeers: [ec2.Peer.ipv4('10.0.0.0/8')],
    }));
    expect(bridge.ports).toEqual([{ listener: 'devices', containerPort: 2526, publicPort: 2525 }]);
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      Scheme: 'internal',
    });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Port: 2525 });
    template.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: [
        Match.objectLike({ CidrIp: '10.0.0.0/8', FromPort: 2525, ToPort: 2525 }),
      ],
    });
    // Only the NAT gateway's.
    template.resourceCountIs('AWS::EC2::EIP', 1);
  });

  test('the construct takes a zone of Route 53 and an exportable certificate', () => {
    const { template } = synthBridge((stack) => {
      const hostedZone = new route53.HostedZone(stack, 'Zone', { zoneName: 'example.com' });
      return {
        hostedZone,
        mailDomains: ['example.com'],
        certificate: TlsCertificate.exportable(hostedZone),
      };
    });
    template.hasResourceProperties('AWS::CertificateManager::Certificate', {
      DomainName: 'mx.example.com',
      CertificateExport: 'ENABLED',
      ValidationMethod: 'DNS',
      DomainValidationOptions: [
        {
          DomainName: 'mx.example.com',
          HostedZoneId: { Ref: Match.stringLikeRegexp('^Zone') },
        },
      ],
    });
    template.hasResourceProperties('AWS::Route53::RecordSet', {
      Type: 'MX',
      Name: 'example.com.',
      ResourceRecords: ['10 mx.example.com.'],
    });
    template.hasResourceProperties('AWS::Route53::RecordSet', {
      Type: 'A',
      Name: 'mx.example.com.',
      AliasTarget: Match.anyValue(),
    });
  });

  test('a topic of quarantine is in the configuration beside other checks, and the task may publish to it, by its key', () => {
    const { template } = synthBridge((stack) => ({
      quarantineTopic: new sns.Topic(stack, 'Quarantine', {
        masterKey: new kms.Key(stack, 'QuarantineKey'),
        enforceSSL: true,
      }),
      configuration: { hostname: 'mx.example.com', verify: { dmarc: 'reject' } },
    }));
    const topic = { Ref: Match.stringLikeRegexp('^Quarantine') };
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Sid: 'Announce', Resource: Match.arrayWith([topic]) }),
          Match.objectLike({
            Sid: 'UseKey',
            Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('QuarantineKey'), 'Arn'] },
          }),
        ]),
      },
    });
    const [task] = Object.values(resourcesOf(template, 'AWS::ECS::TaskDefinition'));
    const text = JSON.stringify(task).replaceAll('\\', '');
    expect(text).toContain('"verify":{"dmarc":"reject","quarantine":{"topicArn":"');
  });

  test('the construct lets a function and a queue subscribe, each with a dead-letter queue', () => {
    const stack = makeStack();
    const bridge = new MailBridge(stack, 'Bridge', {
      configuration: { hostname: 'mx.example.com' },
    });
    const reader = new lambda.Function(stack, 'Reader', {
      runtime: lambda.Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: lambda.Code.fromInline('exports.handler = async () => {}'),
    });
    bridge.addSubscriber(reader);
    bridge.addSubscriber(new sqs.Queue(stack, 'Queue'), {
      filterPolicy: { listener: sns.SubscriptionFilter.stringFilter({ allowlist: ['mx'] }) },
    });
    (stack.node.root as App).synth();
    const template = Template.fromStack(stack);
    for (const subscription of Object.values(resourcesOf(template, 'AWS::SNS::Subscription'))) {
      expect(subscription.Properties['RedrivePolicy']).toHaveProperty('deadLetterTargetArn');
    }
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'sqs',
      FilterPolicy: { listener: ['mx'] },
    });
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: 's3:GetObject', Effect: 'Allow' })]),
      },
      Roles: [{ Ref: Match.stringLikeRegexp('Reader') }],
    });
  });

  test('the construct does not lean on the feature flags of cdk.json', () => {
    const app = new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': true } });
    const stack = new Stack(app, 'Test');
    new MailBridge(stack, 'Bridge', { configuration: { hostname: 'mx.example.com' } });
    app.synth();
    const template = Template.fromStack(stack);
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::S3::Bucket'))) {
      expect(Properties).not.toHaveProperty('AccessControl');
    }
    template.hasResourceProperties('AWS::S3::Bucket', {
      LoggingConfiguration: { LogFilePrefix: 'mail/' },
    });
    expect(
      onlyResource(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties,
    ).toHaveProperty('SecurityGroups');
  });

  test('two constructs in one stack do not get in each other’s way', () => {
    const stack = makeStack();
    const [first, second] = ['First', 'Second'].map(
      (id) => new MailBridge(stack, id, { configuration: { hostname: 'mx.example.com' } }),
    );
    (stack.node.root as App).synth();
    expect(first?.stage).not.toBe(second?.stage);
  });

  test('a TLS profile that is broken cryptography comes with a warning, and reaches the task', () => {
    const { template, stack } = synthBridge(() => ({
      configuration: { hostname: 'mx.example.com', tls: { profile: 'old' } },
    }));
    const warnings = stack.node.findAll().flatMap(({ node }) => node.metadata);
    expect(JSON.stringify(warnings)).toContain('configuration.tls.profile: ');
    const task = JSON.stringify(onlyResource(template, 'AWS::ECS::TaskDefinition').Properties);
    expect(task).toContain('\\"profile\\":\\"old\\"');
  });

  test('IPv6 and the PROXY header come with a warning about where the NLB puts it', () => {
    const { template, stack } = synthBridge(() => ({
      dualStack: true,
      clientAddress: ClientAddress.proxyProtocol(),
      egress: Egress.publicAddresses(),
    }));
    const warnings = stack.node.findAll().flatMap(({ node }) => node.metadata);
    expect(JSON.stringify(warnings)).toContain('header_placement');
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      IpAddressType: 'dualstack',
    });
    const task = JSON.stringify(onlyResource(template, 'AWS::ECS::TaskDefinition').Properties);
    expect(task).toContain('\\"clientAddress\\":\\"proxy\\"');
    expect(task).toContain('trustedProxies');
  });

  test('a certificate of ACM is exported by the task', () => {
    const { template } = synthBridge((stack) => ({
      certificate: TlsCertificate.fromAcm(
        acm.Certificate.fromCertificateArn(
          stack,
          'Imported',
          'arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
        ),
      ),
    }));
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: 'acm:ExportCertificate' })]),
      },
    });
  });
});

describe('all errors are reported together, before anything is created', () => {
  test('errors are reported together, before anything is created, in the program’s configuration as in the props', () => {
    const stack = makeStack();
    let said = '';
    try {
      new MailBridge(stack, 'Bridge', {
        configuration: {
          hostname: 'not a host',
          limits: { maxRecipients: 0 },
        },
        dualStack: true,
        minimumTasks: 5,
        maximumTasks: 2,
        mtaSts: 'enforce',
        mailDomains: ['example'],
      });
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said.split('\n').map((line) => line.trim().split(',')[0])).toEqual([
      'Test/Bridge: 7 errors',
      'configuration.hostname: expected a host name',
      'configuration.limits.maxRecipients: expected a whole number from 1 to 1000',
      'dualStack: expected clientAddress ClientAddress.proxyProtocol()',
      'minimumTasks and maximumTasks: expected 1 <= minimum <= maximum',
      'mtaSts: expected "none" or "testing" with a self-signed certificate',
      'mtaSts: expected "none" without a hostedZone',
      'mailDomains: expected domain names',
    ]);
    expect(stack.node.findAll().filter((each) => CfnResource.isCfnResource(each))).toEqual([]);
  });

  test('the construct refuses a zone that is not that of the names', () => {
    const make = () =>
      synthBridge((stack) => ({
        hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
          hostedZoneId: 'Z0123456789ABC',
          zoneName: 'example.org',
        }),
        mailDomains: ['in.example.org'],
      }));
    expect(make).toThrow('hostedZone: expected the zone of "mx.example.com", got "example.org"');
    expect(make).toThrow(': one error');
  });

  test.each<[expected: string, configuration: Record<string, unknown>]>([
    ['configuration.store.bucket: expected nothing', { store: { bucket: 'mine' } }],
    ['configuration.notify: expected nothing', { notify: { topicArn: 'x' } }],
    [
      'configuration.verify.quarantine: expected nothing',
      { verify: { quarantine: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:q' } } },
    ],
    ['configuration.shutdown.deadline: expected at most 115 s', { shutdown: { deadline: '116s' } }],
    ['memoryMiB: expected at least', { limits: { memory: '2GB' } }],
    ['ports: expected the public port of listener "x"', { listeners: [{ name: 'x', port: 3000 }] }],
    ['got 25 for "x"', { listeners: [{ name: 'x', port: 25 }] }],
    ['configuration.colour: expected no such field', { colour: 'red' }],
    [
      'configuration: expected at most 40000 characters as JSON',
      {
        routes: Array.from({ length: 2000 }, (_, at) => ({
          recipients: [`user${at}@example.com`],
        })),
      },
    ],
  ])('the construct refuses a wrong configuration: %s', (expected, configuration) => {
    const make = () =>
      new MailBridge(makeStack(), 'Bridge', {
        configuration: {
          hostname: 'mx.example.com',
          ...configuration,
        } as MailBridgeProps['configuration'],
      });
    expect(make).toThrow(expected);
  });
});
