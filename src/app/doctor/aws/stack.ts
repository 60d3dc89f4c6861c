import { type Finding, ok, shown } from '../finding.ts';
import { elementOf, type QueryClient } from './query-client.ts';

export interface StackFacts {
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Status and outputs of a stack. `undefined`: there is no such stack. Rejects with AWS's error. */
export async function readStack(
  client: QueryClient,
  name: string,
  signal: AbortSignal,
): Promise<StackFacts | undefined> {
  let xml: string;
  try {
    xml = await client.call(
      'cloudformation',
      { Action: 'DescribeStacks', StackName: name },
      signal,
    );
  } catch (error) {
    const isMissing =
      error instanceof Error &&
      error.name === 'ValidationError' &&
      error.message.includes('does not exist');
    if (isMissing) return undefined;
    throw error;
  }
  const outputs: Record<string, string> = {};
  const [, list = ''] = /<Outputs>([^]*?)<\/Outputs>/.exec(xml) ?? [];
  for (const [, member = ''] of list.matchAll(/<member>([^]*?)<\/member>/g)) {
    const key = elementOf(member, 'OutputKey');
    if (key !== undefined) outputs[key] = elementOf(member, 'OutputValue') ?? '';
  }
  return { status: elementOf(xml, 'StackStatus') ?? 'unknown', outputs };
}

/** Whether the last deployment of the stack came to its end. */
export function checkStack(name: string, { status }: StackFacts): Finding[] {
  const events = `aws cloudformation describe-stack-events --stack-name ${name} --max-items 20`;
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE(_CLEANUP_IN_PROGRESS)?$/.test(status)) {
    return [ok(`the stack ${name} is deployed (${status})`)];
  }
  if (status.endsWith('_IN_PROGRESS')) {
    return [
      {
        level: 'warning',
        found: `the stack ${name} is being changed (${status})`,
        why: 'what the other checks find may change within minutes',
        fix: `run the command again when it is done: ${events}`,
      },
    ];
  }
  return [
    {
      level: status === 'UPDATE_ROLLBACK_COMPLETE' ? 'warning' : 'failed',
      found: `the last deployment of the stack ${name} failed (${shown(status)})`,
      why: 'what runs is not what was to be deployed',
      fix: events,
    },
  ];
}
