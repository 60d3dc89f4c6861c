import { z } from 'zod';
import { listOf, nonEmptyListOf, oneOf, section, text, wholeNumber, yesOrNo } from './fields.ts';
import { duration, size } from './units.ts';

// The one schema of everything that can be configured (DESIGN section 8). Defaults stand here and nowhere
// else; a field without a default and without `optional` must be given.

const hostname = text(
  'a host name, like "mx.example.com"',
  'The name in the greeting, in EHLO and in trace headers',
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
);
const host = text(
  'an IP address or host name to listen on, like "0.0.0.0"',
  'The address to listen on',
  /^[A-Za-z0-9.:%_-]+$/,
);
const port = wholeNumber(0, 65535, 'The TCP port; 0 takes any free one');
const objectPrefix = text(
  'a key prefix of printable ASCII without a leading "/", like "mail/"',
  'What every object key starts with, before dt=YYYY-MM-DD/hr=HH/',
  /^(?!\/)[A-Za-z0-9!_.*'()/=-]{0,200}$/,
);
const cidrs = listOf(
  text(
    'an address range, like "10.0.0.0/8"',
    'An IPv4 or IPv6 address or range',
    /^[0-9A-Fa-f.:]+(\/\d{1,3})?$/,
  ),
  'a list of address ranges',
  'Addresses in CIDR notation',
);

const serverNames = nonEmptyListOf(
  text(
    'a host name or "*.example.com"',
    'A name that clients ask for by SNI',
    /^(\*\.)?[A-Za-z0-9.-]+$/,
  ),
  'a list of host names',
  'Names (SNI) that this certificate serves; without it, those in the certificate',
).optional();
const pemText = (what: string) =>
  text(`${what} in PEM, starting with "-----BEGIN"`, `${what}, inline`, /-----BEGIN [A-Z ]+-----/);
const file = (what: string) => text(`the path of ${what} in PEM`, `The path of ${what}`);
const certificate = z
  .union(
    [
      z.strictObject({
        certFile: file('the certificate chain'),
        keyFile: file('the private key'),
        serverNames,
      }),
      z.strictObject({
        cert: pemText('the certificate chain'),
        key: pemText('the private key'),
        serverNames,
      }),
      z.strictObject({
        secretArn: text(
          'the ARN of a secret',
          'Secrets Manager JSON with "cert" and "key"',
          /^arn:[^:]+:secretsmanager:/,
        ),
        serverNames,
      }),
      z.strictObject({
        acmArn: text(
          'the ARN of a certificate',
          'An exportable ACM certificate',
          /^arn:[^:]+:acm:/,
        ),
        serverNames,
      }),
    ],
    {
      error:
        'a certificate: {certFile, keyFile}, {cert, key} (PEM), {secretArn} or {acmArn}, each with optional serverNames',
    },
  )
  .meta({ description: 'One certificate with its private key' });

const limitFields = {
  maxMessageSize: size('1KB', '500MB', 'Largest message in octets, announced by SIZE'),
  maxRecipients: wholeNumber(1, 1000, 'Recipients of one message; more are answered 452 4.5.3'),
  maxConnections: wholeNumber(1, 100_000, 'Open connections; more are answered 421 4.3.2'),
  maxConnectionsPerAddress: wholeNumber(
    1,
    100_000,
    'Open connections of one client address; more are answered 421 4.7.0',
  ),
  maxMessagesPerSession: wholeNumber(1, 1_000_000, 'Messages of one session; then 421 4.7.0'),
  maxErrors: wholeNumber(1, 1000, 'Refusals of one session, deferrals not counted; then 421 4.7.0'),
  maxSignInFailures: wholeNumber(1, 100, 'Refused sign-ins of one session; then 421 4.7.0'),
  commandTimeout: duration(
    '1s',
    '1h',
    'Wait for the next command (RFC 5321 section 4.5.3.2.7 asks for 5m)',
  ),
  dataTimeout: duration(
    '1s',
    '1h',
    'Wait for the next octets of a message (RFC 5321 section 4.5.3.2.5 asks for 3m)',
  ),
  handshakeTimeout: duration('1s', '5m', 'Time for a TLS handshake or a PROXY header'),
  maxSessionAge: duration('10s', '1d', 'Age at which a session ends at its next idle point'),
  minDataRate: size(
    '0B',
    '1MB',
    'Octets a second, averaged, that a sender must keep up in DATA; 0 turns it off',
  ),
};

const limits = section(
  {
    maxMessageSize: limitFields.maxMessageSize.default(40_000_000),
    maxRecipients: limitFields.maxRecipients.default(100),
    maxConnections: limitFields.maxConnections.default(2000),
    maxConnectionsPerAddress: limitFields.maxConnectionsPerAddress.default(100),
    maxMessagesPerSession: limitFields.maxMessagesPerSession.default(100),
    maxErrors: limitFields.maxErrors.default(20),
    maxSignInFailures: limitFields.maxSignInFailures.default(3),
    commandTimeout: limitFields.commandTimeout.default(300),
    dataTimeout: limitFields.dataTimeout.default(180),
    handshakeTimeout: limitFields.handshakeTimeout.default(30),
    maxSessionAge: limitFields.maxSessionAge.default(1800),
    minDataRate: limitFields.minDataRate.default(100),
    memory: size(
      '32MB',
      '64GB',
      'Memory for messages above 256 KiB that are on their way to S3',
    ).default(256_000_000),
  },
  'What one process takes on, and from whom',
);

const listener = section(
  {
    name: text(
      'a short name of letters, digits and "-", like "mx"',
      'Names the listener in logs, metrics and notifications',
      /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/,
    ),
    host: host.default('0.0.0.0'),
    port,
    tls: oneOf(['none', 'starttls', 'implicit'], 'How TLS begins').default('starttls'),
    auth: oneOf(['none', 'optional', 'required'], 'Whether clients sign in').default('none'),
    requireTls: yesOrNo('No MAIL before STARTTLS: 530 5.7.0').default(false),
    bareNewline: oneOf(
      ['reject', 'accept'],
      'A bare CR or LF in a message: 550 5.6.11, or stored as it is',
    ).default('reject'),
    protocol: oneOf(['smtp', 'lmtp'], 'LMTP answers for each recipient (RFC 2033)').default('smtp'),
    clientAddress: oneOf(
      ['socket', 'proxy'],
      "Where the client's address comes from: the connection, or its PROXY protocol header",
    ).default('socket'),
    trustedProxies: cidrs.default([]),
    trustedXclients: cidrs.default([]),
    limits: z.strictObject(limitFields, { error: 'an object' }).partial().default({}),
  },
  'One port that is listened on',
);

const routePattern = text(
  'an address, "*@domain", "*@*.domain", "local@*" or "*"',
  'Which recipients it is for',
  /^(\*|[^\s@]+@[^\s@]+)$/,
);
const route = section(
  {
    recipients: nonEmptyListOf(
      routePattern,
      'a list of recipient patterns',
      'Patterns; any of them matches',
    ),
    prefix: objectPrefix.optional(),
    reject: section(
      {
        code: wholeNumber(400, 599, 'The reply code').default(550),
        status: text(
          'subject and detail, like "1.1"',
          'Enhanced status code without its class',
          /^\d\.\d{1,3}$/,
        ).default('1.1'),
        text: text('printable ASCII text', 'What the client hears', /^[ -~]{1,400}$/).default(
          'No such recipient here',
        ),
      },
      'Refuse these recipients with this reply',
    ).optional(),
  },
  'What becomes of a recipient; the first route that matches wins',
);

const credentials = section(
  {
    table: text('the name of a DynamoDB table', 'The credential table', /^[A-Za-z0-9_.-]{3,255}$/),
    cache: duration(
      '0s',
      '55s',
      'How long a credential is used without reading it again; a change to it reaches all within a minute',
    ).default(50),
    grace: duration(
      '0s',
      '1d',
      'How long cached credentials still sign in while the table cannot be read',
    ).default(900),
    recordLastUse: yesOrNo(
      'Note in the table when a credential was last used, at most once in 5 minutes (needs dynamodb:UpdateItem)',
    ).default(true),
    throttle: section(
      {
        shared: yesOrNo(
          'Count failed sign-ins and the rates of credentials for the whole fleet, in the table (needs dynamodb:UpdateItem)',
        ).default(false),
        onOutage: oneOf(
          ['open', 'closed'],
          'When the shared counts are out of reach: go on with those of the process, or answer 454',
        ).default('open'),
        window: duration('1m', '1d', 'How far back failures count').default(900),
        addressFailures: wholeNumber(
          1,
          1_000_000,
          'Failures from one address (IPv6: /64) in the window; then it is locked out',
        ).default(50),
        userFailures: wholeNumber(
          1,
          1_000_000,
          'Failures of one user name in the window; then new addresses are locked out of it',
        ).default(20),
        delay: duration(
          '0s',
          '1m',
          'Wait before the reply to a first failure; it doubles with each',
        ).default(0.5),
        maxDelay: duration('0s', '1m', 'The longest such wait').default(5),
        maxDelayed: wholeNumber(
          0,
          100_000,
          'Sessions that may wait so at one time; beyond it 421 4.7.0',
        ).default(1000),
      },
      'What slows down and locks out whoever guesses passwords',
    ).prefault({}),
    tokens: listOf(
      section(
        {
          issuer: text('an https URL', 'The iss claim, exactly', /^https?:\/\/\S+$/),
          audience: nonEmptyListOf(
            text(
              'an audience',
              'The aud claim, or the client_id of an Amazon Cognito access token',
            ),
            'a list of audiences',
            'Any of them will do',
          ),
          jwksUri: text(
            'an https URL',
            "Where the issuer's keys are; without it <issuer>/.well-known/jwks.json",
            /^https?:\/\/\S+$/,
          ).optional(),
          usernameClaim: text('the name of a claim', 'The claim that names the user').default(
            'sub',
          ),
          requireCredential: yesOrNo(
            'Whether the user must have a row in the credential table too',
          ).default(true),
        },
        'Whose tokens sign in',
      ),
      'a list of token issuers',
      'OAUTHBEARER and XOAUTH2 are offered where there is one',
    ).default([]),
  },
  'Who may sign in',
);

const verdict = (what: string) => oneOf(['off', 'mark', 'reject'], what).default('off');

export const configurationSchema = section(
  {
    $schema: z.string().optional().meta({ description: 'For editors; not read' }),
    hostname,
    listeners: nonEmptyListOf(listener, 'a list of at least one listener', 'The ports').default([
      listener.parse({ name: 'mx', port: 2525, tls: 'starttls', auth: 'none' }),
      listener.parse({ name: 'submission', port: 2587, tls: 'starttls', auth: 'required' }),
      listener.parse({ name: 'smtps', port: 2465, tls: 'implicit', auth: 'required' }),
    ]),
    tls: section(
      {
        certificates: listOf(
          certificate,
          'a list of certificates',
          'The first is the one for clients that name no server',
        ).default([]),
        reloadInterval: duration(
          '10s',
          '1d',
          'How often certificates are looked at for a newer version',
        ).default(300),
      },
      'Certificates',
    ).prefault({}),
    store: section(
      {
        bucket: text(
          'the name of an S3 bucket',
          'The S3 bucket of the mail',
          /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        ),
        prefix: objectPrefix.default('mail/'),
      },
      'Where mail is stored',
    ),
    notify: section(
      {
        topicArn: text(
          'the ARN of an SNS topic, like "arn:aws:sns:eu-west-1:111122223333:mail"',
          'The topic of the notifications',
          /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/,
        ),
      },
      'Where mail is announced',
    ),
    credentials: credentials.optional(),
    routes: listOf(
      route,
      'a list of routes',
      'Which recipients are taken, and where their mail goes',
    ).default([{ recipients: ['*'] }]),
    traceHeaders: yesOrNo(
      'Put Return-Path, Received, Received-SPF and Authentication-Results before the stored message',
    ).default(true),
    verify: section(
      {
        spf: verdict('SPF (RFC 7208)'),
        dkim: verdict('DKIM (RFC 6376)'),
        dmarc: verdict('DMARC (RFC 7489)'),
        arc: verdict('ARC (RFC 8617)'),
      },
      'Sender verification',
    ).prefault({}),
    duplicates: section(
      {
        window: duration('1m', '30d', 'How long a message is remembered'),
        table: text(
          'the name of a DynamoDB table',
          'Where it is remembered, with the string key "pk" and TTL on "ttl"; without it, the credential table',
          /^[A-Za-z0-9_.-]{3,255}$/,
        ).optional(),
      },
      'Answer a message that is sent again with the first one',
    ).optional(),
    limits: limits.prefault({}),
    health: section(
      { host: host.default('0.0.0.0'), port: port.default(8080) },
      'The HTTP server for /live, /ready and /metrics',
    ).prefault({}),
    log: section(
      {
        level: oneOf(
          ['debug', 'info', 'warn', 'error', 'silent'],
          'The least level that is written',
        ).default('info'),
        addresses: oneOf(['domain', 'hash', 'full'], 'How mail addresses are shown').default(
          'domain',
        ),
      },
      'The log on standard output, one JSON object a line',
    ).prefault({}),
    metrics: section(
      {
        emf: yesOrNo(
          "Write the metrics into the log in CloudWatch's embedded metric format; Prometheus reads /metrics either way",
        ).default(false),
        stage: text(
          'a name of letters, digits, ".", "_" and "-"',
          'The dimension Stage of every metric: which installation it is',
          /^[A-Za-z0-9._-]{1,100}$/,
        ).default('default'),
        interval: duration('1s', '5m', 'Between two reports in the log').default(60),
      },
      'What is counted',
    ).prefault({}),
    shutdown: section(
      {
        grace: duration(
          '0s',
          '10m',
          'After SIGTERM, how long new connections are still served',
        ).default(30),
        deadline: duration(
          '1s',
          '1h',
          'After SIGTERM, when the process ends whatever is under way',
        ).default(110),
      },
      'The end of the process',
    ).prefault({}),
    local: section(
      {
        username: text('a user name', 'The demo credential', /^[!-~]{1,64}$/).default('demo'),
        password: text(
          'a password of at least 8 characters',
          'Its password; without it one is generated',
          /^.{8,256}$/,
        ).optional(),
        awsPort: port.default(4566),
        dynamoDbPort: port.default(8000),
      },
      'Only for `mailsluice local`: what is embedded',
    ).optional(),
  },
  'Mailsluice configuration',
);

/** The configuration as a person writes it: every default may be left out. */
export type ConfigurationInput = z.input<typeof configurationSchema>;

/** The configuration with every default filled in; sizes in octets, times in seconds. */
export type Configuration = z.output<typeof configurationSchema>;

export type ListenerConfiguration = Configuration['listeners'][number];
export type CertificateConfiguration = Configuration['tls']['certificates'][number];
export type RouteConfiguration = Configuration['routes'][number];

/** The JSON Schema (draft 2020-12) of the document, for editors. */
export function configurationJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configurationSchema, { io: 'input' });
}
