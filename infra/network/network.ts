// The VPC: a new one as the choice of egress needs it, or the caller's own.
import {
  aws_ec2 as ec2,
  aws_iam as iam,
  aws_logs as logs,
  Aws,
  CfnMapping,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Egress } from '../bridge/choices.ts';

export interface NetworkProps {
  /** The caller's VPC; nothing is added to it. */
  readonly vpc: ec2.IVpc | undefined;
  readonly egress: Egress;
  readonly zones: number;
  /** The addresses of a new VPC. */
  readonly cidr: string;
  readonly dualStack: boolean;
  readonly taskSubnets: ec2.SubnetSelection | undefined;
  /** For the policy of the S3 endpoint. */
  readonly bucketArn: string;
  /** Whether the tasks export their certificate from ACM. */
  readonly usesAcm: boolean;
}

/** The beginning of the name of an ECR endpoint in each partition; the other services begin alike everywhere. */
const ECR_ENDPOINTS = {
  aws: { prefix: 'com.amazonaws' },
  'aws-cn': { prefix: 'cn.com.amazonaws' },
  'aws-us-gov': { prefix: 'com.amazonaws' },
};

const MAXIMUM_ZONES = 6;
/** 251 addresses for tasks or load balancer in each zone; twelve of these fit into a /20. */
const SUBNET_MASK = 24;

export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly taskSubnets: ec2.SubnetSelection;
  readonly assignPublicIp: boolean;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const taskSubnetType = TASK_SUBNETS[props.egress.kind];
    this.vpc = props.vpc ?? (this.#makeVpc(props, taskSubnetType) as ec2.IVpc);
    this.assignPublicIp = props.egress.kind === 'public';
    this.taskSubnets = props.taskSubnets ?? { subnetType: taskSubnetType };
  }

  #makeVpc(
    { egress, zones, cidr, dualStack, bucketArn, usesAcm }: NetworkProps,
    taskSubnetType: ec2.SubnetType,
  ): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      maxAzs: zones,
      // The ranges of all zones that there can be, so that a subnet keeps its own whatever is changed later.
      reservedAzs: MAXIMUM_ZONES - zones,
      natGateways: egress.natGateways,
      ipProtocol: dualStack ? ec2.IpProtocol.DUAL_STACK : ec2.IpProtocol.IPV4_ONLY,
      subnetConfiguration: [
        {
          name: 'public',
          subnetType: ec2.SubnetType.PUBLIC,
          mapPublicIpOnLaunch: false,
          cidrMask: SUBNET_MASK,
        },
        ...(egress.kind === 'public'
          ? []
          : [{ name: 'tasks', subnetType: taskSubnetType, cidrMask: SUBNET_MASK }]),
      ],
      // Nothing here uses the default group; restricting it would take a function with rights on all groups.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
      flowLogs: {
        // What was turned away: an NLB keeps no log of TCP connections, and accepted ones are in the program's log.
        Rejected: {
          destination: ec2.FlowLogDestination.toCloudWatchLogs(
            new logs.LogGroup(this, 'FlowLog', {
              retention: logs.RetentionDays.ONE_MONTH,
              removalPolicy: RemovalPolicy.DESTROY,
            }),
          ),
          trafficType: ec2.FlowLogTrafficType.REJECT,
        },
      },
    });
    const s3Endpoint = vpc.node.findChild('S3') as ec2.GatewayVpcEndpoint;
    for (const statement of s3EndpointPolicy(bucketArn)) s3Endpoint.addToPolicy(statement);
    if (egress.kind === 'endpoints') this.#addInterfaceEndpoints(vpc, usesAcm);
    return vpc;
  }

  #addInterfaceEndpoints(vpc: ec2.Vpc, usesAcm: boolean): void {
    const { CLOUDWATCH_LOGS, SNS, SECRETS_MANAGER, CERTIFICATE_MANAGER } =
      ec2.InterfaceVpcEndpointAwsService;
    // The CDK knows the names by the region, which a stack without one does not.
    const ecr = new CfnMapping(this, 'EcrEndpoints', { mapping: ECR_ENDPOINTS });
    const ecrPrefix = ecr.findInMap(Aws.PARTITION, 'prefix');
    const securityGroup = new ec2.SecurityGroup(this, 'EndpointSecurityGroup', {
      vpc: vpc as ec2.IVpc,
      description: 'Interface endpoints of the AWS services that the tasks use',
      allowAllOutbound: false,
    });
    for (const subnet of vpc.isolatedSubnets) {
      securityGroup.addIngressRule(
        ec2.Peer.ipv4(subnet.ipv4CidrBlock),
        ec2.Port.tcp(443),
        'From the tasks',
      );
    }
    for (const [name, service] of Object.entries({
      Ecr: new ec2.InterfaceVpcEndpointAwsService('ecr.api', ecrPrefix),
      EcrDocker: new ec2.InterfaceVpcEndpointAwsService('ecr.dkr', ecrPrefix),
      Logs: CLOUDWATCH_LOGS,
      Sns: SNS,
      SecretsManager: SECRETS_MANAGER,
      ...(usesAcm && { CertificateManager: CERTIFICATE_MANAGER }),
    })) {
      vpc.addInterfaceEndpoint(name, {
        service,
        subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
        securityGroups: [securityGroup],
        open: false,
      });
    }
  }
}

export const TASK_SUBNETS: Readonly<Record<Egress['kind'], ec2.SubnetType>> = {
  nat: ec2.SubnetType.PRIVATE_WITH_EGRESS,
  endpoints: ec2.SubnetType.PRIVATE_ISOLATED,
  public: ec2.SubnetType.PUBLIC,
};

/** Public for the internet; beside the tasks where it is internal. */
export function chooseLoadBalancerSubnets(
  internetFacing: boolean,
  egress: Egress,
): ec2.SubnetSelection {
  const subnetType = internetFacing ? ec2.SubnetType.PUBLIC : TASK_SUBNETS[egress.kind];
  return { subnetType, onePerAz: true };
}

/** Through this endpoint one reaches the mail and the layers of the image, and no other bucket. */
function s3EndpointPolicy(bucketArn: string): iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:*'],
      resources: [bucketArn, `${bucketArn}/*`],
    }),
    new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:GetObject'],
      resources: [`arn:${Aws.PARTITION}:s3:::prod-${Aws.REGION}-starport-layer-bucket/*`],
    }),
  ];
}
