// Every row of src/bridge/FAILURES.md that SNS and the outbox have a part in, with the fault injected for real. Run
// against both ways to send.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSdkPublishes } from '../../src/bridge/aws/publishes.ts';
import { createSignedPublishes } from '../../src/bridge/aws/signed-publishes.ts';
import { createBridgeClients, flushOutbox, listOutbox } from '../../src/bridge/index.ts';
import { NOTIFICATION_SUBJECT, type Notification } from '../../src/bridge/notify/notification.ts';
import { Publisher } from '../../src/bridge/notify/publisher.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import { facts, listKeys, readObject, takeNotifications } from '../bridge/support.ts';
import {
  announced,
  expectAnnounced,
  type FaultBench,
  isCalm,
  startFaultBench,
} from './bridge-under-faults.ts';
import type { Fault } from './fault-proxy.ts';

const MAIL = 'From: a@b.example\r\nTo: c@d.example\r\nSubject: hello\r\n\r\nHello.\r\n';
const ALWAYS = 1000;
const hastyFor = ({ kind }: Fault) => (kind === 'hang' ? ({ hasty: 'sns' } as const) : {});
/** A flush that passed nothing over, with no other task at it. */
const NOTHING_LEFT = { skipped: [], isBusy: false };
const down: Fault = { kind: 'refuse', status: 503, code: 'ServiceUnavailable' };

