// The promise under SIGKILL: `mailsluice serve` dies at random moments under 16 senders and is started again;
// in the end every mail that was answered 250 is in S3 octet by octet and was announced. A short campaign
// here; MAILSLUICE_CRASH_KILLS and MAILSLUICE_CRASH_MESSAGES (mails for each kill) make it a long one. A second run has
// an SNS that takes MAILSLUICE_CRASH_SNS_MILLIS for each call, so that the kills meet many mails that are stored and not
// announced yet. A third has every sender judged, by a DNS that takes its time for each answer.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flushOutbox } from '../../src/bridge/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { audit } from './audit.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { type Acknowledged, acknowledgement, makeMessage, Sender } from './sender.ts';
import { ServeProcess } from './serve-process.ts';
import { HostileDnsServer, responseTo } from '../support/hostile-dns-server.ts';
import { Subscriber } from '../support/subscriber.ts';

const KILLS = Number(process.env['MAILSLUICE_CRASH_KILLS'] ?? 3);
const MESSAGES = KILLS * Number(process.env['MAILSLUICE_CRASH_MESSAGES'] ?? 200);
const SNS_MILLIS = Number(process.env['MAILSLUICE_CRASH_SNS_MILLIS'] ?? 1000);
/** The longest that the slow DNS takes for an answer. */
const DNS_MILLIS = 500;
/** Of a slow SNS or DNS: mails in progress at once, or the time would pass in waiting. */
const MANY_SENDERS = 64;
const SENDERS = 16;

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
/** The embedded S3 deletes a folder of each mail. */
afterAll(() => aws.close(), 60_000 + MESSAGES * 5);

class PermanentRefusal extends Error {}

/** Sends until a 250 comes. */
async function deliver(sender: Sender, message: Buffer): Promise<Acknowledged> {
  for (;;) {
    // The connection of a server that was killed ends without a reply.
    const reply = await sender.attempt(message).catch(() => '');
    const acknowledged = acknowledgement(reply, message);
    if (acknowledged !== undefined) return acknowledged;
    // Nothing that is the server's fault may be a permanent refusal.
    if (reply.startsWith('5')) throw new PermanentRefusal(reply);
    await pause(30);
  }
}

test(
  `${KILLS} kills under ${SENDERS} senders of ${MESSAGES} mails: none lost, none silent`,
  {
    timeout: 120_000 + KILLS * 30_000,
  },
  () => runCampaign(SENDERS),
);

test(`senders that are judged by a slow DNS, ${KILLS} kills under ${MANY_SENDERS} senders: none lost, none silent`, {
  timeout: 120_000 + KILLS * 30_000 + (MESSAGES / MANY_SENDERS) * DNS_MILLIS * 8,
}, async () => {
  const dns = await HostileDnsServer.start((asked) => {
    const answer = (): unknown => asked.send(responseTo(asked, { code: 'NXDOMAIN' }));
    setTimeout(answer, Math.random() * DNS_MILLIS).unref();
  });
  const verify = { timeout: '2s', resolvers: [dns.address] };
  await runCampaign(MANY_SENDERS, { configuration: { verify } });
  expect(dns.asked.length).toBeGreaterThan(0);
});

test(
  `an SNS that takes ${SNS_MILLIS} ms, ${KILLS} kills under ${MANY_SENDERS} senders: none lost, none silent`,
  {
    timeout: 120_000 + KILLS * 30_000 + (MESSAGES / MANY_SENDERS) * SNS_MILLIS * 4,
  },
  () => runCampaign(MANY_SENDERS, { snsMillis: SNS_MILLIS }),
);

interface Campaign {
  readonly snsMillis?: number;
  readonly configuration?: object;
}

async function runCampaign(
  senderCount: number,
  { snsMillis = 0, configuration = {} }: Campaign = {},
): Promise<void> {
  await using proxy = await startFaultProxy(aws.endpoint, { remembers: false, snsMillis });
  await using serve = await ServeProcess.start({
    aws,
    environment: { AWS_ENDPOINT_URL: proxy.endpoint },
    configuration: () => configuration,
  });
  const subscriber = new Subscriber(aws);
  const acknowledged: Acknowledged[] = [];
  let next = 0;
  let isDone = false;

  const senders = Promise.all(
    Array.from({ length: senderCount }, async () => {
      const sender = new Sender(serve.port);
      while (next < MESSAGES) {
        next += 1;
        acknowledged.push(await deliver(sender, makeMessage(next)));
      }
      sender.close();
    }),
  ).finally(() => {
    isDone = true;
  });

  let kills = 0;
  while (kills < KILLS && !isDone) {
    // SNS fails now and then too, so that the outbox has its part in it.
    proxy.inject('Publish', { kind: 'refuse', status: 403, code: 'AuthorizationError' }, 4);
    proxy.inject('PublishBatch', { kind: 'reset-after' }, 2);
    const before = acknowledged.length;
    const enough = Math.floor((MESSAGES - before) / (KILLS - kills + 1));
    const target = before + Math.floor(enough * (0.5 + Math.random() * 0.5));
    while (acknowledged.length < target && !isDone) await pause(5);
    // S3 takes some of the last mails at a second try only, which the kill may forestall.
    proxy.inject('PutObject', { kind: 'reset-before' }, senderCount);
    await pause(Math.random() * 40);
    await serve.end('SIGKILL');
    kills += 1;
    await serve.startAgain();
  }
  await senders;
  expect(await serve.end('SIGTERM')).toBe(0);
  expect(kills).toBe(KILLS);
  expect(acknowledged).toHaveLength(MESSAGES);

  const { s3, sns, resources } = aws;
  const { published, failure } = await flushOutbox({ s3, sns, bucket: resources.bucket });
  expect(failure).toBeUndefined();
  await subscriber.end();
  const { lost, silent } = await audit(aws, acknowledged, subscriber.announced);
  process.stdout.write(
    `crash campaign (SNS at ${snsMillis} ms${'verify' in configuration ? ', senders judged' : ''}): ${kills} kills, ${acknowledged.length} acknowledged, lost ${lost}, silent ${silent}, ` +
      `announced ${subscriber.announced.size}, ${published} of them out of the outbox at the end\n`,
  );
  expect({ lost, silent }).toEqual({ lost: 0, silent: 0 });
}
