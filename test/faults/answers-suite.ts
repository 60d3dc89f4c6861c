// An answer of S3 or SNS is success only if it carries what only the success of this request carries. Run against both
// ways to send.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { classifyAwsError } from '../../src/bridge/aws/failures.ts';
import { createSdkPuts } from '../../src/bridge/aws/object-puts.ts';
import { createSdkPublishes } from '../../src/bridge/aws/publishes.ts';
import { createSignedPublishes } from '../../src/bridge/aws/signed-publishes.ts';
import { createSignedPuts } from '../../src/bridge/aws/signed-puts.ts';
import {
  type BridgeClients,
  type BridgeEvent,
  createBridgeClients,
  listOutbox,
} from '../../src/bridge/index.ts';
import { NOTIFICATION_SUBJECT, type Notification } from '../../src/bridge/notify/notification.ts';
import { ObjectStore } from '../../src/bridge/store/object-store.ts';
import { facts, listKeys, readObject } from '../bridge/support.ts';
import { batchPublished, PROVING_NOTHING, published } from './answers.ts';
import {
  type BenchBridge,
  expectAnnounced,
  type FaultBench,
  startFaultBench,
} from './bridge-under-faults.ts';
import type { Answer, Fault, Operation, Seen } from './fault-proxy.ts';

const MAIL = 'From: a@b.example\r\nTo: c@d.example\r\n\r\nHello.\r\n';
const ALWAYS = 1000;
const down: Fault = { kind: 'refuse', status: 503, code: 'ServiceUnavailable' };
const notForwarded = (answer: Answer): Fault => ({
  kind: 'answer',
  carriesOut: false,
  answer: () => answer,
});
const carriedOut = (answer: Answer): Fault => ({
  kind: 'answer',
  carriesOut: true,
  answer: () => answer,
});

