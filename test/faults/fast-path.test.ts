// What answers in a way that the SDK understands and the fast path does not: each request is sent twice for a while,
// and then the fast path is left. The servers are a relay that rewrites answers of the embedded AWS as they pass.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Bridge,
  type BridgeEvent,
  createBridge,
  createBridgeClients,
} from '../../src/bridge/index.ts';
import { FastPathHealth } from '../../src/bridge/aws/fast-path-health.ts';
import { HttpStalledError } from '../../src/bridge/aws/http-connections.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { deliver, facts } from '../bridge/support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

type Rewrite = (answer: string, of: { readonly isSdk: boolean }) => string | undefined;

/** Passes requests on; `rewrite` changes the answers to those that `concerns` names, or keeps them back. */
async function startRelay(concerns: RegExp, rewrite: Rewrite) {
  const { hostname, port } = new URL(aws.endpoint);
  const sockets = new Set<Socket>();
  const seen = { fast: 0, sdk: 0 };
  const server = createServer((client) => {
    const service = connect({ host: hostname, port: Number(port) });
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => (socket === client ? service : client).destroy());
    }
    let isSdk: boolean | undefined;
    client.on('data', (chunk) => {
      const head = chunk.toString('latin1');
      if (/^(?:PUT|POST|GET) /.test(head)) {
        isSdk = concerns.test(head) ? /amz-sdk-invocation-id/i.test(head) : undefined;
        if (isSdk !== undefined) seen[isSdk ? 'sdk' : 'fast'] += 1;
      }
      service.write(chunk);
    });
    service.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      const rewritten = isSdk === undefined ? text : rewrite(text, { isSdk });
      if (rewritten !== undefined) client.write(rewritten, 'latin1');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function send(endpoint: string, mails: number): Promise<BridgeEvent[]> {
  using clients = createBridgeClients({
    region: aws.region,
    endpoint,
    credentials: aws.credentials,
    commitSeconds: 4,
  });
  const events: BridgeEvent[] = [];
  await using bridge: Bridge = createBridge({
    s3: clients.s3,
    sns: clients.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    observe: (event) => events.push(event),
    outboxSeconds: 3600,
  });
  for (let mail = 0; mail < mails; mail++) {
    expect(await deliver(bridge, facts(), 'From: a\r\n\r\nb')).toMatchObject({ code: 250 });
  }
  return events.filter(({ kind }) => kind === 'fast-path-left');
}

describe.each([
  ['s3', /^PUT /],
  ['sns', /^POST \/ /],
] as const)('%s', (service, concerns) => {
  test('leaves the fast path after three answers that it cannot read', async () => {
    // RFC 9110 section 15.2.1 lets a client discard a 100 that it did not ask for. undici does not.
    await using relay = await startRelay(concerns, (answer) =>
      answer.startsWith('HTTP/1.1') ? `HTTP/1.1 100 Continue\r\n\r\n${answer}` : answer,
    );
    const left = await send(relay.endpoint, 8);
    expect(left).toMatchObject([{ service, reason: expect.stringMatching(/\S/), minutes: 5 }]);
    expect(relay.seen.fast).toBe(3);
    expect(relay.seen.sdk).toBe(8);
  });

  test('leaves the fast path after three answers that are not the same as those for the SDK', async () => {
    await using relay = await startRelay(concerns, (answer, { isSdk }) =>
      isSdk ? answer : 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
    );
    const left = await send(relay.endpoint, 8);
    expect(left).toMatchObject([{ service, reason: expect.stringContaining('302'), minutes: 5 }]);
    expect(relay.seen.fast).toBe(3);
  });

  test('leaves the fast path after one answer that hangs', async () => {
    await using relay = await startRelay(concerns, (answer, { isSdk }) =>
      isSdk ? answer : undefined,
    );
    const left = await send(relay.endpoint, 8);
    expect(left).toMatchObject([{ service, reason: expect.stringContaining('no octet') }]);
    expect(relay.seen.fast).toBe(1);
  });

  test('stays on the fast path with answers of HTTP/1.0, without a length and with long fields', async () => {
    await using relay = await startRelay(concerns, (answer) =>
      answer.replace('HTTP/1.1', 'HTTP/1.0').replace(/\r\n/, `\r\nx-long: ${'y'.repeat(9000)}\r\n`),
    );
    expect(await send(relay.endpoint, 6)).toEqual([]);
    expect(relay.seen.fast).toBeGreaterThan(3);
  });
});

describe('the health of the fast path', () => {
  const make = () => {
    const events: BridgeEvent[] = [];
    return { events, health: new FastPathHealth('s3', (event) => events.push(event)) };
  };

  test('counts tries at the same time once', () => {
    const { events, health } = make();
    const began = performance.now();
    for (let n = 0; n < 20; n++) health.wasUseless(began, new Error('reset'));
    expect(health.isOpen).toBe(true);
    expect(events).toEqual([]);
  });

  test('forgets them at a success', () => {
    const { health } = make();
    for (let n = 0; n < 10; n++) {
      health.wasUseless(performance.now(), new Error('reset'));
      health.wasUseless(performance.now(), new Error('reset'));
      health.succeeded();
    }
    expect(health.isOpen).toBe(true);
  });

  test('is over after three in a row, and after one that stalled, and is reported once', () => {
    const { events, health } = make();
    for (let n = 0; n < 5; n++) health.wasUseless(performance.now(), 'an odd answer');
    expect(health.isOpen).toBe(false);
    expect(events).toHaveLength(1);
    const other = make();
    other.health.wasUseless(performance.now(), new HttpStalledError('no octet'));
    expect(other.health.isOpen).toBe(false);
  });
});
