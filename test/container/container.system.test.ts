// Builds the image unmodified, without a Docker daemon, and runs it as Fargate does: its own user, nothing to write to, no rights; against the embedded AWS.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { TestClient } from '../support/smtp-client.ts';
import { buildImage, cannotRun, IMAGE, podman, runArguments } from './image.ts';

const reason = cannotRun();
let aws: TestAws;

beforeAll(async () => {
  if (reason !== undefined) return;
  await buildImage();
  aws = await startTestAws();
  // The base is unpacked once, from Debian's packages.
}, 600_000);
afterAll(async () => {
  await aws?.close();
});

class Container {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ports: ReadonlyMap<string, number>;
  readonly health: number;
  readonly startMilliseconds: number;

  private constructor(
    name: string,
    child: ChildProcess,
    ports: ReadonlyMap<string, number>,
    health: number,
    startMilliseconds: number,
  ) {
    this.name = name;
    this.child = child;
    this.ports = ports;
    this.health = health;
    this.startMilliseconds = startMilliseconds;
  }

  static async start(name: string, shutdown: object): Promise<Container> {
    const { bucket, topicArn, table } = aws.resources;
    const health = await freePort();
    const configuration = {
      hostname: 'mx.example.com',
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: 0 },
        { name: 'submission', host: '127.0.0.1', port: 0, auth: 'required' },
      ],
      tls: { certificates: [await makeCertificate({ names: ['mx.example.com'] })] },
      store: { bucket },
      notify: { topicArn },
      credentials: { table },
      health: { host: '127.0.0.1', port: health },
      metrics: { emf: true, stage: 'container' },
      shutdown,
    };
    const begun = performance.now();
    const child = spawn(
      'podman',
      runArguments(['--name', name], {
        ...aws.environment,
        MAILSLUICE_CONFIG: JSON.stringify(configuration),
      }),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ports = new Map<string, number>();
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        const { event, listener, port } = JSON.parse(line) as Record<string, unknown>;
        if (event === 'listening') ports.set(String(listener), Number(port));
        if (ports.size === 2) resolve();
      });
      child.on('exit', (code) => reject(new Error(`the container ended with exit code ${code}`)));
    });
    return new Container(name, child, ports, health, performance.now() - begun);
  }

  port(listener: string): number {
    return this.ports.get(listener) ?? 0;
  }

  /** Runs a script in the container, as its user. */
  exec(script: string): Promise<string> {
    return podman('exec', this.name, 'node', '--eval', script);
  }

  async stopped(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const [code] = (await once(this.child, 'exit')) as [number | null];
    return code;
  }
}

