// Markers with a trouble of their own or of their topic in front of good ones, and faults of S3 and SNS, on the embedded
// AWS behind the fault proxy. A flush uses the SDK's commands alone, so there is one way to send.
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deadLetterKey, markerKey } from '../../../src/bridge/contract/object-key.ts';
import type { BridgeEvent } from '../../../src/bridge/index.ts';
import type { FlushResult } from '../../../src/bridge/outbox/flush.ts';
import type { Fault, Operation } from '../../faults/fault-proxy.ts';
import {
  announcements,
  type OutboxBench,
  outboxKeys,
  putText,
  startOutboxBench,
  textOf,
  writeMarkers,
} from './support.ts';
import { markerOf } from '../../support/outbox-marker.ts';

const ALWAYS = 100_000;
const GOOD = 12;
const DENIED = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';
const YEAR_MILLIS = 365 * 86_400_000;

let bench: OutboxBench;
let topicArn: string;
beforeAll(async () => {
  bench = await startOutboxBench();
  ({ topicArn } = bench.aws.resources);
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

/** Older than all others, so at the head of the outbox. */
function bad(count: number, topic = topicArn, octets?: number): ReturnType<typeof markerOf>[] {
  return Array.from({ length: count }, (_, n) =>
    markerOf({
      topicArn: topic,
      at: new Date(Date.now() - YEAR_MILLIS + n),
      ...(octets !== undefined && { octets }),
    }),
  );
}

/** A 200 that is not of the service. */
function page(body: string): Fault {
  const headers = { 'content-type': body.startsWith('<?xml') ? 'application/xml' : 'text/html' };
  return {
    kind: 'answer',
    carriesOut: false,
    answer: () => ({ status: 200, headers, body: Buffer.from(body) }),
  };
}

function invalidParameter(message: string): Fault {
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>${message}</Message></Error></ErrorResponse>`;
  return {
    kind: 'answer',
    carriesOut: false,
    answer: () => ({
      status: 400,
      headers: { 'content-type': 'text/xml' },
      body: Buffer.from(body),
    }),
  };
}

function good(count = GOOD, topic = topicArn): ReturnType<typeof markerOf>[] {
  return Array.from({ length: count }, () => markerOf({ topicArn: topic }));
}

const publishes: readonly Operation[] = ['Publish', 'PublishBatch'];

/** For calls of SNS that name the topic or the mail. */
function failPublishes(fault: Fault, name: string, times = ALWAYS): void {
  for (const operation of publishes) {
    bench.proxy.inject(operation, fault, times, ({ body }) => body.includes(name));
  }
}

/** Calls of SNS that name it. */
function callsFor(name: string): number {
  return bench.proxy.seen.filter(
    ({ operation, body }) => publishes.includes(operation) && body.includes(name),
  ).length;
}

function eventsOf<Kind extends BridgeEvent['kind']>(
  kind: Kind,
): Extract<BridgeEvent, { kind: Kind }>[] {
  return bench.events.filter(
    (event): event is Extract<BridgeEvent, { kind: Kind }> => event.kind === kind,
  );
}

const done = (rest: Partial<FlushResult> = {}): FlushResult => ({
  ...{ published: GOOD, deadLetters: 0, refused: 0, skipped: [], isBusy: false },
  ...rest,
});

/** Each once. */
async function expectAnnouncedOnce(ids: readonly string[]): Promise<void> {
  const counts = await announcements(bench.aws);
  expect([...counts.keys()].sort()).toEqual([...ids].sort());
  expect(new Set(counts.values())).toEqual(new Set([1]));
}

describe('a topic', () => {
  test.each<[string, Fault, string]>([
    ['that is gone', { kind: 'refuse', status: 404, code: 'NotFound' }, 'NotFound'],
    [
      'that may not be published to',
      { kind: 'refuse', status: 403, code: 'AuthorizationError' },
      'AuthorizationError',
    ],
    ['whose key is disabled', { kind: 'refuse', status: 400, code: 'KMSDisabled' }, 'KMSDisabled'],
    [
      'whose key may not be used',
      { kind: 'refuse', status: 400, code: 'KMSAccessDenied' },
      'KMSAccessDenied',
    ],
    ['whose ARN is wrong', invalidParameter('Invalid parameter: TopicArn'), 'InvalidParameter'],
    [
      'that is FIFO',
      invalidParameter('The MessageGroupId parameter is required for FIFO topics'),
      'InvalidParameter',
    ],
  ])('%s costs one call, and keeps no other from being announced', async (_, fault, code) => {
    const tenant = `${topicArn}-tenant`;
    failPublishes(fault, '-tenant');
    await writeMarkers(bench.aws, bad(45, tenant));
    const ids = await writeMarkers(bench.aws, good());
    const flush = bench.makeFlush();
    const skipped = { reason: 'topic', topicArn: tenant, markers: 45 };
    const result = await flush.run();
    expect(result).toMatchObject(done({ skipped: [expect.objectContaining(skipped)] as never }));
    expect(result.failure).toBeUndefined();
    // A batch that is refused as a whole for its content is tried entry by entry.
    expect(callsFor('-tenant')).toBeLessThanOrEqual(code === 'InvalidParameter' ? 11 : 1);
    await expectAnnouncedOnce(ids);
    expect(await outboxKeys(bench.aws)).toHaveLength(45);
    expect(eventsOf('outbox-skipped')).toMatchObject([
      { ...skipped, failure: { code: expect.stringContaining(code) as string } },
    ]);
    expect(eventsOf('outbox-state').at(-1)).toMatchObject({ markers: 45, skipped: 45 });

    // The next pass knows them: nothing is read or published again, and nothing is said again.
    bench.proxy.reset();
    bench.events.length = 0;
    failPublishes(fault, '-tenant');
    const again = await writeMarkers(bench.aws, good());
    expect(await flush.run()).toMatchObject(
      done({ skipped: [expect.objectContaining(skipped)] as never }),
    );
    expect(callsFor('-tenant')).toBe(0);
    expect(bench.proxy.count('GetObject')).toBe(GOOD);
    expect(eventsOf('outbox-skipped')).toEqual([]);
    expect(eventsOf('outbox-state').at(-1)).toMatchObject({ markers: 45, skipped: 45 });
    await expectAnnouncedOnce(again);
  });

  test('for which SNS alone fails keeps no other from being announced', async () => {
    const tenant = `${topicArn}-tenant`;
    failPublishes({ kind: 'refuse', status: 500, code: 'InternalError' }, '-tenant');
    await writeMarkers(bench.aws, bad(30, tenant));
    const ids = await writeMarkers(bench.aws, good());
    const result = await bench.makeFlush().run();
    expect(result.failure).toBeUndefined();
    expect(result).toMatchObject({ published: GOOD, skipped: [{ topicArn: tenant }] });
    await expectAnnouncedOnce(ids);
  });

  test('that is repaired gets its markers', async () => {
    const tenant = `${topicArn}-tenant`;
    const refusal: Fault = { kind: 'refuse', status: 404, code: 'NotFound' };
    failPublishes(refusal, '-tenant');
    await writeMarkers(bench.aws, bad(3, tenant));
    expect(await bench.makeFlush().run()).toMatchObject({
      published: 0,
      skipped: [{ markers: 3 }],
    });
    bench.proxy.reset();
    // Another task remembers nothing of it; here the topic that stands for the repaired one.
    const result = await bench.makeFlush({ topicArn: tenant, toTopicArn: topicArn }).run();
    expect(result).toMatchObject({ published: 3, skipped: [] });
  });

  test('among others: only its markers are published where it is asked for', async () => {
    await writeMarkers(bench.aws, bad(5, `${topicArn}-tenant`));
    await putText(bench.aws, 'outbox/0000.json', '{"torn');
    const ids = await writeMarkers(bench.aws, good());
    expect(await bench.makeFlush({ topicArn }).run()).toEqual(done());
    expect(callsFor('-tenant')).toBe(0);
    expect(await outboxKeys(bench.aws)).toHaveLength(6);
    await expectAnnouncedOnce(ids);
  });
});

describe('SNS', () => {
  test.each<[string, Fault]>([
    ['fails', { kind: 'refuse', status: 503, code: 'ServiceUnavailable' }],
    ['resets connections', { kind: 'reset-before' }],
    ['knows the credentials no more', { kind: 'refuse', status: 403, code: 'ExpiredToken' }],
    ['finds the clock wrong', { kind: 'refuse', status: 403, code: 'RequestExpired' }],
  ])('%s for all: the pass ends after a few calls, and no marker is touched', async (_, fault) => {
    failPublishes(fault, '');
    await writeMarkers(bench.aws, good(150));
    await writeMarkers(bench.aws, good(150, `${topicArn}-tenant`));
    const before = await outboxKeys(bench.aws);
    const result = await bench.makeFlush().run();
    expect(result).toMatchObject({
      published: 0,
      skipped: [],
      failure: { service: 'sns', ...('code' in fault && { code: fault.code }) },
    });
    // The SDK makes three tries.
    expect(bench.proxy.count('PublishBatch')).toBeLessThanOrEqual(6);
    expect(bench.proxy.count('GetObject')).toBeLessThanOrEqual(150);
    expect(await outboxKeys(bench.aws)).toEqual(before);
    expect(eventsOf('outbox-state')).toMatchObject([{ skipped: 0 }]);
    expect(eventsOf('outbox-drain-failed')).toHaveLength(1);
  });

  test('throttles now and then: the pass goes on with fewer at a time', async () => {
    failPublishes({ kind: 'refuse', status: 400, code: 'Throttling' }, '', 6);
    const ids = await writeMarkers(bench.aws, good(60));
    const flush = bench.makeFlush();
    const first = await flush.run();
    expect(first.failure).toBeUndefined();
    if (first.refused > 0) expect(await flush.run()).toMatchObject({ refused: 0 });
    expect(await outboxKeys(bench.aws)).toEqual([]);
    await expectAnnouncedOnce(ids);
  });

  test('throttles all: the pass ends', async () => {
    failPublishes({ kind: 'refuse', status: 400, code: 'Throttling' }, '');
    await writeMarkers(bench.aws, good(200));
    expect(await bench.makeFlush().run()).toMatchObject({
      published: 0,
      failure: { code: 'Throttling' },
    });
    expect(bench.proxy.count('PublishBatch')).toBeLessThanOrEqual(3 * 8);
  });

  test('that takes longer than a try of a commit is waited for, not asked twice', async () => {
    for (const operation of publishes) {
      bench.proxy.inject(operation, { kind: 'delay', millis: 2500 }, ALWAYS);
    }
    const ids = await writeMarkers(bench.aws, good(30));
    // The clients give a try 0.6 s.
    expect(await bench.makeFlush().run()).toEqual(done({ published: 30 }));
    await expectAnnouncedOnce(ids);
  });
});

describe('a marker', () => {
  test('that is too large is announced without its optional fields', async () => {
    const [large] = bad(1, topicArn, 300_000);
    const ids = await writeMarkers(bench.aws, [...(large ? [withEnvelope(large)] : []), ...good()]);
    expect(await bench.makeFlush().run()).toEqual(done({ published: GOOD + 1 }));
    expect(eventsOf('notification-reduced')).toHaveLength(1);
    await expectAnnouncedOnce(ids);
  });

  test('that is too large and no notification of ours is refused, and the others are announced', async () => {
    await writeMarkers(bench.aws, bad(3, topicArn, 300_000));
    const ids = await writeMarkers(bench.aws, good());
    expect(await bench.makeFlush().run()).toEqual(done({ refused: 3 }));
    await expectAnnouncedOnce(ids);
  });

  test('that is refused by the topic that was asked for keeps its own topic', async () => {
    const [own = ''] = await writeMarkers(bench.aws, bad(1, `${topicArn}-tenant`, 300_000));
    const flush = bench.makeFlush({ toTopicArn: topicArn });
    expect(await flush.run()).toEqual(done({ published: 0, refused: 1 }));
    expect(JSON.parse(await textOf(bench.aws, markerKey(own)))).toMatchObject({
      refusals: 1,
      notification: { topicArn: `${topicArn}-tenant` },
    });
  });

  const marker = () => bad(1)[0] as ReturnType<typeof markerOf>;
  test.each<[string, () => Parameters<typeof putText>[2], Parameters<typeof putText>[3]]>([
    ['a later version', () => JSON.stringify({ ...marker(), schemaVersion: 99 }), {}],
    ['a version that is no number', () => JSON.stringify({ ...marker(), schemaVersion: '1' }), {}],
    ['no version', () => '{"notes":"a file of the operator"}', {}],
    ['JSON that is no object', () => '[]', {}],
    ['another schema in its metadata', () => 'CBOR', { Metadata: { schema: '2' } }],
    ['a coding', () => gzipSync(JSON.stringify(marker())), { ContentEncoding: 'gzip' }],
    ['more octets than a marker has', () => ' '.repeat(1024 * 1024 + 1), {}],
  ])('with %s is left alone, and counted', async (_, body, rest) => {
    const octets = body();
    const key = markerKey('0000');
    await putText(bench.aws, key, octets, rest);
    const before = await textOf(bench.aws, key);
    const ids = await writeMarkers(bench.aws, good());
    const flush = bench.makeFlush();
    const skipped = [{ reason: 'other-version', markers: 1 }];
    expect(await flush.run()).toMatchObject({ published: GOOD, deadLetters: 0, skipped });
    expect(await outboxKeys(bench.aws)).toEqual([key]);
    expect(await textOf(bench.aws, key)).toBe(before);
    expect(eventsOf('outbox-skipped')).toMatchObject(skipped);
    await expectAnnouncedOnce(ids);
    bench.proxy.reset();
    expect(await flush.run()).toMatchObject({ published: 0, skipped });
    expect(bench.proxy.count('GetObject')).toBe(0);
  });

  test.each([
    ['torn', Buffer.from('{"torn')],
    ['without octets', Buffer.alloc(0)],
    ['of other octets', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ['without a notification', Buffer.from('{"schemaVersion":1}')],
    [
      'with attributes that are none',
      Buffer.from(
        '{"schemaVersion":1,"notification":{"topicArn":"a","subject":"s","message":"m","attributes":{"x":1}}}',
      ),
    ],
  ])('%s is set aside octet by octet', async (_, octets) => {
    await putText(bench.aws, markerKey('0000'), octets);
    const ids = await writeMarkers(bench.aws, good());
    expect(await bench.makeFlush().run()).toEqual(done({ deadLetters: 1 }));
    expect(await outboxKeys(bench.aws)).toEqual([deadLetterKey('0000')]);
    expect(await textOf(bench.aws, deadLetterKey('0000'))).toBe(octets.toString());
    await expectAnnouncedOnce(ids);
  });

  test.each<[string, Fault]>([
    ['may not be read', { kind: 'refuse', status: 403, code: 'AccessDenied' }],
    ['has a key that is disabled', { kind: 'refuse', status: 400, code: 'KMS.DisabledException' }],
    ['is archived', { kind: 'refuse', status: 403, code: 'InvalidObjectState' }],
    ['is not answered', { kind: 'refuse', status: 503, code: 'SlowDown' }],
  ])('that %s is left, and the others are announced', async (_, fault) => {
    const [own] = await writeMarkers(bench.aws, bad(1));
    const ids = await writeMarkers(bench.aws, good());
    bench.proxy.inject('GetObject', fault, ALWAYS, ({ key }) => key.includes(own ?? '-'));
    const result = await bench.makeFlush().run();
    expect(result).toMatchObject(
      done({ skipped: [expect.objectContaining({ reason: 'object', markers: 1 })] as never }),
    );
    expect(result.failure).toBeUndefined();
    expect(await outboxKeys(bench.aws)).toEqual([markerKey(own ?? '')]);
    await expectAnnouncedOnce(ids);
  });

  test('that another task has deleted is answered 403 by S3, and counts as gone', async () => {
    const [own = ''] = await writeMarkers(bench.aws, bad(1));
    const ids = await writeMarkers(bench.aws, good());
    const key = markerKey(own);
    const { s3, resources } = bench.aws;
    // After the listing, before the answer.
    bench.proxy.inject(
      'GetObject',
      {
        kind: 'answer',
        carriesOut: false,
        answer: () => ({ status: 403, headers: {}, body: Buffer.from(DENIED) }),
      },
      ALWAYS,
      (seen) => seen.key === key,
    );
    bench.proxy.inject('PutObject', { kind: 'delay', millis: 500 });
    const lease = bench.proxy.arrival('PutObject');
    const running = bench.makeFlush().run();
    await lease;
    await s3.send(new DeleteObjectCommand({ Bucket: resources.bucket, Key: key }));
    expect(await running).toEqual(done());
    await expectAnnouncedOnce(ids);
  });
});

describe('S3', () => {
  test('that answers a page for a marker: it is neither set aside nor lost', async () => {
    const [own = ''] = await writeMarkers(bench.aws, bad(1));
    await writeMarkers(bench.aws, good());
    bench.proxy.inject(
      'GetObject',
      page('<html>Sign in</html>'),
      ALWAYS,
      ({ key }) => key === markerKey(own),
    );
    expect(await bench.makeFlush().run()).toMatchObject({ published: GOOD, deadLetters: 0 });
    expect(await outboxKeys(bench.aws)).toEqual([markerKey(own)]);
  });

  test.each([
    '<html>Sign in</html>',
    '<?xml version="1.0"?><ListBucketResult><Name>another</Name></ListBucketResult>',
  ])('that answers no listing of the bucket: the pass fails (%s)', async (body) => {
    await writeMarkers(bench.aws, good());
    bench.proxy.inject('ListObjectsV2', page(body), ALWAYS);
    const result = await bench.makeFlush().run();
    expect(result).toMatchObject({ published: 0, failure: { service: 's3' } });
    expect(await outboxKeys(bench.aws)).toHaveLength(GOOD);
  });

  test.each<[string, Fault]>([
    ['is refused', { kind: 'refuse', status: 403, code: 'AccessDenied' }],
    ['fails', { kind: 'refuse', status: 503, code: 'SlowDown' }],
    ['is answered by a page', page('<html></html>')],
  ])('deletion that %s: the pass ends, and this task announces nothing twice', async (_, fault) => {
    const ids = await writeMarkers(bench.aws, good());
    bench.proxy.inject('DeleteObjects', fault, ALWAYS);
    bench.proxy.inject('DeleteObject', fault, ALWAYS, ({ key }) => key.endsWith('.json'));
    const flush = bench.makeFlush();
    const first = await flush.run();
    expect(first.failure).toMatchObject({ service: 's3' });
    for (let pass = 0; pass < 3; pass += 1) await flush.run();
    const counts = await announcements(bench.aws);
    expect(new Set(counts.values())).toEqual(new Set([1]));
    expect(await outboxKeys(bench.aws)).toHaveLength(GOOD);
    expect(ids.filter((id) => counts.has(id)).length).toBeGreaterThanOrEqual(10);
  });

  test('that fails to delete for a time: what was announced is deleted, and not announced again', async () => {
    const ids = await writeMarkers(bench.aws, good());
    const down: Fault = { kind: 'refuse', status: 503, code: 'SlowDown' };
    bench.proxy.inject('DeleteObjects', down, ALWAYS);
    bench.proxy.inject('DeleteObject', down, ALWAYS, ({ key }) => key.endsWith('.json'));
    const flush = bench.makeFlush();
    expect((await flush.run()).failure).toMatchObject({ code: 'SlowDown' });
    bench.proxy.repair();
    expect((await flush.run()).failure).toBeUndefined();
    expect(await outboxKeys(bench.aws)).toEqual([]);
    await expectAnnouncedOnce(ids);
  });

  test('that does not delete one marker: it rests, and the others are announced', async () => {
    const [own = ''] = await writeMarkers(bench.aws, bad(1));
    const ids = await writeMarkers(bench.aws, good());
    const key = markerKey(own);
    bench.proxy.inject('DeleteObjects', {
      kind: 'answer',
      carriesOut: true,
      answer: (answer, { body }) => ({
        status: 200,
        headers: { 'content-type': 'application/xml' },
        body: Buffer.from(
          body.includes(key)
            ? (answer?.body.toString() ?? '').replace(
                `<Deleted><Key>${key}</Key></Deleted>`,
                `<Error><Key>${key}</Key><Code>AccessDenied</Code><Message>denied</Message></Error>`,
              )
            : (answer?.body ?? ''),
        ),
      }),
    });
    const result = await bench.makeFlush().run();
    expect(result).toMatchObject({
      published: GOOD + 1,
      skipped: [{ reason: 'object', markers: 1, failure: { code: 'AccessDenied' } }],
    });
    expect(result.failure).toBeUndefined();
    await expectAnnouncedOnce([own, ...ids]);
  });

  test.each([
    [501, 'NotImplemented'],
    [400, 'MissingContentMD5'],
    [403, 'AccessDenied'],
    [405, 'MethodNotAllowed'],
  ])(
    'that answers %i %s to DeleteObjects: markers are deleted one by one',
    async (status, code) => {
      const ids = await writeMarkers(bench.aws, good(25));
      bench.proxy.inject('DeleteObjects', { kind: 'refuse', status, code }, ALWAYS);
      const flush = bench.makeFlush();
      expect(await flush.run()).toEqual(done({ published: 25 }));
      expect(await outboxKeys(bench.aws)).toEqual([]);
      await expectAnnouncedOnce(ids);
      bench.proxy.reset();
      await writeMarkers(bench.aws, good(20));
      await flush.run();
      expect(bench.proxy.count('DeleteObjects')).toBe(0);
    },
  );

  test('gives no marker at all: the pass ends after a few', async () => {
    await writeMarkers(bench.aws, good(80));
    bench.proxy.inject('GetObject', { kind: 'refuse', status: 503, code: 'SlowDown' }, ALWAYS);
    const result = await bench.makeFlush().run();
    expect(result).toMatchObject({ published: 0, failure: { service: 's3', code: 'SlowDown' } });
    expect(bench.proxy.count('PublishBatch')).toBe(0);
  });
});

test('behind a task that is at it, nothing is read or published', async () => {
  await writeMarkers(bench.aws, good());
  bench.proxy.inject('PublishBatch', { kind: 'delay', millis: 1000 }, 1);
  const first = bench.makeFlush().run();
  await bench.proxy.arrival('PublishBatch');
  const reads = bench.proxy.count('GetObject');
  expect(await bench.makeFlush().run()).toMatchObject({ published: 0, isBusy: true });
  expect(bench.proxy.count('GetObject')).toBe(reads + 1);
  expect(await first).toEqual(done());
});

test('an empty outbox costs one listing', async () => {
  expect(await bench.makeFlush().run()).toEqual(done({ published: 0 }));
  expect(bench.proxy.seen.map(({ operation }) => operation)).toEqual(['ListObjectsV2']);
});

/** As a notification of ours, which can be reduced. */
function withEnvelope(marker: ReturnType<typeof markerOf>): ReturnType<typeof markerOf> {
  const message = JSON.parse(marker.notification.message) as { mail: object; receipt: object };
  const whole = {
    ...message,
    mail: { ...message.mail, destination: [], commonHeaders: { returnPath: '' } },
    receipt: { ...message.receipt, recipients: [] },
    mailsluice: { envelope: { reversePath: null, recipients: [] } },
  };
  return { ...marker, notification: { ...marker.notification, message: JSON.stringify(whole) } };
}
