// The settings that put the service into an existing VPC. Subnets are named, not looked up: a synth needs no credentials.
import { aws_ec2 as ec2, Fn, type Stack } from 'aws-cdk-lib';
import type { MailBridgeProps } from '../bridge/mail-bridge-props.ts';
import type { RelatedSettings } from './setting.ts';

/** What is missing beside `vpcId`, or given without it. */
export function vpcConflict(
  vpcId: string | undefined,
  { vpcCidr, publicSubnetIds = [], taskSubnetIds = [], internal }: RelatedSettings,
): string | undefined {
  const given = vpcCidr !== undefined || publicSubnetIds.length > 0 || taskSubnetIds.length > 0;
  if (vpcId === undefined) {
    return given
      ? 'vpcId: expected the id of a VPC beside vpcCidr, publicSubnetIds and taskSubnetIds, got nothing'
      : undefined;
  }
  const missing = [
    ...(vpcCidr === undefined ? ['vpcCidr'] : []),
    ...(taskSubnetIds.length === 0 ? ['taskSubnetIds'] : []),
    ...(publicSubnetIds.length === 0 && !internal ? ['publicSubnetIds'] : []),
  ];
  return missing.length === 0
    ? undefined
    : `vpcId: expected ${missing.join(' and ')} beside it, got nothing`;
}

/** The VPC with its subnets, as the props that choose them. */
export function importVpc(
  stack: Stack,
  vpcId: string,
  { vpcCidr = '', publicSubnetIds = [], taskSubnetIds = [], internal }: RelatedSettings,
): Partial<MailBridgeProps> {
  const zone = (at: number) => Fn.select(at, Fn.getAzs());
  const taskSubnets = {
    subnets: taskSubnetIds.map((subnetId, at) =>
      ec2.Subnet.fromSubnetAttributes(stack, `TaskSubnet${at + 1}`, {
        subnetId,
        availabilityZone: zone(at),
      }),
    ),
  };
  const loadBalancerIds = internal ? taskSubnetIds : publicSubnetIds;
  return {
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId,
      vpcCidrBlock: vpcCidr,
      availabilityZones: loadBalancerIds.map((_, at) => zone(at)),
      ...(internal ? {} : { publicSubnetIds: [...publicSubnetIds] }),
    }),
    taskSubnets,
    ...(internal && { loadBalancerSubnets: taskSubnets }),
  };
}
