import { printable } from '../printable.ts';
import type { StoredMail } from '../stored-mail.ts';
import type { HandlerEvent } from './handler/handler-runner.ts';
import type { ReportedError } from './handler/messages.ts';
import type { LocalReady } from './ready.ts';

const ABOUT_TLS = {
  none: 'no TLS',
  starttls: 'STARTTLS offered',
  implicit: 'TLS from the first byte',
} as const;
const ABOUT_AUTH = {
  none: 'no sign-in',
  optional: 'sign-in offered after TLS',
  required: 'sign-in required after TLS',
} as const;

/** The block that a person reads once: where everything is, and a line to paste that sends a mail. */
export function renderReady(ready: LocalReady): string {
  const { listeners, aws } = ready;
  const { persistFolder } = ready;
  const stored =
    persistFolder === undefined ? 'embedded, in memory' : `embedded, kept in ${persistFolder}`;
  const rows = [
    ['Page', ready.page, 'open it in a browser: each mail, its notification, its dialogue'],
    ...listeners.map(({ name, host, port, tls, auth }) => [
      `SMTP (${name})`,
      `${host}:${port}`,
      `${ABOUT_TLS[tls]}, ${ABOUT_AUTH[auth]}`,
    ]),
    ['Health', `${ready.health}/ready`, '/live and /metrics too'],
    ['S3, SNS, SQS', aws.endpoint, stored],
    ['DynamoDB', aws.dynamoDbEndpoint, stored],
    ['Bucket', ready.bucket, `keys: ${ready.prefix}dt=YYYY-MM-DD/hr=HH/<messageId>`],
    ['Topic', ready.topicArn, ''],
    ...(ready.quarantineTopicArn === undefined
      ? []
      : [['Quarantine', ready.quarantineTopicArn, 'marked mail in place of the topic']]),
    ['Queue', ready.queueUrl, 'subscribed to the topic'],
    ['Table', ready.table, ''],
    ...(ready.handler === undefined
      ? []
      : [
          ['Handler', ready.handler.file, 'called for each mail; loaded again when it changes'],
          ['Dead letters', ready.handler.deadLetterQueueUrl, ''],
        ]),
    ready.senderChecks.length === 0
      ? ['Sender checks', 'off', `turn them on: --config '{"verify":{"dmarc":"mark"}}'`]
      : ['Sender checks', ready.senderChecks.join(', '), ''],
    ['User', ready.username, `password: ${ready.password}`],
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const block = rows.map((row) =>
    `  ${row[0]?.padEnd(widths[0] ?? 0)}  ${row[1]?.padEnd(widths[1] ?? 0)}  ${row[2]}`.trimEnd(),
  );
  const lines = [`Mailsluice ${ready.version} is ready.`, '', ...block];
  lines.push(
    '',
    'For the AWS CLI, an SDK, and "mailsluice archive", "credentials" and "outbox":',
    '',
    // Version 1 of the AWS CLI reads AWS_DEFAULT_REGION only.
    `  export AWS_REGION=${aws.region} AWS_DEFAULT_REGION=${aws.region} AWS_ACCESS_KEY_ID=${aws.accessKeyId} AWS_SECRET_ACCESS_KEY=${aws.secretAccessKey}`,
    `  export AWS_ENDPOINT_URL=${aws.endpoint} AWS_ENDPOINT_URL_DYNAMODB=${aws.dynamoDbEndpoint}`,
  );
  const door = listeners.find(({ tls, auth }) => tls !== 'implicit' && auth !== 'required');
  if (door !== undefined) {
    lines.push(
      '',
      'Send a mail (paste this into another terminal):',
      '',
      `  printf 'Subject: Hello\\r\\n\\r\\nIt works.\\r\\n' | curl --silent --show-error --url smtp://${door.host}:${door.port} --mail-from you@example.com --mail-rcpt inbox@example.net --upload-file -`,
      '',
      `It lands in s3://${ready.bucket}/${ready.prefix} and its notification in the queue. Each mail is one line below; Ctrl-C ends.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** One mail, one line. */
export function renderMail({
  at,
  reversePath,
  recipients,
  sizeInOctets,
  objects,
}: StoredMail): string {
  const time = at.slice(11, 19);
  const to =
    recipients.length > 3
      ? `${recipients.slice(0, 3).join(' ')} +${recipients.length - 3}`
      : recipients.join(' ');
  return `${time}  <${printable(reversePath)}> → ${printable(to)}  ${renderSize(sizeInOctets)}  ${objects.join(' ')}`;
}

const RESULT_CHARACTERS = 200;

/** One invocation of the handler, or one loading of it, one line. */
export function renderHandlerEvent(event: HandlerEvent, at: Date): string {
  const time = at.toISOString().slice(11, 19);
  if (event.event === 'handler-loaded') {
    return `${time}  handler ${event.isReload ? 'loaded again' : 'loaded'}`;
  }
  if (event.event === 'handler-not-loaded') {
    return `${time}  handler not loaded: ${renderError(event.error)}`;
  }
  const { outcome, messageId = '-', attempt, attempts, isLast, millis, result, error } = event;
  const next = isLast
    ? ', goes to the dead-letter queue'
    : outcome === 'done'
      ? ''
      : ', comes again';
  const count = outcome === 'done' && attempt === 1 ? '' : `, attempt ${attempt} of ${attempts}`;
  const answer =
    error === undefined
      ? printable(JSON.stringify(result)).slice(0, RESULT_CHARACTERS)
      : renderError(error);
  return `${time}  handler ${outcome}${count}${next}  ${messageId}  ${millis} ms  ${answer}`;
}

function renderError({ name, message }: ReportedError): string {
  return printable(`${name}: ${message}`).slice(0, RESULT_CHARACTERS);
}

function renderSize(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  if (octets < 1e6) return `${(octets / 1000).toFixed(1)} kB`;
  return `${(octets / 1e6).toFixed(1)} MB`;
}
