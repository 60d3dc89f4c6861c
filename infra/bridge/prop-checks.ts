// Props that synthesise and cannot work, or of which the CDK would say something that helps nobody.
import {
  aws_dynamodb as dynamodb,
  type aws_s3 as s3,
  type aws_sns as sns,
  type IResource,
  Stack,
  Token,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Configuration } from '../../src/config/index.ts';
import { TlsCertificate } from '../certificate/tls-certificate.ts';
import { scannersProblems } from '../scan/scanners.ts';
import { ClientAddress, Egress } from './choices.ts';
import { got } from './given-value.ts';
import type { MailBridgeProps } from './mail-bridge-props.ts';

const TABLE_KEY = 'pk';

/** The errors of what an untyped caller gives for a prop with its own class. */
export function choiceProblems(props: MailBridgeProps): string[] {
  const problems: string[] = [];
  const { egress, clientAddress, certificate, monitoring, runbookUrl, scanners } = props as {
    readonly [Name in keyof MailBridgeProps]: unknown;
  };
  if (egress !== undefined && !isChoice(egress, Egress)) {
    problems.push(
      `egress: expected Egress.nat(), Egress.endpoints() or Egress.publicAddresses(), got ${got(egress)}`,
    );
  }
  if (clientAddress !== undefined && !isChoice(clientAddress, ClientAddress)) {
    problems.push(
      `clientAddress: expected ClientAddress.preserved() or ClientAddress.proxyProtocol(), got ${got(clientAddress)}`,
    );
  }
  if (certificate !== undefined && !(certificate instanceof TlsCertificate)) {
    problems.push(`certificate: expected a TlsCertificate, got ${got(certificate)}`);
  }
  if (monitoring !== undefined && monitoring !== 'full' && monitoring !== 'basic') {
    problems.push(`monitoring: expected "full" or "basic", got ${got(monitoring)}`);
  }
  const isAddress = typeof runbookUrl === 'string' && /^https:\/\/\S+$/.test(runbookUrl);
  if (runbookUrl !== undefined && !isAddress) {
    problems.push(
      `runbookUrl: expected an https address, like "https://wiki.example.com/RUNBOOK.md", got ${got(runbookUrl)}`,
    );
  }
  problems.push(...scannersProblems(scanners));
  return problems;
}

function isChoice(value: unknown, kind: typeof Egress | typeof ClientAddress): boolean {
  return value instanceof kind;
}

/** The errors of given resources. */
export function resourceProblems(scope: Construct, props: MailBridgeProps): string[] {
  const { bucket, topic, quarantineTopic, table, encryptionKey, certificate, vpc, zones, cidr } =
    props;
  return [
    ...(bucket === undefined ? [] : bucketProblems(scope, bucket)),
    ...(topic === undefined ? [] : topicProblems(scope, topic)),
    ...(quarantineTopic === undefined
      ? []
      : topicProblems(scope, quarantineTopic, 'quarantineTopic')),
    ...(table === undefined ? [] : [...elsewhere(scope, 'table', table), ...tableProblems(table)]),
    ...(encryptionKey === undefined
      ? []
      : elsewhere(scope, 'encryptionKey', encryptionKey, 'region')),
    ...(certificate?.resource === undefined
      ? []
      : elsewhere(scope, 'certificate', certificate.resource, 'region')),
    ...(vpc === undefined ? [] : elsewhere(scope, 'vpc', vpc)),
    ...(vpc !== undefined && zones !== undefined
      ? ['zones: expected none beside vpc, whose subnets decide it']
      : []),
    ...(vpc !== undefined && cidr !== undefined
      ? ['cidr: expected none beside vpc, which has its own']
      : []),
    ...(cidr === undefined ? [] : cidrProblems(cidr)),
  ];
}

/** Whether a bucket is given that cannot tell whether it has a KMS key. */
export function isKeyUnknown({ bucket, encryptionKey }: MailBridgeProps): boolean {
  return (
    bucket !== undefined &&
    bucket.node.defaultChild === undefined &&
    encryptionKey === undefined &&
    bucket.encryptionKey === undefined
  );
}

