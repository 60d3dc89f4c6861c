// `mailsluice local` as its users run it: as a process, on free ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { LocalReady } from '../../src/app/local/ready.ts';

export const mainFile = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Every default port replaced by a free one. */
export const FREE_PORTS = {
  listeners: [
    { name: 'mx', port: 0, tls: 'starttls', auth: 'none' },
    { name: 'submission', port: 0, tls: 'starttls', auth: 'required' },
    { name: 'smtps', port: 0, tls: 'implicit', auth: 'required' },
  ],
  health: { port: 0 },
  local: { pagePort: 0, awsPort: 0, dynamoDbPort: 0 },
};

export interface StoredMail {
  readonly notification: {
    readonly mail: { readonly messageId: string; readonly source: string };
    readonly receipt: {
      readonly recipients: readonly string[];
      readonly action: { readonly bucketName: string; readonly objectKey: string };
    };
    readonly mailsluice: Record<string, unknown>;
  };
  readonly object: Buffer;
}

/** One line of the output. */
export type Printed = Readonly<Record<string, unknown>>;

export class LocalProcess {
  readonly child: ChildProcess;
  readonly ready: LocalReady;
  readonly s3: S3Client;
  readonly sqs: SQSClient;

  private constructor(child: ChildProcess, ready: LocalReady) {
    this.child = child;
    this.ready = ready;
    const { region, accessKeyId, secretAccessKey, endpoint } = ready.aws;
    const settings = { region, endpoint, credentials: { accessKeyId, secretAccessKey } };
    this.s3 = new S3Client({ ...settings, forcePathStyle: true });
    this.sqs = new SQSClient(settings);
  }

  /** What it printed after the first line, an object each. */
  readonly #printed: Printed[] = [];
  readonly #waiting = new Set<() => void>();

  static async start(
    configuration: object = {},
    args: readonly string[] = [],
    program = mainFile,
  ): Promise<LocalProcess> {
    const config = JSON.stringify({ ...FREE_PORTS, ...configuration });
    const all = [program, 'local', '--json', '--config', config, ...args];
    const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      once(child, 'exit').then(([code]) => {
        throw new Error(`mailsluice local ended with exit code ${code} before it was ready`);
      }),
    ]);
    const started = new LocalProcess(child, JSON.parse(first) as LocalReady);
    lines.on('line', (line) => {
      started.#printed.push(JSON.parse(line) as Printed);
      for (const wake of started.#waiting) wake();
    });
    return started;
  }

  /** Waits until it has printed what the test looks for, and takes it. */
  async printed(isWanted: (line: Printed) => boolean): Promise<Printed> {
    for (;;) {
      const at = this.#printed.findIndex(isWanted);
      if (at !== -1) return this.#printed.splice(at, 1)[0] as Printed;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  port(listener: string): number {
    const found = this.ready.listeners.find(({ name }) => name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  /** Waits for the notification that names this recipient, and fetches its object over the S3 API. */
  async mailFor(recipient: string): Promise<StoredMail> {
    const { queueUrl: QueueUrl } = this.ready;
    const deadline = Date.now() + 20_000;
    while (Date.now() < deadline) {
      const { Messages = [] } = await this.sqs.send(
        new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MaxNumberOfMessages: 10 }),
      );
      for (const { Body = '{}', ReceiptHandle } of Messages) {
        const { Message } = JSON.parse(Body) as { Message: string };
        const notification = JSON.parse(Message) as StoredMail['notification'];
        if (!notification.receipt.recipients.includes(recipient)) continue;
        await this.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        const { bucketName: Bucket, objectKey: Key } = notification.receipt.action;
        const { Body: object } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = await object?.transformToByteArray();
        return { notification, object: Buffer.from(bytes ?? []) };
      }
    }
    throw new Error(`no notification for ${recipient} within 20 s`);
  }

  async keys(prefix = 'mail/'): Promise<string[]> {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await this.s3.send(
        new ListObjectsV2Command({ Bucket: this.ready.bucket, Prefix: prefix, ContinuationToken }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return keys;
  }

  /** Ends it as Ctrl-C does; resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.s3.destroy();
    this.sqs.destroy();
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    const [code] = (await ended) as [number | null];
    return code;
  }
}
