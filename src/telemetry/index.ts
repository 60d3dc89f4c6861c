export { type AddressDisplay, showAddress } from './addresses.ts';
export { showArgument } from './arguments.ts';
export { cleanText } from './clean-text.ts';
export { EmfReporter, type EmfReporterOptions, takeEmfLines } from './emf.ts';
export { HealthServer, type HealthServerOptions } from './health.ts';
export {
  createLog,
  type Log,
  type LogFields,
  type LogLevel,
  type LogOptions,
  type LogValue,
} from './log.ts';
export {
  BASIC_METRICS,
  type CounterName,
  type GaugeName,
  type Label,
  type LabelsOf,
  METRIC_NAMES,
  METRIC_NAMESPACE,
  type MetricDetail,
  METRICS,
  type MetricName,
  type MetricSpecification,
  STAGE_DIMENSION,
  type ValuesName,
} from './metric-names.ts';
export { type Metrics, MetricsRegistry } from './metrics.ts';
export { observeProcess } from './process-metrics.ts';
export { renderPrometheus } from './prometheus.ts';