function bucketProblems(scope: Construct, bucket: s3.IBucket): string[] {
  const problems = elsewhere(scope, 'bucket', bucket);
  if (!Token.isUnresolved(bucket.bucketName) && bucket.bucketName.endsWith('--x-s3')) {
    problems.push(
      `bucket: expected a general purpose bucket, since a directory bucket (S3 Express) knows no versions and is in one zone, got ${JSON.stringify(bucket.bucketName)}`,
    );
  }
  return problems;
}

function topicProblems(scope: Construct, topic: sns.ITopic, prop = 'topic'): string[] {
  const problems = elsewhere(scope, prop, topic, 'region');
  if (topic.fifo) {
    problems.push(
      `${prop}: expected a standard topic, since notifications have no order, got a FIFO topic`,
    );
  }
  return problems;
}

/** In another region or account than the stack, where both are known. */
function elsewhere(
  scope: Construct,
  prop: string,
  resource: IResource,
  ...parts: readonly ('region' | 'account')[]
): string[] {
  const { region, account } = Stack.of(scope);
  const own = { region, account };
  const env = placeOf(resource);
  const compared = parts.length === 0 ? (['region', 'account'] as const) : parts;
  return compared
    .filter(
      (part) =>
        !Token.isUnresolved(own[part]) && !Token.isUnresolved(env[part]) && own[part] !== env[part],
    )
    .map(
      (part) => `${prop}: expected one in the ${part} ${own[part]} of the stack, got ${env[part]}`,
    );
}

/** Where a resource is. Not every import of the CDK reads it from the ARN. */
function placeOf(resource: IResource): { readonly region: string; readonly account: string } {
  const { certificateArn, tableArn } = resource as {
    readonly certificateArn?: string;
    readonly tableArn?: string;
  };
  const arn = certificateArn ?? tableArn;
  if (arn === undefined || Token.isUnresolved(arn)) return resource.env;
  const [, , , region = '', account = ''] = arn.split(':');
  return { region, account };
}

/** Of a table that the app itself makes; an imported one does not know its key. */
function tableProblems(table: dynamodb.ITable): string[] {
  const { defaultChild } = table.node;
  const isTable =
    defaultChild instanceof dynamodb.CfnTable || defaultChild instanceof dynamodb.CfnGlobalTable;
  if (!isTable || !Array.isArray(defaultChild.keySchema)) return [];
  const types = new Map(
    (Array.isArray(defaultChild.attributeDefinitions)
      ? (defaultChild.attributeDefinitions as dynamodb.CfnTable.AttributeDefinitionProperty[])
      : []
    ).map(({ attributeName, attributeType }) => [attributeName, attributeType]),
  );
  const keys = (defaultChild.keySchema as dynamodb.CfnTable.KeySchemaProperty[]).map(
    ({ attributeName }) => `"${attributeName}" (${types.get(attributeName)})`,
  );
  return keys.join() === `"${TABLE_KEY}" (S)`
    ? []
    : [
        `table: expected the partition key "${TABLE_KEY}" (S) and no sort key, got ${keys.join(' and ')}`,
      ];
}

function cidrProblems(cidr: string): string[] {
  const [, length] = /^\d{1,3}(?:\.\d{1,3}){3}\/(\d+)$/.exec(cidr) ?? [];
  return length !== undefined && Number(length) >= 16 && Number(length) <= 20
    ? []
    : [
        `cidr: expected an IPv4 network of /16 to /20, like "10.0.0.0/16", got ${JSON.stringify(cidr)}`,
      ];
}

/** The errors between the configuration and the props. */
export function portProblems(
  { listeners }: Configuration,
  ports: Readonly<Record<string, number>>,
): string[] {
  const names = listeners.map(({ name }) => name);
  return [
    ...Object.entries(ports).flatMap(([name, port]) => [
      ...(names.includes(name)
        ? []
        : [`ports: expected the names of listeners (${names.join(', ')}), got "${name}"`]),
      ...(Number.isInteger(port) && port >= 1 && port <= 65_535
        ? []
        : [`ports: expected a port from 1 to 65535 for "${name}", got ${port}`]),
    ]),
  ];
}
