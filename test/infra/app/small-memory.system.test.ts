// The limits of the profile `small` fit into 512 MiB: the program of the image, with more mail at once than it has memory for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROFILES, withLimitsOf } from '../../../infra/app/profiles.ts';
import { buildArtifacts } from '../../../infra/tools/build-artifacts.ts';
import { packageRoot } from '../../../infra/tools/package-root.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { UNVERIFIED } from '../../support/unverified.ts';

const MEBIBYTE = 1024 * 1024;
const CLIENTS = 16;
const MESSAGE_OCTETS = 12 * MEBIBYTE;

let aws: TestAws;
let folder = '';
let program: ChildProcess;
beforeAll(async () => {
  await buildArtifacts();
  aws = await startTestAws();
  folder = mkdtempSync(join(tmpdir(), 'small-'));
});
afterAll(async () => {
  program.kill('SIGKILL');
  await aws.close();
  rmSync(folder, { recursive: true });
});

/** The program on a heap as Node.js chooses it in 512 MiB: half of them. */
async function startProgram(): Promise<number> {
  const { cert, key } = await makeCertificate({ names: ['mx.example.com'] });
  writeFileSync(join(folder, 'mx.crt'), cert);
  writeFileSync(join(folder, 'mx.key'), key);
  const { bucket, topicArn, table } = aws.resources;
  const configuration = withLimitsOf('small', {
    hostname: 'mx.example.com',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    tls: { certificates: [{ certFile: join(folder, 'mx.crt'), keyFile: join(folder, 'mx.key') }] },
    store: { bucket },
    notify: { topicArn },
    credentials: { table },
    routes: [{ recipients: ['*@example.com'] }],
    health: { host: '127.0.0.1', port: 0 },
    shutdown: { grace: 0, deadline: '10s' },
    verify: UNVERIFIED,
  });
  program = spawn(
    process.execPath,
    [
      '--max-old-space-size=256',
      join(packageRoot, 'dist/container/mailsluice.mjs'),
      ...['serve', '--config', JSON.stringify(configuration)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...aws.environment } },
  );
  for await (const line of createInterface({ input: program.stdout ?? process.stdin })) {
    const { event, port } = JSON.parse(line) as { event?: string; port?: number };
    if (event === 'listening') {
      program.stdout?.resume();
      return Number(port);
    }
  }
  throw new Error('the program ended before it listened');
}

/** Octets, the most that the process has had. */
function peakMemory(): number {
  const status = readFileSync(`/proc/${program.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

test.skipIf(process.platform !== 'linux')(
  'the small profile: the program stays within its 512 MiB while more mail arrives than fits (Linux, which says how much it had)',
  async () => {
    const port = await startProgram();
    const text = `${'x'.repeat(76)}\r\n`.repeat(MESSAGE_OCTETS / 78);
    const outcomes = await Promise.allSettled(
      Array.from({ length: CLIENTS }, (_, client) =>
        nodemailer
          .createTransport({
            host: '127.0.0.1',
            port,
            localAddress: `127.0.2.${client + 1}`,
            tls: { rejectUnauthorized: false },
          })
          .sendMail({ from: 'a@client.example', to: 'b@example.com', text }),
      ),
    );
    const refused = outcomes.filter((each) => each.status === 'rejected');
    for (const { reason } of refused) {
      expect((reason as { responseCode?: number }).responseCode).toBe(452);
    }
    expect(refused.length).toBeLessThan(CLIENTS);
    expect(program.exitCode).toBeNull();
    const allowed = Number(PROFILES.small['memoryMiB']) * MEBIBYTE;
    expect(peakMemory()).toBeLessThan(allowed);
    program.kill('SIGTERM');
    const [code] = (await once(program, 'close')) as [number];
    expect(code).toBe(0);
  },
  300_000,
);
