import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MetricsRegistry, SERIES_PER_METRIC } from '../../src/telemetry/metrics.ts';
import { takeEmfLines } from '../../src/telemetry/emf.ts';
import { BASIC_METRICS, METRIC_NAMES, METRICS } from '../../src/telemetry/metric-names.ts';
import { prometheusName, renderPrometheus } from '../../src/telemetry/prometheus.ts';
import { renderMetricsTable } from './metrics-table.ts';

interface EmfDocument {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

const now = new Date('2026-11-23T10:00:00Z');

function emf(registry: MetricsRegistry): EmfDocument[] {
  return takeEmfLines(registry, 'prod', now).map((line) => JSON.parse(line) as EmfDocument);
}

function documentsWith(documents: readonly EmfDocument[], name: string): EmfDocument[] {
  return documents.filter((document) => name in document);
}

test('a counter is emitted as the growth of its interval, with its own labels and rollups', () => {
  const registry = new MetricsRegistry();
  registry.count('MessagesRejected', { Reason: 'too-big' });
  registry.count('MessagesRejected', { Reason: 'too-big' }, 2);
  registry.count('MessagesRejected', { Reason: 'relay' });

  const documents = documentsWith(emf(registry), 'MessagesRejected');
  expect(documents.map(({ Reason, MessagesRejected }) => [Reason, MessagesRejected])).toEqual([
    ['too-big', 3],
    ['relay', 1],
  ]);
  for (const document of documents) {
    expect(document).toMatchObject({ Stage: 'prod', _aws: { Timestamp: now.getTime() } });
    expect(document._aws.CloudWatchMetrics).toEqual([
      {
        Namespace: 'MailBridge',
        Dimensions: [['Stage'], ['Stage', 'Reason']],
        Metrics: [{ Name: 'MessagesRejected', Unit: 'Count' }],
      },
    ]);
  }
});

test('with basic detail, eight metrics are emitted, each as one series whatever its labels, and with the same sum', () => {
  const registry = new MetricsRegistry();
  for (const name of METRIC_NAMES) {
    const { kind, labels } = METRICS[name];
    if (kind === 'gauge') registry.gauge(name as never, () => 1);
    for (const value of ['one', 'other']) {
      const given = Object.fromEntries(labels.map((label) => [label, value]));
      if (kind === 'counter') registry.count(name as never, given as never);
      if (kind === 'values') registry.record(name as never, given as never, 1);
    }
  }
  const series = new Set<string>();
  let rejected = 0;
  for (const line of takeEmfLines(registry, 'prod', now, 'basic')) {
    const document = JSON.parse(line) as EmfDocument;
    for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
      expect(Dimensions).toEqual([['Stage']]);
      for (const { Name } of Metrics) series.add(Name);
    }
    if ('MessagesRejected' in document) rejected += document['MessagesRejected'] as number;
  }
  expect([...series].sort()).toEqual([...BASIC_METRICS].sort());
  expect(series.size).toBe(8);
  expect(rejected).toBe(2);
});

