// CloudWatch's embedded metric format: JSON lines in the log that CloudWatch Logs turns into metrics. One line
// for each set of labels and interval, never one for each message.
import {
  BASIC_METRICS,
  type Label,
  METRIC_NAMESPACE,
  type MetricDetail,
  METRICS,
  STAGE_DIMENSION,
} from './metric-names.ts';
import type { MetricsRegistry, SeriesReport } from './metrics.ts';
import { EMF_VALUES, type ValueDistribution } from './value-distribution.ts';

type EmfValue =
  | number
  | readonly number[]
  | {
      readonly Values: readonly number[];
      readonly Counts: readonly number[];
      readonly Max: number;
      readonly Min: number;
      readonly Count: number;
      readonly Sum: number;
    };

interface EmfDocument {
  readonly labels: Readonly<Partial<Record<Label, string>>>;
  readonly dimensions: readonly (readonly string[])[];
  readonly metrics: { readonly Name: string; readonly Unit: string }[];
  readonly values: Record<string, EmfValue>;
}

/** The lines, without newlines, of what the registry saw since the last call. */
export function takeEmfLines(
  registry: MetricsRegistry,
  stage: string,
  now: Date,
  detail: MetricDetail = 'full',
): string[] {
  const documents: EmfDocument[] = [];
  for (const report of registry.takeInterval()) {
    if (detail === 'basic' && !BASIC_METRICS.includes(report.name)) continue;
    for (const value of emfValues(report)) documentFor(documents, report, value, detail);
  }
  return documents.map(({ labels, dimensions, metrics, values }) =>
    JSON.stringify({
      _aws: {
        Timestamp: now.getTime(),
        CloudWatchMetrics: [
          { Namespace: METRIC_NAMESPACE, Dimensions: dimensions, Metrics: metrics },
        ],
      },
      [STAGE_DIMENSION]: stage,
      ...labels,
      ...values,
    }),
  );
}

/** Puts the value into the first document with the same labels that does not hold this metric yet. */
function documentFor(
  documents: EmfDocument[],
  { name, labels }: SeriesReport,
  value: EmfValue,
  detail: MetricDetail,
): void {
  const specification = METRICS[name];
  const dimensions = specification.dimensions
    .filter((set) => set.every((label) => detail === 'full' && label in labels))
    .map((set) => [STAGE_DIMENSION, ...set]);
  const key = JSON.stringify([labels, dimensions]);
  let document = documents.find(
    (each) => !(name in each.values) && JSON.stringify([each.labels, each.dimensions]) === key,
  );
  if (document === undefined) {
    document = { labels, dimensions, metrics: [], values: {} };
    documents.push(document);
  }
  document.metrics.push({ Name: name, Unit: specification.unit });
  document.values[name] = value;
}

function emfValues(report: SeriesReport): EmfValue[] {
  if (report.kind === 'number') return [report.value];
  const exact = report.distribution.exactValues;
  return exact === undefined ? summarise(report.distribution) : [exact];
}

/**
 * `Values` with `Counts`, as AWS's own OpenTelemetry exporter writes histograms: the array of the
 * specification ends at 100 values, and a busy minute has thousands.
 */
function summarise({ roundedCounts, min, max }: ValueDistribution): EmfValue[] {
  const values: EmfValue[] = [];
  for (let at = 0; at < roundedCounts.length; at += EMF_VALUES) {
    const part = roundedCounts.slice(at, at + EMF_VALUES);
    values.push({
      Values: part.map(([value]) => value),
      Counts: part.map(([, count]) => count),
      Min: at === 0 ? min : (part[0]?.[0] ?? min),
      Max: at + EMF_VALUES >= roundedCounts.length ? max : (part.at(-1)?.[0] ?? max),
      Count: part.reduce((total, [, count]) => total + count, 0),
      Sum: part.reduce((total, [value, count]) => total + value * count, 0),
    });
  }
  return values;
}

export interface EmfReporterOptions {
  readonly stage: string;
  /** Default `full`. */
  readonly detail?: MetricDetail;
  /** Seconds between reports. Default 60, CloudWatch's own resolution. */
  readonly intervalSeconds?: number;
  /** Takes one line without its newline. */
  readonly write: (line: string) => void;
}

/** Reports at every interval until it is stopped; the process may end meanwhile. */
export class EmfReporter {
  readonly #registry: MetricsRegistry;
  readonly #options: EmfReporterOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(registry: MetricsRegistry, options: EmfReporterOptions) {
    this.#registry = registry;
    this.#options = options;
    this.#timer = setInterval(() => this.report(), (options.intervalSeconds ?? 60) * 1000);
    this.#timer.unref();
  }

  /** Writes what happened since the last report. */
  report(): void {
    const { stage, detail, write } = this.#options;
    for (const line of takeEmfLines(this.#registry, stage, new Date(), detail)) write(line);
  }

  /** Writes the last, shorter interval, and stops. */
  stop(): void {
    clearInterval(this.#timer);
    this.report();
  }
}
