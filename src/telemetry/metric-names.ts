// The one list of metrics. The program counts by these names, and the dashboard and the alarms of infra/ are
// compiled from them, so that no graph or alarm can wait for a metric that the program does not emit.

export const METRIC_NAMESPACE = 'MailBridge';

/** The dimension that every metric has in CloudWatch: the installation. */
export const STAGE_DIMENSION = 'Stage';

/** The labels of a series. Each has few values: never an address, a user name or an id. */
export type Label = 'Listener' | 'Reason' | 'Rule' | 'TlsVersion' | 'Code';

/** Units as CloudWatch spells them. */
export type MetricUnit = 'Count' | 'Milliseconds' | 'Seconds' | 'Bytes' | 'Percent' | 'None';

export interface MetricSpecification {
  /**
   * `counter`: only grows, and is emitted as its growth in one interval. `gauge`: read for each report.
   * `values`: the distribution of single values, for percentiles.
   */
  readonly kind: 'counter' | 'gauge' | 'values';
  readonly unit: MetricUnit;
  /** The labels that the program gives with each count. */
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
  ConnectionsAccepted: counter(['Listener'], [['Listener']], 'Connections that were accepted'),
  ConnectionsRejected: counter(
    ['Reason'],
    [[], ['Reason']],
    'Connections over a limit or without a valid PROXY header: answered 421, or closed',
  ),
  ConnectionsShed: counter(
    ['Reason'],
    [[]],
    'Connections that were let go for others while there were limits.maxConnections: idle ones, or those of clients and listeners with many',
  ),
  ActiveConnections: gauge('Count', 'Open SMTP connections of one task'),
  SessionsAborted: counter(
    ['Listener'],
    [[]],
    'Sessions that ended without QUIT or a final reply of the server',
  ),
  SessionBudgetsSpent: counter(
    ['Reason'],
    [[]],
    'Sessions that were ended since they had spent a budget: of commands, errors or failed sign-ins, or the octets of a line',
  ),
  TlsHandshakes: counter(['TlsVersion'], [['TlsVersion']], 'TLS handshakes that succeeded'),
  TlsFailures: counter(['Listener'], [[]], 'TLS handshakes that failed'),
  PlaintextSessions: counter(
    ['Listener'],
    [['Listener']],
    'Sessions with at least one message accepted without TLS; each session counts once',
  ),
  ProxyHeaderErrors: counter(
    [],
    [[]],
    'Connections without the PROXY header that their listener requires',
  ),

  // Traffic and outcomes
  MessagesAccepted: counter(['Listener'], [[], ['Listener']], 'Messages that were answered 250'),
  MessagesRejected: counter(
    ['Reason'],
    [[], ['Reason']],
    'Messages and recipients refused by policy or limit: MAIL, RCPT, DATA or the message answered 5yz',
  ),
  MessagesDeferred: counter(
    ['Reason'],
    [[], ['Reason']],
    'Messages that were answered 4yz at DATA or at their end: commit failed, memory short or S3 unavailable',
  ),
  CommandErrors: counter(
    ['Reason'],
    [[]],
    'Commands answered 5yz since they are unknown, malformed, out of order or not offered',
  ),
  OverloadRefusals: counter(
    [],
    [[]],
    'Connections, senders and messages answered 4yz before a commit: memory short or S3 unavailable',
  ),
  MessagesShed: counter(
    ['Reason'],
    [[]],
    'Messages that were let go when memory was short: they brought almost nothing, or their client or listener held more than others',
  ),
  BareNewlineRejects: counter([], [[]], 'Messages refused for a bare CR or LF'),
  DuplicatesAnswered: counter(
    [],
    [[]],
    'Messages that were sent again, and answered with the messageId of the first time',
  ),
  BytesAccepted: counter([], [[]], 'Octets of the accepted messages', 'Bytes'),
  MessageSize: values('Bytes', 'Octets of one accepted message'),
  Recipients: values('Count', 'Recipients of one accepted message'),

