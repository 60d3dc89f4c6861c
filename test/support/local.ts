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
  local: { awsPort: 0, dynamoDbPort: 0 },
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

  static async start(configuration: object = {}): Promise<LocalProcess> {
    const config = JSON.stringify({ ...FREE_PORTS, ...configuration });
    const child = spawn(process.execPath, [mainFile, 'local', '--json', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      once(child, 'exit').then(([code]) => {
        throw new Error(`mailsluice local ended with exit code ${code} before it was ready`);
      }),
    ]);
    lines.on('line', () => {});
    return new LocalProcess(child, JSON.parse(first) as LocalReady);
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
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    const [code] = (await ended) as [number | null];
    return code;
  }
}
