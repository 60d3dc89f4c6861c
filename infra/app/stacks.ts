// The two stacks of the ready app: what must be kept, and what can be deleted and deployed again.
import {
  type App,
  type aws_secretsmanager as secretsmanager,
  Fn,
  Stack,
  type StackProps,
  Tags,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MailBridge } from '../bridge/mail-bridge.ts';
import { makeCertificateSecret } from '../certificate/tls-certificate.ts';
import { MailData } from '../data/mail-data.ts';
import { recordFixed } from './fixed-settings.ts';
import { addOutputs } from './outputs.ts';
import { readSettings } from './read-settings.ts';
import { dataProps, serviceProps, type Settings } from './settings.ts';

/** Bucket, topic, table, key, certificate and addresses: termination-protected, and retained even when the stack is deleted. */
export class DataStack extends Stack {
  readonly data: MailData;
  /** Outlives the service, so that a certificate from a CA is found again when the service is deployed again. */
  readonly certificateSecret: secretsmanager.ISecret;

  constructor(scope: Construct, id: string, settings: Settings, props: StackProps) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): mail, credentials and addresses. Deleting this stack deletes none of them.`,
      terminationProtection: true,
    });
    this.templateOptions.metadata = recordFixed('data', settings);
    this.data = new MailData(this, 'Data', dataProps(settings));
    this.certificateSecret = makeCertificateSecret(this, 'CertificateSecret', settings.hostname);
  }
}

/** Network, load balancer, tasks and alarms: nothing that must be kept. */
export class ServiceStack extends Stack {
  readonly bridge: MailBridge;
  readonly #zones: number;

  constructor(
    scope: Construct,
    id: string,
    settings: Settings,
    { kept, ...props }: StackProps & { readonly kept: DataStack },
  ) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): the SMTP service.`,
    });
    this.templateOptions.metadata = recordFixed('service', settings);
    this.#zones = settings.zones;
    const { bucket, topic, table, allocationIds, addresses } = kept.data;
    const { certificateSecret } = kept;
    this.bridge = new MailBridge(this, 'Bridge', {
      ...serviceProps(settings, { stack: this, certificateSecret }),
      bucket,
      topic,
      table,
      ...(allocationIds.length > 0 && { allocationIds, addresses }),
    });
    addOutputs(this, this.bridge);
  }

  /** As many as the settings say. A stack without a region would take two, whatever the VPC says. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.#zones }, (_, at) => Fn.select(at, Fn.getAzs()));
  }
}

/** The names of both stacks. */
export function stackNames(stage: string): { readonly data: string; readonly service: string } {
  return { data: `Mailsluice-${stage}-Data`, service: `Mailsluice-${stage}-Service` };
}

/** Adds both stacks. They have no account and region: those are of the credentials that deploy. */
export function addStacks(app: App): { readonly data: DataStack; readonly service: ServiceStack } {
  const settings = readSettings(app.node);
  const names = stackNames(settings.stage);
  const data = new DataStack(app, names.data, settings, {});
  const service = new ServiceStack(app, names.service, settings, { kept: data });
  service.addStackDependency(data);
  Tags.of(app).add('mailsluice:stage', settings.stage);
  return { data, service };
}
