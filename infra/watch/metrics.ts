// The program's metrics as CloudWatch has them, by the names and dimensions of the one list.
import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib';
import {
  type Label,
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
} from '../../src/telemetry/metric-names.ts';

export interface BridgeMetricOptions extends cloudwatch.MetricOptions {
  /** One value of one label, as `{ Reason: 'relay' }`. Default: the sum over all. */
  readonly labels?: Readonly<Partial<Record<Label, string>>>;
}

const STATISTICS = {
  counter: cloudwatch.Stats.SUM,
  gauge: cloudwatch.Stats.MAXIMUM,
  values: cloudwatch.Stats.AVERAGE,
} as const;

export function bridgeMetric(
  stage: string,
  name: MetricName,
  { labels = {}, ...options }: BridgeMetricOptions = {},
): cloudwatch.Metric {
  const { kind, dimensions } = METRICS[name];
  requireDimensions(name, dimensions, Object.keys(labels));
  return new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { [STAGE_DIMENSION]: stage, ...labels },
    statistic: STATISTICS[kind],
    period: Duration.minutes(1),
    ...options,
  });
}

/** All series of a metric that differ in one label, as one expression for a graph. */
export function bridgeMetricBy(
  stage: string,
  name: MetricName,
  label: Label,
): cloudwatch.MathExpression {
  const { kind, dimensions } = METRICS[name];
  requireDimensions(name, dimensions, [label]);
  const schema = `{${METRIC_NAMESPACE},${STAGE_DIMENSION},${label}}`;
  const search = `${schema} MetricName="${name}" ${STAGE_DIMENSION}="${stage}"`;
  return new cloudwatch.MathExpression({
    expression: `SEARCH('${search}', '${STATISTICS[kind]}', 60)`,
    label: '',
    usingMetrics: {},
    period: Duration.minutes(1),
  });
}

/** A metric that nobody emits must not be built. */
function requireDimensions(
  name: MetricName,
  dimensions: readonly (readonly string[])[],
  labels: readonly string[],
): void {
  const asked = [...labels].sort().join();
  if (dimensions.some((set) => [...set].sort().join() === asked)) return;
  throw new Error(`metric ${name}: expected one of the dimension sets of the list, got [${asked}]`);
}
