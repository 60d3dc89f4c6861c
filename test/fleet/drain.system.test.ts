// Three tasks that empty one outbox at once: how often they announce a mail, and how fast, with SNS quick and slow.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sender } from '../faults/sender.ts';
import { need } from '../support/programs.ts';
import { Fleet, FleetAws, TASKS } from './fleet.ts';
import { HAPROXY } from './haproxy.ts';
import { goodMarker, writeMarkers } from './markers.ts';
import { MARKERS, SLOW_MARKERS } from './sizes.ts';
import { Subscriber } from '../support/subscriber.ts';

const MOST_ANNOUNCEMENTS = 1.1;
/** 15,000 markers in a minute. */
const MARKERS_PER_SECOND = 250;
/** Until a task looks again after SNS was away, and until it has found out how much SNS takes. */
const RAMP_SECONDS = 10;
const LIMIT_MILLIS = 300_000;
const VERY_SLOW_MILLIS = 3000;
const VERY_SLOW_MARKERS = Math.ceil(SLOW_MARKERS / 3);
const VERY_SLOW_LIMIT_MILLIS = 45_000 + VERY_SLOW_MARKERS * 100;

let services: FleetAws;
let fleet: Fleet;
beforeAll(async () => {
  services = await FleetAws.start();
  fleet = await Fleet.start(services, { reachesS3Directly: true });
}, 60_000);
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await services[Symbol.asyncDispose]();
});

/** Each task has a mail that SNS did not take, so that each looks into the outbox as soon as SNS is back. */
async function wakeEveryTask(): Promise<void> {
  const sender = new Sender(fleet.port, false);
  // HAProxy takes the tasks in turn.
  for (let mail = 0; mail < TASKS; mail += 1) {
    expect(await sender.attempt(Buffer.from('Subject: wake\r\n\r\n'))).toMatch(/^250 /);
  }
}

interface Row {
  readonly latencyMillis: number;
  readonly markers: number;
  /** Announcements of a mail, on average. */
  readonly most: number;
  /** Until the outbox is empty. */
  readonly seconds: number;
}

/** In whatever time it takes, as long as that has an end. */
const slow = { markers: SLOW_MARKERS, seconds: LIMIT_MILLIS / 1000 };

test.for<Row>([
  {
    latencyMillis: 20,
    markers: MARKERS,
    most: MOST_ANNOUNCEMENTS,
    seconds: MARKERS / MARKERS_PER_SECOND + (MARKERS < 15_000 ? RAMP_SECONDS : 0),
  },
  { latencyMillis: 1000, most: MOST_ANNOUNCEMENTS, ...slow },
  { latencyMillis: 2500, most: MOST_ANNOUNCEMENTS, ...slow },
])(
  `$markers markers, SNS at $latencyMillis ms: ${TASKS} tasks announce each $most times at most on average, within $seconds s`,
  { timeout: LIMIT_MILLIS + 120_000 },
  async ({ latencyMillis, markers, most, seconds }, { skip }) => {
    need(skip, HAPROXY);
    const { millis, average, silent } = await drain(markers, latencyMillis, LIMIT_MILLIS);
    expect(millis).toBeDefined();
    expect(silent).toBe(0);
    expect(average).toBeLessThanOrEqual(most);
    expect((millis ?? Infinity) / 1000).toBeLessThan(seconds);
  },
);

test(`${VERY_SLOW_MARKERS} markers, SNS at ${VERY_SLOW_MILLIS} ms, as long as a try may take: each is announced`, {
  timeout: VERY_SLOW_LIMIT_MILLIS + 120_000,
}, async ({ skip }) => {
  need(skip, HAPROXY);
  const { silent } = await drain(VERY_SLOW_MARKERS, VERY_SLOW_MILLIS, VERY_SLOW_LIMIT_MILLIS);
  expect(silent).toBe(0);
});

async function drain(count: number, latencyMillis: number, limitMillis: number) {
  const { aws, sns } = services;
  const { topicArn } = aws.resources;
  await sns.refuseConnections();
  const markers = Array.from({ length: count }, () => goodMarker({ topicArn }));
  await writeMarkers(aws, markers);
  await wakeEveryTask();
  const subscriber = new Subscriber(aws);
  services.slowSns(latencyMillis);
  await sns.acceptConnections();
  const millis = await services.timeToEmpty(limitMillis);
  await subscriber.end();

  const times = markers.map(({ messageId }) => subscriber.announced.get(messageId) ?? 0);
  const average = times.reduce((sum, each) => sum + each, 0) / count;
  const silent = times.filter((each) => each === 0).length;
  process.stdout.write(
    `fleet, drain: ${count} markers, SNS at ${latencyMillis} ms: ${average.toFixed(3)} announcements a mail, ` +
      `${Math.max(...times)} at the most, silent ${silent}; ` +
      `${millis === undefined ? 'not empty' : 'empty'} after ${((millis ?? limitMillis) / 1000).toFixed(1)} s\n`,
  );
  return { millis, average, silent };
}
