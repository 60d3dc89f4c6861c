// Three tasks that flush one outbox at once, each with its own clients, behind an SNS of several speeds: how often each
// mail is announced, and how fast.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Bridge,
  type BridgeClients,
  createBridge,
  createBridgeClients,
} from '../../../src/bridge/index.ts';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { announcements, outboxKeys, writeMarkers } from './support.ts';
import { markerOf } from '../../support/outbox-marker.ts';

const TASKS = 3;
const ALWAYS = 1_000_000;
const MOST_ANNOUNCEMENTS = 1.1;

let aws: TestAws;
let proxy: FaultProxy;
beforeAll(async () => {
  aws = await startTestAws();
  proxy = await startFaultProxy(aws.endpoint, { remembers: false });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await aws.close();
});

interface Task extends AsyncDisposable {
  readonly bridge: Bridge;
  readonly clients: BridgeClients;
}

function startTask(): Task {
  const clients = createBridgeClients({
    region: aws.region,
    endpoint: proxy.endpoint,
    credentials: aws.credentials,
  });
  const bridge = createBridge({
    ...clients,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    outboxSeconds: 0.2,
  });
  return {
    bridge,
    clients,
    [Symbol.asyncDispose]: async () => {
      await bridge.close();
      clients[Symbol.dispose]();
    },
  };
}

interface Row {
  readonly latencyMillis: number;
  readonly markers: number;
  readonly seconds: number;
}

test.for<Row>([
  // A tenth of the rate that a service has on a machine of its own.
  { latencyMillis: 20, markers: 600, seconds: 24 },
  { latencyMillis: 1000, markers: 120, seconds: 60 },
  { latencyMillis: 2500, markers: 60, seconds: 60 },
])(
  `$markers markers and an SNS that answers in $latencyMillis ms: ${TASKS} tasks announce each mail ${MOST_ANNOUNCEMENTS} times at most on average, within $seconds s`,
  { timeout: 120_000 },
  async ({ latencyMillis, markers, seconds }) => {
    const { topicArn } = aws.resources;
    const ids = await writeMarkers(
      aws,
      Array.from({ length: markers }, () => markerOf({ topicArn })),
    );
    for (const operation of ['Publish', 'PublishBatch'] as const) {
      proxy.inject(operation, { kind: 'delay', millis: latencyMillis }, ALWAYS);
    }
    const began = performance.now();
    {
      await using _one = startTask();
      await using _two = startTask();
      await using _three = startTask();
      const limit = began + seconds * 1000;
      while ((await outboxKeys(aws)).length > 0 && performance.now() < limit) await sleep(100);
    }
    const took = (performance.now() - began) / 1000;
    proxy.repair();
    expect(await outboxKeys(aws)).toEqual([]);
    const counts = await announcements(aws);
    expect([...counts.keys()].sort()).toEqual([...ids].sort());
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${markers} markers, SNS at ${latencyMillis} ms: ${(all / markers).toFixed(3)} announcements a mail in ${took.toFixed(1)} s\n`,
    );
    expect(all / markers).toBeLessThanOrEqual(MOST_ANNOUNCEMENTS);
  },
);
