// Small mails, some of 6 MB, and sign-ins, for a while: every one that was answered 250 is there and announced,
// and the memory of the tasks does not grow.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readObject } from '../bridge/support.ts';
import { type Acknowledged, acknowledgement, Sender, sha256 } from '../faults/sender.ts';
import { mailsluice } from '../support/cli.ts';
import { need } from '../support/programs.ts';
import { TestClient } from '../support/smtp-client.ts';
import { Subscriber } from '../support/subscriber.ts';
import { Fleet, FleetAws } from './fleet.ts';
import { HAPROXY } from './haproxy.ts';
import { TRAFFIC_SECONDS } from './sizes.ts';

const SMALL_SENDERS = 6;
const SMALL_PAUSE_MILLIS = 20;
const LARGE_OCTETS = 6_000_000;
const LARGE_PAUSE_MILLIS = 700;
const SIGN_IN_PAUSE_MILLIS = 100;
const SAMPLE_MILLIS = 500;
const READERS = 4;
const EMPTY_LIMIT_MILLIS = 60_000;

/**
 * How much higher a task's low water may be in the last quarter of the time than in the one before. Low water is
 * the lower quartile of its resident memory, so that mails under way do not count. V8 and the allocator give
 * memory back late, by some megabytes either way. So 24 MB, or a tenth where that is more: four mails of 6 MB
 * left behind, or 12 KB of each of the 2,000 mails that a quarter of ten minutes brings.
 */
const GROWTH_OCTETS = 24 * 1024 * 1024;
const GROWTH_SHARE = 0.1;

let services: FleetAws;
beforeAll(async () => {
  services = await FleetAws.start();
});
afterAll(() => services[Symbol.asyncDispose]());

/**
 * Reads each mail that is announced, and deletes it: the embedded S3 has all in memory. `contents` has the SHA-256 of
 * the message as it stands in S3, by messageId.
 */
function consume() {
  const { aws } = services;
  const contents = new Map<string, string>();
  const subscriber = new Subscriber(aws, {
    readers: READERS,
    onMail: async ({ mail, receipt, mailsluice }) => {
      const { bucketName: Bucket, objectKey: Key } = receipt.action;
      const { body } = await readObject(aws.s3, Bucket, Key);
      contents.set(mail.messageId, sha256(body.subarray(-mailsluice.size)));
      await aws.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    },
  });
  return { contents, subscriber };
}

/** Sends until `end` is called; keeps what was answered 250, and what was not. */
class Traffic {
  readonly acknowledged: Acknowledged[] = [];
  readonly refusals: string[] = [];
  large = 0;
  signIns = 0;
  #isEnding = false;
  #number = 0;
  readonly #done: Promise<unknown>;

  constructor({ port, submissionPort }: Fleet, credential: Credential) {
    this.#done = Promise.all([
      ...Array.from({ length: SMALL_SENDERS }, (_, index) =>
        this.#send(new Sender(port, index % 2 === 0), 4000, SMALL_PAUSE_MILLIS),
      ),
      this.#send(new Sender(port), LARGE_OCTETS, LARGE_PAUSE_MILLIS),
      this.#signIn(submissionPort, credential),
    ]);
    this.#done.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#done;
  }

  #message(octets: number): Buffer {
    this.#number += 1;
    const line = `${`${this.#number} `.repeat(10).slice(0, 60)}\r\n`;
    const text = `Subject: mixed ${this.#number}\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`;
    return Buffer.from(text);
  }

  async #send(sender: Sender, octets: number, pauseMillis: number): Promise<void> {
    try {
      while (!this.#isEnding) {
        const message = this.#message(octets);
        const reply = await sender.attempt(message);
        if (this.#note(reply, message) && octets === LARGE_OCTETS) this.large += 1;
        await pause(pauseMillis);
      }
    } finally {
      sender.close();
    }
  }

  async #signIn(port: number, { username, password }: Credential): Promise<void> {
    const secret = Buffer.from(`\0${username}\0${password}`).toString('base64');
    while (!this.#isEnding) {
      const client = await TestClient.connectTls(port);
      try {
        await client.reply();
        await client.say('EHLO client.example');
        const answer = await client.say(`AUTH PLAIN ${secret}`);
        if (answer.startsWith('235')) this.signIns += 1;
        else this.refusals.push(answer);
        for (const line of ['MAIL FROM:<a@sender.example>', 'RCPT TO:<b@in.example>', 'DATA']) {
          await client.say(line);
        }
        const message = this.#message(2000);
        this.#note(await client.send(message).send('.\r\n').reply(), message);
      } finally {
        client.destroy();
      }
      await pause(SIGN_IN_PAUSE_MILLIS);
    }
  }

  #note(reply: string, message: Buffer): boolean {
    const acknowledged = acknowledgement(reply, message);
    if (acknowledged !== undefined) this.acknowledged.push(acknowledged);
    // A session ends after so many messages; the next one goes on.
    else if (!reply.startsWith('421 4.7.0')) this.refusals.push(reply);
    return acknowledged !== undefined;
  }
}

