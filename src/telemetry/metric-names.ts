// The one list of metrics: the program counts by these names, and the dashboards and alarms of infra/ are
// compiled from them, so that no graph or alarm can wait for a metric that nobody emits.

export const METRIC_NAMESPACE = 'MailBridge';

/** The dimension that every metric has in CloudWatch: which installation it is. */
export const STAGE_DIMENSION = 'Stage';

/** What a series can be told apart by. Each has few values: never an address, a user name or an id. */
export type Label = 'Listener' | 'Reason' | 'TlsVersion' | 'Code';

/** Units as CloudWatch spells them. */
export type MetricUnit = 'Count' | 'Milliseconds' | 'Seconds' | 'Bytes' | 'None';

export interface MetricSpecification {
  /**
   * `counter` only grows, and is emitted as the growth of one interval; `gauge` is read when it is asked for;
   * `values` keeps the distribution, for percentiles.
   */
  readonly kind: 'counter' | 'gauge' | 'values';
  readonly unit: MetricUnit;
  /** What the program says with each count. */
  readonly labels: readonly Label[];
  /** The sets of labels that become metrics in CloudWatch, each beside `Stage`; `[]` is the sum over all labels. */
  readonly dimensions: readonly (readonly Label[])[];
  readonly description: string;
}

const counter = <const L extends readonly Label[], const D extends readonly (readonly Label[])[]>(
  labels: L,
  dimensions: D,
  description: string,
  unit: MetricUnit = 'Count',
) => ({ kind: 'counter', unit, labels, dimensions, description }) as const;

const gauge = (unit: MetricUnit, description: string) =>
  ({ kind: 'gauge', unit, labels: [], dimensions: [[]], description }) as const;

const values = (unit: MetricUnit, description: string) =>
  ({ kind: 'values', unit, labels: [], dimensions: [[]], description }) as const;

export const METRICS = {
  // Connections and TLS
  ConnectionsAccepted: counter(['Listener'], [['Listener']], 'Connections that were greeted'),
  ConnectionsRejected: counter(
    ['Reason'],
    [[], ['Reason']],
    'Connections that were answered 421, or closed, instead of a greeting',
  ),
  ActiveConnections: gauge('Count', 'Open SMTP connections of one task'),
  SessionsAborted: counter(['Listener'], [[]], 'Sessions that ended without QUIT or our 421'),
  TlsHandshakes: counter(['TlsVersion'], [['TlsVersion']], 'TLS handshakes that succeeded'),
  TlsFailures: counter(['Listener'], [[]], 'TLS handshakes that failed'),
  PlaintextSessions: counter(
    ['Listener'],
    [['Listener']],
    'Sessions that sent a message without TLS',
  ),
  ProxyHeaderErrors: counter([], [[]], 'Connections without the PROXY header they had to have'),

  // Traffic and outcomes
  MessagesAccepted: counter(['Listener'], [[], ['Listener']], 'Messages that were answered 250'),
  MessagesRejected: counter(
    ['Reason'],
    [[], ['Reason']],
    'Messages and recipients that were answered 5yz',
  ),
  MessagesDeferred: counter(['Reason'], [[], ['Reason']], 'Messages that were answered 4yz'),
  BareNewlineRejects: counter([], [[]], 'Messages refused for a bare CR or LF'),
  DuplicatesAnswered: counter([], [[]], 'Messages sent again, answered with the first messageId'),
  BytesAccepted: counter([], [[]], 'Octets of the messages that were answered 250', 'Bytes'),
  MessageSize: values('Bytes', 'Octets of one accepted message'),
  Recipients: values('Count', 'Recipients of one accepted message'),

  // From the final dot to the reply
  CommitLatency: values('Milliseconds', 'From the end of the message to its reply'),
  CommitFailures: counter([], [[]], 'Messages that could not be stored or announced: 451'),
  CommitInFlight: gauge('Count', 'Messages of one task on their way to S3 and SNS'),
  S3PutLatency: values('Milliseconds', 'One write to S3, its retries included'),
  S3Retries: counter([], [[]], 'Writes to S3 that had to be tried again'),
  S3Errors: counter(['Code'], [[], ['Code']], 'Writes to S3 that failed for good, by error'),
  SnsPublishLatency: values('Milliseconds', 'One publish to SNS, its retries included'),
  SnsErrors: counter(['Code'], [[], ['Code']], 'Notifications that SNS would not take, by error'),
  OutboxWrites: counter([], [[]], 'Notifications that went to the outbox'),
  OutboxOldestAge: gauge('Seconds', 'Age of the oldest notification in the outbox; 0 when empty'),
  OutboxSetAside: counter([], [[]], 'Outbox markers given up on after too many tries'),

  // Sign-in
  AuthSuccess: counter(['Listener'], [[]], 'Sign-ins that succeeded'),
  AuthFailures: counter(['Listener'], [[]], 'Sign-ins that were refused'),
  AuthBackendErrors: counter([], [[]], 'Sign-ins that could not be decided: 454'),
  AuthLatency: values('Milliseconds', 'From a complete sign-in to its answer'),
  CredentialCacheHitRate: values(
    'None',
    '1 for a sign-in answered from memory, 0 for one looked up',
  ),

  // The process
  RamBudgetUsed: gauge('Bytes', 'Octets of limits.memory that are taken'),
  EventLoopLagP99: gauge('Milliseconds', 'How late timers fire, 99th percentile'),
  HeapUsed: gauge('Bytes', 'JavaScript heap in use'),
  ResidentMemory: gauge('Bytes', 'Resident set size of the process'),
  CertDaysToExpiry: gauge('None', 'Days that the first certificate to expire is still valid'),
  CertReloadErrors: counter([], [[]], 'Newer certificates that could not be used'),
  DrainSeconds: values('Seconds', 'From SIGTERM to the end of the last session'),
  LogLinesDropped: counter([], [[]], 'Log lines lost because nobody read them'),
} as const satisfies Record<string, MetricSpecification>;

export type MetricName = keyof typeof METRICS;

type NameOfKind<K extends MetricSpecification['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

export type CounterName = NameOfKind<'counter'>;
export type GaugeName = NameOfKind<'gauge'>;
export type ValuesName = NameOfKind<'values'>;

/** The labels that go with one metric: all of them, and no others. */
export type LabelsOf<N extends MetricName> = Readonly<
  Record<(typeof METRICS)[N]['labels'][number], string>
>;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];