test('a counter that stood still is a zero, without the labels that nothing was counted under', () => {
  const registry = new MetricsRegistry();
  registry.count('MessagesRejected', { Reason: 'relay' });
  emf(registry);
  const [quiet] = documentsWith(emf(registry), 'MessagesRejected');
  expect(quiet).toMatchObject({ MessagesRejected: 0, CommitFailures: 0 });
  expect(quiet).not.toHaveProperty('Reason');
  expect(quiet?._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([['Stage']]);
});

test('up to a hundred values are emitted as they are', () => {
  const registry = new MetricsRegistry();
  for (const value of [12.5, 3, 12.5]) registry.record('CommitLatency', {}, value);
  const [document] = documentsWith(emf(registry), 'CommitLatency');
  expect(document?.['CommitLatency']).toEqual([12.5, 3, 12.5]);
  expect(documentsWith(emf(registry), 'CommitLatency')).toEqual([]);
});

test('more values than that keep their count exactly, and their size within 2.5 %', () => {
  const registry = new MetricsRegistry();
  const values = Array.from({ length: 60_000 }, (_, at) => (at + 1) / 2);
  for (const value of values) registry.record('CommitLatency', {}, value);

  const documents = documentsWith(emf(registry), 'CommitLatency');
  const parts = documents.map(
    (document) =>
      document['CommitLatency'] as { Values: number[]; Counts: number[]; Min: number; Max: number },
  );
  for (const { Values, Counts } of parts) {
    expect(Values.length).toBeLessThanOrEqual(100);
    expect(Counts).toHaveLength(Values.length);
  }
  const spread = parts.flatMap(({ Values, Counts }) =>
    Values.map((value, at) => ({ value, count: Counts[at] ?? 0 })),
  );
  expect(spread.reduce((sum, { count }) => sum + count, 0)).toBe(60_000);
  expect(Math.min(...parts.map(({ Min }) => Min))).toBe(0.5);
  expect(Math.max(...parts.map(({ Max }) => Max))).toBe(30_000);

  const trueP99 = values[Math.ceil(values.length * 0.99) - 1] ?? 0;
  let seen = 0;
  const p99 = spread
    .sort((a, b) => a.value - b.value)
    .find(({ count }) => (seen += count) >= 60_000 * 0.99);
  expect(Math.abs((p99?.value ?? 0) - trueP99) / trueP99).toBeLessThan(0.026);
});

test('a gauge is read for every report, and left out when it has nothing to say', () => {
  const registry = new MetricsRegistry();
  let open: number | undefined = 7;
  registry.gauge('ActiveConnections', () => open);
  expect(documentsWith(emf(registry), 'ActiveConnections')).toMatchObject([
    { ActiveConnections: 7 },
  ]);
  open = undefined;
  expect(documentsWith(emf(registry), 'ActiveConnections')).toEqual([]);
  expect(renderPrometheus(registry)).not.toContain('active_connections');
});

test('the series of one metric are bounded: the last is called other', () => {
  const registry = new MetricsRegistry();
  for (let at = 0; at < 1000; at++) registry.count('S3Errors', { Code: `Code${at}` });
  const documents = documentsWith(emf(registry), 'S3Errors');
  expect(documents).toHaveLength(SERIES_PER_METRIC);
  const counts = Object.fromEntries(documents.map((each) => [each['Code'], each['S3Errors']]));
  expect(counts['other']).toBe(1000 - (SERIES_PER_METRIC - 1));
});

test('no document holds a metric that is not in the list, and all say the unit of the list', () => {
  const registry = new MetricsRegistry();
  registry.count('TlsHandshakes', { TlsVersion: 'TLSv1.3' });
  registry.record('MessageSize', {}, 4096);
  for (const document of emf(registry)) {
    for (const { Metrics } of document._aws.CloudWatchMetrics) {
      for (const { Name, Unit } of Metrics) {
        expect(Object.entries(METRICS).find(([name]) => name === Name)?.[1].unit).toBe(Unit);
        expect(document).toHaveProperty(Name);
      }
    }
  }
});

test('every rollup is made of labels that the metric has', () => {
  for (const { labels, dimensions } of Object.values(METRICS)) {
    for (const set of dimensions) {
      for (const label of set) expect(labels as readonly string[]).toContain(label);
    }
  }
});

test('Prometheus sees totals since the start, whatever EMF took', () => {
  const registry = new MetricsRegistry();
  registry.count('MessagesAccepted', { Listener: 'mx' });
  emf(registry);
  registry.count('MessagesAccepted', { Listener: 'mx' });
  registry.count('S3Errors', { Code: 'a"b\\c\nd' });
  registry.record('S3PutLatency', {}, 30);
  registry.record('S3PutLatency', {}, 40_000);
  const text = renderPrometheus(registry);
  expect(text).toContain('# TYPE mailsluice_messages_accepted_total counter\n');
  expect(text).toContain('mailsluice_messages_accepted_total{listener="mx"} 2\n');
  expect(text).toContain('mailsluice_s3_errors_total{code="a\\"b\\\\c\\nd"} 1\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_bucket{le="25"} 0\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_bucket{le="50"} 1\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_bucket{le="30000"} 1\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_bucket{le="+Inf"} 2\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_sum 40030\n');
  expect(text).toContain('mailsluice_s3_put_latency_milliseconds_count 2\n');
  // Every line is a comment or `name{labels} number`, by the text format 0.0.4.
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? -?[0-9.e+-]+)$/,
    );
  }
});

test('Prometheus names are unique and in its alphabet', () => {
  const names = (Object.keys(METRICS) as (keyof typeof METRICS)[]).map(prometheusName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^mailsluice_[a-z0-9_]+$/);
});

test('the page lists every metric as it is', () => {
  const readme = readFileSync(new URL('../../src/telemetry/README.md', import.meta.url), 'utf8');
  expect(readme).toContain(renderMetricsTable());
});

test('every metric of the list is counted somewhere in the program', () => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('telemetry/metric-names'))
    .map((name) => readFileSync(join(src, name), 'utf8'))
    .join('\n');
  const counted = new Set(
    [...sources.matchAll(/\.(?:count|record|gauge)\(\s*'([A-Za-z0-9]+)'/g)].map(([, name]) => name),
  );
  expect(METRIC_NAMES.filter((name) => !counted.has(name))).toEqual([]);
});
