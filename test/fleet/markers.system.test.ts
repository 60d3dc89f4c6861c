// Markers of every bad kind at the head of the outbox: what is one marker's own trouble, or one topic's, does not
// keep the others from being announced, and nothing of it is lost.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acknowledgement, Sender } from '../faults/sender.ts';
import { mailsluice } from '../support/cli.ts';
import { need } from '../support/programs.ts';
import { ALWAYS, Fleet, FleetAws } from './fleet.ts';
import { HAPROXY } from './haproxy.ts';
import { badMarkers, findMarker, goodMarker, type BadMarker, writeMarkers } from './markers.ts';
import { Subscriber } from '../support/subscriber.ts';

/** Of each kind; two of them are topics that cannot be published to. */
const BAD = 6;
const MAILS = 60;
const ANNOUNCED_MILLIS = 80_000;
const DRAINED_BY_COMMAND = 20;

let services: FleetAws;
beforeEach(async () => {
  services = await FleetAws.start();
  forbidTopics();
});
afterEach(() => services[Symbol.asyncDispose]());

function forbidTopics(): void {
  for (const operation of ['Publish', 'PublishBatch'] as const) {
    services.sns.inject(
      operation,
      { kind: 'refuse', status: 403, code: 'AuthorizationError' },
      ALWAYS,
      ({ body }) => body.includes('-forbidden'),
    );
  }
}

/** Each bad marker that is neither announced nor kept as it was, and each of a later version that was touched. */
async function lostOrTouched(
  bad: readonly BadMarker[],
  announced: ReadonlyMap<string, number>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const { kind, messageId, body, isForeign } of bad) {
    const found = await findMarker(services.aws, messageId);
    const isAnnounced = announced.has(messageId);
    if (isForeign) {
      if (isAnnounced) faults.push(`${kind}: announced`);
      if (found === undefined) faults.push(`${kind}: lost`);
      else if (found.isSetAside) faults.push(`${kind}: set aside`);
      else if (found.body !== body) faults.push(`${kind}: changed`);
    } else if (found === undefined && !isAnnounced) faults.push(`${kind}: lost`);
    else if (found !== undefined && noticeOf(found.body) !== noticeOf(body)) {
      faults.push(`${kind}: changed`);
    }
  }
  return faults;
}

/** What must stay of a marker: its notification, or all of it where it has none. */
function noticeOf(body: string): string {
  try {
    return JSON.stringify((JSON.parse(body) as { notification: unknown }).notification);
  } catch {
    return body;
  }
}

test(`behind ${BAD} markers of each bad kind, ${MAILS} mails of an SNS outage are announced within ${ANNOUNCED_MILLIS / 1000} s`, {
  timeout: 180_000,
}, async ({ skip }) => {
  need(skip, HAPROXY);
  const { aws } = services;
  const bad = badMarkers(aws.resources.topicArn, BAD);
  await writeMarkers(aws, bad);
  await using fleet = await Fleet.start(services);
  const subscriber = new Subscriber(aws);

  await services.sns.refuseConnections();
  const waiting = new Set<string>();
  const sender = new Sender(fleet.port, false);
  while (waiting.size < MAILS) {
    const message = Buffer.from(`Subject: outage ${waiting.size}\r\n\r\n${waiting.size}\r\n`);
    const mail = acknowledgement(await sender.attempt(message), message);
    if (mail !== undefined) waiting.add(mail.messageId);
  }
  await services.sns.acceptConnections();

  const begun = performance.now();
  const silent = (): string[] => [...waiting].filter((id) => !subscriber.announced.has(id));
  while (silent().length > 0 && performance.now() - begun < ANNOUNCED_MILLIS) await pause(100);
  const millis = performance.now() - begun;
  const left = silent().length;
  await fleet.end();
  await subscriber.end();
  const faults = await lostOrTouched(bad, subscriber.announced);
  process.stdout.write(
    `fleet, bad markers: ${MAILS - left} of ${MAILS} mails announced behind ${bad.length} bad markers ` +
      `after ${(millis / 1000).toFixed(1)} s; ${faults.length} bad markers lost or touched\n`,
  );
  expect({ left, faults }).toEqual({ left: 0, faults: [] });
  // Nothing is wrong with them but what the outbox cannot know or need not mind.
  for (const { kind, messageId } of bad) {
    if (kind === 'a year old') expect(subscriber.announced.has(messageId), kind).toBe(true);
  }
});

test('outbox drain publishes what stands behind bad markers, and leaves those of a later version alone', {
  timeout: 120_000,
}, async () => {
  const { aws } = services;
  const { topicArn } = aws.resources;
  const bad = badMarkers(topicArn, 2);
  const good = Array.from({ length: DRAINED_BY_COMMAND }, () => goodMarker({ topicArn }));
  await writeMarkers(aws, [...bad, ...good]);
  const subscriber = new Subscriber(aws);
  const { output } = await mailsluice(['outbox', 'drain', '--json'], services.environment);
  await subscriber.end();
  const faults = await lostOrTouched(bad, subscriber.announced);
  const left = good.filter(({ messageId }) => !subscriber.announced.has(messageId)).length;
  process.stdout.write(
    `fleet, outbox drain: ${good.length - left} of ${good.length} published behind ${bad.length} bad markers: ` +
      `${output.trim().replaceAll('\n', ' ')}\n`,
  );
  expect({ left, faults }).toEqual({ left: 0, faults: [] });
});
