// The two stacks of the ready app: what must be kept, and what can be deleted and deployed again.
import { type App, Fn, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MailBridge } from '../bridge/mail-bridge.ts';
import { MailData } from '../data/mail-data.ts';
import { addOutputs } from './outputs.ts';
import { readSettings } from './read-settings.ts';
import { dataProps, serviceProps, type Settings } from './settings.ts';

/** Bucket, topic, table, key and addresses: termination-protected, and retained even when the stack is deleted. */
export class DataStack extends Stack {
  readonly data: MailData;

  constructor(scope: Construct, id: string, settings: Settings, props: StackProps) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): mail, credentials and addresses. Deleting this stack deletes none of them.`,
      terminationProtection: true,
    });
    this.data = new MailData(this, 'Data', dataProps(settings));
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
    { data, ...props }: StackProps & { readonly data: MailData },
  ) {
    super(scope, id, {
      ...props,
      description: `Mailsluice (${settings.stage}): the SMTP service.`,
    });
    this.#zones = settings.zones;
    const { bucket, topic, table, allocationIds, addresses } = data;
    this.bridge = new MailBridge(this, 'Bridge', {
      ...serviceProps(settings, this),
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
  const service = new ServiceStack(app, names.service, settings, { data: data.data });
  service.addStackDependency(data);
  Tags.of(app).add('mailsluice:stage', settings.stage);
  return { data, service };
}
