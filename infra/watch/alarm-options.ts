import type { aws_cloudwatch as cloudwatch } from 'aws-cdk-lib';

/** The numbers of an alarm, for its text. */
interface Limit {
  readonly threshold: number;
  /** All periods that must breach, as `15 minutes`. */
  readonly time: string;
}

export interface AlarmOptions {
  readonly severity: 'page' | 'warning';
  readonly says: (limit: Limit) => string;
  readonly metric: cloudwatch.Metric | cloudwatch.MathExpression;
  readonly threshold: number;
  readonly comparison?: cloudwatch.ComparisonOperator;
  /** Periods that must breach, of as many looked at. */
  readonly periods?: number;
  readonly missing: cloudwatch.TreatMissingData;
}
