// Three tasks behind HAProxy under 16 senders, while tasks are restarted and killed and services go away: every
// mail that was answered 250 is in S3 octet by octet, and was announced once the outbox is empty.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listKeys, readObject } from '../bridge/support.ts';
import { audit } from '../faults/audit.ts';
import type { FaultProxy } from '../faults/fault-proxy.ts';
import { sha256 } from '../faults/sender.ts';
import { need } from '../support/programs.ts';
import { ALWAYS, Fleet, FleetAws } from './fleet.ts';
import { HAPROXY } from './haproxy.ts';
import { Load } from './load.ts';
import { OUTAGE_SECONDS, ROUNDS } from './sizes.ts';
import { Subscriber } from '../support/subscriber.ts';

/** Between two disturbances: the fleet is whole and takes mail. */
const MAILS_BETWEEN = 60;
const LIMIT_MILLIS = 60_000;
const EMPTY_LIMIT_MILLIS = 90_000;
/** Each PutObject and each Publish of the killed tasks, so that a kill meets mails in every state. */
const LATENCY_MILLIS = 200;
/** What a mail may take that a killed task had begun: tries and a restart, but not the budget of a commit. */
const ORDINARY_MILLIS = 10_000;
const READERS = 8;
/** HAProxy asks /ready five times a second. */
const SEEN_READY_MILLIS = 600;

let services: FleetAws;
beforeAll(async () => {
  services = await FleetAws.start();
});
afterAll(() => services[Symbol.asyncDispose]());

interface Disturbance {
  readonly name: string;
  readonly disturb: (fleet: Fleet) => Promise<void>;
}

async function away(proxy: FaultProxy): Promise<void> {
  await proxy.refuseConnections();
  await pause(OUTAGE_SECONDS * 1000);
  await proxy.acceptConnections();
}

const disturbances: readonly Disturbance[] = [
  {
    name: 'rolling restart',
    disturb: async ({ tasks }) => {
      for (const task of tasks) {
        expect(await task.end('SIGTERM')).toBe(0);
        await task.startAgain();
        await pause(SEEN_READY_MILLIS);
      }
    },
  },
  {
    name: 'kill',
    disturb: async ({ tasks }) => {
      const [task] = tasks.toSorted(() => Math.random() - 0.5);
      await task?.end('SIGKILL');
      await pause(1000);
      await task?.startAgain();
    },
  },
  { name: 'S3 away', disturb: () => away(services.s3) },
  { name: 'SNS away', disturb: () => away(services.sns) },
  { name: 'DynamoDB away', disturb: () => away(services.dynamoDb) },
];

const seconds = (millis: number | undefined): string =>
  millis === undefined ? 'never' : `${(millis / 1000).toFixed(1)} s`;

test(`${ROUNDS} round(s) of restarts, a kill, and S3, SNS and DynamoDB away for ${OUTAGE_SECONDS} s each: none lost, none silent`, {
  timeout: 180_000 + ROUNDS * (disturbances.length * (OUTAGE_SECONDS * 1000 + 2 * LIMIT_MILLIS)),
}, async ({ skip }) => {
  need(skip, HAPROXY);
  const { aws } = services;
  await using fleet = await Fleet.start(services, { duplicates: true });
  const subscriber = new Subscriber(aws);
  const load = new Load(fleet.port);
  const counts: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, disturb } of disturbances) {
      expect(await load.more(MAILS_BETWEEN, LIMIT_MILLIS), `mail before: ${name}`).toBe(true);
      const before = load.acknowledged.length;
      await disturb(fleet);
      counts.push(`${name} ${load.acknowledged.length - before}`);
    }
  }
  expect(await load.more(MAILS_BETWEEN, LIMIT_MILLIS), 'mail at the end').toBe(true);
  await load.end();

  const empty = await services.timeToEmpty(EMPTY_LIMIT_MILLIS);
  await subscriber.end();
  const { lost, silent } = await audit(aws, load.acknowledged, subscriber.announced);
  const announcements = [...subscriber.announced.values()].reduce((sum, count) => sum + count, 0);
  process.stdout.write(
    `fleet, rolling: ${load.acknowledged.length} acknowledged (meanwhile ${counts.join(', ')}), ` +
      `${load.retries} tries failed, slowest mail ${seconds(load.slowestMillis)}; ` +
      `lost ${lost}, silent ${silent}; ` +
      `${(announcements / subscriber.announced.size).toFixed(3)} announcements a mail, ` +
      `${Math.max(...subscriber.announced.values())} at the most; outbox empty after ${seconds(empty)}\n`,
  );
  expect(load.refusedForGood).toEqual([]);
  expect({ lost, silent }).toEqual({ lost: 0, silent: 0 });
  expect(empty).toBeDefined();
  expect(await fleet.end()).toEqual([0, 0, 0]);
});

test('each task killed in its commits, with the duplicate guard: one object a mail, announced, in ordinary time', {
  timeout: 240_000,
}, async ({ skip }) => {
  need(skip, HAPROXY);
  const { aws } = services;
  const before = new Set(await mailKeys());
  services.slowSns(LATENCY_MILLIS);
  services.s3.inject('PutObject', { kind: 'delay', millis: LATENCY_MILLIS }, ALWAYS);
  await using fleet = await Fleet.start(services, { duplicates: true });
  const subscriber = new Subscriber(aws);
  const load = new Load(fleet.port);
  for (const task of fleet.tasks) {
    expect(await load.more(MAILS_BETWEEN, LIMIT_MILLIS), 'mail before the kill').toBe(true);
    await task.end('SIGKILL');
    await task.startAgain();
  }
  expect(await load.more(MAILS_BETWEEN, LIMIT_MILLIS), 'mail at the end').toBe(true);
  await load.end();
  services.s3.repair();
  services.sns.repair();
  const empty = await services.timeToEmpty(EMPTY_LIMIT_MILLIS);
  await subscriber.end();
  const missing = await audit(aws, load.acknowledged, subscriber.announced);

  /** How many objects each content has. */
  const objects = new Map<string, number>();
  const keys = (await mailKeys()).filter((key) => !before.has(key));
  const read = async (): Promise<void> => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const { body } = await readObject(aws.s3, aws.resources.bucket, key);
      const content = sha256(body.subarray(body.indexOf('Subject: campaign')));
      objects.set(content, (objects.get(content) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  const several = load.acknowledged.filter((mail) => (objects.get(mail.sha256) ?? 0) > 1).length;
  process.stdout.write(
    `fleet, kills: ${load.acknowledged.length} acknowledged, ${load.retries} tries failed, ` +
      `slowest mail ${seconds(load.slowestMillis)}; lost ${missing.lost}, silent ${missing.silent}, ` +
      `${several} with more than one object; outbox empty after ${seconds(empty)}\n`,
  );
  expect({ ...missing, several }).toEqual({ lost: 0, silent: 0, several: 0 });
  expect(load.slowestMillis).toBeLessThan(ORDINARY_MILLIS);
});

/** Of the mails alone, without their sidecars. */
async function mailKeys(): Promise<string[]> {
  return (await listKeys(services.aws, 'mail/')).filter((key) => !key.endsWith('.json'));
}
