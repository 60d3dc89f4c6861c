// From props to a plan: defaults filled in, and every mistake told at once, before anything is made.
import {
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_logs as logs,
  Annotations,
  Names,
  Stack,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Configuration } from '../../src/config/index.ts';
import { checkBridgeConfiguration, mailPrefixes } from './configuration.ts';
import { ClientAddress, Egress } from './choices.ts';
import { checkDnsPlan, type DnsPlan } from '../network/dns.ts';
import type { PublishedPort } from '../network/edge.ts';
import type { MailBridgeProps } from './mail-bridge-props.ts';
import { chooseLoadBalancerSubnets } from '../network/network.ts';
import { SettingsError } from './settings-error.ts';
import { TlsCertificate } from '../certificate/tls-certificate.ts';

/** What must not be in one process: the deadline of the drain and Fargate's own. */
const STOP_TIMEOUT_SECONDS = 120;
/** The ports that a program without rights can listen on, and those that the world expects. */
const WELL_KNOWN_PORTS: Readonly<Record<number, number>> = { 2525: 25, 2587: 587, 2465: 465 };
/** ECS: target groups of one service. */
const MAX_PORTS = 5;
const CONFIGURATION_CHARACTERS = 40_000;
/** A process with nothing to do. */
const BASE_OCTETS = 128 * 1024 * 1024;
/** One connection with TLS and its buffers; what it holds of a message is in `limits.memory`. */
const CONNECTION_OCTETS = 64 * 1024;

export interface BridgePlan {
  readonly stage: string;
  readonly configuration: Configuration;
  readonly mailPrefixes: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly clientAddress: ClientAddress;
  readonly dualStack: boolean;
  readonly egress: Egress;
  /** Of the load balancer; as many fixed addresses. */
  readonly zones: number;
  readonly loadBalancerSubnets: ec2.SubnetSelection;
  readonly internetFacing: boolean;
  readonly peers: readonly ec2.IPeer[];
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly architecture: ecs.CpuArchitecture;
  readonly minimumTasks: number;
  readonly maximumTasks: number;
  readonly logRetention: logs.RetentionDays;
  readonly dns: DnsPlan;
}

/** Fills in the defaults. @throws SettingsError with everything that is wrong with the props at once. */
export function planBridge(scope: Construct, props: MailBridgeProps): BridgePlan {
  const clientAddress = props.clientAddress ?? ClientAddress.preserved();
  const stage = props.stage ?? Names.uniqueResourceName(scope, { maxLength: 64, separator: '-' });
  const checked = checkBridgeConfiguration(props.bridge, { stage, clientAddress });
  const configuration = checked.ok ? checked.configuration : undefined;
  const egress = props.egress ?? Egress.nat();
  const internetFacing = props.internetFacing ?? true;
  const loadBalancerSubnets =
    props.loadBalancerSubnets ?? chooseLoadBalancerSubnets(internetFacing, egress);
  const zones = countZones(props, loadBalancerSubnets);
  const dualStack = props.dualStack ?? false;
  const certificate = props.certificate ?? TlsCertificate.selfSigned();
  const plan = {
    stage,
    clientAddress,
    zones,
    dualStack,
    egress,
    internetFacing,
    loadBalancerSubnets,
    peers: props.allowedPeers ?? [ec2.Peer.anyIpv4(), ...(dualStack ? [ec2.Peer.anyIpv6()] : [])],
    cpu: props.cpu ?? 512,
    memoryMiB: props.memoryMiB ?? 1024,
    architecture: props.architecture ?? ecs.CpuArchitecture.ARM64,
    minimumTasks: props.minimumTasks ?? zones,
    maximumTasks: props.maximumTasks ?? 10,
    logRetention: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
    dns: {
      hostname: configuration?.hostname ?? '',
      mailDomains: props.mailDomains ?? [],
      mtaSts: props.mtaSts ?? 'none',
      tlsReportAddress: props.tlsReportAddress,
      receiveOnly: props.receiveOnly ?? false,
    },
  } satisfies Partial<BridgePlan>;
  const ports = configuration === undefined ? [] : publishedPorts(configuration, props.ports ?? {});
  const problems = [
    ...(checked.ok ? [] : checked.problems),
    ...(configuration === undefined ? [] : configurationProblems(configuration, plan, ports)),
    ...networkProblems(plan, props, Stack.of(scope).availabilityZones.length),
    ...checkDnsPlan(plan.dns, props.hostedZone?.zoneName, certificate.isTrusted),
  ];
  if (configuration === undefined || problems.length > 0) {
    throw new SettingsError(scope.node.path, problems);
  }
  if (clientAddress.kind === 'proxy-protocol') {
    Annotations.of(scope).addWarningV2(
      'mailsluice:proxy-header-placement',
      'An NLB sends its PROXY v2 header only with the first octets of the client, but in SMTP the server speaks first: every session would time out. Ask AWS Support to set proxy_protocol_v2.client_to_server.header_placement to on_first_ack for the target groups before you point mail here (infra/README.md, "IPv6").',
    );
  }
  return {
    ...plan,
    configuration,
    ports: ports.map(({ publicPort, ...port }) => ({ ...port, publicPort: publicPort ?? 0 })),
    mailPrefixes: mailPrefixes(configuration, props.additionalPrefixes ?? []),
  };
}

