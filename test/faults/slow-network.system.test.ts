// A network that carries little in a second: what counts is that octets flow, not how long they take in all.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProgressDeadline, reportProgress } from '../../src/bridge/aws/deadline.ts';
import { createSdkPuts } from '../../src/bridge/aws/object-puts.ts';
import { createSignedPuts } from '../../src/bridge/aws/signed-puts.ts';
import { createBridge, createBridgeClients, type BridgeEvent } from '../../src/bridge/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { deliver, facts, listKeys, readObject } from '../bridge/support.ts';
import { startThrottle } from './throttle.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const MIB = 1024 * 1024;
/** A small request may take 1.2 s. With a large body, nothing may move for 2.4 s on the fast path and 2 s in the SDK. */
const COMMIT_SECONDS = 4;
/** The 4 MiB that Linux holds for a socket go out in a second. */
const OCTETS_PER_SECOND = 4 * MIB;

describe.each(['signed', 'sdk'] as const)('with requests: %s', (requests) => {
  const makeClients = (endpoint: string) =>
    createBridgeClients({
      region: aws.region,
      endpoint,
      credentials: aws.credentials,
      commitSeconds: COMMIT_SECONDS,
    });

  test.each([
    ['a mail', 7.5 * MIB],
    ['a mail in parts', 11 * MIB],
  ])('stores %s that takes longer than a small request may', async (_, size) => {
    await using throttle = await startThrottle(aws.endpoint, OCTETS_PER_SECOND);
    using clients = makeClients(throttle.endpoint);
    const events: BridgeEvent[] = [];
    const prefix = `${requests}-${size}/`;
    await using bridge = createBridge({
      s3: clients.s3,
      sns: clients.sns,
      bucket: aws.resources.bucket,
      topicArn: aws.resources.topicArn,
      hostname: 'mx.in.example',
      prefix,
      requests,
      limits: { commitSeconds: COMMIT_SECONDS },
      outboxSeconds: 3600,
      observe: (event) => events.push(event),
    });
    // The first mail has the SDK make its sockets.
    expect(await deliver(bridge, facts(), 'Subject: small\r\n\r\n')).toMatchObject({ code: 250 });
    const content = Buffer.alloc(size, 'a line of thirty-two octets...\r\n');
    const of = facts();
    const began = performance.now();
    expect(await deliver(bridge, of, content)).toMatchObject({ code: 250 });
    expect(performance.now() - began).toBeGreaterThan(COMMIT_SECONDS * 300);
    const [key = ''] = (await listKeys(aws, prefix)).filter((each) => each.endsWith(of.messageId));
    const { body } = await readObject(aws.s3, aws.resources.bucket, key);
    expect(body.subarray(-size).equals(content)).toBe(true);
    expect(events.filter(({ kind }) => kind === 'aws-retry')).toEqual([]);
  });

  /** An object of 24 MiB, which takes 6 s and more. The embedded S3 takes none of this size. */
  async function putObject(key: string, totalMillis: number) {
    const store = createServer((request, response) => {
      request.resume().once('end', () => {
        const sha256 = String(request.headers['x-amz-checksum-sha256']);
        response.writeHead(200, { etag: '"1"', 'x-amz-checksum-sha256': sha256 }).end();
      });
    });
    store.listen(0, '127.0.0.1');
    await once(store, 'listening');
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    await using throttle = await startThrottle(endpoint, OCTETS_PER_SECOND);
    using clients = makeClients(throttle.endpoint);
    const { bucket } = aws.resources;
    const puts =
      requests === 'sdk'
        ? createSdkPuts(clients.s3)
        : createSignedPuts(clients.s3, bucket, () => undefined);
    const body = Array.from({ length: 96 }, (_, at) => Buffer.alloc(256 * 1024, at));
    const hash = createHash('sha256');
    for (const octets of body) hash.update(octets);
    const common = { bucket, contentType: 'message/rfc822', metadata: {}, ifNoneMatch: true };
    using small = new ProgressDeadline({ stallMillis: 10_000, totalMillis: 10_000 });
    const first = { key: `${key}-small`, body: [], sha256: createHash('sha256').digest() };
    await puts.putObject({ ...common, ...first, signal: small.signal });
    using deadline = new ProgressDeadline({ stallMillis: COMMIT_SECONDS * 1000, totalMillis });
    const sha256 = hash.digest();
    const began = performance.now();
    const [outcome] = await Promise.allSettled([
      puts.putObject({ ...common, key, body, sha256, signal: deadline.signal }),
    ]);
    puts.close();
    store.closeAllConnections();
    store.close();
    return { outcome, seconds: (performance.now() - began) / 1000 };
  }

  test('sends for longer than the time without progress while octets flow', async () => {
    const { outcome, seconds } = await putObject(`${requests}-flows`, 60_000);
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { attempts: 1 } });
    expect(seconds).toBeGreaterThan(COMMIT_SECONDS);
  });

  test('gives up after the total time, though octets flow', async () => {
    const { outcome, seconds } = await putObject(`${requests}-ends`, 5000);
    expect(outcome.status).toBe('rejected');
    expect(seconds).toBeGreaterThan(4.5);
    expect(seconds).toBeLessThan(8);
  });
});

describe('a deadline that progress moves on', () => {
  const fires = (signal: AbortSignal): Promise<number> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(performance.now()));
    });

  test('fires after the time without progress', async () => {
    const began = performance.now();
    using deadline = new ProgressDeadline({ stallMillis: 100, totalMillis: 10_000 });
    const fired = fires(deadline.signal);
    await sleep(60);
    reportProgress(deadline.signal, [], 1);
    expect(deadline.until - began).toBeGreaterThan(150);
    expect((await fired) - began).toBeGreaterThan(150);
  });

  test('a retry that comes no further than the try before it is no progress', async () => {
    const began = performance.now();
    using deadline = new ProgressDeadline({ stallMillis: 200, totalMillis: 10_000 });
    const fired = fires(deadline.signal);
    const body: Buffer[] = [];
    reportProgress(deadline.signal, body, 10);
    await sleep(100);
    for (const octets of [1, 5, 10]) reportProgress(deadline.signal, body, octets);
    expect(deadline.until - began).toBeLessThan(250);
    expect((await fired) - began).toBeLessThan(1000);
  });

  test('fires after the total time, whatever the progress', async () => {
    const began = performance.now();
    using deadline = new ProgressDeadline({ stallMillis: 100, totalMillis: 150 });
    let sent = 0;
    const progress = setInterval(() => reportProgress(deadline.signal, [], (sent += 1)), 10);
    expect((await fires(deadline.signal)) - began).toBeLessThan(1000);
    clearInterval(progress);
  });

  test('fires with the signal that it was given, and not once it is disposed of', async () => {
    const parent = new AbortController();
    const options = { stallMillis: 10_000, totalMillis: 10_000, signal: parent.signal };
    using deadline = new ProgressDeadline(options);
    const over = new ProgressDeadline({ ...options, stallMillis: 10 });
    over[Symbol.dispose]();
    parent.abort();
    expect(deadline.signal.aborted).toBe(true);
    await sleep(30);
    expect(over.signal.aborted).toBe(false);
    using late = new ProgressDeadline(options);
    expect(late.signal.aborted).toBe(true);
  });
});
