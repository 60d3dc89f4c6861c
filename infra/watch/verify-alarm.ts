// The alarm on a DNS that does not answer, by which nothing is known of most senders.
import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib';
import type { MetricName } from '../../src/telemetry/metric-names.ts';
import type { AlarmOptions } from './alarm-options.ts';

/** Messages in one period below which one is no ratio. */
const RATIO_MESSAGES = 10;

export function verifyTempErrors(
  metric: (name: MetricName, options: cloudwatch.MetricOptions) => cloudwatch.Metric,
): AlarmOptions {
  const period = Duration.minutes(5);
  return {
    severity: 'warning',
    says: ({ threshold, time }) =>
      `Of at least ${threshold} % of the messages within ${time} it is not known who sent them, since DNS did not answer`,
    metric: new cloudwatch.MathExpression({
      expression: `IF(accepted >= ${RATIO_MESSAGES}, 100 * failed / accepted, 0)`,
      usingMetrics: {
        failed: metric('VerifyTempErrors', { period }),
        accepted: metric('MessagesAccepted', { period }),
      },
      label: 'Not known, %',
      period,
    }),
    threshold: 25,
    // The program counts zeros.
    missing: cloudwatch.TreatMissingData.NOT_BREACHING,
  };
}
