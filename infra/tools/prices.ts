// The one table of prices: us-east-1, November 2026, without tax, free tier and discounts.
/** Dollars. */
export const PRICES = {
  /** Fargate, Linux, for an hour. */
  fargateCpu: 0.03238,
  fargateGigabyte: 0.00356,
  fargateCpuX86: 0.04048,
  fargateGigabyteX86: 0.004445,
  /** Network Load Balancer for an hour, and one NLCU of it. */
  loadBalancer: 0.0225,
  loadBalancerUnit: 0.006,
  /** A million PutObject. */
  s3Put: 5,
  /** A million GetObject. */
  s3Get: 0.4,
  /** A million tags of objects, for a month. */
  objectTags: 0.65,
  /** GuardDuty Malware Protection for S3: a million objects evaluated, and a gigabyte scanned. */
  malwareObjects: 215,
  malwareGigabyte: 0.09,
  /** A million requests to SNS; one of 64 KB each. */
  snsRequest: 0.5,
  /** A gigabyte taken in by CloudWatch Logs. */
  logs: 0.5,
  /** A public IPv4 address for an hour. */
  address: 0.005,
  natGateway: 0.045,
  natGigabyte: 0.045,
  endpoint: 0.01,
  endpointGigabyte: 0.01,
  /** CloudWatch, for a month: a metric, a metric that an alarm looks at, a dashboard. */
  metric: 0.3,
  alarmMetric: 0.1,
  dashboard: 3,
  /** A metric of Container Insights with enhanced observability, for a month. */
  insightsMetric: 0.07,
  /** A secret for a month: the certificate's. */
  secret: 0.4,
  /** A KMS key for a month. */
  key: 1,
  /** An exportable certificate of ACM for one host name, at each issue. */
  certificate: 7,
  /** Amazon SES: a message received (each 256 KB chunk that is full: 0.00009). */
  sesMessage: 0.0001,
  /** SES Mail Manager: a message by its plan, and the ingress endpoint for a month. */
  mailManagerMessage: 0.00015,
  mailManagerPlanMessage: 0.00016,
  mailManagerEndpoint: 50,
} as const;

/** Hours of the month that is computed with. */
export const DAYS = 30;
export const HOURS = DAYS * 24;

/** Days for which ACM issues a certificate. */
export const CERTIFICATE_DAYS = 198;

/**
 * What Container Insights with enhanced observability reports: of the cluster, the service and the family of its tasks
 * together, and of each task with its container.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-metrics-ECS.html
 */
const INSIGHTS_METRICS = { shared: 42, task: 25 } as const;

/** Container Insights for a month. */
export function insightsCost(tasks: number): number {
  return (INSIGHTS_METRICS.shared + INSIGHTS_METRICS.task * tasks) * PRICES.insightsMetric;
}