export function announceSuite(requests: 'signed' | 'sdk'): void {
  let bench: FaultBench;
  beforeAll(async () => {
    bench = await startFaultBench();
  });
  afterEach(() => bench.clear());
  afterAll(() => bench[Symbol.asyncDispose]());

  /** What `mailsluice outbox drain` does, past the proxy. */
  function flush(): ReturnType<typeof flushOutbox> {
    const { aws, events } = bench;
    return flushOutbox({
      s3: aws.s3,
      sns: aws.sns,
      bucket: aws.resources.bucket,
      observe: (event) => events.push(event),
    });
  }

  async function outbox(): Promise<string[]> {
    const { s3, resources } = bench.aws;
    const ids: string[] = [];
    for await (const { messageId } of listOutbox({ s3, bucket: resources.bucket }))
      ids.push(messageId);
    return ids;
  }

  test.each<[string, Fault]>([
    ['500 InternalFailure', { kind: 'refuse', status: 500, code: 'InternalFailure' }],
    ['no answer in time', { kind: 'hang' }],
    ['a reset before it was carried out', { kind: 'reset-before' }],
  ])('%s, once: 250, announced once, no outbox', async (_, fault) => {
    const bridge = bench.makeBridge({ requests, ...hastyFor(fault) });
    bench.proxy.inject('Publish', fault);
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
    expect(await announced(bench.aws, 2)).toHaveLength(1);
    expect(await outbox()).toEqual([]);
  });

  test('a lost answer: 250, announced at least once', async () => {
    const bridge = bench.makeBridge({ requests });
    bench.proxy.inject('Publish', { kind: 'reset-after' });
    const of = facts();
    expect(await bridge.deliver(MAIL, of)).toMatchObject({ code: 250 });
    const ids = (await announced(bench.aws, 2)).map(({ mail }) => mail.messageId);
    expect(new Set(ids)).toEqual(new Set([of.messageId]));
  });

  test.each<[string, Fault, string]>([
    ['503', down, 'unavailable'],
    ['no answer', { kind: 'hang' }, 'unavailable'],
    ['resets', { kind: 'reset-before' }, 'unavailable'],
    ['Throttling', { kind: 'refuse', status: 400, code: 'Throttling' }, 'unavailable'],
    ['InvalidParameter', { kind: 'refuse', status: 400, code: 'InvalidParameter' }, 'refused'],
    [
      'AuthorizationError',
      { kind: 'refuse', status: 403, code: 'AuthorizationError' },
      'configuration',
    ],
    ['KMSDisabled', { kind: 'refuse', status: 400, code: 'KMSDisabled' }, 'configuration'],
  ])('%s, always: 250, stored once, announced later out of the outbox', async (_, fault, cause) => {
    const bridge = bench.makeBridge({ requests, ...hastyFor(fault) });
    bench.proxy.inject('Publish', fault, ALWAYS);
    const of = facts();
    expect(await bridge.deliver(MAIL, of)).toMatchObject({ code: 250 });
    expect(await bridge.stored()).toHaveLength(1);
    expect(await announced(bench.aws)).toEqual([]);
    expect(await outbox()).toEqual([of.messageId]);
    expect(bench.events.find(({ kind }) => kind === 'publish-failed')).toMatchObject({
      failure: { service: 'sns', cause },
    });
    expect(bench.events.find(({ kind }) => kind === 'message-accepted')).toMatchObject({
      placements: [{ messageId: of.messageId, outbox: true }],
    });

    await bridge.close();

    expect(await flush()).toEqual({ published: 1, deadLetters: 0, refused: 0, ...NOTHING_LEFT });
    const [notification, ...others] = await announced(bench.aws, 2);
    expect(others).toEqual([]);
    expect(notification?.mail.commonHeaders.subject).toBe('hello');
    expect(await outbox()).toEqual([]);
  });

  test.each<[number, readonly string[]]>([
    [1, ['mailsluice.envelope']],
    [2, ['mailsluice.envelope', 'mail.headers']],
    [4, ['mailsluice.envelope', 'mail.headers', 'mail.destination']],
  ])(
    'InvalidParameter %d times: 250, announced without its least valuable fields',
    async (times, reduced) => {
      const bridge = bench.makeBridge({ requests });
      const fault: Fault = { kind: 'refuse', status: 400, code: 'InvalidParameter' };
      bench.proxy.inject('Publish', fault, times);
      expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
      const [notification] = await takeNotifications(bench.aws, 2);
      const { mail, receipt, mailsluice } = JSON.parse(
        notification?.Message ?? '',
      ) as ReceivedNotification;
      expect(mailsluice.reduced).toEqual(reduced);
      expect(mail.destination).toEqual(times < 4 ? ['c@d.example'] : []);
      expect(receipt.recipients).toEqual(['bob@in.example']);
      expect(Object.keys(notification?.MessageAttributes ?? {})).toContain('recipientDomains');
      expect(await outbox()).toEqual([]);
      expect(bench.events.filter(({ kind }) => kind === 'notification-reduced')).toHaveLength(1);
    },
  );

  test('a refused attribute: 250, announced without this attribute alone', async () => {
    const bridge = bench.makeBridge({ requests });
    const body =
      "<ErrorResponse><Error><Type>Sender</Type><Code>ParameterValueInvalid</Code><Message>The message attribute 'mailFromDomain' has an invalid value.</Message></Error></ErrorResponse>";
    const answer = () => ({ status: 400, headers: {}, body: Buffer.from(body) });
    bench.proxy.inject('Publish', { kind: 'answer', carriesOut: false, answer }, 2);
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
    const [notification] = await takeNotifications(bench.aws, 2);
    const parsed = JSON.parse(notification?.Message ?? '') as ReceivedNotification;
    expect(parsed.mailsluice.reduced).toEqual([
      'MessageAttributes.mailFromDomain',
      'MessageAttributes.sizeBytes',
    ]);
    const names = Object.keys(notification?.MessageAttributes ?? {});
    expect(names).toContain('recipientDomains');
    expect(names).not.toContain('mailFromDomain');
  });

  test('SNS and the outbox down: 451 4.3.0, an orphan, nothing announced', async () => {
    const bridge = bench.makeBridge({ requests });
    bench.proxy.inject('Publish', down, ALWAYS);
    bench.proxy.inject('PutObject', down, ALWAYS, ({ key }) => key.startsWith('outbox/'));
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.0' });
    expect(await bridge.stored()).toHaveLength(1);
    expect(await outbox()).toEqual([]);
    await flush();
    expect(await announced(bench.aws)).toEqual([]);
  });

  describe('a batch', () => {
    /** Keeps one publish in progress, so that the ones that follow are batched. Gives the messageIds of all. */
    async function deliverBehindASlowOne(count: number): Promise<string[]> {
      const bridge = bench.makeBridge({ requests });
      bench.proxy.inject('Publish', { kind: 'delay', millis: 150 });
      const slow = bench.proxy.arrival('Publish');
      const first = facts();
      const firstReply = bridge.deliver(MAIL, first);
      await slow;
      const rest = Array.from({ length: count }, () => facts());
      const replies = await Promise.all([
        firstReply,
        ...rest.map((of) => bridge.deliver(MAIL, of)),
      ]);
      expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
      return [first, ...rest].map(({ messageId }) => messageId);
    }

    test('a batch of notifications takes several notifications in one call, and announces each at least once', async () => {
      await expectAnnounced(bench, await deliverBehindASlowOne(10));
      const entries = bench.events.flatMap((event) =>
        event.kind === 'aws-call' && event.service === 'sns' ? [event.entries ?? 0] : [],
      );
      expect(Math.max(...entries)).toBeGreaterThan(1);
      expect(entries.length).toBeLessThan(11);
      if (!isCalm(bench)) return;
      expect(entries.reduce((sum, each) => sum + each, 0)).toBe(11);
      const calls = bench.proxy.count('Publish') + bench.proxy.count('PublishBatch');
      expect(calls).toBe(entries.length);
    });

    test('a batch of notifications whose answer is lost is published again: each mail is announced at least once', async () => {
      bench.proxy.inject('PublishBatch', { kind: 'reset-after' });
      await expectAnnounced(bench, await deliverBehindASlowOne(10));
      expect(bench.proxy.seen.filter(({ faulted }) => faulted)).not.toEqual([]);
      expect(await outbox()).toEqual([]);
    });

    test('a batch of notifications takes ten notifications that wait for the same call, and no second call is made', async () => {
      const { sns } = createBridgeClients({
        region: bench.aws.region,
        endpoint: bench.proxy.endpoint,
        credentials: bench.aws.credentials,
      });
      const publishes =
        requests === 'sdk'
          ? createSdkPublishes(sns)
          : createSignedPublishes(sns, bench.aws.resources.topicArn, () => undefined);
      const publisher = new Publisher({ sns, publishes, observe: () => undefined });
      const publish = (message: string): Promise<void> =>
        publisher.publish(notificationOf(bench.aws.resources.topicArn, message), 10_000);
      bench.proxy.inject('Publish', { kind: 'delay', millis: 150 });
      const slow = bench.proxy.arrival('Publish');
      const first = publish('first');
      await slow;
      await Promise.all([first, ...Array.from({ length: 10 }, (_, n) => publish(`mail ${n}`))]);
      expect(bench.proxy.count('Publish')).toBe(1);
      expect(bench.proxy.count('PublishBatch')).toBe(1);
      publishes.close();
      sns.destroy();
    });

    test('a batch of notifications is not waited for by a notification that is alone', async () => {
      await bench.makeBridge({ requests }).deliver(MAIL);
      expect(bench.proxy.count('Publish')).toBe(1);
      expect(bench.proxy.count('PublishBatch')).toBe(0);
    });

    test('a batch of notifications takes what is being stored in the same moment, though nothing is being published', async () => {
      const bridge = bench.makeBridge({ requests });
      bench.proxy.inject('PutObject', { kind: 'gather', count: 6 }, 6);
      const all = Array.from({ length: 6 }, () => facts());
      await Promise.all(all.map((of) => bridge.deliver(MAIL, of)));
      expect(bench.proxy.count('PublishBatch')).toBe(1);
      expect(bench.proxy.count('Publish')).toBe(0);
      await expectAnnounced(
        bench,
        all.map(({ messageId }) => messageId),
      );
    });

    test('a batch of notifications does not wait for a mail whose object is long in coming', async () => {
      const bridge = bench.makeBridge({ requests });
      bench.proxy.inject('PutObject', { kind: 'delay', millis: 1000 });
      const [first, second] = [facts(), facts()];
      const slow = bridge.deliver(MAIL, first);
      await bench.proxy.arrival('PutObject');
      expect(await bridge.deliver(MAIL, second)).toMatchObject({ code: 250 });
      expect(bench.proxy.count('Publish')).toBe(1);
      expect(await slow).toMatchObject({ code: 250 });
      expect(bench.proxy.count('Publish')).toBe(2);
      await expectAnnounced(bench, [first.messageId, second.messageId]);
    });

    test.each([
      ["its message's fault", true, 'InvalidParameter'],
      ['a fault of SNS', false, 'InternalError'],
    ])(
      'in a batch of notifications, one entry refused as %s: the others are announced, and it too, on its own',
      async (_, senderFault, code) => {
        bench.proxy.inject('PublishBatch', {
          kind: 'fail-entries',
          places: [0],
          code,
          senderFault,
        });
        const ids = await deliverBehindASlowOne(6);
        expect(await outbox()).toEqual([]);
        await expectAnnounced(bench, ids);
        expect(bench.events.filter(({ kind }) => kind === 'notification-reduced')).toHaveLength(
          senderFault ? 1 : 0,
        );
      },
    );

    test('in a batch of notifications, one entry that SNS will not take at all: only it goes to the outbox', async () => {
      bench.proxy.inject('PublishBatch', {
        kind: 'fail-entries',
        places: [1],
        code: 'InvalidParameter',
        senderFault: true,
      });
      bench.proxy.inject('Publish', { kind: 'delay', millis: 150 });
      const bridge = bench.makeBridge({ requests });
      const slow = bench.proxy.arrival('Publish');
      const [of, ...others] = Array.from({ length: 6 }, () => facts());
      const first = bridge.deliver(MAIL, of);
      await slow;
      bench.proxy.inject(
        'Publish',
        { kind: 'refuse', status: 400, code: 'InvalidParameter' },
        ALWAYS,
      );
      bench.proxy.inject(
        'PublishBatch',
        { kind: 'refuse', status: 400, code: 'InvalidParameter' },
        ALWAYS,
      );
      // Their objects are stored in one moment, so that there is one batch.
      bench.proxy.inject('PutObject', { kind: 'gather', count: 5 }, 5);
      const rest = others.map((other) => bridge.deliver(MAIL, other));
      const replies = await Promise.all([first, ...rest]);
      expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
      const waiting = await outbox();
      expect(waiting).toHaveLength(1);
      const all = [of, ...others].flatMap((each) => (each ? [each.messageId] : []));
      const seen = await expectAnnounced(bench, all);
      expect(seen).toHaveLength(5);
      expect(seen).not.toContain(waiting[0]);
    });

    test('an error of the whole batch: each entry is published on its own', async () => {
      bench.proxy.inject('PublishBatch', {
        kind: 'refuse',
        status: 400,
        code: 'BatchRequestTooLong',
      });
      await expectAnnounced(bench, await deliverBehindASlowOne(5));
      expect(await outbox()).toEqual([]);
    });

    test('a batch of notifications never holds more than 256 KiB', async () => {
      const to = Array.from({ length: 400 }, (_, n) => `${'r'.repeat(60)}${n}@in.example`);
      const bridge = bench.makeBridge({ requests });
      bench.proxy.inject('Publish', { kind: 'delay', millis: 150 });
      const slow = bench.proxy.arrival('Publish');
      const of = facts();
      const first = bridge.deliver(MAIL, of);
      await slow;
      const large = Array.from({ length: 8 }, () => facts({ to }));
      await Promise.all([first, ...large.map((each) => bridge.deliver(MAIL, each))]);
      await expectAnnounced(
        bench,
        [of, ...large].map(({ messageId }) => messageId),
      );
      for (const { operation, body } of bench.proxy.seen) {
        if (operation !== 'PublishBatch') continue;
        const form = new URLSearchParams(body.toString());
        let octets = 0;
        for (const [name, value] of form)
          if (name.includes('member')) octets += Buffer.byteLength(value);
        expect(octets).toBeLessThanOrEqual(256 * 1024);
      }
    });
  });

  describe('the outbox', () => {
    async function fillOutbox(count: number): Promise<string[]> {
      const bridge = bench.makeBridge({ requests });
      bench.proxy.inject('Publish', down, ALWAYS);
      bench.proxy.inject('PublishBatch', down, ALWAYS);
      const all = Array.from({ length: count }, () => facts());
      await Promise.all(all.map((of) => bridge.deliver(MAIL, of)));
      // Its own drainer would take markers that the test counts.
      await bridge.close();
      bench.proxy.reset();
      return all.map(({ messageId }) => messageId).sort();
    }

    test('the outbox is emptied by itself once SNS is back', async () => {
      const bridge = bench.makeBridge({ requests, outboxSeconds: 0.1 });
      bench.proxy.inject('Publish', down, ALWAYS);
      const of = facts();
      await bridge.deliver(MAIL, of);
      expect(await outbox()).toEqual([of.messageId]);
      bench.proxy.reset();
      const [notification] = await announced(bench.aws, 5);
      expect(notification?.mail.messageId).toBe(of.messageId);
      await bridge.close();
      expect(await outbox()).toEqual([]);
      expect(bench.events.find(({ kind }) => kind === 'outbox-published')).toMatchObject({
        messageId: of.messageId,
      });
    });

    test('the outbox gives every notification of many', async () => {
      const ids = await fillOutbox(25);
      expect((await outbox()).sort()).toEqual(ids);
      expect(await flush()).toEqual({ published: 25, deadLetters: 0, refused: 0, ...NOTHING_LEFT });
      const seen = (await announced(bench.aws, 2)).map(({ mail }) => mail.messageId);
      expect(seen.sort()).toEqual(ids);
      expect(await outbox()).toEqual([]);
    });

    test('the outbox stays whole while SNS is down, says how old it is, and stops at the first failure', async () => {
      const ids = await fillOutbox(15);
      const { aws, proxy, events } = bench;
      events.length = 0;
      using clients = createBridgeClients({
        region: aws.region,
        endpoint: proxy.endpoint,
        credentials: aws.credentials,
      });
      proxy.inject('any', down, ALWAYS, ({ operation }) => operation.startsWith('Publish'));
      const result = await flushOutbox({
        ...clients,
        bucket: aws.resources.bucket,
        observe: (event) => events.push(event),
      });
      expect(result).toMatchObject({
        published: 0,
        failure: { service: 'sns', cause: 'unavailable' },
      });
      expect((await outbox()).sort()).toEqual(ids);
      expect(events.find(({ kind }) => kind === 'outbox-state')).toMatchObject({
        oldestSeconds: expect.any(Number) as unknown,
      });
    });

    test('the outbox sets a marker aside that SNS refuses again and again, and lets the others pass', async () => {
      const [refused = '', ...others] = await fillOutbox(3);
      const { aws, proxy, events } = bench;
      using clients = createBridgeClients({
        region: aws.region,
        endpoint: proxy.endpoint,
        credentials: aws.credentials,
      });
      const refusal: Fault = { kind: 'refuse', status: 400, code: 'InvalidParameter' };
      proxy.inject('Publish', refusal, ALWAYS, ({ body }) => body.includes(refused));
      proxy.inject('PublishBatch', refusal, ALWAYS, ({ body }) => body.includes(refused));
      const pass = () =>
        flushOutbox({
          ...clients,
          bucket: aws.resources.bucket,
          observe: (event) => events.push(event),
        });
      expect(await pass()).toMatchObject({ published: 2, refused: 1 });
      for (let n = 0; n < 3; n += 1) expect(await pass()).toMatchObject({ refused: 1 });
      expect(await pass()).toMatchObject({ refused: 0, deadLetters: 1 });
      expect(await listKeys(aws, 'outbox/')).toEqual([`outbox/poison/${refused}.json`]);
      expect(events.find(({ kind }) => kind === 'outbox-poisoned')).toMatchObject({
        messageId: refused,
        failure: { cause: 'refused' },
      });
      const seen = (await announced(aws, 2)).map(({ mail }) => mail.messageId);
      expect(seen.sort()).toEqual(others);
      // It is still all there for a person to publish.
      const { body } = await readObject(
        aws.s3,
        aws.resources.bucket,
        `outbox/poison/${refused}.json`,
      );
      expect(JSON.parse(body.toString())).toMatchObject({ messageId: refused, refusals: 5 });
    });

    test('the outbox sets a marker aside that cannot be read, and publishes the others', async () => {
      const ids = await fillOutbox(2);
      const { s3, resources } = bench.aws;
      const Key = 'outbox/0000.json';
      await s3.send(new PutObjectCommand({ Bucket: resources.bucket, Key, Body: '{"torn' }));
      expect(await flush()).toEqual({ published: 2, deadLetters: 1, refused: 0, ...NOTHING_LEFT });
      expect(await listKeys(bench.aws, 'outbox/')).toEqual(['outbox/poison/0000.json']);
      expect(bench.events.find(({ kind }) => kind === 'outbox-poisoned')).toMatchObject({
        messageId: '0000',
        failure: { cause: 'corrupted', code: 'BadMarker' },
      });
      const seen = (await announced(bench.aws, 2)).map(({ mail }) => mail.messageId);
      expect(seen.sort()).toEqual(ids);
    });
  });
}

function notificationOf(topicArn: string, message: string): Notification {
  return { topicArn, subject: NOTIFICATION_SUBJECT, message, attributes: {} };
}
