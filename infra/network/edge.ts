// The load balancer: fixed addresses, one TCP listener and one target group for each of the program's ports.
import { aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2, Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../bridge/acknowledge.ts';
import { HEALTH_PORT } from '../bridge/configuration.ts';
import type { ClientAddress } from '../bridge/choices.ts';

/** The container's user cannot listen on ports below 1024: container port → the port that clients expect. */
export const WELL_KNOWN_PORTS: Readonly<Record<number, number>> = {
  2525: 25,
  2587: 587,
  2465: 465,
};

/** One port of the program and where the world finds it. */
export interface PublishedPort {
  readonly listener: string;
  readonly containerPort: number;
  readonly publicPort: number;
}

export interface EdgeProps {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly internetFacing: boolean;
  /** One for each subnet; none: AWS chooses addresses. */
  readonly allocationIds: readonly string[];
  readonly dualStack: boolean;
  readonly clientAddress: ClientAddress;
  readonly peers: readonly ec2.IPeer[];
  readonly ports: readonly PublishedPort[];
}

/**
 * RFC 5321 section 4.5.3.2.7: a server waits 5 minutes for a command, and a client 10 for the reply to its
 * message. Whatever is idle for longer is gone.
 */
const IDLE_TIMEOUT = Duration.seconds(660);
/** As long as a task takes to drain. */
const DEREGISTRATION_DELAY = Duration.seconds(120);

export class Edge extends Construct {
  readonly loadBalancer: elbv2.NetworkLoadBalancer;
  readonly securityGroup: ec2.SecurityGroup;
  readonly targetGroups: readonly {
    readonly port: PublishedPort;
    readonly targetGroup: elbv2.NetworkTargetGroup;
  }[];

  constructor(scope: Construct, id: string, props: EdgeProps) {
    super(scope, id);
    this.securityGroup = this.#makeSecurityGroup(props);
    this.loadBalancer = this.#makeLoadBalancer(props);
    this.targetGroups = props.ports.map((port) => ({
      port,
      targetGroup: this.#publish(port, props),
    }));
  }

  /** It cannot be given to a load balancer later: it has to be there from the start. */
  #makeSecurityGroup({ vpc, peers, ports }: EdgeProps): ec2.SecurityGroup {
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'SMTP from outside',
      allowAllOutbound: false,
    });
    for (const peer of peers) {
      for (const { publicPort } of ports) {
        securityGroup.addIngressRule(peer, ec2.Port.tcp(publicPort), `SMTP, port ${publicPort}`);
      }
    }
    acknowledge(securityGroup, {
      id: 'AwsSolutions::AwsSolutions-EC23',
      reason: 'A mail server takes connections from the whole internet; narrow it by allowedPeers',
    });
    return securityGroup;
  }

  #makeLoadBalancer({
    vpc,
    subnets,
    internetFacing,
    allocationIds,
    dualStack,
  }: EdgeProps): elbv2.NetworkLoadBalancer {
    const selected = vpc.selectSubnets(subnets).subnets;
    const loadBalancer = new elbv2.NetworkLoadBalancer(this, 'LoadBalancer', {
      vpc,
      internetFacing,
      securityGroups: [this.securityGroup],
      crossZoneEnabled: true,
      zonalShift: true,
      ipAddressType: dualStack ? elbv2.IpAddressType.DUAL_STACK : elbv2.IpAddressType.IPV4,
      ...(allocationIds.length === 0
        ? { vpcSubnets: subnets }
        : {
            subnetMappings: selected.map((subnet, at) => {
              const allocationId = allocationIds[at];
              return allocationId === undefined ? { subnet } : { subnet, allocationId };
            }),
          }),
    });
    acknowledge(loadBalancer, {
      id: 'AwsSolutions::AwsSolutions-ELB2',
      reason:
        'An NLB writes access logs for TLS listeners only, and TLS ends in the program, which logs every session',
    });
    return loadBalancer;
  }

  #publish(
    { containerPort, publicPort }: PublishedPort,
    { vpc, clientAddress }: EdgeProps,
  ): elbv2.NetworkTargetGroup {
    // From the port, so that a listener can be renamed: two load balancer listeners cannot have one port, not even for
    // the moment of an update.
    const name = `Port${publicPort}`;
    const preserved = clientAddress.kind === 'preserved';
    const targetGroup = new elbv2.NetworkTargetGroup(this, `${name}Targets`, {
      vpc,
      targetType: elbv2.TargetType.IP,
      protocol: elbv2.Protocol.TCP,
      port: containerPort,
      preserveClientIp: preserved,
      proxyProtocolV2: !preserved,
      deregistrationDelay: DEREGISTRATION_DELAY,
      connectionTermination: false,
      healthCheck: {
        protocol: elbv2.Protocol.HTTP,
        port: String(HEALTH_PORT),
        path: '/ready',
        healthyHttpCodes: '200',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
    // A task that drains answers /ready with 503; its mails in flight must not be cut off for that.
    targetGroup.setAttribute(
      'target_health_state.unhealthy.connection_termination.enabled',
      'false',
    );
    targetGroup.setAttribute(
      'target_health_state.unhealthy.draining_interval_seconds',
      String(DEREGISTRATION_DELAY.toSeconds()),
    );
    this.loadBalancer.addListener(name, {
      port: publicPort,
      protocol: elbv2.Protocol.TCP,
      tcpIdleTimeout: IDLE_TIMEOUT,
      defaultTargetGroups: [targetGroup],
    });
    return targetGroup;
  }
}
