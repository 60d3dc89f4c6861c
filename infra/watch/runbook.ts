// Where an alarm sends its reader: to the runbook at an address of the operator's, or to its articles on the dashboard.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, packageVersion } from '../tools/package-root.ts';

/** Each article of RUNBOOK.md by the name of its alarm, as text for a widget: links within the page are only names there. */
export function readRunbook(): ReadonlyMap<string, string> {
  const page = readFileSync(join(packageRoot, 'infra/RUNBOOK.md'), 'utf8');
  const articles = page.split(/^## /m).slice(1);
  return new Map(
    articles.map((article) => {
      const [name = ''] = article.split('\n', 1);
      return [name, `## ${article.replace(/\[([^\]]+)\]\((?!https:)[^)]*\)/g, '$1').trim()}`];
    }),
  );
}

export interface RunbookPlaces {
  /** The address of RUNBOOK.md, if the operator publishes it. */
  readonly runbookUrl: string | undefined;
  /** The address of the dashboard with the articles, if there is one. */
  readonly dashboardUrl: string | undefined;
}

/** What the text of an alarm says about its article. */
export function renderPlace(name: string, { runbookUrl, dashboardUrl }: RunbookPlaces): string {
  if (runbookUrl !== undefined) return `${runbookUrl}#${name.toLowerCase()}`;
  return dashboardUrl === undefined
    ? `article ${name} of infra/RUNBOOK.md in mailsluice ${packageVersion}`
    : `article ${name} on ${dashboardUrl}`;
}
