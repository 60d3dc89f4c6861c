// Addresses in the AWS console, whose domain is another one in each partition.
import { Aws, CfnMapping, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

const CONSOLES = {
  aws: { domain: 'console.aws.amazon.com' },
  'aws-cn': { domain: 'console.amazonaws.cn' },
  'aws-us-gov': { domain: 'console.amazonaws-us-gov.com' },
};
const ID = 'Consoles';

/** The console of CloudWatch in the region of the deployment. Needs a hash and a path behind it. */
export function cloudWatchConsole(scope: Construct): string {
  const stack = Stack.of(scope);
  const known = stack.node.tryFindChild(ID) as CfnMapping | undefined;
  const consoles = known ?? new CfnMapping(stack, ID, { mapping: CONSOLES });
  return `https://${Aws.REGION}.${consoles.findInMap(Aws.PARTITION, 'domain')}/cloudwatch/home?region=${Aws.REGION}`;
}
