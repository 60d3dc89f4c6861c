// `mailsluice doctor` as its users run it, against `mailsluice local` with a certificate of a test CA, a DNS server
// on loopback, and an endpoint that answers as CloudFormation and EC2 do.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processContext } from '../../src/cli/frame/context.ts';
import { run } from '../../src/cli/run.ts';
import { makeCertificate } from '../support/certificates.ts';
import { mailsluice } from '../support/cli.ts';
import { DnsServer } from '../support/dns-server.ts';
import { LocalProcess } from '../support/local.ts';

let folder: string;
let local: LocalProcess;
let dns: DnsServer;
let query: Server;
let environment: Record<string, string>;

const ZONE = `
  mx.test A 127.0.0.1
  1.0.0.127.in-addr.arpa PTR mx.test
  mail.test MX 10 mx.test
  test CAA 0 issue ca.test
  _smtp._tls.mail.test TXT v=TLSRPTv1; rua=mailto:tls@mail.test`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const authority = await makeCertificate({ names: ['Test CA'], isAuthority: true });
  const { cert, key } = await makeCertificate({ names: ['mx.test'], days: 40, authority });
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  dns = await DnsServer.start(ZONE);
  local = await LocalProcess.start({
    hostname: 'mx.test',
    tls: { certificates: [{ cert, key }] },
    routes: [{ recipients: ['ann@mail.test', 'postmaster@mail.test'], prefix: 'mail' }],
  });
  writeFileSync(join(folder, 'password'), `${local.ready.password}\n`);
  query = createServer((request, response) => {
    void text(request).then((body) => response.end(answer(body)));
  });
  query.listen(0, '127.0.0.1');
  await once(query, 'listening');
  const { region, endpoint, dynamoDbEndpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  const queryEndpoint = `http://127.0.0.1:${(query.address() as AddressInfo).port}`;
  environment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbEndpoint,
    AWS_ENDPOINT_URL_CLOUDFORMATION: queryEndpoint,
    AWS_ENDPOINT_URL_EC2: queryEndpoint,
  };
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  query.close();
  await dns[Symbol.asyncDispose]();
  await local.stop();
});

function answer(body: string): string {
  if (body.includes('DescribeAddresses')) return '<item><publicIp>127.0.0.1</publicIp></item>';
  if (body.includes('DescribeAccountAttributes')) return '<attributeValue>5</attributeValue>';
  const outputs = {
    SmtpEndpoint: 'mx.test',
    StaticAddresses: '127.0.0.1',
    DnsRecords: 'mx.test. A 127.0.0.1\nmail.test. MX 10 mx.test.',
    MailBucketName: local.ready.bucket,
    MailKeyPrefix: 'mail/',
    TopicArn: local.ready.topicArn,
    AlarmTopicArn: local.ready.topicArn,
  };
  const members = Object.entries(outputs).map(
    ([name, value]) =>
      `<member><OutputKey>${name}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  return `<StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs>`;
}

const places = (): string[] => [
  ...['--resolver', dns.address, '--ca-file', join(folder, 'ca.pem')],
  ...(['mx', 'submission', 'smtps'] as const).flatMap((role) => [
    '--port',
    `${role}=${local.port(role)}`,
  ]),
];

interface Report {
  readonly host: string;
  readonly level: string;
  readonly findings: readonly {
    readonly check: string;
    readonly level: string;
    readonly found: string;
    readonly why?: string;
    readonly fix?: string;
  }[];
}

describe('of a deployment that is as it should be', () => {
  let report: Report;
  let code: number | null;
  let output: string;
  beforeAll(async () => {
    ({ code, output } = await mailsluice(
      [
        ...['doctor', '--stack', 'Mailsluice-prod-Service', ...places(), '--json'],
        ...['--user', local.ready.username, '--password-file', join(folder, 'password')],
        ...['--send-mail', '--recipient', 'ann@mail.test'],
      ],
      environment,
    ));
    report = JSON.parse(output) as Report;
  });

  test('it ends with 0, and nothing is worse than a note', () => {
    const bad = report.findings.filter(({ level }) => level !== 'ok');
    expect(bad.map(({ check, found }) => `${check}: ${found}`)).toEqual([
      'dns.mta-sts: mail.test has no MTA-STS',
    ]);
    expect({ code, host: report.host, level: report.level }).toEqual({
      code: 0,
      host: 'mx.test',
      level: 'note',
    });
  });

  test('every check has looked', () => {
    const checks = [...new Set(report.findings.map(({ check }) => check))];
    expect(checks.sort()).toEqual([
      'aws.alarms',
      'aws.outbox',
      'aws.quotas',
      'aws.stack',
      'aws.subscriptions',
      'dns.address',
      'dns.caa',
      'dns.mta-sts',
      'dns.mx',
      'dns.ptr',
      'dns.tls-rpt',
      'mail',
      'smtp.certificate',
      'smtp.connection',
      'smtp.extensions',
      'smtp.recipients',
      'smtp.sender',
      'smtp.sign-in',
    ]);
  });

  test('the mail was followed into the bucket and through the topic', async () => {
    const found = report.findings.filter(({ check }) => check === 'mail').map((each) => each.found);
    const keys = await local.keys('mail/');
    expect(keys).toHaveLength(1);
    const object = `s3://${local.ready.bucket}/${keys[0]}`;
    expect(found).toEqual([
      expect.stringMatching(/^a mail to ann@mail\.test was accepted: [0-9a-v]{40}$/),
      `it is stored as ${object}`,
      `its notification came through ${local.ready.topicArn} into a queue, and names ${object}`,
    ]);
  });

  test('its queue is gone', async () => {
    const { QueueUrls = [] } = await local.sqs.send(
      new ListQueuesCommand({ QueueNamePrefix: 'mailsluice-doctor-' }),
    );
    expect(QueueUrls).toEqual([]);
  });

  test('the password is nowhere in the output', () => {
    const { username, password } = local.ready;
    const plain = Buffer.from(`\0${username}\0${password}`).toString('base64');
    expect(output).not.toContain(password);
    expect(output).not.toContain(plain);
  });
});

