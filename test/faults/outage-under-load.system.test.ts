// S3 out of reach of the running `mailsluice serve` under 16 senders: each hears 4xx within 30 s, the process
// answers its health checks all the time, and after the repair mail is stored again without a restart. A
// short outage here; MAILSLUICE_OUTAGE_SECONDS makes it longer. One that hangs opens the circuit breaker only
// when the commit budget of 20 s is used up: a shorter one ends before a sender has to hear of it.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { DnsServer } from '../support/dns-server.ts';
import { audit } from './audit.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type Acknowledged, acknowledgement, makeMessage, Sender } from './sender.ts';
import { ServeProcess } from './serve-process.ts';
import { Subscriber } from '../support/subscriber.ts';

const OUTAGE_SECONDS = Number(process.env['MAILSLUICE_OUTAGE_SECONDS'] ?? 3);
const SENDERS = 16;
/** Taken before S3 is out of reach, so that every pool of connections is warm. */
const MAILS_BEFORE = 200;
/** From the end of the data to the reply, at the very most. */
const HARD_LIMIT_MILLIS = 30_000;
/** One try at S3 may take 6 s. A refusal sooner than that cannot have waited for one that hangs. */
const QUICK_MILLIS = 5000;
/** With a budget of 20 s, and the breaker waits for five failures in a row. */
const HANG_OPENS_BREAKER_SECONDS = 25;
const ALWAYS = 1_000_000;

interface Attempt {
  /** Milliseconds of this process's clock. */
  readonly begunAt: number;
  readonly endedAt: number;
  readonly sender: number;
  readonly reply: string;
}

