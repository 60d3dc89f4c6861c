// Turns the props into a plan: fills in the defaults, and reports all errors together before anything is created.
import { Annotations, aws_ec2 as ec2, Names, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  type Configuration,
  configurationWarnings,
  renderWarning,
} from '../../src/config/index.ts';
import { checkDnsPlan, type DnsPlan } from '../network/dns.ts';
import { type PublishedPort, WELL_KNOWN_PORTS } from '../network/edge.ts';
import { chooseLoadBalancerSubnets, TASK_SUBNETS } from '../network/network.ts';
import { malwareProtectionProblems } from '../scan/malware-protection.ts';
import { type PlannedScanner, planScanners, scannerConflicts } from '../scan/scanners.ts';
import { cdkVersion, cdkVersionProblem } from './cdk-version.ts';
import { checkConfiguration, mailPrefixes, type ProgramConfiguration } from './configuration.ts';
import { withDefaultRoutes } from './default-routes.ts';
import { type DefaultedProps, withDefaults } from './mail-bridge-defaults.ts';
import type { MailBridgeProps } from './mail-bridge-props.ts';
import { choiceProblems, isKeyUnknown, portProblems, resourceProblems } from './prop-checks.ts';
import { type TaskSize, taskSizeFor, taskSizeProblems } from './task-size.ts';
import { SettingsError } from './settings-error.ts';

/** Fargate kills a task this long after SIGTERM; the program must have stopped by then. */
const STOP_TIMEOUT_SECONDS = 120;
/** What the program needs after its deadline: the last 421 to each client, and the end of its parts. */
const LAST_SECONDS = 5;
/** ECS: target groups of one service. */
const MAX_PORTS = 5;
const CONFIGURATION_CHARACTERS = 40_000;
/** An idle process. */
const BASE_OCTETS = 128 * 1024 * 1024;
/** One connection with TLS and its buffers; what it holds of a message is in `limits.memory`. */
const CONNECTION_OCTETS = 64 * 1024;

/** The props with their defaults, checked, and what follows from them. */
export interface MailBridgePlan extends Omit<DefaultedProps, 'ports' | 'scanners'> {
  readonly stage: string;
  /** As given, with the default routes; the construct fills in the resources. */
  readonly program: ProgramConfiguration;
  readonly configuration: Configuration;
  readonly mailPrefixes: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Zones of the load balancer; it has a fixed address in each. */
  readonly zones: number;
  readonly loadBalancerSubnets: ec2.SubnetSelection;
  readonly peers: readonly ec2.IPeer[];
  readonly minimumTasks: number;
  readonly dns: DnsPlan;
  readonly scanners: readonly PlannedScanner[];
  /** With that of the scanners. */
  readonly taskSize: TaskSize;
}

/** @throws SettingsError with all errors in the props. */
export function planMailBridge(scope: Construct, props: MailBridgeProps): MailBridgePlan {
  const version = cdkVersionProblem(cdkVersion());
  const choices = version === undefined ? choiceProblems(props) : [version];
  if (choices.length > 0) throw new SettingsError(scope.node.path, choices);
  const given = withDefaults(props);
  const stage = props.stage ?? Names.uniqueResourceName(scope, { maxLength: 64, separator: '-' });
  const program = withDefaultRoutes(requireRecord(props.configuration), given.mailDomains);
  const checked = checkConfiguration(program, { ...given, stage });
  const configuration = checked.ok ? checked.configuration : undefined;
  const network = planNetwork(props, given);
  const dns = planDns(props, given, configuration?.hostname ?? '');
  const ports = configuration === undefined ? [] : publishPorts(configuration, given.ports);
  const scanners = planScanners(given.scanners);
  const taskSize = taskSizeFor([given, ...scanners]);
  const prefixes =
    configuration === undefined ? [] : mailPrefixes(configuration, given.additionalPrefixes);

  const problems = [
    ...(checked.ok ? [] : checked.problems),
    ...(configuration === undefined
      ? []
      : configurationProblems(configuration, given.memoryMiB, ports)),
    ...(configuration === undefined ? [] : portProblems(configuration, given.ports)),
    ...(configuration === undefined ? [] : egressProblems(configuration, given)),
    ...taskSizeProblems(given, scanners),
    ...scannerConflicts(program.scan, given.scanners, given.egress.kind !== 'endpoints'),
    ...(given.malwareProtection ? malwareProtectionProblems(prefixes) : []),
    ...resourceProblems(scope, props),
    ...given.certificate.problems(),
    ...network.problems,
    ...networkProblems(network, given, props, Stack.of(scope).availabilityZones.length),
    ...checkDnsPlan(dns, props.hostedZone?.zoneName, given.certificate.isTrusted),
  ];
  if (configuration === undefined || taskSize === undefined || problems.length > 0) {
    throw new SettingsError(scope.node.path, problems);
  }
  warnAboutProxyHeader(scope, given);
  warnAboutOpenPort(scope, given, configuration, program);
  warnAboutUnknownKey(scope, props);
  for (const warning of configurationWarnings(configuration)) {
    Annotations.of(scope).addWarningV2(
      `mailsluice:${warning.path}`,
      `configuration.${renderWarning(warning)}`,
    );
  }
  return {
    ...given,
    ...network,
    program,
    stage,
    configuration,
    dns,
    ports: ports.map(({ publicPort, ...port }) => ({ ...port, publicPort: publicPort ?? 0 })),
    mailPrefixes: prefixes,
    scanners,
    taskSize,
  };
}