test('what is failed ends with 1, and each line has its reason and its remedy', async () => {
  dns.serve(ZONE.replace('mail.test MX 10 mx.test', 'mail.test MX 10 other.test'));
  const { code, output } = await mailsluice(
    ['doctor', '--host', 'mx.test', '--domain', 'mail.test', ...places()],
    environment,
  );
  dns.serve(ZONE);
  expect(code).toBe(1);
  expect(output).toContain(
    [
      'failed   dns.mx            the MX records of mail.test do not name mx.test: 10 other.test',
      '         why: its mail goes to other servers',
      '         fix: create the record "mail.test. MX 10 mx.test."',
    ].join('\n'),
  );
  expect(output).toMatch(/^mailsluice doctor: 1 failed, 1 note, \d+ ok$/m);
});

test('a mail that is refused, and services that cannot be asked, are findings', async () => {
  const config = {
    hostname: 'mx.test',
    store: { bucket: 'not-there' },
    notify: { topicArn: local.ready.topicArn },
  };
  const { code, output } = await mailsluice(
    [
      ...['doctor', '--config', JSON.stringify(config), ...places(), '--json'],
      ...['--send-mail', '--recipient', 'nobody@mail.test'],
    ],
    environment,
  );
  expect(code).toBe(1);
  const { findings } = JSON.parse(output.split('\n')[0] ?? '') as Report;
  const sentences = findings.map(({ level, check, found }) => `${level} ${check}: ${found}`);
  expect(sentences).toContain(
    'failed mail: the test mail to nobody@mail.test was not accepted: 550 5.1.1 No such mailbox here (after RCPT TO:<nobody@mail.test>)',
  );
  expect(sentences).toContain(
    'unknown aws.outbox: the check aws.outbox was not done: the bucket does not exist; check store.bucket and AWS_REGION',
  );
});

test('nothing that is listening ends with 0: nothing was found to be wrong', async () => {
  const { code, output } = await mailsluice(
    ['doctor', '--host', '127.0.0.1', '--port', 'mx=1', '--timeout', '1'],
    environment,
  );
  expect(code).toBe(0);
  expect(output).toContain(
    'unknown  smtp.connection  port 1 of 127.0.0.1 is not testable from here (ECONNREFUSED)\n',
  );
});

test('the password can come from standard input', async () => {
  const stdout = new PassThrough();
  const stdin = Readable.from([`${local.ready.password}\n`]);
  const args = ['--host', 'mx.test', ...places(), '--user', local.ready.username];
  const code = await run(['doctor', ...args, '--password-stdin'], {
    ...{ ...processContext, environment: {}, stdin, stdout, stderr: new PassThrough() },
  });
  expect(code).toBe(0);
  expect(String(stdout.read())).toContain(
    `${local.ready.username} signs in on port ${local.port('smtps')}\n`,
  );
});

test('an interruption ends with 1, after what was found until then', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const interrupted = (): AbortSignal => AbortSignal.abort();
  const code = await run(['doctor', '--host', '127.0.0.1', '--port', 'mx=1'], {
    ...{ ...processContext, environment: {}, stdout, stderr, interrupted },
  });
  expect({ code, stderr: String(stderr.read()) }).toEqual({
    code: 1,
    stderr: 'mailsluice doctor: interrupted: 1 unknown\n',
  });
  expect(String(stdout.read())).toContain('the check smtp was not done: it was interrupted');
});

test.each<[args: string[], line: string]>([
  [
    [],
    'mailsluice doctor: expected --host NAME, --stack NAME, or --config or MAILSLUICE_CONFIG with hostname, got none of them',
  ],
  [
    ['--host', 'mx.test', '--user', 'ann'],
    'mailsluice doctor: expected --user together with --password-file or --password-stdin',
  ],
  [
    ['--host', 'mx.test', '--send-mail'],
    'mailsluice doctor: expected --stack, or --config with store.bucket and notify.topicArn, beside --send-mail',
  ],
  [
    ['--host', 'mx.test>\nDATA'],
    "mailsluice doctor: option '--host <name>' argument 'mx.test> DATA' is invalid. expected a host name or an IP address (see mailsluice doctor --help)",
  ],
  [
    ['--host', 'mx.test', '--port', 'http=80'],
    "mailsluice doctor: option '--port <role=number>' argument 'http=80' is invalid. expected mx, submission or smtps with a port, like mx=2525 (see mailsluice doctor --help)",
  ],
  [
    ['--host', 'mx.test', '--resolver', 'dns.test'],
    "mailsluice doctor: option '--resolver <address[:port]>' argument 'dns.test' is invalid. expected an IP address, with or without a port (see mailsluice doctor --help)",
  ],
])('%j is a usage error', async (args, line) => {
  const stderr = new PassThrough();
  const code = await run(['doctor', ...args], { ...processContext, environment: {}, stderr });
  expect({ code, line: String(stderr.read()) }).toEqual({ code: 2, line: `${line}\n` });
});
