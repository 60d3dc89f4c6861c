// What infra/README.md says of the stacks, by the templates.
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { resourcesOf, synthApp } from './support.ts';

// Each synthesizes other templates.
vi.setConfig({ testTimeout: 120_000 });

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('infra/README.md');

function sectionOf(title: string): string {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`expected a section "${title}"`);
  return section;
}

test('infra/README.md links within the page to headings that it has', () => {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((anchor) => !headings.includes(anchor))).toEqual([]);
});

test('the first hour in infra/README.md names outputs that the stack has, in the order of the steps', () => {
  const outputs = new Set(
    Object.keys(synthApp({ alarmEmail: 'oncall@example.com' }).service.findOutputs('*')),
  );
  const hour = sectionOf('The first hour');
  const named = [...hour.matchAll(/`([A-Z]\w+(?:Command|Records|Name|Arn))`/g)].map(
    ([, name = '']) => name,
  );
  expect(named.filter((name) => !outputs.has(name))).toEqual([]);
  const steps = ['DnsRecords', 'CreateCredentialCommand', 'SendTestMailCommand'];
  expect(named.filter((name) => steps.includes(name))).toEqual(steps);
  const commands = [...hour.matchAll(/^(?:npm|npx) (?:run )?(\w+(?: \w+)?)/gm)].map(
    ([, name]) => name,
  );
  expect(commands.slice(0, 3)).toEqual(['ci', 'cdk bootstrap', 'deploy']);
});

test('the addresses of two stages against the quota of 5 are as infra/README.md says', () => {
  const addresses = (context: Readonly<Record<string, string>>): number => {
    const { data, service } = synthApp(context);
    return [data, service].flatMap((each) => Object.keys(resourcesOf(each, 'AWS::EC2::EIP')))
      .length;
  };
  const [first, other] = [addresses({}), addresses({ egress: 'public' })];
  expect(addresses({ egress: 'endpoints' })).toBe(other);
  const quotas = sectionOf('Quotas to check');
  expect(quotas).toContain(`: ${first} for a stage with the default settings`);
  expect(quotas).toContain(`with \`nat\` (${2 * first})`);
  expect(quotas).toContain(`it does (${first + other})`);
  expect([2 * first > 5, first + other <= 5]).toEqual([true, true]);
});

test('the alarms of the small profile in infra/README.md are those that it has', () => {
  const { service } = synthApp({ profile: 'small' });
  const ids = Object.keys(resourcesOf(service, 'AWS::CloudWatch::Alarm'));
  const [, list = ''] = /Six alarms \(([^)]+)\)/.exec(sectionOf('A small deployment')) ?? [];
  const named = [...list.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
  expect(named).toHaveLength(ids.length);
  expect(named.filter((name) => !ids.some((id) => id.includes(name)))).toEqual([]);
});

test('the pages say what a user must know before the first deployment', () => {
  expect(page).toMatch(/One deployment is in one region/);
  expect(sectionOf('Upgrade and rollback')).toMatch(/rolls the service back/);
  expect(sectionOf('What can be changed later')).toMatch(/What a change replaces:/);
  expect(read('CHANGELOG.md')).toContain('Logical ids have changed once.');
});
