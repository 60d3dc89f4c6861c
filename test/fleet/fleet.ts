// Several `mailsluice serve` behind HAProxy on one bucket, topic and table, as a service of several tasks is.
// Each AWS service is reached through a fault proxy of its own, which can take it away, slow it, and bring it back.
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { setTimeout as pause } from 'node:timers/promises';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.ts';
import { type LoggedEvent, ServeProcess } from '../faults/serve-process.ts';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { freePort } from '../support/free-port.ts';
import { HaProxy } from './haproxy.ts';

export const TASKS = 3;
/** More than any test makes requests: until `repair`. */
export const ALWAYS = 1_000_000_000;

export interface FleetOptions {
  /** Remembers mail in the table and answers a resent one as the first time. Default false. */
  readonly duplicates?: boolean;
  /** S3 without a proxy in front: for a test of speed that does not take S3 away. Default false. */
  readonly reachesS3Directly?: boolean;
  readonly onEvent?: (event: LoggedEvent) => void;
}

/** The embedded AWS with a proxy in front of each service. */
export class FleetAws implements AsyncDisposable {
  readonly aws: AwsProcess;
  readonly s3: FaultProxy;
  readonly sns: FaultProxy;
  readonly dynamoDb: FaultProxy;

  private constructor(aws: AwsProcess, [s3, sns, dynamoDb]: [FaultProxy, FaultProxy, FaultProxy]) {
    this.aws = aws;
    this.s3 = s3;
    this.sns = sns;
    this.dynamoDb = dynamoDb;
  }

  static async start(): Promise<FleetAws> {
    const aws = await startAwsProcess();
    const options = { remembers: false };
    return new FleetAws(
      aws,
      await Promise.all([
        startFaultProxy(aws.endpoint, options),
        startFaultProxy(aws.endpoint, options),
        startFaultProxy(aws.dynamoDbEndpoint, options),
      ]),
    );
  }

  /** For a program that is to meet the faults. */
  get environment(): Readonly<Record<string, string>> {
    return {
      ...this.aws.environment,
      AWS_ENDPOINT_URL_S3: this.s3.endpoint,
      AWS_ENDPOINT_URL_SNS: this.sns.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: this.dynamoDb.endpoint,
    };
  }

  /** Every answer of SNS comes so much later. */
  slowSns(millis: number): void {
    this.sns.repair();
    if (millis > 0) this.sns.inject('any', { kind: 'delay', millis }, ALWAYS);
  }

  /** Whether a marker waits; those set aside do not. */
  async isOutboxEmpty(): Promise<boolean> {
    const { Contents = [] } = await this.aws.s3.send(
      new ListObjectsV2Command({
        Bucket: this.aws.resources.bucket,
        Prefix: 'outbox/',
        Delimiter: '/',
        MaxKeys: 1,
      }),
    );
    // What was set aside is behind all others.
    return Contents.length === 0;
  }

  /** Milliseconds until no marker waits; `undefined` where one still does after so many. */
  async timeToEmpty(limitMillis: number): Promise<number | undefined> {
    const begun = performance.now();
    while (performance.now() - begun < limitMillis) {
      if (await this.isOutboxEmpty()) return performance.now() - begun;
      await pause(100);
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.s3, this.sns, this.dynamoDb].map((proxy) => proxy[Symbol.asyncDispose]()),
    );
    await this.aws.close();
  }
}

export class Fleet implements AsyncDisposable {
  /** Behind which the tasks take their turns; nobody signs in here. */
  readonly port: number;
  /** TLS from the first octet, and only for those who sign in. */
  readonly submissionPort: number;
  readonly tasks: readonly ServeProcess[];
  readonly #haproxy: HaProxy;

  private constructor(
    ports: { readonly port: number; readonly submissionPort: number },
    tasks: readonly ServeProcess[],
    haproxy: HaProxy,
  ) {
    this.port = ports.port;
    this.submissionPort = ports.submissionPort;
    this.tasks = tasks;
    this.#haproxy = haproxy;
  }

  /** Settles when every task takes mail. */
  static async start(services: FleetAws, options: FleetOptions = {}): Promise<Fleet> {
    const submissionPorts = await Promise.all(Array.from({ length: TASKS }, freePort));
    const { aws } = services;
    const { table } = aws.resources;
    const environment = {
      ...services.environment,
      ...(options.reachesS3Directly === true && { AWS_ENDPOINT_URL_S3: aws.endpoint }),
    };
    const tasks = await Promise.all(
      submissionPorts.map((submissionPort) =>
        ServeProcess.start({
          aws,
          environment,
          configuration: ({ port }) => ({
            listeners: [
              listener('mx', port, { tls: 'starttls', auth: 'none' }),
              listener('smtps', submissionPort, { tls: 'implicit', auth: 'required' }),
            ],
            credentials: { table },
            ...(options.duplicates === true && { duplicates: { window: '1h' } }),
            // Long enough for HAProxy to see that a task is not ready any more.
            shutdown: { grace: '1s', deadline: '30s' },
          }),
          ...(options.onEvent && { onEvent: options.onEvent }),
        }),
      ),
    );
    const [port, submissionPort] = [await freePort(), await freePort()];
    const behind = (portOf: (task: ServeProcess, index: number) => number) =>
      tasks.map((task, index) => ({ port: portOf(task, index), healthPort: task.healthPort }));
    const haproxy = await HaProxy.start([
      { port, tasks: behind((task) => task.port) },
      { port: submissionPort, tasks: behind((_, index) => submissionPorts[index] ?? 0) },
    ]);
    return new Fleet({ port, submissionPort }, tasks, haproxy);
  }

  /** Ends all tasks as a deployment does; their exit codes. */
  end(): Promise<(number | null)[]> {
    return Promise.all(this.tasks.map((task) => task.end('SIGTERM')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#haproxy[Symbol.asyncDispose]();
    await Promise.all(this.tasks.map((task) => task[Symbol.asyncDispose]()));
  }
}

function listener(name: string, port: number, rest: object): object {
  const behindProxy = { clientAddress: 'proxy', trustedProxies: ['127.0.0.0/8'] };
  return { name, host: '127.0.0.1', port, ...behindProxy, ...rest };
}
