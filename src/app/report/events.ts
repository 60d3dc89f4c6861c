// The one table of what the program logs and counts: every log line is written through it, so that each thing
// that happens is reported once, by its owner. The page in src/telemetry/README.md is made from it.
import type { BridgeEvent } from '../../bridge/index.ts';
import type { CredentialEvent } from '../../credentials/index.ts';
import type { ServerEvent } from '../../server/index.ts';
import type { Note } from '../../smtp/index.ts';
import type { MetricName } from '../../telemetry/index.ts';

/** The part of the program that reports an event. */
export type Owner = 'server' | 'bridge' | 'credentials' | 'verify' | 'app';

export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/** One kind of event that has a log line. */
export interface LoggedEvent {
  readonly level: EventLevel;
  /** Every field that the line can have; one without a value is left out. */
  readonly fields: readonly string[];
  /** The metrics that the event may move. */
  readonly metrics: readonly MetricName[];
  readonly description: string;
}

/** One kind of event without a log line: it is only counted, or another line covers it. */
export interface CountedEvent {
  readonly level: 'none';
  /** The event whose line covers it. */
  readonly toldBy?: string;
  readonly metrics: readonly MetricName[];
  readonly description: string;
}

export type EventSpecification = LoggedEvent | CountedEvent;

/** The fields of a line about a session. */
export const SESSION_FIELDS = ['sessionId', 'listener', 'clientAddress', 'clientPort'] as const;

/** The fields of a line about one mail. */
export const MAIL_FIELDS = [
  'messageId',
  'sessionId',
  'listener',
  'clientAddress',
  'helo',
  'tls',
  'cipher',
  'user',
  'from',
  'to',
  'recipients',
] as const;

/** The fields of a failure of an AWS service. */
export const FAILURE_FIELDS = ['service', 'cause', 'code', 'message', 'requestId'] as const;

const logged = <
  const L extends EventLevel,
  const F extends readonly string[],
  const M extends readonly MetricName[],
>(
  level: L,
  fields: F,
  metrics: M,
  description: string,
) => ({ level, fields, metrics, description });

const counted = <const M extends readonly MetricName[]>(
  metrics: M,
  description: string,
  toldBy?: string,
) => ({ level: 'none' as const, metrics, description, ...(toldBy !== undefined && { toldBy }) });

/** The kinds of a session's notes stand for `note`, which only carries them. */
type ServerKind = Exclude<ServerEvent['kind'], 'note'> | Note['kind'] | 'certificate-served';

