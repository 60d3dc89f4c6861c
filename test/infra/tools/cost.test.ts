import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { countAlarmMetrics } from '../../../infra/tools/alarm-metrics.ts';
import {
  ASSUMPTIONS,
  breakEvenWithSes,
  countMetrics,
  monthlyCost,
  renderBreakEven,
  renderCostTable,
} from '../../../infra/tools/cost.ts';
import { takeEmfLines } from '../../../src/telemetry/emf.ts';
import { METRIC_NAMES, METRICS, MetricsRegistry } from '../../../src/telemetry/index.ts';
import { resourcesOf, synthApp } from '../support.ts';

const readme = readFileSync(new URL('../../../infra/README.md', import.meta.url), 'utf8');

/** Worked out by hand from the price lists, once, without this calculator: dollars a month, least and most. Of these, 6 are Container Insights. */
const byHand = [
  [1, 104, 169],
  [10, 245, 310],
  [100, 1742, 1805],
  [1000, 16_450, 16_490],
] as const;

function within(percent: number, value: number, expected: number): boolean {
  return Math.abs(value - expected) <= (expected * percent) / 100;
}

describe('the calculator', () => {
  test.each(byHand)(
    'the cost calculator at %i messages a second agrees within 10 %% with the bill by hand',
    (rate, least, most) => {
      const totals = Object.values(monthlyCost(rate).total);
      expect(within(10, Math.min(...totals), least)).toBe(true);
      expect(within(10, Math.max(...totals), most)).toBe(true);
    },
  );

  test.each([
    ['public', 0.88e6],
    ['nat', 1.18e6],
    ['endpoints', 1.54e6],
  ] as const)('with %s SES is cheaper below about %i messages a month', (egress, messages) => {
    expect(within(10, breakEvenWithSes(egress), messages)).toBe(true);
  });

  test('by the cost calculator, below the break-even SES costs less, above it more', () => {
    for (const egress of ['public', 'nat', 'endpoints'] as const) {
      const rate = breakEvenWithSes(egress) / (30 * 24 * 3600);
      const [below, above] = [monthlyCost(rate * 0.8), monthlyCost(rate * 1.2)];
      expect(below.ses).toBeLessThan(below.total[egress]);
      expect(above.ses).toBeGreaterThan(above.total[egress]);
    }
  });

  test('the cost calculator: what the page says is what it prints', () => {
    expect(readme).toContain(renderCostTable());
    expect(readme).toContain(renderBreakEven());
  });

  test('the cost calculator counts the metrics that CloudWatch takes from the log', () => {
    const values = {
      Listener: ['mx', 'submission', 'smtps'],
      Reason: ['one', 'other'],
      Rule: ['spf', 'dmarc', 'list'],
      TlsVersion: ['TLSv1.2', 'TLSv1.3'],
      Code: [],
    } as const;
    const registry = new MetricsRegistry();
    for (const name of METRIC_NAMES) {
      const { kind, labels } = METRICS[name];
      const [label] = labels;
      const given = label === undefined ? [{}] : values[label].map((value) => ({ [label]: value }));
      if (kind === 'gauge') registry.gauge(name as never, () => 1);
      for (const each of given) {
        if (kind === 'counter') registry.count(name as never, each as never);
        if (kind === 'values') registry.record(name as never, each as never, 1);
      }
    }
    const metrics = new Set<string>();
    for (const line of takeEmfLines(registry, 'test', new Date())) {
      const document = JSON.parse(line) as EmfLine;
      for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
        for (const { Name } of Metrics) {
          for (const set of Dimensions) {
            metrics.add(JSON.stringify([Name, ...set.map((dimension) => document[dimension])]));
          }
        }
      }
    }
    expect(countMetrics(ASSUMPTIONS)).toBe(metrics.size);
  });

  test('the cost calculator counts the metrics that the alarms of the ready app look at', () => {
    const alarms = Object.values(resourcesOf(synthApp({}).service, 'AWS::CloudWatch::Alarm'));
    expect(alarms.length).toBeGreaterThan(15);
    const counts = alarms.map(({ Properties }) => {
      const queries = (Properties['Metrics'] ?? [{ MetricStat: {} }]) as readonly Query[];
      const bands = queries.filter(({ Expression }) => Expression?.startsWith('ANOMALY')).length;
      return queries.filter(({ MetricStat }) => MetricStat !== undefined).length + 2 * bands;
    });
    expect(countAlarmMetrics()).toBe(counts.reduce((sum, count) => sum + count));
  });
});

interface Query {
  readonly MetricStat?: object;
  readonly Expression?: string;
}

interface EmfLine {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [name: string]: unknown;
}
