// The two stacks of the ready app: what must stay, and what can be thrown away and deployed again.
import {
  type App,
  aws_certificatemanager as acm,
  aws_ecs as ecs,
  aws_iam as iam,
  aws_route53 as route53,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  CfnOutput,
  Duration,
  Fn,
  Stack,
  type StackProps,
  Tags,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { ProgramConfiguration } from '../bridge/configuration.ts';
import { ClientAddress, Egress } from '../bridge/choices.ts';
import { MailBridge } from '../bridge/mail-bridge.ts';
import { MailData } from '../data/mail-data.ts';
import { addOutputs } from './outputs.ts';
import { readStageSettings, type StageSettings } from './stage-settings.ts';
import { TlsCertificate } from '../certificate/tls-certificate.ts';

/** Bucket, topic, table, key and addresses. Termination-protected, and retained even so. */
export class DataStack extends Stack {
  readonly data: MailData;

  constructor(scope: Construct, id: string, settings: StageSettings, props: StackProps) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): mail, credentials and addresses. Deleting this stack deletes none of them.`,
      terminationProtection: true,
    });
    const { objectLockDays, objectLockMode, expireAfterDays } = settings;
    this.data = new MailData(this, 'Data', {
      addresses: settings.zones,
      customerManagedKey: settings.customerManagedKey,
      ...(expireAfterDays !== undefined && { expireAfter: Duration.days(expireAfterDays) }),
      ...(objectLockDays !== undefined && {
        objectLock: s3.ObjectLockRetention[objectLockMode](Duration.days(objectLockDays)),
      }),
    });
  }
}

/** Network, load balancer, tasks, alarms. Holds nothing that is worth keeping. */
export class ServiceStack extends Stack {
  readonly bridge: MailBridge;
  readonly #zones: number;

  constructor(
    scope: Construct,
    id: string,
    settings: StageSettings,
    { data, ...props }: StackProps & { readonly data: MailData },
  ) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): the SMTP service.`,
    });
    this.#zones = settings.zones;
    const hostedZone = settings.hostedZone && this.#importZone(settings.hostedZone);
    const alarmTopic =
      settings.alarmEmail === undefined ? undefined : this.#makeAlarmTopic(settings.alarmEmail);
    this.bridge = new MailBridge(this, 'Bridge', {
      // Checked, field by field, in the construct.
      configuration: { ...settings.config, hostname: settings.hostname } as ProgramConfiguration,
      stage: settings.stage,
      bucket: data.bucket,
      topic: data.topic,
      table: data.table,
      allocationIds: data.allocationIds,
      addresses: data.addresses,
      certificate: this.#chooseCertificate(settings, hostedZone),
      egress: EGRESS[settings.egress],
      zones: settings.zones,
      dualStack: settings.dualStack,
      clientAddress: settings.dualStack ? ClientAddress.proxyProtocol() : ClientAddress.preserved(),
      architecture:
        settings.architecture === 'arm64' ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
      cpu: settings.cpu,
      memoryMiB: settings.memoryMiB,
      maximumTasks: settings.maximumTasks,
      ...(settings.minimumTasks !== undefined && { minimumTasks: settings.minimumTasks }),
      mailDomains: settings.mailDomains,
      mtaSts: settings.mtaSts,
      receiveOnly: settings.receiveOnly,
      exampleSubscriber: settings.exampleSubscriber,
      ...(settings.tlsReportAddress !== undefined && {
        tlsReportAddress: settings.tlsReportAddress,
      }),
      ...(hostedZone && { hostedZone }),
      ...(alarmTopic && { alarmTopic }),
    });
    addOutputs(this, this.bridge);
    if (alarmTopic !== undefined) {
      new CfnOutput(this, 'AlarmTopicArn', {
        description: 'Where alarms are announced',
        value: alarmTopic.topicArn,
      });
    }
  }

  /** As many as asked for. Without a region the CDK would take two, whatever the VPC says. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.#zones }, (_, at) => Fn.select(at, Fn.getAzs()));
  }

  #importZone({ id, name }: { readonly id: string; readonly name: string }): route53.IHostedZone {
    return route53.HostedZone.fromHostedZoneAttributes(this, 'HostedZone', {
      hostedZoneId: id,
      zoneName: name,
    });
  }

  #chooseCertificate(
    settings: StageSettings,
    zone: route53.IHostedZone | undefined,
  ): TlsCertificate {
    const { certificateArn, certificateSecretArn } = settings;
    if (certificateSecretArn !== undefined) {
      return TlsCertificate.fromSecret(
        secretsmanager.Secret.fromSecretCompleteArn(
          this,
          'CertificateSecret',
          certificateSecretArn,
        ),
      );
    }
    if (certificateArn !== undefined) {
      return TlsCertificate.fromAcm(
        acm.Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      );
    }
    return settings.certificate === 'acm' && zone !== undefined
      ? TlsCertificate.exportable(zone)
      : TlsCertificate.selfSigned();
  }

  #makeAlarmTopic(address: string): sns.ITopic {
    const topic = new sns.Topic(this, 'AlarmTopic', {
      displayName: 'Mailsluice alarms',
      enforceSSL: true,
    });
    // A policy of one's own takes the place of the default one, under which alarms may publish.
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    topic.addSubscription(new subscriptions.EmailSubscription(address));
    return topic;
  }
}

const EGRESS = {
  nat: Egress.nat(),
  endpoints: Egress.endpoints(),
  public: Egress.publicAddresses(),
} as const;

/** Both stacks, as the app's context says. Without account and region: they come from whoever deploys. */
export function addStacks(app: App): { readonly data: DataStack; readonly service: ServiceStack } {
  const settings = readStageSettings(app.node);
  const data = new DataStack(app, `Mailsluice-${settings.stage}-Data`, settings, {});
  const service = new ServiceStack(app, `Mailsluice-${settings.stage}-Service`, settings, {
    data: data.data,
  });
  service.addStackDependency(data);
  Tags.of(app).add('mailsluice:stage', settings.stage);
  return { data, service };
}