export const EVENTS = {
  server: {
    listening: logged(
      'info',
      ['listener', 'address', 'port'],
      [],
      'A listener accepts connections',
    ),
    'accept-failed': logged(
      'warn',
      ['listener', 'code'],
      [],
      'The operating system could not hand over a connection',
    ),
    'connection-opened': logged(
      'debug',
      SESSION_FIELDS,
      ['ConnectionsAccepted'],
      'A client connected',
    ),
    'connection-refused': logged(
      'warn',
      ['listener', 'clientAddress', 'rule'],
      ['ConnectionsRejected', 'ProxyHeaderErrors'],
      'A connection was over a limit, or had no valid PROXY header',
    ),
    'connection-shed': logged(
      'info',
      [...SESSION_FIELDS, 'reason'],
      ['ConnectionsShed'],
      'A connection was let go for another one while there were as many as allowed. `reason`: it sent no command for 10 s, or its client or its listener had more than that of the other one',
    ),
    'connection-closed': logged(
      'debug',
      [...SESSION_FIELDS, 'cause', 'seconds', 'octetsReceived', 'octetsSent', 'messages'],
      ['SessionsAborted'],
      'A connection ended',
    ),
    'tls-established': logged(
      'debug',
      [...SESSION_FIELDS, 'version', 'cipher', 'milliseconds'],
      ['TlsHandshakes'],
      'A TLS handshake succeeded',
    ),
    'tls-failed': logged(
      'info',
      [...SESSION_FIELDS, 'code'],
      ['TlsFailures'],
      'A TLS handshake failed',
    ),
    refused: logged(
      'info',
      [...SESSION_FIELDS, 'verb', 'code', 'rule', 'helo', 'argument'],
      ['MessagesRejected', 'CommandErrors', 'BareNewlineRejects'],
      'A command or a message was answered 4yz or 5yz; `rule` says why, `argument` what was refused, as `log.addresses` allows',
    ),
    ended: logged(
      'info',
      [...SESSION_FIELDS, 'rule'],
      ['SessionBudgetsSpent'],
      'The server ended a session, or the client said QUIT; `rule` says which',
    ),
    'signed-in': counted(['AuthSuccess'], 'A sign-in was answered 235', 'sign-in-accepted'),
    'sign-in-refused': counted(
      ['AuthFailures'],
      'A sign-in was answered 4yz or 5yz',
      'sign-in-refused',
    ),
    command: counted([], 'A command was read; `mailsluice local` shows it on its page'),
    reply: counted([], 'A reply was sent; `mailsluice local` shows it on its page'),
    'message-accepted': counted(
      ['PlaintextSessions'],
      'A message was answered 250',
      'message-accepted',
    ),
    'message-refused': counted([], 'A message was answered 5yz', 'refused'),
    'message-deferred': counted([], 'A message was answered 4yz', 'refused'),
    'message-discarded': counted([], 'A message was discarded', 'message-discarded'),
    failure: logged(
      'error',
      [...SESSION_FIELDS, 'where', 'error'],
      [],
      'A policy, a commit or a session failed in an unforeseen way; the client got 4yz',
    ),
    'certificate-served': logged(
      'info',
      ['subject', 'serverNames', 'keyType', 'validTo'],
      [],
      'A certificate is used from the next handshake on',
    ),
    'certificates-served': counted(
      ['CertDaysToExpiry'],
      'The certificates were loaded or replaced',
      'certificate-served',
    ),
    'certificates-refused': logged(
      'error',
      ['error'],
      ['CertReloadErrors'],
      'Newer certificates cannot be used; the old ones stay in use',
    ),
    closing: logged(
      'info',
      ['connections', 'drainSeconds'],
      [],
      'The server stops accepting connections',
    ),
    closed: logged('info', ['cut'], [], 'The server has stopped; `cut` sessions were cut off'),
  },
  bridge: {
    'message-accepted': logged(
      'info',
      [
        ...MAIL_FIELDS,
        'size',
        'sha256',
        'objects',
        'outbox',
        'duplicateOf',
        'resumed',
        'authenticated',
        'senderDomain',
        'spf',
        'dkim',
        'dmarc',
        'arc',
        'spam',
        'virus',
        'lists',
        'quarantine',
        'judgeMillis',
        'commitMillis',
        'storeMillis',
        'publishMillis',
      ],
      [
        'MessagesAccepted',
        'BytesAccepted',
        'MessageSize',
        'Recipients',
        'CommitLatency',
        'DuplicatesAnswered',
        'VerifyLatency',
        'VerifyTempErrors',
      ],
      'A mail was stored and announced, and answered 250. What the checks of the sender and the scanners said of it is in the line where there are any',
    ),
    'message-deferred': logged(
      'error',
      [...MAIL_FIELDS, 'size', 'code', 'cause', 'failure', 'orphans', 'commitMillis'],
      ['MessagesDeferred', 'CommitFailures', 'OverloadRefusals', 'CommitLatency', 'S3Errors'],
      'A mail was not taken and answered 4yz; `cause` says why',
    ),
    'message-refused': logged(
      'info',
      [...MAIL_FIELDS, 'size', 'code', 'rule', 'subject', 'detail', 'judgeMillis'],
      ['SenderRefused', 'VerifyLatency'],
      'A mail was refused for its sender or its content: `rule` says by which check, `subject` the domain or the address that it is about, `detail` what DNS, the list or the scanner said',
    ),
    'message-discarded': logged(
      'info',
      [...MAIL_FIELDS, 'size', 'cause'],
      [],
      'A mail was discarded before its commit: incomplete, too large or refused',
    ),
    'message-shed': logged(
      'warn',
      [...MAIL_FIELDS, 'reason', 'held'],
      ['MessagesShed'],
      'Memory was short, and a message gave up what it held; it is answered 452 at its end. `reason`: it brought almost nothing for what it held, or its client or its listener held more than that of another message',
    ),
    'aws-retry': logged(
      'warn',
      ['service', 'operation', 'retries'],
      ['S3Retries'],
      'A call of an AWS service needed more than one try',
    ),
    'aws-misconfigured': logged(
      'error',
      FAILURE_FIELDS,
      [],
      'An AWS service refused a call for a reason that only the operator can remove, or something else answers at its endpoint; at most once a minute for each error',
    ),
    'aws-call': counted(
      ['S3PutLatency', 'SnsPublishLatency'],
      'A call of an AWS service succeeded',
    ),
    'publish-failed': logged(
      'error',
      ['messageId', ...FAILURE_FIELDS],
      ['SnsErrors'],
      'SNS did not accept a notification; it goes to the outbox',
    ),
    'notification-reduced': logged(
      'warn',
      ['messageId', ...FAILURE_FIELDS],
      [],
      'SNS accepted a notification only without its optional parts',
    ),
    'outbox-written': logged(
      'warn',
      ['messageId', 'key'],
      ['OutboxWrites'],
      'A notification was put into the outbox',
    ),
    'outbox-published': logged(
      'info',
      ['messageId', 'key', 'ageSeconds'],
      [],
      'A notification from the outbox was published',
    ),
    'outbox-poisoned': logged(
      'error',
      ['messageId', 'key', ...FAILURE_FIELDS],
      ['OutboxSetAside'],
      'SNS refused a notification from the outbox too often; it was set aside',
    ),
    'outbox-skipped': logged(
      'warn',
      ['reason', 'topicArn', 'markers', ...FAILURE_FIELDS],
      [],
      "Notifications in the outbox cannot be published, for a reason that is theirs or their topic's; the others are",
    ),
    'outbox-state': counted(['OutboxOldestAge', 'OutboxSkipped'], 'The outbox was listed'),
    'outbox-drain-failed': logged(
      'error',
      FAILURE_FIELDS,
      [],
      'The outbox could not be listed or emptied',
    ),
    'breaker-opened': logged(
      'error',
      FAILURE_FIELDS,
      [],
      'S3 does not answer: mail is turned away until it does',
    ),
    'breaker-closed': logged('info', ['openSeconds'], [], 'S3 answers again'),
    'duplicate-guard-failed': logged(
      'error',
      ['messageId', ...FAILURE_FIELDS],
      [],
      'A mail could not be compared with earlier ones, and was taken without that',
    ),
    'fast-path-left': logged(
      'warn',
      ['service', 'reason', 'minutes'],
      [],
      'Requests to a service are sent by the SDK for some minutes, at more CPU: its answers, or those of a proxy before it, are not what the fast path understands',
    ),
    'abort-failed': logged(
      'error',
      ['key', ...FAILURE_FIELDS],
      [],
      'A multipart upload could not be aborted; the lifecycle rule of the bucket removes it',
    ),
  },
  credentials: {
    'sign-in-accepted': logged(
      'info',
      [...SESSION_FIELDS, 'mechanism', 'username', 'source'],
      ['CredentialCacheHitRate'],
      'A sign-in succeeded; `source` says whether the credential came from the table or the cache',
    ),
    'sign-in-refused': logged(
      'info',
      [...SESSION_FIELDS, 'mechanism', 'username', 'cause', 'code'],
      ['AuthBackendErrors', 'AuthThrottled'],
      'A sign-in was refused; `cause` is what the client does not learn',
    ),
    'identity-without-credential': logged(
      'warn',
      [...SESSION_FIELDS, 'mechanism'],
      [],
      'A trusted proxy named a user who has no credential; the session has no grants, and hence no restrictions',
    ),
    'table-unavailable': logged(
      'error',
      ['operation', 'error'],
      [],
      'The credential table could not be read or written',
    ),
    'issuer-unavailable': logged(
      'error',
      ['error'],
      [],
      'The keys of a token issuer could not be fetched',
    ),
    'credential-unreadable': logged(
      'error',
      ['username', 'attribute'],
      [],
      'A row of the credential table is not valid and is not used',
    ),
  },
  verify: {
    'client-refused': logged(
      'info',
      [...SESSION_FIELDS, 'helo', 'from', 'code', 'rule', 'subject', 'detail'],
      ['SenderRefused'],
      'A DNS list refused a recipient: `subject` is what it lists, `detail` what it said',
    ),
    'list-works': logged(
      'info',
      ['zone', 'entries', 'ipv6'],
      [],
      'A DNS list has passed its test; `entries` says of what it has entries, `ipv6` whether of IPv6 addresses too',
    ),
    'list-failed': logged(
      'warn',
      ['zone', 'fault'],
      ['ListFailures'],
      'A DNS list has not passed its test: it is not asked until it does',
    ),
    'list-unknown': counted(['ListFailures'], 'A DNS list did not say whether it has a sender'),
    'look-up': counted(['DnsLookups', 'DnsLatency'], 'A DNS server answered a question'),
    'look-up-failed': counted(
      ['DnsLookups', 'DnsFailures'],
      'A question was not answered, or not asked since there were too many',
    ),
    'cache-hit': counted(
      ['DnsCacheHits'],
      'A question was answered from the cache, or was under way already',
    ),
    'foreign-answer': logged(
      'warn',
      ['server'],
      [],
      'A message that answers no question came from the address of a DNS server: somebody may be guessing',
    ),
  },
  app: {
    'certificate-reload-failed': logged(
      'error',
      ['reason'],
      ['CertReloadErrors'],
      'The source of a certificate could not be read; the old certificate stays in use',
    ),
    'scan-failed': logged(
      'warn',
      ['messageId', 'scanner', 'reason', 'detail'],
      ['ScanFailures'],
      'rspamd or clamd did not judge a mail, which was taken as not scanned or deferred, as `scan.onFailure` says. `reason`: `unreachable`, `timeout`, `cut` (the connection ended), `answer` (no result, or an error of the scanner), `busy` (all connections in use), `circuit-open` (not asked, since it had failed several times in a row)',
    ),
    'proxy-ignored': logged(
      'warn',
      ['variable', 'advice'],
      [],
      'The environment names a proxy, and requests to AWS do not use it: they need VPC endpoints or a NAT gateway',
    ),
  },
} as const satisfies {
  readonly server: Readonly<Record<ServerKind, EventSpecification>>;
  readonly bridge: Readonly<Record<BridgeEvent['kind'], EventSpecification>>;
  readonly credentials: Readonly<Record<CredentialEvent['kind'], EventSpecification>>;
  readonly verify: Readonly<Record<string, EventSpecification>>;
  readonly app: Readonly<Record<string, EventSpecification>>;
};

type Table = typeof EVENTS;

/** The kinds of one owner that have a line. */
export type LoggedKind<O extends Owner> = {
  [K in keyof Table[O]]: Table[O][K] extends { readonly fields: readonly string[] } ? K : never;
}[keyof Table[O]];

/** The fields of a line; `undefined` for one that has no value this time. */
export type FieldsOf<O extends Owner, K extends LoggedKind<O>> = Table[O][K] extends {
  readonly fields: readonly (infer F extends string)[];
}
  ? F
  : never;
