// The process: health, log, metrics and shutdown; and what `mailsluice local` embeds.
import { oneOf, section, text, yesOrNo } from '../fields.ts';
import { duration } from '../units.ts';
import { host, port } from './common.ts';

export const health = section(
  { host: host.default('127.0.0.1'), port: port.default(8080) },
  'The HTTP server of /live, /ready and /metrics.',
);

export const log = section(
  {
    level: oneOf(
      ['debug', 'info', 'warn', 'error', 'silent'],
      'The lowest level that is written.',
    ).default('info'),
    addresses: oneOf(
      ['domain', 'hash', 'full'],
      'Mail addresses in the log: the domain alone, a hash of the address, or the whole address.',
    ).default('domain'),
  },
  'The log on standard output, one JSON object per line.',
);

export const metrics = section(
  {
    emf: yesOrNo(
      "Write the metrics into the log in CloudWatch's embedded metric format; /metrics always has them for Prometheus.",
    ).default(false),
    stage: text(
      'a name of letters, digits, ".", "_" and "-"',
      'The value of the dimension Stage of every metric, which names the installation.',
      /^[A-Za-z0-9._-]{1,100}$/,
    ).default('default'),
    detail: oneOf(
      ['full', 'basic'],
      'The metrics in the log: all, or eight without labels, since CloudWatch charges for each metric; /metrics always has all.',
    ).default('full'),
    interval: duration('1s', '5m', 'The time between two reports in the log.').prefault('1m'),
  },
  'Metrics.',
);

export const shutdown = section(
  {
    grace: duration(
      '0s',
      '10m',
      'How long new connections are still accepted after SIGTERM.',
    ).prefault('30s'),
    deadline: duration(
      '1s',
      '1h',
      'When the process ends after SIGTERM, even with messages under way.',
    ).prefault('110s'),
  },
  'The shutdown of the process.',
);

export const local = section(
  {
    username: text('a user name', 'The user name of the demo credential.', /^[!-~]{1,64}$/).default(
      'demo',
    ),
    password: text(
      'a password of at least 8 characters',
      'The password of the demo credential; without it one is generated.',
      /^.{8,256}$/,
    ).optional(),
    awsPort: port
      .meta({ description: 'The TCP port of the embedded S3, SNS and SQS; 0 takes any free port.' })
      .default(4566),
    pagePort: port
      .meta({ description: 'The TCP port of the page that shows the mail; 0 takes any free port.' })
      .default(8025),
    dynamoDbPort: port
      .meta({ description: 'The TCP port of the embedded DynamoDB; 0 takes any free port.' })
      .default(8000),
  },
  'The page and the embedded services of mailsluice local; serve does not read it.',
);
