// End to end: mail in by SMTP, out to S3 and SNS, and what that costs the server's process. The AWS is the
// embedded one, in a process of its own; beside ours stands what a team would write by hand.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runForOutput, sendLoad, SMALL_MAILS } from './load.ts';
import { median } from './measure.ts';
import { imageEnvironment } from '../support/image-environment.ts';
import { bundledProgram } from './bundled.ts';
import { nodeFlags, type RunningServer, startServer } from './processes.ts';
import { inFigures, table } from './report.ts';
import { UNVERIFIED } from '../support/unverified.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Aws {
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: { readonly bucket: string; readonly topicArn: string };
}

interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const MESSAGES = 2000;
/** As many as the cells have: V8 goes on compiling for some ten thousand. More sessions, for smtp-server's pauses. */
const WARM_UP_MESSAGES = 20_000;
const WARM_UP_SESSIONS = 64;

/** The CPU of ours and of the glue for each mail, in alternation. */
export async function measureBridge(rounds: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-bench-bridge-'));
  const running: RunningServer[] = [];
  try {
    const aws = await startEmbeddedAws(running);
    const delayFile = join(folder, 'delay.json');
    const ours = await startOurs(aws, aws.environment, delayFile);
    const glue = await startServer((port) => ({
      program: process.execPath,
      args: [
        here('peers/glue.mjs'),
        ...[String(port), aws.resources.bucket, aws.resources.topicArn],
      ],
      env: aws.environment,
    }));
    running.push(ours, glue);

    const rows: string[][] = [];
    for (const kind of SMALL_MAILS) {
      const cpu = new Map<RunningServer, number[]>([
        [ours, []],
        [glue, []],
      ]);
      const perSecond = new Map<RunningServer, number[]>([
        [ours, []],
        [glue, []],
      ]);
      for (const server of cpu.keys()) {
        await sendLoad(server.port, { ...kind, sessions: WARM_UP_SESSIONS }, WARM_UP_MESSAGES);
      }
      await readDelay(ours, delayFile);
      let delay: Delay = { p50: 0, p99: 0, max: 0 };
      for (let round = 0; round < rounds; round++) {
        for (const [server, spent] of cpu) {
          if (server === ours) await readDelay(ours, delayFile);
          const before = server.cpu();
          const begun = performance.now();
          await sendLoad(server.port, kind, MESSAGES);
          perSecond.get(server)?.push(MESSAGES / ((performance.now() - begun) / 1000));
          spent.push((server.cpu() - before) / MESSAGES);
          if (server !== ours) continue;
          const late = await readDelay(ours, delayFile);
          if (late.p99 > delay.p99) delay = late;
        }
      }
      const [us = [], them = []] = cpu.values();
      const ratio = median(us.map((each, round) => each / (them[round] ?? Number.NaN)));
      const [usPerSecond = [], themPerSecond = []] = perSecond.values();
      rows.push([
        kind.id,
        inFigures(median(us)),
        inFigures(median(them)),
        ratio.toFixed(2),
        inFigures(median(usPerSecond)),
        inFigures(median(themPerSecond)),
        delay.p99.toFixed(1),
      ]);
    }
    const head = [
      'cell',
      'mailsluice, µs',
      'glue, µs',
      'mailsluice ÷ glue',
      'mailsluice, per s',
      'glue, per s',
    ];
    return [
      '### End to end: CPU of the server process per message, S3 and SNS embedded',
      table([...head, 'event loop delay, worst p99, ms'], rows),
    ].join('\n\n');
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true });
  }
}

const LARGE_OCTETS = 25 * 1024 * 1024;
const LOOK_MILLISECONDS = 250;

/** Many senders of 25 MB each at once: the memory that ours takes, and what the senders hear. */
export async function measureOverload(senders: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-bench-overload-'));
  const running: RunningServer[] = [];
  try {
    const aws = await startEmbeddedAws(running);
    const s3 = await startServer((port) => ({
      program: process.execPath,
      args: [here('servers/hashing-s3.ts'), String(port), String(LARGE_OCTETS)],
    }));
    running.push(s3);
    const delayFile = join(folder, 'delay.json');
    const environment = {
      ...aws.environment,
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${s3.port}`,
    };
    const ours = await startOurs(aws, environment, delayFile);
    running.push(ours);

    const begun = performance.now();
    const replies = await runForOutput(process.execPath, [
      here('drivers/large-source.ts'),
      ...[ours.port, senders, LARGE_OCTETS].map(String),
    ]);
    const seconds = (performance.now() - begun) / 1000;
    const { p99, max } = await readDelay(ours, delayFile);
    const report = await (await fetch(`http://127.0.0.1:${s3.port}/report`)).text();
    return [
      `### ${senders} senders of 25 MB at once, limits.memory 256 MB`,
      table(
        ['', ''],
        [
          ['replies to the messages', replies.trim()],
          ['objects in S3, and of these not octet for octet the message sent', report],
          ['peak resident memory, MiB', inFigures(ours.rssPeak() / 1024 / 1024)],
          ['event loop delay, p99 and worst, ms', `${p99.toFixed(1)}, ${max.toFixed(0)}`],
          ['seconds', seconds.toFixed(0)],
        ],
      ),
    ].join('\n\n');
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true });
  }
}

/** The program as it runs in production, with its log. */
export async function startOurs(
  { resources }: Aws,
  environment: Aws['environment'],
  delayFile: string,
  verify: object = UNVERIFIED,
): Promise<RunningServer> {
  const program = await bundledProgram();
  return startServer((port) => ({
    program: process.execPath,
    args: [
      ...nodeFlags(),
      ...['--import', here('servers/event-loop-delay.ts')],
      ...[program, 'serve', '--config'],
      JSON.stringify({
        hostname: 'mx.in.example',
        listeners: [{ name: 'mx', host: '127.0.0.1', port, tls: 'none', auth: 'none' }],
        store: { bucket: resources.bucket },
        notify: { topicArn: resources.topicArn },
        limits: {
          memory: '256MB',
          maxMessagesPerSession: 100_000,
          maxConnections: 2000,
          maxConnectionsPerAddress: 2000,
        },
        health: { host: '127.0.0.1', port: 0 },
        shutdown: { grace: '0s', deadline: '2s' },
        verify,
      }),
    ],
    env: { ...imageEnvironment(), ...environment, BENCH_DELAY_FILE: delayFile },
  }));
}

/** The embedded AWS in a process of its own, added to those that `running` has to stop. */
export async function startEmbeddedAws(running: RunningServer[]): Promise<Aws> {
  const embedded = await startServer((port) => ({
    program: process.execPath,
    args: [here('servers/embedded-aws.ts'), String(port)],
  }));
  running.push(embedded);
  const response = await fetch(`http://127.0.0.1:${embedded.port}`);
  return (await response.json()) as Aws;
}

/** How late the event loop was since the last look. */
async function readDelay({ pid }: RunningServer, file: string): Promise<Delay> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (let waited = 0; !existsSync(file) && waited < 20_000; waited += LOOK_MILLISECONDS) {
    await pause(LOOK_MILLISECONDS);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Delay;
}
