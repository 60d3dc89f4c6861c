import { METRIC_NAMES, METRICS } from '../../src/telemetry/index.ts';
import { prometheusName } from '../../src/telemetry/prometheus.ts';

/** The table of src/telemetry/README.md. */
export function renderMetricsTable(): string {
  const rows = METRIC_NAMES.map((name) => {
    const { kind, unit, dimensions, description } = METRICS[name];
    const sets = dimensions.map((set) => (set.length === 0 ? 'all' : `by ${set.join(', ')}`));
    return `| \`${name}\` | \`${prometheusName(name)}\` | ${kind} | ${unit} | ${sets.join('; ')} | ${description} |`;
  });
  return [
    '| CloudWatch | Prometheus | Kind | Unit | Summed over | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