let aws: TestAws;
let s3Proxy: FaultProxy;
/** Senders are judged meanwhile. */
let dns: DnsServer;
beforeEach(async () => {
  aws = await startTestAws();
  s3Proxy = await startFaultProxy(aws.endpoint, { remembers: false });
  dns = await DnsServer.start();
});
afterEach(async () => {
  await s3Proxy[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  await aws.close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(20);
}

/** 16 senders, half of them with a connection for each mail, that keep every mail until it is taken. */
class Load {
  readonly attempts: Attempt[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly #done: Promise<unknown>;
  #number = 0;
  #isEnding = false;

  constructor(port: number) {
    this.#done = Promise.all(
      Array.from({ length: SENDERS }, (_, index) =>
        this.#run(index, new Sender(port, index % 2 === 0)),
      ),
    );
    // An error is reported by `end`.
    this.#done.catch(() => undefined);
  }

  /** Rejects where a connection broke off instead of a reply. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#done;
  }

  /** Each sender had such a reply to an attempt that began after this time. */
  allHeard(reply: RegExp, since: number): boolean {
    const heard = this.attempts.filter((each) => each.begunAt > since && reply.test(each.reply));
    return new Set(heard.map(({ sender }) => sender)).size === SENDERS;
  }

  async #run(index: number, sender: Sender): Promise<void> {
    try {
      while (!this.#isEnding) {
        this.#number += 1;
        const message = makeMessage(this.#number);
        while (!(await this.#isTaken(index, sender, message)) && !this.#isEnding) await pause(100);
      }
    } finally {
      sender.close();
    }
  }

  async #isTaken(index: number, sender: Sender, message: Buffer): Promise<boolean> {
    const begunAt = performance.now();
    const reply = await sender.attempt(message);
    this.attempts.push({ begunAt, endedAt: performance.now(), sender: index, reply });
    const acknowledged = acknowledgement(reply, message);
    if (acknowledged !== undefined) this.acknowledged.push(acknowledged);
    return acknowledged !== undefined;
  }
}

/** Asks for `/ready` and `/metrics` all the time. */
class HealthChecks {
  /** Of the slowest answer. */
  slowestMillis = 0;
  /** The server's own event-loop delay, as it was told last. */
  lagP99Millis = '';
  count = 0;
  readonly #done: Promise<void>;
  #isEnding = false;

  constructor(port: number) {
    this.#done = this.#run(`http://127.0.0.1:${port}`);
    this.#done.catch(() => undefined);
  }

  /** Rejects where an answer was not 200, or did not come in time. */
  end(): Promise<void> {
    this.#isEnding = true;
    return this.#done;
  }

  async #run(base: string): Promise<void> {
    while (!this.#isEnding) {
      for (const path of ['/ready', '/metrics']) {
        const begun = performance.now();
        const response = await fetch(base + path, { signal: AbortSignal.timeout(QUICK_MILLIS) });
        const text = await response.text();
        if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
        this.slowestMillis = Math.max(this.slowestMillis, performance.now() - begun);
        this.lagP99Millis =
          /^mailsluice_event_loop_lag_p99\S* (\S+)$/m.exec(text)?.[1] ?? this.lagP99Millis;
        this.count += 1;
      }
      await pause(50);
    }
  }
}

interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
  readonly opensBreaker: boolean;
}

test.each<[string, () => Outage]>([
  [
    'refuses connections',
    () => ({
      begin: () => s3Proxy.refuseConnections(),
      end: () => s3Proxy.acceptConnections(),
      opensBreaker: true,
    }),
  ],
  [
    'hangs',
    () => ({
      begin: async () => s3Proxy.inject('any', { kind: 'hang' }, ALWAYS),
      end: async () => s3Proxy.repair(),
      opensBreaker: OUTAGE_SECONDS >= HANG_OPENS_BREAKER_SECONDS,
    }),
  ],
])(
  `S3 %s for ${OUTAGE_SECONDS} s under load: 4xx in time for every sender, a responsive process, 250 again without a restart`,
  { timeout: 120_000 + OUTAGE_SECONDS * 2000 },
  async (name, outageOf) => {
    const outage = outageOf();
    let openedAt = Infinity;
    await using serve = await ServeProcess.start({
      aws,
      environment: { AWS_ENDPOINT_URL_S3: s3Proxy.endpoint },
      configuration: () => ({ verify: { resolvers: [dns.address] } }),
      onEvent: ({ event }) => {
        if (event === 'breaker-opened') openedAt = Math.min(openedAt, performance.now());
      },
    });
    const subscriber = new Subscriber(aws);
    const load = new Load(serve.port);
    const health = new HealthChecks(serve.healthPort);
    await until(() => load.allHeard(/^250 /, 0) && load.acknowledged.length >= MAILS_BEFORE);

    const brokenAt = performance.now();
    await outage.begin();
    await pause(OUTAGE_SECONDS * 1000);
    if (outage.opensBreaker) {
      await until(() => openedAt < Infinity && load.allHeard(/^4/, openedAt));
    }
    await outage.end();
    const repairedAt = performance.now();
    await until(() => load.allHeard(/^250 /, repairedAt));
    await load.end();
    await health.end();
    expect(serve.isRunning).toBe(true);
    expect(await serve.end('SIGTERM')).toBe(0);

    // Of all attempts, those that the outage touched.
    const touched = load.attempts.filter(
      ({ begunAt, endedAt }) => endedAt > brokenAt && begunAt < repairedAt,
    );
    const replies = new Map<string, number>();
    for (const { reply } of touched) {
      const status = reply.slice(0, 9);
      replies.set(status, (replies.get(status) ?? 0) + 1);
    }
    // The last one ends a session after its twentieth refusal.
    const expected = ['250 2.0.0', '451 4.3.0', '452 4.3.1', '421 4.3.2', '421 4.7.0'];
    expect(expected).toEqual(expect.arrayContaining([...replies.keys()]));
    const slowest = Math.max(...load.attempts.map(({ begunAt, endedAt }) => endedAt - begunAt));
    expect(slowest).toBeLessThan(HARD_LIMIT_MILLIS);

    // Not one that was on its way when the breaker opened: those are answered at the end of their data.
    const quick = touched
      .filter(({ begunAt, reply }) => begunAt > openedAt && !reply.startsWith('250'))
      .map(({ begunAt, endedAt }) => endedAt - begunAt);
    if (outage.opensBreaker) {
      expect([...replies.keys()]).toEqual(expect.arrayContaining(['421 4.3.2', '452 4.3.1']));
      expect(quick.length).toBeGreaterThan(0);
    }
    const slowestQuick = Math.max(0, ...quick);
    expect(slowestQuick).toBeLessThan(QUICK_MILLIS);

    await subscriber.end();
    const missing = await audit(aws, load.acknowledged, subscriber.announced);
    const after = load.attempts
      .filter(({ endedAt, reply }) => endedAt > repairedAt && reply.startsWith('250'))
      .map(({ endedAt }) => endedAt - repairedAt);
    const seconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`;
    process.stdout.write(
      `outage, S3 ${name} for ${seconds(repairedAt - brokenAt)}: ` +
        `${[...replies].map(([status, count]) => `${count} × ${status}`).join(', ')}; ` +
        `slowest reply ${seconds(slowest)}; ` +
        `${openedAt === Infinity ? 'breaker never open' : `breaker open after ${seconds(openedAt - brokenAt)}`}, ` +
        `then the slowest refusal ${seconds(slowestQuick)}; ` +
        `first 250 ${seconds(Math.min(...after))} after the repair; ` +
        `${health.count} health checks, slowest ${seconds(health.slowestMillis)}, ` +
        `event-loop lag p99 ${Number(health.lagP99Millis).toFixed(1)} ms; ` +
        `${load.acknowledged.length} acknowledged, lost ${missing.lost}, silent ${missing.silent}\n`,
    );
    expect(missing).toEqual({ lost: 0, silent: 0 });
  },
);
