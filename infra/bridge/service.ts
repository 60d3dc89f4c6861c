// The program on Fargate.
import {
  type aws_cloudwatch as cloudwatch,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_iam as iam,
  aws_logs as logs,
  Duration,
  RemovalPolicy,
  Size,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Monitoring } from './choices.ts';
import { HEALTH_PORT } from './configuration.ts';
import type { Edge } from '../network/edge.ts';
import { addScannerContainers } from '../scan/containers.ts';
import type { PlannedScanner } from '../scan/scanners.ts';
import type { TaskSize } from './task-size.ts';

export interface ServiceProps {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly assignPublicIp: boolean;
  readonly cluster: ecs.ICluster | undefined;
  readonly image: ecs.ContainerImage;
  readonly taskSize: TaskSize;
  readonly scanners: readonly PlannedScanner[];
  /** Mail that a scanner failed to scan is deferred. */
  readonly needsScanners: boolean;
  readonly architecture: ecs.CpuArchitecture;
  readonly minimumTasks: number;
  readonly maximumTasks: number;
  readonly taskRole: iam.IRole;
  readonly logRetention: logs.RetentionDays;
  readonly monitoring: Monitoring;
  /** The program's configuration, as JSON. */
  readonly configuration: string;
  readonly edge: Edge;
  /** Open connections of one task, averaged over the tasks. */
  readonly activeConnections: cloudwatch.IMetric;
}

/** The longest that Fargate allows; the program is out after 110 s (`shutdown.deadline`). */
export const STOP_TIMEOUT = Duration.seconds(120);
/** The `nobody` of the image: it has no name there and owns nothing. */
const USER = '65532:65532';
/** Connections that one task should have, on average, before another is started. */
const CONNECTIONS_PER_TASK = 300;
const CPU_PERCENT = 60;

export class Service extends Construct {
  readonly service: ecs.FargateService;
  readonly cluster: ecs.ICluster;
  readonly logGroup: logs.LogGroup;
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: ServiceProps) {
    super(scope, id);
    this.logGroup = new logs.LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.cluster = props.cluster ?? this.#makeCluster(props);
    this.securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: props.vpc,
      description: 'The SMTP tasks: in from the load balancer, out to HTTPS',
      allowAllOutbound: false,
    });
    // AWS's own services, and a JWKS. Names are resolved by the VPC, past any security group.
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'HTTPS');
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv6(), ec2.Port.tcp(443), 'HTTPS');
    const executionRole = this.#makeExecutionRole();
    this.service = this.#makeService(props, this.#makeTask(props, executionRole));
    // With its policy, without which no task can pull its image.
    this.service.node.addDependency(executionRole);
    this.#connect(props);
    this.#scale(props);
  }

  #makeCluster({ vpc, monitoring }: ServiceProps): ecs.ICluster {
    const { ENHANCED, DISABLED } = ecs.ContainerInsights;
    const cluster = new ecs.Cluster(this, 'Cluster', {
      vpc,
      containerInsightsV2: monitoring === 'basic' ? DISABLED : ENHANCED,
    });
    if (monitoring === 'basic') {
      acknowledge(cluster, {
        id: 'AwsSolutions::AwsSolutions-ECS4',
        reason: 'Container Insights is charged for each task, and basic monitoring is to be cheap',
      });
    }
    return cluster as ecs.ICluster;
  }

  #makeTask(props: ServiceProps, executionRole: iam.IRole): ecs.FargateTaskDefinition {
    const task = new ecs.FargateTaskDefinition(this, 'Task', {
      cpu: props.taskSize.cpu,
      memoryLimitMiB: props.taskSize.memoryMiB,
      taskRole: props.taskRole,
      executionRole,
      runtimePlatform: {
        cpuArchitecture: props.architecture,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    const linuxParameters = new ecs.LinuxParameters(this, 'LinuxParameters', {
      initProcessEnabled: true,
    });
    linuxParameters.dropCapabilities(ecs.Capability.ALL);
    const container = task.addContainer('smtp', {
      containerName: 'smtp',
      image: props.image,
      user: USER,
      readonlyRootFilesystem: true,
      linuxParameters,
      stopTimeout: STOP_TIMEOUT,
      environment: { MAILSLUICE_CONFIG: props.configuration },
      portMappings: [
        ...props.edge.targetGroups.map(({ port }) => ({ containerPort: port.containerPort })),
        { containerPort: HEALTH_PORT },
      ],
      healthCheck: {
        command: ['CMD', 'node', '/app/health-check.mjs', String(HEALTH_PORT)],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(5),
        retries: 3,
        startPeriod: Duration.seconds(30),
      },
      logging: ecs.LogDrivers.awsLogs({
        streamPrefix: 'mailsluice',
        logGroup: this.logGroup,
        // A slow CloudWatch must not hold up mail.
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(25),
      }),
    });
    container.addUlimits({ name: ecs.UlimitName.NOFILE, softLimit: 65_535, hardLimit: 65_535 });
    addScannerContainers({
      task,
      program: container,
      scanners: props.scanners,
      isEssential: props.needsScanners,
      logGroup: this.logGroup,
    });
    acknowledge(task, {
      id: 'AwsSolutions::AwsSolutions-ECS2',
      reason:
        'The configuration names resources and holds no secret; secrets are read by their ARN',
    });
    return task;
  }

  #makeExecutionRole(): iam.Role {
    const role = new iam.Role(this, 'ExecutionRole', {
      description: 'Pulls the image and writes the log',
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    acknowledge(role, {
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason: 'ecr:GetAuthorizationToken knows no resource',
    });
    return role;
  }

  #makeService(props: ServiceProps, taskDefinition: ecs.FargateTaskDefinition): ecs.FargateService {
    const service = new ecs.FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition,
      vpcSubnets: props.subnets,
      assignPublicIp: props.assignPublicIp,
      securityGroups: [this.securityGroup],
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.ENABLED,
      healthCheckGracePeriod: Duration.seconds(60),
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
    for (const { port, targetGroup } of props.edge.targetGroups) {
      targetGroup.addTarget(
        service.loadBalancerTarget({ containerName: 'smtp', containerPort: port.containerPort }),
      );
    }
    return service;
  }

  /** Only the load balancer reaches the tasks. Its health checks obey both groups' rules. */
  #connect({ edge }: ServiceProps): void {
    const ports = new Set([
      ...edge.targetGroups.map(({ port }) => port.containerPort),
      HEALTH_PORT,
    ]);
    for (const port of ports) {
      this.securityGroup.connections.allowFrom(
        edge.securityGroup,
        ec2.Port.tcp(port),
        port === HEALTH_PORT ? 'Health checks' : 'SMTP',
      );
    }
  }

  #scale({ minimumTasks, maximumTasks, activeConnections }: ServiceProps): void {
    const scaling = this.service.autoScaleTaskCount({
      minCapacity: minimumTasks,
      maxCapacity: maximumTasks,
    });
    // A policy would be two more alarms that can do nothing.
    if (minimumTasks === maximumTasks) return;
    // Sessions do not move to a new task, so a fleet that shrank too soon has to grow again.
    const cooldowns = {
      scaleInCooldown: Duration.minutes(5),
      scaleOutCooldown: Duration.minutes(1),
    };
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: CPU_PERCENT, ...cooldowns });
    scaling.scaleToTrackCustomMetric('Connections', {
      metric: activeConnections,
      targetValue: CONNECTIONS_PER_TASK,
      ...cooldowns,
    });
  }
}