type NetworkPlan = Pick<
  MailBridgePlan,
  'zones' | 'loadBalancerSubnets' | 'peers' | 'minimumTasks'
> & { readonly problems: readonly string[] };

function planNetwork(props: MailBridgeProps, given: DefaultedProps): NetworkPlan {
  const { internetFacing, egress, dualStack } = given;
  const loadBalancerSubnets =
    props.loadBalancerSubnets ?? chooseLoadBalancerSubnets(internetFacing, egress);
  // A VPC that is given decides itself in how many zones the service runs.
  const problems: string[] = [];
  const zones =
    props.vpc === undefined
      ? given.zones
      : countSubnets(props.vpc, loadBalancerSubnets, 'loadBalancerSubnets', problems);
  if (props.vpc !== undefined) {
    const taskSubnets = props.taskSubnets ?? { subnetType: TASK_SUBNETS[egress.kind] };
    countSubnets(props.vpc, taskSubnets, 'taskSubnets', problems);
  }
  return {
    zones,
    problems,
    loadBalancerSubnets,
    minimumTasks: props.minimumTasks ?? zones,
    peers: props.allowedPeers ?? [ec2.Peer.anyIpv4(), ...(dualStack ? [ec2.Peer.anyIpv6()] : [])],
  };
}

/** How many subnets a selection of a given VPC has; none is a problem. */
function countSubnets(
  vpc: ec2.IVpc,
  selection: ec2.SubnetSelection,
  prop: string,
  problems: string[],
): number {
  try {
    const { length } = vpc.selectSubnets(selection).subnets;
    if (length > 0) return length;
  } catch {
    // The CDK says which groups there are, but not which prop chooses another.
  }
  const { subnetType = 'chosen' } = selection;
  problems.push(
    `${prop}: expected subnets of the vpc, which has none of the type ${subnetType}; choose others with ${prop}, or another way out with egress`,
  );
  return 1;
}

/** What an untyped caller has left out is reported as the fields that it lacks. */
function requireRecord(configuration: unknown): ProgramConfiguration {
  return (
    typeof configuration === 'object' && configuration !== null ? configuration : {}
  ) as ProgramConfiguration;
}

function egressProblems({ credentials }: Configuration, { egress }: DefaultedProps): string[] {
  return egress.kind === 'endpoints' && (credentials?.tokens.length ?? 0) > 0
    ? [
        'egress: expected Egress.nat() or Egress.publicAddresses() with configuration.credentials.tokens, since the keys of an issuer are outside the AWS network, got Egress.endpoints()',
      ]
    : [];
}

/** Port 25 takes mail of everybody, who need not sign in. */
function warnAboutOpenPort(
  scope: Construct,
  { internetFacing }: DefaultedProps,
  { listeners }: Configuration,
  { routes }: ProgramConfiguration,
): void {
  const isOpen = listeners.some(({ auth }) => auth === 'none');
  if (!internetFacing || !isOpen || routes !== undefined) return;
  Annotations.of(scope).addWarningV2(
    'mailsluice:no-routes',
    'Without mailDomains and without routes, everybody on the internet can store mail for every recipient, at your cost. Give the domains that receive mail here as mailDomains, or routes in the configuration.',
  );
}

