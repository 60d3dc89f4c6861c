import { type Finding, ok } from '../finding.ts';
import { elementOf, elementsOf, type QueryClient } from './query-client.ts';

/** A second stage takes one address for each of at least two zones. */
const SPARE = 2;

/** The Elastic IP addresses of the region: five are allowed by default. */
export async function checkQuotas(client: QueryClient, signal: AbortSignal): Promise<Finding[]> {
  const [addresses, attributes] = await Promise.all([
    client.call('ec2', { Action: 'DescribeAddresses' }, signal),
    client.call(
      'ec2',
      { Action: 'DescribeAccountAttributes', 'AttributeName.1': 'vpc-max-elastic-ips' },
      signal,
    ),
  ]);
  const used = elementsOf(addresses, 'publicIp').length;
  return judgeElasticIps(used, Number(elementOf(attributes, 'attributeValue') ?? Number.NaN));
}

export function judgeElasticIps(used: number, quota: number): Finding[] {
  if (!Number.isFinite(quota)) {
    return [
      {
        level: 'unknown',
        found: `${used} Elastic IP addresses are in use; AWS did not say how many are allowed`,
        why: 'five are allowed by default, and a deployment beyond them fails',
        fix: 'aws service-quotas get-service-quota --service-code ec2 --quota-code L-0263D0A3',
      },
    ];
  }
  if (quota - used < SPARE) {
    return [
      {
        level: used >= quota ? 'warning' : 'note',
        found: `${used} of ${quota} Elastic IP addresses of the region are in use`,
        why: 'another stage, zone or NAT gateway needs more, and its deployment would fail',
        fix: `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-0263D0A3 --desired-value ${quota + 5}`,
      },
    ];
  }
  return [ok(`${used} of ${quota} Elastic IP addresses of the region are in use`)];
}
