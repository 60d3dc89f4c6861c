// The bill of a deployment that receives nothing, counted in its templates.
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { taskSizeProblems } from '../../../infra/bridge/task-size.ts';
import { fleetFor, monthlyCost } from '../../../infra/tools/cost.ts';
import {
  idleCost,
  renderEstimate,
  renderIdleTable,
  type StackTemplate,
  totalOf,
} from '../../../infra/tools/idle-cost.ts';
import { synthApp } from '../support.ts';

// Each synthesizes other templates.
vi.setConfig({ testTimeout: 120_000 });

const readme = readFileSync(new URL('../../../infra/README.md', import.meta.url), 'utf8');

function billOf(context: Readonly<Record<string, string>>): Map<string, number> {
  const { data, service } = synthApp(context);
  const items = idleCost([data.toJSON() as StackTemplate, service.toJSON() as StackTemplate]);
  return new Map(items.map(({ name, dollars }) => [name, dollars]));
}

function totalFor(context: Readonly<Record<string, string>>): number {
  return [...billOf(context).values()].reduce((sum, each) => sum + each, 0);
}

describe('the cost of a deployment before any mail', () => {
  test.each(['nat', 'public', 'endpoints'] as const)(
    'the cost with %s is the same by its templates and by the calculator',
    (egress) => {
      expect(totalFor({ egress })).toBeCloseTo(monthlyCost(0).total[egress], 6);
    },
  );

  // Of the price lists, by hand: 0.25 vCPU and 0.5 GB, one load balancer, its address and that of the task, eight
  // metrics, six alarms of which one looks at three metrics, one secret.
  test('the cost of a small deployment is about 35 dollars a month', () => {
    const byHand =
      720 * (0.25 * 0.03238 + 0.5 * 0.00356) +
      720 * 0.0225 +
      2 * 720 * 0.005 +
      8 * 0.3 +
      8 * 0.1 +
      0.4;
    const total = totalFor({ profile: 'small' });
    expect(total).toBeCloseTo(byHand, 2);
    expect(Math.abs(total - 35)).toBeLessThan(2);
  });

  test.each<[item: string, context: Readonly<Record<string, string>>, dollars: number]>([
    ['Fargate', { architecture: 'x86_64' }, 2 * 720 * (0.5 * 0.04048 + 0.004445)],
    ['Fargate', { minimumTasks: '5' }, 5 * 720 * (0.5 * 0.03238 + 0.00356)],
    ['Public IPv4 addresses', { zones: '3' }, 4 * 3.6],
    ['Public IPv4 addresses', { internal: 'true' }, 3.6],
    ['Interface endpoints', { egress: 'endpoints', zones: '3' }, 3 * 5 * 7.2],
    ['Secret, key, certificate', { customerManagedKey: 'true' }, 1.4],
    [
      'Secret, key, certificate',
      { certificate: 'acm', hostedZoneId: 'Z0123456789ABC', hostedZoneName: 'example.com' },
      0.4 + (7 * 30) / 198,
    ],
    ['Container Insights', { monitoring: 'basic' }, 0],
    ['Dashboard', { monitoring: 'basic' }, 0],
  ])('the cost of %s with %j is counted', (item, context, dollars) => {
    expect(billOf(context).get(item)).toBeCloseTo(dollars, 6);
  });

  test('the estimate names what is charged, and its total is that of the page', () => {
    const items = idleCost([
      synthApp({ profile: 'small' }).data.toJSON() as StackTemplate,
      synthApp({ profile: 'small' }).service.toJSON() as StackTemplate,
    ]);
    const lines = renderEstimate(items).split('\n');
    expect(lines[0]).toMatch(
      /costs about \$34 a month \(prices of us-east-1, infra\/README\.md\):$/,
    );
    expect(lines).toHaveLength(1 + items.filter(({ dollars }) => dollars > 0).length);
    expect(totalOf(items)).toBeCloseTo(totalFor({ profile: 'small' }), 6);
    expect(renderIdleTable()).toContain('**$34** |');
    expect(readme).toContain(renderIdleTable());
  });

  test('each row of the cost table is of tasks that Fargate has, and that the construct takes', () => {
    for (const rate of [1, 10, 100, 1000]) {
      const { cpu, gigabytes } = fleetFor(rate);
      expect(taskSizeProblems({ cpu: cpu * 1024, memoryMiB: gigabytes * 1024 }, [])).toEqual([]);
      synthApp({ cpu: String(cpu * 1024), memoryMiB: String(gigabytes * 1024) });
    }
  });
});
