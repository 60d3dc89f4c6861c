// The defaults of MailBridgeProps, each once: the construct fills them in, the ready app shows them.
import { aws_ecs as ecs, aws_logs as logs } from 'aws-cdk-lib';
import { TlsCertificate } from '../certificate/tls-certificate.ts';
import { ClientAddress, Egress } from './choices.ts';
import type { MailBridgeProps } from './mail-bridge-props.ts';

type Given<Name extends keyof MailBridgeProps> = {
  readonly [Each in Name]: NonNullable<MailBridgeProps[Each]>;
};

/** Keeps the types of the props: `'none'` stays one of the modes, and not any string. */
function defaultsOf<Name extends keyof MailBridgeProps>(defaults: Given<Name>): Given<Name> {
  return defaults;
}

export const MAIL_BRIDGE_DEFAULTS = defaultsOf({
  additionalPrefixes: [],
  architecture: ecs.CpuArchitecture.ARM64,
  cidr: '10.0.0.0/16',
  certificate: TlsCertificate.selfSigned(),
  clientAddress: ClientAddress.preserved(),
  cpu: 512,
  dualStack: false,
  egress: Egress.nat(),
  exampleSubscriber: false,
  internetFacing: true,
  logRetention: logs.RetentionDays.THREE_MONTHS,
  mailDomains: [],
  malwareProtection: false,
  maximumTasks: 10,
  memoryMiB: 1024,
  monitoring: 'full',
  mtaSts: 'none',
  mxRecords: true,
  ports: {},
  receiveOnly: false,
  scanners: {},
  zones: 2,
});

export type DefaultedProps = typeof MAIL_BRIDGE_DEFAULTS;

/** The props that have a default, each with a value. */
export function withDefaults(props: MailBridgeProps): DefaultedProps {
  return fillIn(MAIL_BRIDGE_DEFAULTS, props);
}

/** A prop that is given as `undefined` is a prop that is not given. */
function fillIn<T extends object>(
  defaults: T,
  given: { readonly [Name in keyof T]?: T[Name] | undefined },
): T {
  const filled = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T)[]) {
    filled[name] = given[name] ?? defaults[name];
  }
  return filled;
}
