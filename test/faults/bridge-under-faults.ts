// The bridge in front of the fault proxy in front of the embedded AWS, with the checks of senders over a DNS of its own, and
// what each mail left behind.
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import {
  type Bridge,
  type BridgeEvent,
  createBridge,
  createBridgeClients,
  listOutbox,
  OUTBOX_PREFIX,
} from '../../src/bridge/index.ts';
import type { BridgeOptions } from '../../src/bridge/options.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import type { JudgeMail } from '../../src/bridge/index.ts';
import type { MessageFacts } from '../../src/smtp/index.ts';
import { composeJudge, createResolver, createSenderCheck } from '../../src/verify/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { DnsServer } from '../support/dns-server.ts';
import { deliver, facts, listKeys, readObject, takeNotifications } from '../bridge/support.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

/**
 * A budget that makes one try short, for a service that hangs. All others keep the timeouts of the program,
 * and the budget of a commit stays long: no test depends on speed.
 */
const HASTY_SECONDS = { s3: 2, sns: 4 } as const;

export interface BenchOptions extends Partial<BridgeOptions> {
  /** The service that a test hangs: a try ends soon. */
  readonly hasty?: keyof typeof HASTY_SECONDS;
}

export interface FaultBench extends AsyncDisposable {
  readonly aws: TestAws;
  readonly proxy: FaultProxy;
  readonly dynamoDbProxy: FaultProxy;
  readonly events: BridgeEvent[];
  /** A bridge with its own prefix in the bucket; closed with the bench. */
  makeBridge(options?: BenchOptions): BenchBridge;
  /** For the next test: no faults, no notifications, no outbox, bridges closed. */
  clear(): Promise<void>;
}

export interface BenchBridge extends Bridge {
  readonly prefix: string;
  deliver(content: Buffer | string, of?: MessageFacts): ReturnType<typeof deliver>;
  /** Objects under the bridge's prefix, sidecars not counted, each with its octets. */
  stored(): Promise<{ key: string; body: Buffer }[]>;
}

export async function startFaultBench(): Promise<FaultBench> {
  const aws = await startTestAws();
  const proxy = await startFaultProxy(aws.endpoint);
  const dynamoDbProxy = await startFaultProxy(aws.dynamoDbEndpoint);
  const access = {
    region: aws.region,
    endpoint: proxy.endpoint,
    dynamoDbEndpoint: dynamoDbProxy.endpoint,
    credentials: aws.credentials,
  };
  const clients = createBridgeClients(access);
  const hastyClients = {
    s3: createBridgeClients({ ...access, commitSeconds: HASTY_SECONDS.s3 }),
    sns: createBridgeClients({ ...access, commitSeconds: HASTY_SECONDS.sns }),
  };
  // Every mail is judged meanwhile, as in the program.
  const dns = await DnsServer.start();
  const resolver = createResolver({ servers: [dns.address] });
  const senders = createSenderCheck({ resolver, hostname: 'mx.in.example' });
  const judge: JudgeMail = ({ session, envelope }) =>
    composeJudge({
      sender: senders.begin(session, envelope.reversePath),
      lists: undefined,
      scan: undefined,
    });
  const events: BridgeEvent[] = [];
  const bridges: Bridge[] = [];
  let number = 0;

  return {
    aws,
    proxy,
    dynamoDbProxy,
    events,
    makeBridge: ({ hasty, ...options } = {}) => {
      number += 1;
      const prefix = `test-${number}/`;
      const bridge = createBridge({
        s3: hasty === 's3' ? hastyClients.s3.s3 : clients.s3,
        sns: hasty === 'sns' ? hastyClients.sns.sns : clients.sns,
        bucket: aws.resources.bucket,
        topicArn: aws.resources.topicArn,
        hostname: 'mx.in.example',
        prefix,
        // Not by itself within a test.
        outboxSeconds: 3600,
        judge,
        observe: (event) => events.push(event),
        ...options,
        ...(options.duplicates && {
          duplicates: { ...options.duplicates, dynamoDb: clients.dynamoDb },
        }),
      });
      bridges.push(bridge);
      return Object.assign(bridge, {
        prefix,
        deliver: (content: Buffer | string, of = facts()) => deliver(bridge, of, content),
        stored: async () => {
          const keys = await listKeys(aws, options.prefix ?? prefix);
          return Promise.all(
            keys
              .filter((key) => !key.endsWith('.envelope.json'))
              .map(async (key) => ({
                key,
                body: (await readObject(aws.s3, aws.resources.bucket, key)).body,
              })),
          );
        },
      });
    },
    clear: async () => {
      proxy.reset();
      dynamoDbProxy.reset();
      for (const bridge of bridges.splice(0)) await bridge.close();
      // Bridges that end abort their uploads.
      proxy.reset();
      for (const Key of await listKeys(aws, OUTBOX_PREFIX)) {
        await aws.s3.send(new DeleteObjectCommand({ Bucket: aws.resources.bucket, Key }));
      }
      await takeNotifications(aws);
      events.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of [clients, hastyClients.s3, hastyClients.sns]) each[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
      await dynamoDbProxy[Symbol.asyncDispose]();
      resolver.close();
      await dns[Symbol.asyncDispose]();
      await aws.close();
    },
  };
}

/** No call of SNS was repeated and none failed, so every mail is announced exactly once. */
export function isCalm({ events }: FaultBench): boolean {
  return !events.some(
    (event) =>
      event.kind === 'publish-failed' || (event.kind === 'aws-retry' && event.service === 'sns'),
  );
}

/**
 * The promise: each of these mails, and no other, is announced at least once or waits in the outbox. Gives the
 * messageIds of those that were announced, each once.
 */
export async function expectAnnounced(
  bench: FaultBench,
  messageIds: readonly string[],
): Promise<string[]> {
  const { s3, resources } = bench.aws;
  const seen = (await announced(bench.aws, 2)).map(({ mail }) => mail.messageId);
  const kept = new Set(seen);
  for await (const { messageId } of listOutbox({ s3, bucket: resources.bucket })) {
    kept.add(messageId);
  }
  expect([...kept].sort()).toEqual([...messageIds].sort());
  if (isCalm(bench)) expect(seen).toHaveLength(messageIds.length);
  return [...new Set(seen)];
}

/** The notifications of the mails that were announced. */
export async function announced(aws: TestAws, waitSeconds = 0): Promise<ReceivedNotification[]> {
  const taken = await takeNotifications(aws, waitSeconds);
  return taken.map(({ Message }) => JSON.parse(Message) as ReceivedNotification);
}
