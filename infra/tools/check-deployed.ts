// What is there already, before a deployment: the last template of a stack, and the records of the hosted zone. CloudFormation
// takes a whole deployment back for what is found here, after half an hour.
import { promises as dns } from 'node:dns';
import { type CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { ListResourceRecordSetsCommand, type Route53Client } from '@aws-sdk/client-route-53';
import { fixedProblems } from '../app/fixed-settings.ts';
import { type Finding, missing, unknown } from './findings.ts';
import type { StackTemplate } from './idle-cost.ts';

/** `undefined`: there is no such stack. `unreadable`: these credentials cannot tell. */
export type LastTemplate = StackTemplate | 'unreadable' | undefined;

/** The template that a stack was last deployed with. */
export async function readLastTemplate(
  client: CloudFormationClient,
  stackName: string,
): Promise<LastTemplate> {
  try {
    const { TemplateBody = '{}' } = await client.send(
      new GetTemplateCommand({ StackName: stackName, TemplateStage: 'Original' }),
    );
    return JSON.parse(TemplateBody) as StackTemplate;
  } catch (error) {
    const { name, message } = error as Error;
    return name === 'ValidationError' && /does not exist/.test(message) ? undefined : 'unreadable';
  }
}

/** The settings that differ from those of the first deployment, and may not. */
export function checkFixedSettings(
  stackName: string,
  last: LastTemplate,
  next: StackTemplate,
): Finding[] {
  if (last === 'unreadable') {
    return [
      unknown(
        `Settings: not compared with those of the first deployment, since these credentials cannot read the template of ${stackName} (cloudformation:GetTemplate).`,
      ),
    ];
  }
  return fixedProblems(stackName, last?.Metadata, next.Metadata).map(missing);
}

/** A record that a template makes. */
interface PlannedRecord {
  readonly zoneId: string;
  /** With its final dot. */
  readonly name: string;
  readonly type: string;
}

function recordsOf({ Resources = {} }: StackTemplate): PlannedRecord[] {
  return Object.values(Resources).flatMap(({ Type, Properties = {} }) => {
    const { HostedZoneId: zoneId, Name: name, Type: type } = Properties;
    const isKnown =
      Type === 'AWS::Route53::RecordSet' &&
      typeof zoneId === 'string' &&
      typeof name === 'string' &&
      typeof type === 'string';
    return isKnown ? [{ zoneId, name, type }] : [];
  });
}

/** Looks a name up in the public DNS, where the hosted zone cannot be read. */
export type Resolve = (name: string, type: string) => Promise<readonly unknown[]>;

const NO_RECORD: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The records that this deployment creates and that are there already, not made by the last one: Route 53 refuses to
 * create them.
 */
export async function checkRecords(
  client: Route53Client,
  last: LastTemplate,
  next: StackTemplate,
  resolve: Resolve = (name, type) => dns.resolve(name, type) as Promise<readonly unknown[]>,
): Promise<Finding[]> {
  const key = ({ zoneId, name, type }: PlannedRecord) => `${zoneId} ${name} ${type}`;
  const own = new Set(last === undefined || last === 'unreadable' ? [] : recordsOf(last).map(key));
  const created = recordsOf(next).filter((record) => !own.has(key(record)));
  // Nobody knows then which of them are of the last deployment.
  if (last === 'unreadable' || created.length === 0) return [];
  const findings: Finding[] = [];
  let refused: string | undefined;
  for (const record of created) {
    try {
      const found = await findRecord(client, record);
      if (found !== undefined) findings.push(alreadyThere(record, found, 'the hosted zone'));
    } catch (error) {
      refused = (error as Error).name;
      break;
    }
  }
  if (refused === undefined) return findings;
  return [
    unknown(
      `DNS records: the hosted zone cannot be read (${refused}; the right route53:ListResourceRecordSets), so the public DNS was asked, which may be behind.`,
    ),
    ...(await findPublished(created, resolve)),
  ];
}

/** What a hosted zone has under a name and type. */
async function findRecord(
  client: Route53Client,
  { zoneId, name, type }: PlannedRecord,
): Promise<string | undefined> {
  const { ResourceRecordSets = [] } = await client.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      StartRecordName: name,
      StartRecordType: type as 'MX',
      MaxItems: 1,
    }),
  );
  const [first] = ResourceRecordSets;
  // The list begins there, or after it.
  if (first?.Name?.toLowerCase() !== name.toLowerCase() || first.Type !== type) return undefined;
  const values = first.ResourceRecords?.map(({ Value = '' }) => Value) ?? [];
  return values.length > 0 ? values.join(', ') : `an alias to ${first.AliasTarget?.DNSName ?? '?'}`;
}

async function findPublished(
  records: readonly PlannedRecord[],
  resolve: Resolve,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const record of records) {
    try {
      const answers = await resolve(record.name.replace(/\.$/, ''), record.type);
      if (answers.length > 0) {
        found.push(alreadyThere(record, renderAnswers(answers), 'the public DNS'));
      }
    } catch (error) {
      const { code = 'no answer' } = error as NodeJS.ErrnoException;
      if (NO_RECORD.has(code)) continue;
      found.push(unknown(`DNS records: ${record.type} of ${record.name} not checked (${code}).`));
    }
  }
  return found;
}

/** As `dns.resolve` gives them: texts, texts in pieces, or objects. */
function renderAnswers(answers: readonly unknown[]): string {
  return answers
    .map((answer) => {
      if (Array.isArray(answer)) return answer.join('');
      return typeof answer === 'string' ? answer : JSON.stringify(answer);
    })
    .join(', ');
}

/** What one gives instead, where a record of a type is not to be made. */
function waysAround({ name, type }: PlannedRecord): string {
  if (type === 'MX') return 'deploy with -c mxRecords=false until mail is to come here';
  if (name.startsWith('_mta-sts.') || name.startsWith('mta-sts.')) return 'leave out mtaSts';
  if (name.startsWith('_smtp._tls.')) return 'leave out tlsReportAddress';
  return type === 'TXT' ? 'leave out receiveOnly' : 'leave out hostedZoneId';
}

function alreadyThere(record: PlannedRecord, value: string, where: string): Finding {
  return missing(
    `DNS records: expected no ${record.type} of ${record.name} in ${where}, since this deployment creates it, got ${value}. Delete it, or ${waysAround(record)}.`,
  );
}