export function answersSuite(requests: 'signed' | 'sdk'): void {
  let bench: FaultBench;
  let opened: BridgeClients[] = [];
  beforeAll(async () => {
    bench = await startFaultBench();
  });
  afterEach(async () => {
    await bench.clear();
    for (const clients of opened) clients[Symbol.dispose]();
    opened = [];
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  /** Clients of their own, since a client that failed often makes no more retries. */
  function freshClients(): BridgeClients {
    const clients = createBridgeClients({
      region: bench.aws.region,
      endpoint: bench.proxy.endpoint,
      credentials: bench.aws.credentials,
      commitSeconds: 5,
    });
    opened.push(clients);
    return clients;
  }

  /** A bridge whose fast path is ready, with its events. */
  async function warmBridge(): Promise<BenchBridge & { readonly events: BridgeEvent[] }> {
    const { s3, sns } = freshClients();
    const events: BridgeEvent[] = [];
    const observe = (event: BridgeEvent): void => {
      events.push(event);
      bench.events.push(event);
    };
    const bridge = bench.makeBridge({ requests, s3, sns, observe });
    expect(await bridge.deliver('warm-up\r\n')).toMatchObject({ code: 250 });
    return Object.assign(bridge, { events });
  }

  async function waiting(): Promise<Set<string>> {
    const { s3, resources } = bench.aws;
    const ids = new Set<string>();
    for await (const { messageId } of listOutbox({ s3, bucket: resources.bucket })) {
      ids.add(messageId);
    }
    return ids;
  }

  /** The object, or the marker, of this mail. */
  const of =
    (messageId: string, prefix: string) =>
    ({ key }: Seen): boolean =>
      key.includes(messageId) && key.startsWith(prefix);
  const naming =
    (messageId: string) =>
    ({ body }: Seen): boolean =>
      body.includes(messageId);

  /** All rows at once: most of the time is waiting for retries. */
  async function forEachAnswer(
    check: (answer: Answer, bridge: Awaited<ReturnType<typeof warmBridge>>) => Promise<unknown>,
  ): Promise<void> {
    const bridges = await Promise.all(PROVING_NOTHING.map(() => warmBridge()));
    const outcomes = await Promise.all(
      PROVING_NOTHING.map(async ([name, answer], row) => {
        const bridge = bridges[row];
        if (bridge === undefined) throw new Error('a bridge for each row');
        return [name, await check(answer, bridge)] as const;
      }),
    );
    expect(Object.fromEntries(outcomes)).toEqual(
      Object.fromEntries(PROVING_NOTHING.map(([name]) => [name, 'as expected'])),
    );
  }

  /** What the operator hears. A 408 passes by itself, and an error document of S3 is an outage of S3. */
  function namesTheEndpoint(
    events: readonly BridgeEvent[],
    { status, body }: Answer,
    operation: Operation,
  ): boolean {
    const told = events.flatMap((event) => (event.kind === 'aws-misconfigured' ? [event] : []));
    const isOutage = operation === 'PutObject' && body.toString().endsWith('</Error>');
    if (status === 408 || isOutage) return told.length === 0;
    const [first] = told;
    return (
      told.length === 1 &&
      first?.failure.message.startsWith(`${bench.proxy.endpoint} answered `) === true &&
      first.failure.message.includes(` with ${status} `)
    );
  }

  test('PutObject, always: 451 4.3.0, nothing stored, and the operator hears the endpoint', async () => {
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      const matches = of(mail.messageId, bridge.prefix);
      bench.proxy.inject('PutObject', notForwarded(answer), ALWAYS, matches);
      const { code, status } = await bridge.deliver(MAIL, mail);
      const keys = await listKeys(bench.aws, bridge.prefix);
      if (code !== 451 || status !== '3.0') return `${code} ${status}`;
      if (keys.some((key) => key.includes(mail.messageId))) return 'stored';
      return namesTheEndpoint(bridge.events, answer, 'PutObject') ? 'as expected' : 'nothing said';
    });
  });

  test.each<[string, (answer: Answer) => Fault]>([
    ['not carried out', notForwarded],
    ['carried out', carriedOut],
  ])('PutObject, once, %s: 250, stored once, byte for byte', async (_, fault) => {
    const mails: string[] = [];
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      mails.push(mail.messageId);
      const matches = of(mail.messageId, bridge.prefix);
      bench.proxy.inject('PutObject', fault(answer), 1, matches);
      const { code } = await bridge.deliver(MAIL, mail);
      const stored = (await bridge.stored()).filter(({ key }) => key.includes(mail.messageId));
      if (code !== 250 || stored.length !== 1) return `${code}, ${stored.length} objects`;
      return stored[0]?.body.toString().endsWith(MAIL) ? 'as expected' : 'other octets';
    });
    const warmUps = bench.events.flatMap((event) =>
      event.kind === 'message-accepted' ? [event.facts.messageId] : [],
    );
    expect(warmUps).toEqual(expect.arrayContaining(mails));
    await expectAnnounced(bench, warmUps);
  });

  test('Publish, always: 250, in the outbox whole, and the operator hears the endpoint', async () => {
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      const matches = naming(mail.messageId);
      bench.proxy.inject('Publish', notForwarded(answer), ALWAYS, matches);
      const { code } = await bridge.deliver(MAIL, mail);
      if (code !== 250) return `${code}`;
      const { body } = await readObject(
        bench.aws.s3,
        bench.aws.resources.bucket,
        `outbox/${mail.messageId}.json`,
      );
      const marker = JSON.parse(body.toString()) as { notification: Notification };
      if (marker.notification.message.includes('reduced')) return 'reduced';
      return namesTheEndpoint(bridge.events, answer, 'Publish') ? 'as expected' : 'nothing said';
    });
  });

  test.each<[string, (answer: Answer) => Fault]>([
    ['not carried out', notForwarded],
    ['carried out', carriedOut],
  ])('Publish, once, %s: 250, announced whole', async (_, fault) => {
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      bench.proxy.inject('Publish', fault(answer), 1, naming(mail.messageId));
      const { code } = await bridge.deliver(MAIL, mail);
      const reduced = bridge.events.some(({ kind }) => kind === 'notification-reduced');
      return code === 250 && !reduced ? 'as expected' : `${code}, reduced: ${reduced}`;
    });
    expect(await waiting()).toEqual(new Set());
    const accepted = bench.events.flatMap((event) =>
      event.kind === 'message-accepted' ? [event.facts.messageId] : [],
    );
    await expectAnnounced(bench, accepted);
  });

  test('an outbox marker, always: 451 4.3.0', async () => {
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      bench.proxy.inject('Publish', down, ALWAYS, naming(mail.messageId));
      const matches = of(mail.messageId, 'outbox/');
      bench.proxy.inject('PutObject', notForwarded(answer), ALWAYS, matches);
      const { code, status } = await bridge.deliver(MAIL, mail);
      return code === 451 && status === '3.0' ? 'as expected' : `${code} ${status}`;
    });
    expect(await waiting()).toEqual(new Set());
  });

  test('an outbox marker, once: 250, and it is there', async () => {
    const mails = new Set<string>();
    await forEachAnswer(async (answer, bridge) => {
      const mail = facts();
      mails.add(mail.messageId);
      bench.proxy.inject('Publish', down, ALWAYS, naming(mail.messageId));
      const matches = of(mail.messageId, 'outbox/');
      bench.proxy.inject('PutObject', notForwarded(answer), 1, matches);
      const { code } = await bridge.deliver(MAIL, mail);
      return code === 250 ? 'as expected' : code;
    });
    expect(await waiting()).toEqual(mails);
  });

  describe('a mail in parts', () => {
    const PART = Buffer.from('one part, which is the last one, so it may be small\r\n');

    /** Begins, puts and completes an upload of one part past `fault`. */
    async function upload(key: string, operation: Operation, fault: Fault, times: number) {
      const { s3 } = freshClients();
      const { bucket } = bench.aws.resources;
      const puts =
        requests === 'sdk' ? createSdkPuts(s3) : createSignedPuts(s3, bucket, () => undefined);
      const store = new ObjectStore(s3, puts, bucket, () => undefined);
      const { signal } = new AbortController();
      const described = { key: `${key}-warm-up`, contentType: 'a/b', metadata: {}, signal };
      await store.put({ ...described, body: [PART] });
      bench.proxy.inject(operation, fault, times, (seen) => seen.key === key);
      try {
        const begun = await store.beginUpload({ ...described, key });
        await begun.putPart(1, [PART], signal);
        await begun.complete(signal);
        return 'stored';
      } catch (error) {
        return classifyAwsError('s3', error).cause;
      } finally {
        puts.close();
      }
    }

    test.each<Operation>(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])(
      '%s: always, nothing is stored; once, it is stored byte for byte',
      async (operation) => {
        const { s3, resources } = bench.aws;
        const outcomes = await Promise.all(
          PROVING_NOTHING.map(async ([name, answer], row) => {
            const key = `parts/${requests}-${operation}-${row}`;
            const always = await upload(`${key}-a`, operation, notForwarded(answer), ALWAYS);
            const once = await upload(`${key}-o`, operation, notForwarded(answer), 1);
            const { body } = await readObject(s3, resources.bucket, `${key}-o`).catch(() => ({
              body: Buffer.alloc(0),
            }));
            return [name, always, once, body.equals(PART)] as const;
          }),
        );
        expect(outcomes).toEqual(
          PROVING_NOTHING.map(([name]) => [name, 'unavailable', 'stored', true]),
        );
        const keys = await listKeys(bench.aws, `parts/${requests}-${operation}`);
        expect(keys.filter((key) => key.endsWith('-a'))).toEqual([]);
      },
    );

    const PAGE = PROVING_NOTHING[0]?.[1];
    const LARGE = Buffer.concat([Buffer.from(MAIL), Buffer.alloc(9 * 1024 * 1024, 'abcdefg\r\n')]);
    const OPERATIONS = [
      'CreateMultipartUpload',
      'UploadPart',
      'CompleteMultipartUpload',
    ] as const satisfies Operation[];

    test('a page of HTML for each of its requests, once: 250, stored byte for byte', async () => {
      const bridge = await warmBridge();
      if (PAGE === undefined) throw new Error('there is a page');
      for (const operation of OPERATIONS) bench.proxy.inject(operation, notForwarded(PAGE));
      const mail = facts();
      expect(await bridge.deliver(LARGE, mail)).toMatchObject({ code: 250 });
      const stored = (await bridge.stored()).filter(({ key }) => key.includes(mail.messageId));
      expect(stored).toHaveLength(1);
      expect(stored[0]?.body.subarray(-LARGE.length).equals(LARGE)).toBe(true);
    });

    test.each<Operation>(OPERATIONS)(
      'a page of HTML for %s, always: 451 4.3.0, nothing stored, nothing announced',
      async (operation) => {
        const bridge = await warmBridge();
        if (PAGE === undefined) throw new Error('there is a page');
        bench.proxy.inject(operation, notForwarded(PAGE), ALWAYS);
        const mail = facts();
        expect(await bridge.deliver(LARGE, mail)).toMatchObject({ code: 451, status: '3.0' });
        await bridge.idle();
        const stored = (await bridge.stored()).filter(({ key }) => key.includes(mail.messageId));
        expect(stored).toEqual([]);
        expect(await waiting()).toEqual(new Set());
        expect(namesTheEndpoint(bridge.events, PAGE, operation)).toBe(true);
      },
    );

    test.each<[string, Operation, (own: string) => string]>([
      [
        'the upload of another key',
        'CreateMultipartUpload',
        (own) => own.replace(/<Key>.*?</, '<Key>x<'),
      ],
      [
        'the upload in another bucket',
        'CreateMultipartUpload',
        (own) => own.replace(/<Bucket>.*?</, '<Bucket>x<'),
      ],
      [
        'the completion of another key',
        'CompleteMultipartUpload',
        (own) => own.replace(/<Key>.*?</, '<Key>x<'),
      ],
      [
        'the completion of other parts',
        'CompleteMultipartUpload',
        (own) => own.replace(/-1(&quot;|")/, '-2$1'),
      ],
      [
        'the completion of other octets',
        'CompleteMultipartUpload',
        (own) => own.replace(/<ChecksumSHA256>../, '<ChecksumSHA256>xx'),
      ],
    ])('%s proves nothing', async (name, operation, change) => {
      const fault: Fault = {
        kind: 'answer',
        carriesOut: true,
        answer: (own) => {
          if (own === undefined) throw new Error('it is carried out');
          const text = own.body.toString();
          expect(change(text)).not.toBe(text);
          const body = Buffer.from(change(text));
          return {
            ...own,
            headers: { ...own.headers, 'content-length': String(body.length) },
            body,
          };
        },
      };
      const key = `parts/${requests}-${name.replaceAll(' ', '-')}`;
      expect(await upload(`${key}-1`, operation, fault, 1)).not.toBe('refused');
      if (operation === 'CreateMultipartUpload') {
        expect(await upload(`${key}-2`, operation, fault, ALWAYS)).toBe('unavailable');
      }
    });
  });

  describe('what S3 stores say', () => {
    const without =
      (...names: string[]) =>
      (own: Answer | undefined): Answer => {
        if (own === undefined) throw new Error('it is carried out');
        const headers = { ...own.headers };
        for (const name of names) delete headers[name];
        return { ...own, headers };
      };

    test.each<[string, number, (own: Answer | undefined) => Answer]>([
      ['checksum and ETag', 1, without()],
      ['the ETag alone, which is the MD5', 1, without('x-amz-checksum-sha256')],
      [
        'that it encrypts, and an ETag that is not the MD5',
        1,
        (own) => {
          const { headers, ...others } = without('x-amz-checksum-sha256')(own);
          const etag = '"0123456789abcdef0123456789abcdef"';
          return {
            ...others,
            headers: { ...headers, etag, 'x-amz-server-side-encryption': 'AES256' },
          };
        },
      ],
      ['the checksum alone', 2, without('etag')],
      [
        'an ETag that is not the MD5',
        2,
        (own) => {
          const { headers, ...others } = without('x-amz-checksum-sha256')(own);
          return { ...others, headers: { ...headers, etag: '"0123456789abcdef0123456789abcdef"' } };
        },
      ],
    ])('%s: 250 after %d requests', async (_, count, answer) => {
      const bridge = await warmBridge();
      const before = bench.proxy.count('PutObject');
      bench.proxy.inject('PutObject', { kind: 'answer', carriesOut: true, answer });
      expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
      expect(bench.proxy.count('PutObject') - before).toBe(count);
    });
  });

  describe('a batch', () => {
    const notification = (text: string): Notification => ({
      topicArn: bench.aws.resources.topicArn,
      subject: NOTIFICATION_SUBJECT,
      message: JSON.stringify({ mail: { messageId: text } }),
      attributes: {},
    });
    const { signal } = new AbortController();

    async function publishBatch(answer: (ids: readonly string[]) => Answer, times: number) {
      const { sns } = freshClients();
      const publishes =
        requests === 'sdk'
          ? createSdkPublishes(sns)
          : createSignedPublishes(sns, bench.aws.resources.topicArn, () => undefined);
      await publishes.publish([notification('warm-up')], signal);
      const fault: Fault = {
        kind: 'answer',
        carriesOut: false,
        answer: (_, { body }) => answer(idsIn(body)),
      };
      const marks = [crypto.randomUUID(), crypto.randomUUID()];
      bench.proxy.inject('PublishBatch', fault, times, ({ body }) =>
        body.includes(marks[0] ?? '-'),
      );
      try {
        const { failed } = await publishes.publish(marks.map(notification), signal);
        return failed.map(({ place, code }) => `${place} ${code}`).join(', ') || 'all accepted';
      } catch (error) {
        return classifyAwsError('sns', error).cause;
      } finally {
        publishes.close();
      }
    }

    test('any answer that proves nothing, always: nothing is accepted', async () => {
      const outcomes = await Promise.all(
        PROVING_NOTHING.map(async ([name, answer]) => [
          name,
          await publishBatch(() => answer, ALWAYS),
        ]),
      );
      expect(outcomes).toEqual(PROVING_NOTHING.map(([name]) => [name, 'unavailable']));
    });

    test('any answer that proves nothing, once: all is accepted', async () => {
      const outcomes = await Promise.all(
        PROVING_NOTHING.map(async ([name, answer]) => [name, await publishBatch(() => answer, 1)]),
      );
      expect(outcomes).toEqual(PROVING_NOTHING.map(([name]) => [name, 'all accepted']));
    });

    const member = (id = '', messageId = 'm'): string =>
      `<member><MessageId>${messageId}</MessageId><Id>${id}</Id></member>`;
    const failed = (id = ''): string =>
      `<member><Code>InvalidParameter</Code><Id>${id}</Id><SenderFault>true</SenderFault></member>`;

    test.each<[string, (ids: readonly string[]) => Answer, string]>([
      [
        'both entries with their messageIds',
        ([one, two]) => batchPublished(member(one) + member(two)),
        'all accepted',
      ],
      ['one entry of two', ([one]) => batchPublished(member(one)), '1 NoResult'],
      [
        'one entry without a messageId',
        ([one, two]) => batchPublished(member(one, '') + member(two)),
        '0 NoResult',
      ],
      [
        'one entry as failed',
        ([one, two]) => batchPublished(member(one), failed(two)),
        '1 InvalidParameter',
      ],
      [
        'one entry as accepted and failed',
        ([one, two]) => batchPublished(member(one) + member(two), failed(two)),
        '1 InvalidParameter',
      ],
      ["another batch's entries", () => batchPublished(member('0') + member('1')), 'unavailable'],
      ['no entry', () => batchPublished(''), 'unavailable'],
      ['a single message', () => published('m'), 'unavailable'],
    ])('an answer that names %s', async (_, answer, expected) => {
      expect(await publishBatch(answer, ALWAYS)).toBe(expected);
    });
  });

  test.each<[string, () => Answer]>([
    ['no messageId', () => published(null)],
    ['an empty messageId', () => published('')],
    [
      'the answer to a batch',
      () => batchPublished('<member><Id>0</Id><MessageId>m</MessageId></member>'),
    ],
  ])('Publish answered with %s: the outbox', async (_, answer) => {
    const bridge = await warmBridge();
    const mail = facts();
    bench.proxy.inject('Publish', notForwarded(answer()), ALWAYS);
    expect(await bridge.deliver(MAIL, mail)).toMatchObject({ code: 250 });
    expect(await waiting()).toEqual(new Set([mail.messageId]));
  });

  test('a web server in the place of S3: the circuit breaker opens, and its probe is not convinced', async () => {
    const bridge = await warmBridge();
    const [, page] = PROVING_NOTHING[0] ?? [];
    if (page === undefined) throw new Error('there is a page');
    bench.proxy.inject('any', notForwarded(page), ALWAYS);
    await Promise.all(Array.from({ length: 6 }, () => bridge.deliver(MAIL)));
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 452 });
    await bench.proxy.arrival('ListObjectsV2');
    await bench.proxy.arrival('ListObjectsV2');
    expect(bridge.refusal()).toMatchObject({ code: 452 });
    bench.proxy.repair();
    await expect.poll(() => bridge.refusal(), { timeout: 10_000 }).toBeUndefined();
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
  });

  test('the stand-in for S3 verifies the checksum and repeats it', async () => {
    const { aws } = bench;
    const put = { Bucket: aws.resources.bucket, Key: 'checksum', Body: 'abc' };
    const right = 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';
    const stored = await aws.s3.send(new PutObjectCommand({ ...put, ChecksumSHA256: right }));
    expect(stored.ChecksumSHA256).toBe(right);
    const wrong = aws.s3.send(
      new PutObjectCommand({ ...put, ChecksumSHA256: right.replace('u', 'v') }),
    );
    await expect(wrong).rejects.toMatchObject({ name: 'BadDigest' });
  });
}

/** Of the entries of a PublishBatch. */
function idsIn(body: Buffer): string[] {
  return [...new URLSearchParams(body.toString())].flatMap(([name, value]) =>
    name.endsWith('.Id') ? [value] : [],
  );
}