  // From the final dot to the reply
  CommitLatency: values('Milliseconds', 'From the end of the message to its reply'),
  CommitFailures: counter(
    [],
    [[]],
    'Messages whose commit was tried and failed: not stored or not announced, answered 451',
  ),
  CommitInFlight: gauge('Count', 'Messages of one task that are being stored and announced'),
  S3PutLatency: values('Milliseconds', 'One write to S3, retries included'),
  S3Retries: counter([], [[]], 'Retries of writes to S3'),
  S3Errors: counter(
    ['Code'],
    [[], ['Code']],
    'Writes to S3 that failed after all retries, by error code',
  ),
  SnsPublishLatency: values('Milliseconds', 'One publish to SNS, retries included'),
  SnsErrors: counter(
    ['Code'],
    [[], ['Code']],
    'Notifications that SNS did not accept, by error code',
  ),
  OutboxWrites: counter([], [[]], 'Notifications written to the outbox'),
  OutboxOldestAge: gauge('Seconds', 'Age of the oldest notification in the outbox; 0 when empty'),
  OutboxSkipped: gauge(
    'Count',
    "Notifications in the outbox that cannot be published, for a reason that is theirs or their topic's",
  ),
  OutboxSetAside: counter(
    [],
    [[]],
    'Notifications from the outbox that SNS refused too often and that were set aside',
  ),

  // Who sent it, and what it holds
  VerifyLatency: values('Milliseconds', 'From the end of a message to what the checks say of it'),
  VerifyTempErrors: counter(
    [],
    [[]],
    'Messages of which SPF, DKIM, DMARC or ARC could not be checked, since DNS did not answer',
  ),
  ScanFailures: counter(
    [],
    [[]],
    'Messages that a scanner was asked about and did not judge: away, slow or failed',
  ),
  ListFailures: counter(
    ['Reason'],
    [[]],
    'Tests that a DNS list did not pass, and questions that it did not answer',
  ),
  DnsLookups: counter([], [[]], 'Questions that were put to a DNS server'),
  DnsFailures: counter(
    ['Reason'],
    [[]],
    'Questions that no DNS server answered, or that were not put to one since there were too many',
  ),
  DnsCacheHits: counter([], [[]], 'Questions that needed no DNS server of their own'),
  DnsLookupsUnderWay: gauge('Count', 'Questions that one task waits for'),
  DnsLatency: values('Milliseconds', 'One question to a DNS server, all tries included'),
  SenderRefused: counter(
    ['Rule'],
    [[], ['Rule']],
    'Clients, senders and messages refused by SPF, DMARC, a DNS list or a scanner',
  ),

  // Sign-in
  AuthSuccess: counter(['Listener'], [[]], 'Sign-ins that succeeded'),
  AuthFailures: counter(['Listener'], [[]], 'Sign-ins that were refused, for whatever reason'),
  AuthThrottled: counter(
    ['Reason'],
    [[]],
    'Sign-ins that were refused uncompared: too many of the address or the user name had failed (throttled), or too many waited (overloaded)',
  ),
  AuthBackendErrors: counter([], [[]], 'Sign-ins that could not be checked, answered 454'),
  AuthLatency: values('Milliseconds', 'From the last response of the client to the answer'),
  CredentialCacheHitRate: values(
    'None',
    '1 for a sign-in answered from memory, 0 for one read from the table',
  ),

  // The process
  RamBudgetUsed: gauge('Bytes', 'Octets of limits.memory in use'),
  RamBudgetLargestClientShare: gauge(
    'Percent',
    'Percent of limits.memory that one client holds: the one that holds the most',
  ),
  EventLoopLagP99: gauge('Milliseconds', 'Delay of the event loop, 99th percentile'),
  HeapUsed: gauge('Bytes', 'JavaScript heap in use'),
  ResidentMemory: gauge('Bytes', 'Resident set size of the process'),
  CertDaysToExpiry: gauge('None', 'Days until the first certificate expires'),
  CertReloadErrors: counter([], [[]], 'Newer certificates that could not be used'),
  DrainSeconds: values('Seconds', 'From SIGTERM to the end of the last session'),
  LogLinesDropped: counter([], [[]], 'Log lines lost because the reader was too slow'),
} as const satisfies Record<string, MetricSpecification>;

export type MetricName = keyof typeof METRICS;

/** How much is published: all metrics, or only the sums of BASIC_METRICS. */
export type MetricDetail = 'full' | 'basic';

/** The metrics of a deployment that must be cheap: CloudWatch charges for each metric and each value of a label. */
export const BASIC_METRICS: readonly MetricName[] = [
  'MessagesAccepted',
  'MessagesRejected',
  'MessagesDeferred',
  'CommitFailures',
  'OutboxOldestAge',
  'AuthBackendErrors',
  'ActiveConnections',
  'CertDaysToExpiry',
];

type NameOfKind<K extends MetricSpecification['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

export type CounterName = NameOfKind<'counter'>;
export type GaugeName = NameOfKind<'gauge'>;
export type ValuesName = NameOfKind<'values'>;

/** The labels of one metric: all of them, and no others. */
export type LabelsOf<N extends MetricName> = Readonly<
  Record<(typeof METRICS)[N]['labels'][number], string>
>;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];