describe('the container image', () => {
  let container: Container;
  beforeEach(({ skip }) => skip(reason !== undefined, reason));
  beforeAll(async () => {
    if (reason !== undefined) return;
    container = await Container.start(`mailsluice-${process.pid}`, { grace: 0, deadline: '20s' });
    process.stderr.write(
      `from podman run to the last listener: ${Math.round(container.startMilliseconds)} ms\n`,
    );
  });
  afterAll(async () => {
    if (container?.child.exitCode === null)
      await podman('kill', '--signal', 'KILL', container.name);
  });

  test('the container runs as a user from 1000 on, without capabilities, on a file system it cannot write to', async () => {
    const pid = (await podman('inspect', '--format', '{{.State.Pid}}', container.name)).trim();
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, uid] = /^Uid:\t(\d+)/m.exec(status) ?? [];
    expect(Number(uid)).toBeGreaterThanOrEqual(1000);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const codes = await container.exec(
      "for (const path of ['/x', '/app/x', '/tmp/x']) try { require('fs').writeFileSync(path, '') } catch (error) { console.log(error.code) }",
    );
    expect(codes.trim().split('\n')).toEqual(['EROFS', 'EROFS', 'EROFS']);
  });

  test('the container is ready, and its own health check agrees', async () => {
    const ready = await fetch(`http://127.0.0.1:${container.health}/ready`);
    expect(ready.status).toBe(200);
    const [image] = JSON.parse(await podman('inspect', IMAGE)) as {
      Healthcheck: { Test: string[] };
    }[];
    expect(image?.Healthcheck.Test).toEqual(['CMD', 'node', '/app/health-check.mjs', '8080']);
    await podman('exec', container.name, 'node', '/app/health-check.mjs', String(container.health));
    await expect(
      podman('exec', container.name, 'node', '/app/health-check.mjs', String(await freePort())),
    ).rejects.toMatchObject({ code: 1 });
  });

  test('the container receives a mail over STARTTLS, stores it byte for byte and announces it', async () => {
    const raw = 'From: a@client.example\r\nTo: b@example.com\r\nSubject: Hi\r\n\r\n.dot\r\nüß\r\n';
    await nodemailer
      .createTransport({
        host: '127.0.0.1',
        port: container.port('mx'),
        requireTLS: true,
        tls: { rejectUnauthorized: false },
      })
      .sendMail({ envelope: { from: 'a@client.example', to: 'b@example.com' }, raw });
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: aws.resources.queueUrl, WaitTimeSeconds: 10 }),
    );
    const envelope = JSON.parse(Messages[0]?.Body ?? '{}') as { Message: string };
    const { receipt } = JSON.parse(envelope.Message) as {
      receipt: { action: { bucketName: string; objectKey: string } };
    };
    const object = await aws.s3.send(
      new GetObjectCommand({
        Bucket: receipt.action.bucketName,
        Key: receipt.action.objectKey,
      }),
    );
    const bytes = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
    expect(bytes.subarray(-Buffer.byteLength(raw)).toString()).toBe(raw);
  });

  test('the container has nothing in it but the program, its health check and what it is made of', async () => {
    const files = await container.exec("console.log(require('fs').readdirSync('/app').join())");
    expect(files.trim()).toBe('health-check.mjs,mailsluice.mjs,sbom.cdx.json');
    const sbom = JSON.parse(
      await container.exec(
        "process.stdout.write(require('fs').readFileSync('/app/sbom.cdx.json'))",
      ),
    ) as { bomFormat: string; components: { name: string; purl: string }[] };
    expect(sbom.bomFormat).toBe('CycloneDX');
    const names = sbom.components.map(({ name }) => name);
    expect(names).toContain('@aws-sdk/client-s3');
    for (const name of ['fauxqs', 'dynalite', 'selfsigned', 'fastify']) {
      expect(names).not.toContain(name);
    }
  });

  test('the container runs nothing when it is built, and adds a few megabytes to its base', async () => {
    const history = JSON.parse(await podman('history', '--format', 'json', IMAGE)) as {
      CreatedBy: string;
      size: number;
    }[];
    // The base is one step; a step that ran something has no `#(nop)`.
    const own = history.slice(0, -1);
    expect(own.filter(({ CreatedBy }) => !CreatedBy.includes('#(nop)'))).toEqual([]);
    const octets = own.reduce((sum, { size }) => sum + size, 0);
    process.stderr.write(`above the base: ${(octets / 1e6).toFixed(1)} MB\n`);
    expect(octets).toBeLessThan(10e6);
  });

  test('the container refuses in one line what is not in it', async () => {
    const local = spawn('podman', runArguments([], {}, ['local']), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    local.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(local, 'close')) as [number];
    expect(code).toBe(1);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  test('the container drains on SIGTERM: the mail under way is finished, idle sessions hear 421, and it ends with 0', async () => {
    const sending = await TestClient.connect(container.port('mx'));
    const idle = await TestClient.connect(container.port('mx'));
    await Promise.all([sending.reply(), idle.reply()]);
    for (const line of [
      'EHLO client.example',
      'MAIL FROM:<a@client.example>',
      'RCPT TO:<b@example.com>',
      'DATA',
    ]) {
      await sending.send(`${line}\r\n`).reply();
    }
    sending.send('Subject: half\r\n\r\nfirst half\r\n');
    await podman('kill', '--signal', 'TERM', container.name);

    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /);
    expect((await fetch(`http://127.0.0.1:${container.health}/ready`)).status).toBe(503);
    sending.send('second half\r\n.\r\n');
    expect(await sending.reply()).toMatch(/^250 2\.0\.0 /);
    expect(await sending.reply()).toMatch(/^421 4\.3\.2 /);
    expect(await container.stopped()).toBe(0);
  });
});
