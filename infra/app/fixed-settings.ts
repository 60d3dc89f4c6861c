// The settings that can be chosen only at the first deployment of a stack. Each stack records them in its template, so that
// the next deployment can be compared with what is there.
import { isRecord } from '../bridge/given-value.ts';
import { SETTING_NAMES, SETTING_ROWS, type Settings } from './settings.ts';

const KEY = 'mailsluice:first-deployment';

type Stack = 'data' | 'service';
type Metadata = Readonly<Record<string, unknown>>;

/** The metadata of a template: each fixed setting of the stack, as text. */
export function recordFixed(stack: Stack, settings: Settings): Record<string, unknown> {
  const fixed = SETTING_NAMES.flatMap((name) => {
    const { fixed: row } = SETTING_ROWS[name];
    return row?.stack === stack ? [[name, row.describe(settings[name])]] : [];
  });
  return { [KEY]: Object.fromEntries(fixed) as Record<string, string> };
}

/** What a deployment of `next` over `last` would change that cannot be changed: a sentence each. */
export function fixedProblems(
  stackName: string,
  last: Metadata | undefined,
  next: Metadata | undefined,
): string[] {
  const [before, after] = [last?.[KEY], next?.[KEY]];
  // A stack that an earlier version deployed has no record.
  if (!isRecord(before) || !isRecord(after)) return [];
  return SETTING_NAMES.flatMap((name) => {
    const { fixed } = SETTING_ROWS[name];
    const [was, is] = [before[name], after[name]];
    if (fixed === undefined || was === undefined || is === undefined || was === is) return [];
    const other =
      fixed.stack === 'service'
        ? `run "npx cdk destroy ${stackName}" first, which keeps the mail, or deploy another stage`
        : 'deploy another stage';
    return [
      `${name}: expected ${JSON.stringify(was)}, as at the first deployment of ${stackName}, since ${fixed.because}; got ${JSON.stringify(is)}. Give it as it was, ${other}.`,
    ];
  });
}

/** The table of README.md. */
export function renderFixedTable(): string {
  const rows = SETTING_NAMES.flatMap((name) => {
    const { fixed } = SETTING_ROWS[name];
    if (fixed === undefined) return [];
    return [[`\`${name}\``, `the ${fixed.stack} stack`, fixed.because]];
  });
  const head = ['Setting', 'Only at the first deployment of', 'Why'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
