// What stack and program must agree on: the program is driven, and its log compared with the templates. Every metric
// that an alarm, the scaling or the dashboard looks at is emitted with that name and those dimensions.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EVENTS, type LoggedEvent } from '../../src/app/report/events.ts';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { LOG_QUERIES } from '../../infra/watch/log-queries.ts';
import { METRIC_NAMESPACE } from '../../src/telemetry/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { DnsServer } from '../support/dns-server.ts';
import { freePort } from '../support/free-port.ts';
import { resourcesOf, synthBridge } from './support.ts';

const STAGE = 'metrics-test';
const ZONE = `
  client.example TXT v=spf1 ip4:127.0.0.1 -all
  forged.example TXT v=spf1 -all
  _dmarc.forged.example TXT v=DMARC1; p=reject
`;

/** `name` with its dimensions, as one string: `MessagesRejected{Reason,Stage=metrics-test}`. */
const emitted = new Set<string>();
const emittedNames = new Set<string>();
/** What stands in the log besides. */
const events = new Set<string>();
const loggedFields = new Set<string>();

let aws: TestAws;
let dns: DnsServer;
let program: ChildProcess;

interface EmfDocument {
  readonly _aws?: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

function collect(line: string): void {
  const document = JSON.parse(line) as EmfDocument;
  for (const { Namespace, Dimensions, Metrics } of document._aws?.CloudWatchMetrics ?? []) {
    expect(Namespace).toBe(METRIC_NAMESPACE);
    for (const { Name } of Metrics) {
      emittedNames.add(Name);
      for (const set of Dimensions) {
        const dimensions = set.map((name) => `${name}=${String(document[name])}`);
        emitted.add(`${Name}{${dimensions.sort().join()}}`);
      }
    }
  }
}

beforeAll(async () => {
  aws = await startTestAws();
  dns = await DnsServer.start(ZONE);
  const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
  const { cert, key } = await makeCertificate({ names: ['mx.example.com'] });
  writeFileSync(join(folder, 'mx.crt'), cert);
  writeFileSync(join(folder, 'mx.key'), key);
  const { bucket, topicArn, table } = aws.resources;
  const { generated } = await new CredentialAdministration(aws.dynamoDb, table).add({
    username: 'alice',
  });

  const health = await freePort();

  program = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)),
      'serve',
      '--config',
      JSON.stringify({
        hostname: 'mx.example.com',
        listeners: [
          { name: 'mx', host: '127.0.0.1', port: 0 },
          { name: 'submission', host: '127.0.0.1', port: 0, auth: 'required' },
        ],
        tls: {
          certificates: [{ certFile: join(folder, 'mx.crt'), keyFile: join(folder, 'mx.key') }],
        },
        store: { bucket },
        notify: { topicArn },
        credentials: { table },
        routes: [{ recipients: ['*@example.com'] }],
        health: { host: '127.0.0.1', port: health },
        metrics: { emf: true, stage: STAGE, interval: '5m' },
        shutdown: { grace: 0, deadline: '10s' },
        verify: { dmarc: 'reject', resolvers: [dns.address] },
      }),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...aws.environment } },
  );
  const ports = new Map<string, number>();
  const lines = createInterface({ input: program.stdout ?? process.stdin });
  const listening = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const fields = JSON.parse(line) as Record<string, unknown>;
      const { event, listener, port } = fields;
      if (typeof event === 'string') events.add(event);
      for (const name of Object.keys(fields)) loggedFields.add(name);
      if (event === 'listening') ports.set(String(listener), Number(port));
      if (ports.size === 2) resolve();
      collect(line);
    });
  });
  await listening;

  const connect = (listener: string, auth = {}) =>
    nodemailer.createTransport({
      host: '127.0.0.1',
      port: ports.get(listener) ?? 0,
      tls: { rejectUnauthorized: false },
      ...auth,
    });
  const mail = { from: 'a@client.example', to: 'b@example.com', text: 'Hello' };
  await connect('mx').sendMail(mail);
  await connect('mx')
    .sendMail({ ...mail, from: 'a@forged.example' })
    .catch(() => undefined);
  await connect('mx')
    .sendMail({ ...mail, to: 'nobody@elsewhere.example' })
    .catch(() => undefined);
  await connect('submission', { auth: { user: 'alice', pass: generated } }).sendMail(mail);
  await connect('submission', { auth: { user: 'alice', pass: 'wrong' } })
    .sendMail(mail)
    .catch(() => undefined);

  // The outbox is looked at some seconds after the start.
  await vi.waitFor(
    async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${health}/metrics`)).text();
      expect(metrics).toContain('mailsluice_outbox_oldest_age_seconds');
    },
    { timeout: 60_000, interval: 500 },
  );

  // The last interval is reported when the program ends.
  program.kill('SIGTERM');
  await once(program, 'close');
}, 120_000);

afterAll(async () => {
  program.kill('SIGKILL');
  await aws.close();
  await dns[Symbol.asyncDispose]();
});

interface MetricReference {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
  readonly MetricStat?: { readonly Metric: MetricReference };
  readonly Metrics?: readonly MetricReference[];
}

/** The program's metrics in a resource, wherever they are. */
function bridgeMetrics({ Metrics = [], MetricStat, ...metric }: MetricReference): string[] {
  const inner = [...Metrics, ...(MetricStat ? [MetricStat.Metric] : [])].flatMap(bridgeMetrics);
  if (metric.Namespace !== METRIC_NAMESPACE) return inner;
  const dimensions = (metric.Dimensions ?? []).map(({ Name, Value }) => `${Name}=${Value}`);
  return [...inner, `${metric.MetricName}{${dimensions.sort().join()}}`];
}

describe('what the running program emits', () => {
  const { template } = synthBridge(() => ({ stage: STAGE }));

  test('what the running program emits is all that the alarms look at', () => {
    const watched = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).flatMap(
      ({ Properties }) => bridgeMetrics(Properties),
    );
    expect(watched.length).toBeGreaterThan(8);
    expect(watched.filter((metric) => !emitted.has(metric))).toEqual([]);
  });

  test('what the running program emits is what the scaling goes by', () => {
    const scaling = Object.values(
      resourcesOf(template, 'AWS::ApplicationAutoScaling::ScalingPolicy'),
    ).flatMap(({ Properties }) => {
      const policy = Properties['TargetTrackingScalingPolicyConfiguration'] as {
        CustomizedMetricSpecification?: MetricReference;
      };
      return bridgeMetrics(policy.CustomizedMetricSpecification ?? {});
    });
    expect(scaling).toEqual([`ActiveConnections{Stage=${STAGE}}`]);
    expect(emitted.has(scaling[0] ?? '')).toBe(true);
  });

  test('what the running program emits is all that the dashboard shows', () => {
    const [dashboard] = Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']).replaceAll('\\', '');
    const shown = new Set([
      ...[...body.matchAll(/\["MailBridge","([A-Za-z0-9]+)"/g)].map(([, name]) => name ?? ''),
      ...[...body.matchAll(/MetricName="([A-Za-z0-9]+)"/g)].map(([, name]) => name ?? ''),
    ]);
    expect(shown.size).toBeGreaterThan(20);
    expect([...shown].filter((name) => !emittedNames.has(name))).toEqual([]);
  });

  test('what the running program emits has the fields and events that the saved log queries ask for', () => {
    for (const [name, query] of Object.entries(LOG_QUERIES)) {
      const text = [
        ...(query.fields ?? []),
        ...(query.filterStatements ?? []),
        ...(query.statsStatements ?? []),
      ].join(' ');
      const named = [...text.matchAll(/event = "([a-z-]+)"/g)].map(([, event]) => event ?? '');
      // What only an attack, a dead scanner or a DNS list causes is not provoked here; that its lines are as the table says is tested with the report.
      const rare = named.filter((event) => !events.has(event) && NOT_PROVOKED.has(event));
      const rareFields = new Set(rare.flatMap((event) => fieldsOf(event)));
      expect([name, named.filter((event) => !events.has(event) && !rare.includes(event))]).toEqual([
        name,
        [],
      ]);
      const words = text
        .replaceAll(/"[^"]*"|\/[^/]*\/|count\(\*\)|as \w+/g, '')
        .match(/(?<![@\w])[A-Za-z]+/g);
      const fields = (words ?? []).filter((word) => !QUERY_WORDS.has(word));
      const unknown = fields.filter(
        (field) => !loggedFields.has(field) && !rareFields.has(field) && field !== OF_SEVERAL,
      );
      expect([name, unknown]).toEqual([name, []]);
    }
  });
});

/** The fields of its line. */
function fieldsOf(event: string): readonly string[] {
  const owner = Object.values(EVENTS).find((kinds) => event in kinds);
  const { fields } = (owner as Readonly<Record<string, LoggedEvent>>)[event] ?? { fields: [] };
  return fields;
}

const NOT_PROVOKED: ReadonlySet<string> = new Set([
  'message-shed',
  'connection-shed',
  'ended',
  // And a scanner that is away, and a DNS list that may refuse.
  'scan-failed',
  'client-refused',
]);

/** Of the query language. */
const QUERY_WORDS = new Set(['like', 'by', 'and', 'or', 'ispresent', 'sum', 'coalesce']);

/** Only in a line that stands for several, which the limit of lines writes; tested there. */
const OF_SEVERAL = 'repeated';