interface Credential {
  readonly username: string;
  readonly password: string;
}

async function addCredential(): Promise<Credential> {
  const { table } = services.aws.resources;
  const { code, output } = await mailsluice(
    ['credentials', 'add', 'printer', '--table', table, '--json'],
    services.aws.environment,
  );
  if (code !== 0) throw new Error(`credentials add: ${output}`);
  return JSON.parse(output) as Credential;
}

function residentOctets(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** The lower quartile. */
function lowWater(samples: readonly number[]): number {
  return samples.toSorted((one, other) => one - other)[Math.floor(samples.length / 4)] ?? 0;
}

test(`${TRAFFIC_SECONDS} s of small mails, mails of 6 MB and sign-ins: none lost, none silent, flat memory`, {
  timeout: 180_000 + TRAFFIC_SECONDS * 2000,
}, async ({ skip }) => {
  need(skip, HAPROXY);
  skip(process.platform !== 'linux', 'memory is read from /proc');
  const credential = await addCredential();
  await using fleet = await Fleet.start(services);
  const { contents, subscriber } = consume();
  const traffic = new Traffic(fleet, credential);
  const samples = fleet.tasks.map((): number[] => []);
  const end = performance.now() + TRAFFIC_SECONDS * 1000;
  while (performance.now() < end) {
    for (const [index, { pid }] of fleet.tasks.entries()) samples[index]?.push(residentOctets(pid));
    await pause(SAMPLE_MILLIS);
  }
  await traffic.end();
  const empty = await services.timeToEmpty(EMPTY_LIMIT_MILLIS);
  await subscriber.end();

  const { acknowledged, refusals, large, signIns } = traffic;
  const silent = acknowledged.filter(({ messageId }) => !contents.has(messageId)).length;
  const lost = acknowledged.filter(
    (mail) => (contents.get(mail.messageId) ?? mail.sha256) !== mail.sha256,
  ).length;
  const growths = samples.map((all) => {
    const quarter = Math.floor(all.length / 4);
    const third = lowWater(all.slice(2 * quarter, 3 * quarter));
    return { third, octets: lowWater(all.slice(3 * quarter)) - third };
  });
  const megabytes = (octets: number): string => (octets / 1024 / 1024).toFixed(1);
  process.stdout.write(
    `fleet, mixed traffic: ${acknowledged.length} acknowledged, ${large} of them of 6 MB, ${signIns} sign-ins; ` +
      `${refusals.length} refused, lost ${lost}, silent ${silent}, ` +
      `${(subscriber.announcements / contents.size).toFixed(3)} announcements a mail; memory of each task ` +
      `${growths.map(({ third, octets }) => `${megabytes(third)} MB and ${megabytes(octets)} more`).join(', ')}\n`,
  );
  expect(empty).toBeDefined();
  expect({ refusals, lost, silent }).toEqual({ refusals: [], lost: 0, silent: 0 });
  for (const { third, octets } of growths) {
    expect(octets).toBeLessThan(Math.max(GROWTH_OCTETS, third * GROWTH_SHARE));
  }
});
