import { METRICS, type MetricName } from './metric-names.ts';
import type { CumulativeReport, MetricsRegistry } from './metrics.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The whole registry in Prometheus's text format 0.0.4. */
export function renderPrometheus(registry: MetricsRegistry): string {
  const byName = new Map<MetricName, CumulativeReport[]>();
  for (const report of registry.readAll()) {
    const reports = byName.get(report.name);
    if (reports === undefined) byName.set(report.name, [report]);
    else reports.push(report);
  }
  let text = '';
  for (const [name, reports] of byName) {
    const shown = prometheusName(name);
    text += `# HELP ${shown} ${METRICS[name].description}\n# TYPE ${shown} ${TYPES[METRICS[name].kind]}\n`;
    for (const report of reports) text += renderSeries(shown, report);
  }
  return text;
}

const TYPES = { counter: 'counter', gauge: 'gauge', values: 'histogram' } as const;

/** `S3PutLatency` in milliseconds → `mailsluice_s3_put_latency_milliseconds`. */
export function prometheusName(name: MetricName): string {
  const { kind, unit } = METRICS[name];
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split('_');
  const suffix = unit.toLowerCase();
  if (unit !== 'Count' && unit !== 'None' && !words.includes(suffix)) words.push(suffix);
  if (kind === 'counter') words.push('total');
  return `mailsluice_${words.join('_')}`;
}

function renderSeries(name: string, report: CumulativeReport): string {
  const labels = Object.entries(report.labels).map(
    ([label, value]) =>
      `${label.replace(/(?<=.)([A-Z])/g, '_$1').toLowerCase()}="${escape(value)}"`,
  );
  if (report.kind === 'number') return `${name}${braced(labels)} ${report.value}\n`;
  let text = '';
  for (const { bound, count } of report.buckets) {
    text += `${name}_bucket${braced([...labels, `le="${bound}"`])} ${count}\n`;
  }
  text += `${name}_bucket${braced([...labels, 'le="+Inf"'])} ${report.count}\n`;
  text += `${name}_sum${braced(labels)} ${report.sum}\n${name}_count${braced(labels)} ${report.count}\n`;
  return text;
}

function braced(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