function warnAboutUnknownKey(scope: Construct, props: MailBridgeProps): void {
  if (!isKeyUnknown(props)) return;
  Annotations.of(scope).addWarningV2(
    'mailsluice:bucket-key',
    'The bucket is imported, so that its encryption is not known here. If it has a KMS key, give it as encryptionKey: without the right to use it, every mail would be answered 451. Otherwise acknowledge this warning.',
  );
}

function planDns(
  { tlsReportAddress }: MailBridgeProps,
  { mailDomains, mtaSts, receiveOnly }: DefaultedProps,
  hostname: string,
): DnsPlan {
  return { hostname, mailDomains, mtaSts, tlsReportAddress, receiveOnly };
}

type PlannedPort = Omit<PublishedPort, 'publicPort'> & { readonly publicPort: number | undefined };

function publishPorts(
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
  memoryMiB: number,
  ports: readonly PlannedPort[],
): string[] {
  const { listeners, limits, shutdown } = configuration;
  const problems = ports
    .filter(({ publicPort }) => publicPort === undefined)
    .map(
      ({ listener }) => `ports: expected the public port of listener "${listener}", got nothing`,
    );
  for (const { listener, publicPort } of ports) {
    const first = ports.find((each) => each.publicPort === publicPort);
    if (publicPort !== undefined && first !== undefined && first.listener !== listener) {
      problems.push(
        `ports: expected another port than that of listener "${first.listener}" for "${listener}", got ${publicPort}`,
      );
    }
  }
  const { length } = JSON.stringify(configuration);
  if (length > CONFIGURATION_CHARACTERS) {
    problems.push(
      `configuration: expected at most ${CONFIGURATION_CHARACTERS} characters as JSON, since ECS takes 64 KiB for a whole task definition, got ${length}`,
    );
  }
  if (listeners.length > MAX_PORTS) {
    problems.push(
      `configuration.listeners: expected at most ${MAX_PORTS}, the limit of ECS, got ${listeners.length}`,
    );
  }
  for (const { name, port } of listeners) {
    if (port < 1024) {
      problems.push(
        `configuration.listeners: expected a port of at least 1024, which the container's user can listen on, got ${port} for "${name}"`,
      );
    }
  }
  if (shutdown.deadline > STOP_TIMEOUT_SECONDS - LAST_SECONDS) {
    problems.push(
      `configuration.shutdown.deadline: expected at most ${STOP_TIMEOUT_SECONDS - LAST_SECONDS} s, since Fargate kills the task after ${STOP_TIMEOUT_SECONDS} s, got ${shutdown.deadline} s`,
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
  { zones, minimumTasks }: NetworkPlan,
  { dualStack, clientAddress, maximumTasks, internetFacing }: DefaultedProps,
  { allocationIds, vpc }: MailBridgeProps,
  knownZones: number,
): string[] {
  const problems: string[] = [];
  if (vpc === undefined && zones > knownZones) {
    problems.push(
      `zones: expected at most ${knownZones}, since a stack without account and region knows no more, got ${zones}; give the stack an env, or override its availabilityZones`,
    );
  }
  if (dualStack && clientAddress.kind === 'preserved') {
    problems.push(
      'dualStack: expected clientAddress ClientAddress.proxyProtocol(), since an NLB cannot keep an IPv6 address on a connection to an IPv4 task',
    );
  }
  if (minimumTasks < 1 || maximumTasks < minimumTasks) {
    problems.push(
      `minimumTasks and maximumTasks: expected 1 <= minimum <= maximum, got ${minimumTasks} and ${maximumTasks}`,
    );
  }
  if (vpc === undefined && (zones < 1 || zones > 6)) {
    problems.push(`zones: expected 1 to 6, got ${zones}`);
  }
  if (allocationIds !== undefined && !internetFacing) {
    problems.push('allocationIds: expected none for an internal load balancer');
  }
  if (allocationIds !== undefined && allocationIds.length !== zones) {
    problems.push(
      `allocationIds: expected one for each of ${zones} zones of the load balancer, got ${allocationIds.length}`,
    );
  }
  return problems;
}

function warnAboutProxyHeader(scope: Construct, { clientAddress }: DefaultedProps): void {
  if (clientAddress.kind !== 'proxy-protocol') return;
  Annotations.of(scope).addWarningV2(
    'mailsluice:proxy-header-placement',
    'An NLB sends its PROXY v2 header only with the first octets of the client, but in SMTP the server speaks first: every session would time out. Ask AWS Support to set proxy_protocol_v2.client_to_server.header_placement to on_first_ack for the target groups before you point mail here (infra/README.md, "IPv6").',
  );
}
