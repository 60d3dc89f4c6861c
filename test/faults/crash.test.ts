// The promise under SIGKILL: `mailsluice serve` dies at random moments under 16 senders and is started again;
// in the end every mail that was answered 250 is in S3 octet by octet and was announced. A short campaign
// here; MAILSLUICE_CRASH_KILLS and MAILSLUICE_CRASH_MESSAGES (mails for each kill) make it a long one.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drainOutboxOf } from '../../src/bridge/index.ts';
import type { ReceivedNotification } from '../../src/bridge/notification-types.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { mainFile } from '../support/local.ts';
import { TestClient } from '../support/smtp-client.ts';
import { listKeys, readObject, takeNotifications } from '../bridge/support.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

const KILLS = Number(process.env['MAILSLUICE_CRASH_KILLS'] ?? 3);
const MESSAGES = KILLS * Number(process.env['MAILSLUICE_CRASH_MESSAGES'] ?? 200);
const SENDERS = 16;

let aws: TestAws;
let proxy: FaultProxy;
beforeAll(async () => {
  aws = await startTestAws();
  proxy = await startFaultProxy(aws.endpoint);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await aws.close();
});

/** A port that is free now, and the same for every start of the program. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

class Serve {
  readonly port: number;
  readonly #config: string;
  #child: ChildProcess | undefined;

  constructor(port: number, certificate: TestCertificate) {
    this.port = port;
    this.#config = JSON.stringify({
      hostname: 'mx.in.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port, tls: 'starttls', auth: 'none' }],
      tls: { certificates: [{ cert: certificate.cert, key: certificate.key }] },
      store: { bucket: aws.resources.bucket },
      notify: { topicArn: aws.resources.topicArn },
      routes: [{ recipients: ['*@in.example'] }],
      health: { host: '127.0.0.1', port: 0 },
      shutdown: { grace: 0, deadline: '30s' },
      log: { level: 'error' },
    });
  }

  /** Settles when the port answers. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [mainFile, 'serve', '--config', this.#config], {
      env: { ...process.env, ...aws.environment, AWS_ENDPOINT_URL: proxy.endpoint },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#child = child;
    while (!(await answers(this.port))) {
      if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`);
      await pause(20);
    }
  }

  /** Sends the signal and gives the exit code; `null` after SIGKILL. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  }).then((answered) => answered === true);
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}

/** Mostly small, some of a few hundred KB, a few that go up in parts; those not without end, for the memory's sake. */
function makeMessage(number: number): Buffer {
  let octets = 2000;
  if (number <= 2000 && number % 11 === 0) octets = 300_000;
  if (number <= 2000 && number % 97 === 0) octets = 9_000_000;
  const line = `${randomBytes(24).toString('hex')}\r\n`;
  return Buffer.from(
    `Subject: campaign ${number}\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`,
  );
}

/** Sends until a 250 comes, on one connection as long as it lasts; gives the messageId of the 250. */
class Sender {
  readonly #port: number;
  #client: TestClient | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async deliver(message: Buffer): Promise<string> {
    for (;;) {
      try {
        const reply = await this.#try(message);
        const match = /^250 2\.0\.0 Ok: queued as ([0-9a-v]{40})$/.exec(reply);
        if (match?.[1] !== undefined) return match[1];
        // Nothing that is the server's fault may be a permanent refusal.
        if (reply.startsWith('5')) throw new PermanentRefusal(reply);
      } catch (error) {
        if (error instanceof PermanentRefusal) throw error;
        this.#client?.destroy();
        this.#client = undefined;
      }
      await pause(30);
    }
  }

  close(): void {
    this.#client?.destroy();
  }

  async #try(message: Buffer): Promise<string> {
    let client = this.#client;
    if (client === undefined) {
      client = await TestClient.connect(this.#port);
      this.#client = client;
      await client.reply();
      await client.say('EHLO client.example');
    }
    for (const line of ['MAIL FROM:<a@sender.example>', 'RCPT TO:<b@in.example>', 'DATA']) {
      const reply = await client.say(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    client.send(message);
    return client.send('.\r\n').reply();
  }
}

class PermanentRefusal extends Error {}

test(`${KILLS} kills under ${SENDERS} senders of ${MESSAGES} mails: none lost, none silent`, {
  timeout: 120_000 + KILLS * 30_000,
}, async () => {
  const serve = new Serve(await freePort(), await makeCertificate());
  await serve.start();
  const acknowledged: { readonly id: string; readonly message: Buffer }[] = [];
  let next = 0;
  let isDone = false;

  const senders = Promise.all(
    Array.from({ length: SENDERS }, async () => {
      const sender = new Sender(serve.port);
      while (next < MESSAGES) {
        next += 1;
        const message = makeMessage(next);
        acknowledged.push({ id: await sender.deliver(message), message });
      }
      sender.close();
    }),
  ).finally(() => {
    isDone = true;
  });

  let kills = 0;
  while (kills < KILLS && !isDone) {
    // SNS fails now and then too, so that the outbox has its part in it.
    proxy.inject('Publish', { kind: 'refuse', status: 403, code: 'AuthorizationError' }, 4);
    proxy.inject('PublishBatch', { kind: 'reset-after' }, 2);
    const before = acknowledged.length;
    const enough = Math.floor((MESSAGES - before) / (KILLS - kills + 1));
    const target = before + Math.floor(enough * (0.5 + Math.random() * 0.5));
    while (acknowledged.length < target && !isDone) await pause(5);
    await pause(Math.random() * 40);
    await serve.end('SIGKILL');
    kills += 1;
    await serve.start();
  }
  await senders;
  expect(await serve.end('SIGTERM')).toBe(0);
  expect(kills).toBe(KILLS);
  expect(acknowledged).toHaveLength(MESSAGES);

  const { s3, sns, resources } = aws;
  const { published, failure } = await drainOutboxOf({ s3, sns, bucket: resources.bucket });
  expect(failure).toBeUndefined();

  const keys = new Map<string, string>();
  for (const key of await listKeys(aws, 'mail/'))
    keys.set(key.slice(key.lastIndexOf('/') + 1), key);
  const announced = new Set<string>();
  for (const { Message } of await takeNotifications(aws, 1)) {
    announced.add((JSON.parse(Message) as ReceivedNotification).mail.messageId);
  }
  let lost = 0;
  let silent = 0;
  for (const { id, message } of acknowledged) {
    const key = keys.get(id);
    const stored = key === undefined ? undefined : await readObject(s3, resources.bucket, key);
    if (stored === undefined || !stored.body.subarray(-message.length).equals(message)) lost += 1;
    if (!announced.has(id)) silent += 1;
  }
  process.stdout.write(
    `crash campaign: ${kills} kills, ${acknowledged.length} acknowledged, lost ${lost}, silent ${silent}, ` +
      `announced ${announced.size}, ${published} of them out of the outbox at the end\n`,
  );
  expect({ lost, silent }).toEqual({ lost: 0, silent: 0 });
});
