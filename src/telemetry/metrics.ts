// The counts of one process. Cumulative for Prometheus and per interval for EMF, from one `count`.
import {
  type CounterName,
  type GaugeName,
  type Label,
  type LabelsOf,
  METRICS,
  type MetricName,
  type MetricUnit,
  type ValuesName,
} from './metric-names.ts';
import { ValueDistribution } from './value-distribution.ts';

/** What the parts of the program are given to count with. */
export interface Metrics {
  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void;
  record<N extends ValuesName>(name: N, labels: LabelsOf<N>, value: number): void;
  /** `read` is called for every report; `undefined` leaves the metric out of it. The last one given counts. */
  gauge(name: GaugeName, read: () => number | undefined): void;
}

/** One series as it stands. */
export type SeriesReport = {
  readonly name: MetricName;
  readonly labels: Readonly<Partial<Record<Label, string>>>;
} & (
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'distribution'; readonly distribution: ValueDistribution }
);

/** Since the process started, for Prometheus. */
export type CumulativeReport = {
  readonly name: MetricName;
  readonly labels: Readonly<Partial<Record<Label, string>>>;
} & (
  | { readonly kind: 'number'; readonly value: number }
  | {
      readonly kind: 'histogram';
      readonly count: number;
      readonly sum: number;
      /** How many values were at most `bound`; cumulative. */
      readonly buckets: readonly { readonly bound: number; readonly count: number }[];
    }
);

/** Series that one metric may have; what comes after is counted under `other`. */
export const SERIES_PER_METRIC = 24;
const LABEL_CHARACTERS = 64;

interface Counter {
  readonly labels: Readonly<Partial<Record<Label, string>>>;
  total: number;
  inInterval: number;
}

interface Values {
  readonly labels: Readonly<Partial<Record<Label, string>>>;
  count: number;
  sum: number;
  readonly bucketCounts: number[];
  inInterval: ValueDistribution;
}

export class MetricsRegistry implements Metrics {
  readonly #counters = new Map<CounterName, Map<string, Counter>>();
  readonly #values = new Map<ValuesName, Map<string, Values>>();
  readonly #gauges = new Map<GaugeName, () => number | undefined>();

  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by = 1): void {
    const series = this.#seriesOf(this.#counters, name, labels, (kept) => ({
      labels: kept,
      total: 0,
      inInterval: 0,
    }));
    series.total += by;
    series.inInterval += by;
  }

  record<N extends ValuesName>(name: N, labels: LabelsOf<N>, value: number): void {
    if (!Number.isFinite(value)) return;
    const bounds = HISTOGRAM_BOUNDS[METRICS[name].unit];
    const series = this.#seriesOf(this.#values, name, labels, (kept) => ({
      labels: kept,
      count: 0,
      sum: 0,
      bucketCounts: bounds.map(() => 0),
      inInterval: new ValueDistribution(),
    }));
    series.count += 1;
    series.sum += value;
    const at = bounds.findIndex((bound) => value <= bound);
    if (at !== -1) series.bucketCounts[at] = (series.bucketCounts[at] ?? 0) + 1;
    series.inInterval.add(value);
  }

  gauge(name: GaugeName, read: () => number | undefined): void {
    this.#gauges.set(name, read);
  }

  /**
   * What happened since the last call, and begins a new interval. A counter that stood still is a zero and not
   * a gap where CloudWatch has its sum, so that an alarm always has a metric to look at.
   */
  takeInterval(): SeriesReport[] {
    const reports: SeriesReport[] = this.#readGauges();
    for (const name of COUNTER_NAMES) {
      let moved = false;
      for (const series of this.#counters.get(name)?.values() ?? []) {
        if (series.inInterval === 0) continue;
        moved = true;
        reports.push({ name, labels: series.labels, kind: 'number', value: series.inInterval });
        series.inInterval = 0;
      }
      if (!moved && METRICS[name].dimensions.some((set) => set.length === 0)) {
        reports.push({ name, labels: {}, kind: 'number', value: 0 });
      }
    }
    for (const [name, byLabels] of this.#values) {
      for (const series of byLabels.values()) {
        if (series.inInterval.count === 0) continue;
        reports.push({
          name,
          labels: series.labels,
          kind: 'distribution',
          distribution: series.inInterval,
        });
        series.inInterval = new ValueDistribution();
      }
    }
    return reports;
  }

  /** Everything since the process started; changes nothing. */
  readAll(): CumulativeReport[] {
    const reports: CumulativeReport[] = this.#readGauges();
    for (const [name, byLabels] of this.#counters) {
      for (const { labels, total } of byLabels.values()) {
        reports.push({ name, labels, kind: 'number', value: total });
      }
    }
    for (const [name, byLabels] of this.#values) {
      const bounds = HISTOGRAM_BOUNDS[METRICS[name].unit];
      for (const { labels, count, sum, bucketCounts } of byLabels.values()) {
        let below = 0;
        const buckets = bounds.map((bound, at) => ({
          bound,
          count: (below += bucketCounts[at] ?? 0),
        }));
        reports.push({ name, labels, kind: 'histogram', count, sum, buckets });
      }
    }
    return reports;
  }

  #readGauges(): { name: GaugeName; labels: {}; kind: 'number'; value: number }[] {
    return [...this.#gauges].flatMap(([name, read]) => {
      const value = read();
      if (value === undefined || !Number.isFinite(value)) return [];
      return [{ name, labels: {}, kind: 'number' as const, value }];
    });
  }

  #seriesOf<N extends MetricName, S>(
    series: Map<N, Map<string, S>>,
    name: N,
    labels: Readonly<Partial<Record<Label, string>>>,
    begin: (labels: Readonly<Partial<Record<Label, string>>>) => S,
  ): S {
    let byLabels = series.get(name);
    if (byLabels === undefined) series.set(name, (byLabels = new Map()));
    const key = keyOf(labels);
    const known = byLabels.get(key);
    if (known !== undefined) return known;
    const names = METRICS[name].labels;
    const kept: Partial<Record<Label, string>> = {};
    for (const label of names) {
      // The last place is for `other`.
      const overflowed = byLabels.size >= SERIES_PER_METRIC - 1;
      kept[label] = overflowed ? 'other' : (labels[label] ?? '').slice(0, LABEL_CHARACTERS);
    }
    const keptKey = names.map((label) => kept[label]).join('\0');
    const fallback = byLabels.get(keptKey);
    if (fallback !== undefined) return fallback;
    const begun = begin(kept);
    byLabels.set(keptKey, begun);
    return begun;
  }
}

/** Most series have no label or one. */
function keyOf(labels: Readonly<Partial<Record<Label, string>>>): string {
  let key: string | undefined;
  for (const name in labels) {
    const value = labels[name as Label] ?? '';
    key = key === undefined ? value : `${key}\0${value}`;
  }
  return key ?? '';
}

const COUNTER_NAMES = (Object.keys(METRICS) as MetricName[]).filter(
  (name): name is CounterName => METRICS[name].kind === 'counter',
);

/** Upper bounds of the Prometheus buckets. */
const HISTOGRAM_BOUNDS: Readonly<Record<MetricUnit, readonly number[]>> = {
  // The commit's budget is 20 s, hard 30 s.
  Milliseconds: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_000, 30_000],
  Seconds: [1, 5, 10, 30, 60, 120, 300, 600],
  Bytes: [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6, 256e6],
  Count: [1, 2, 5, 10, 20, 50, 100, 500, 1000],
  Percent: [1, 5, 10, 25, 50, 75, 90, 100],
  None: [0, 1],
};
