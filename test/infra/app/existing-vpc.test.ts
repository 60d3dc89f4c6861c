// The settings that put the service into a network of the operator.
import { expect, test } from 'vitest';
import { onlyResource, resourcesOf, synthApp } from '../support.ts';

const VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  vpcCidr: '10.1.0.0/16',
  taskSubnetIds: 'subnet-aaaaaaaa,subnet-bbbbbbbb,subnet-cccccccc',
};

test('an existing VPC gets nothing but the service, with an address for each public subnet', () => {
  const { data, service } = synthApp({
    ...VPC,
    publicSubnetIds: 'subnet-11111111,subnet-22222222,subnet-33333333',
  });
  service.resourceCountIs('AWS::EC2::VPC', 0);
  service.resourceCountIs('AWS::EC2::Subnet', 0);
  service.resourceCountIs('AWS::EC2::NatGateway', 0);
  expect(Object.keys(resourcesOf(data, 'AWS::EC2::EIP'))).toHaveLength(3);
  service.hasResourceProperties('AWS::ECS::Service', {
    NetworkConfiguration: {
      AwsvpcConfiguration: { Subnets: ['subnet-aaaaaaaa', 'subnet-bbbbbbbb', 'subnet-cccccccc'] },
    },
  });
  const { SubnetMappings } = onlyResource(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer')
    .Properties as { SubnetMappings: { SubnetId: string; AllocationId: unknown }[] };
  expect(SubnetMappings.map(({ SubnetId }) => SubnetId)).toEqual([
    'subnet-11111111',
    'subnet-22222222',
    'subnet-33333333',
  ]);
});

test('an internal service has no public address, and is beside the tasks', () => {
  const { data, service } = synthApp({
    ...VPC,
    internal: 'true',
    allowedNetworks: '10.0.0.0/8,192.168.0.0/16',
  });
  data.resourceCountIs('AWS::EC2::EIP', 0);
  service.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
    Scheme: 'internal',
    Subnets: ['subnet-aaaaaaaa', 'subnet-bbbbbbbb', 'subnet-cccccccc'],
  });
  const groups = Object.values(resourcesOf(service, 'AWS::EC2::SecurityGroup'));
  const open = groups.flatMap(
    ({ Properties }) =>
      (Properties['SecurityGroupIngress'] ?? []) as { CidrIp: string; FromPort: number }[],
  );
  expect(open.map(({ CidrIp, FromPort }) => `${CidrIp} ${FromPort}`)).toEqual([
    '10.0.0.0/8 25',
    '10.0.0.0/8 587',
    '10.0.0.0/8 465',
    '192.168.0.0/16 25',
    '192.168.0.0/16 587',
    '192.168.0.0/16 465',
  ]);
});

test('a new VPC can have another range, and ports can be closed', () => {
  const { service } = synthApp({ cidr: '10.9.0.0/20', ports: '25' });
  service.hasResourceProperties('AWS::EC2::VPC', { CidrBlock: '10.9.0.0/20' });
  const listeners = Object.values(resourcesOf(service, 'AWS::ElasticLoadBalancingV2::Listener'));
  expect(listeners.map(({ Properties }) => Properties['Port'])).toEqual([25]);
  expect(JSON.stringify(onlyResource(service, 'AWS::ECS::TaskDefinition'))).not.toContain('2587');
});