/** A VPC that is given says itself in how many zones it can be. */
function countZones({ vpc, zones = 2 }: MailBridgeProps, selection: ec2.SubnetSelection): number {
  if (vpc === undefined) return zones;
  return vpc.selectSubnets(selection).subnets.length;
}

type PlannedPort = Omit<PublishedPort, 'publicPort'> & { readonly publicPort: number | undefined };

function publishedPorts(
  { listeners }: Configuration,
  ports: Readonly<Record<string, number>>,
): PlannedPort[] {
  return listeners.map(({ name, port }) => ({
    listener: name,
    containerPort: port,
    publicPort: ports[name] ?? WELL_KNOWN_PORTS[port],
  }));
}

function configurationProblems(
  configuration: Configuration,
  { memoryMiB }: Pick<BridgePlan, 'memoryMiB'>,
  ports: readonly PlannedPort[],
): string[] {
  const { listeners, limits, shutdown } = configuration;
  const problems = ports
    .filter(({ publicPort }) => publicPort === undefined)
    .map(
      ({ listener }) => `ports: expected the public port of listener "${listener}", got nothing`,
    );
  const { length } = JSON.stringify(configuration);
  if (length > CONFIGURATION_CHARACTERS) {
    problems.push(
      `bridge: expected at most ${CONFIGURATION_CHARACTERS} characters as JSON, since ECS takes 64 KiB for a whole task definition, got ${length}`,
    );
  }
  if (listeners.length > MAX_PORTS) {
    problems.push(
      `bridge.listeners: expected at most ${MAX_PORTS}, ECS's own limit, got ${listeners.length}`,
    );
  }
  for (const { name, port } of listeners) {
    if (port < 1024) {
      problems.push(
        `bridge.listeners: expected a port from 1024 on, which the container's user can listen on, got ${port} for "${name}"`,
      );
    }
  }
  if (shutdown.deadline >= STOP_TIMEOUT_SECONDS) {
    problems.push(
      `bridge.shutdown.deadline: expected less than ${STOP_TIMEOUT_SECONDS} s, after which Fargate kills, got ${shutdown.deadline} s`,
    );
  }
  const needed = BASE_OCTETS + limits.memory * 1.5 + limits.maxConnections * CONNECTION_OCTETS;
  if (needed > memoryMiB * 1024 * 1024) {
    problems.push(
      `memoryMiB: expected at least ${Math.ceil(needed / 1024 / 1024)} for limits.memory and limits.maxConnections, got ${memoryMiB}`,
    );
  }
  return problems;
}

function networkProblems(
  plan: Pick<
    BridgePlan,
    'dualStack' | 'clientAddress' | 'minimumTasks' | 'maximumTasks' | 'zones' | 'internetFacing'
  >,
  { allocationIds, vpc }: MailBridgeProps,
  knownZones: number,
): string[] {
  const problems: string[] = [];
  if (vpc === undefined && plan.zones > knownZones) {
    problems.push(
      `zones: expected at most ${knownZones}, since a stack without account and region knows no more, got ${plan.zones}; give the stack an env, or override its availabilityZones`,
    );
  }
  if (plan.dualStack && plan.clientAddress.kind === 'preserved') {
    problems.push(
      'dualStack: expected clientAddress ClientAddress.proxyProtocol(), since an NLB cannot keep an IPv6 address on a connection to an IPv4 task',
    );
  }
  if (plan.minimumTasks < 1 || plan.maximumTasks < plan.minimumTasks) {
    problems.push(
      `minimumTasks and maximumTasks: expected 1 <= minimum <= maximum, got ${plan.minimumTasks} and ${plan.maximumTasks}`,
    );
  }
  if (vpc === undefined && (plan.zones < 2 || plan.zones > 6)) {
    problems.push(`zones: expected 2 to 6, got ${plan.zones}`);
  }
  if (allocationIds !== undefined && !plan.internetFacing) {
    problems.push('allocationIds: expected none for an internal load balancer');
  }
  if (allocationIds !== undefined && allocationIds.length !== plan.zones) {
    problems.push(
      `allocationIds: expected one for each of ${plan.zones} zones of the load balancer, got ${allocationIds.length}`,
    );
  }
  return problems;
}
