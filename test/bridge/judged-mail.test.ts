// A mail whose sender is judged while it arrives: what the judge sees, what the mail carries of it, and what is left of one
// that the judge does not take.
import { createHash } from 'node:crypto';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  type Bridge,
  type BridgeEvent,
  type BridgeOptions,
  createBridge,
  listOutbox,
} from '../../src/bridge/index.ts';
import type { MailJudge } from '../../src/verify/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { takeAnnouncedMail } from './announced-mail.ts';
import { HashingJudge, PROVED, REFUSED, VERIFIED } from './hashing-judge.ts';
import { deliver, facts, listKeys, takeNotifications } from './support.ts';

const MIB = 1024 * 1024;
const HEADER = [
  'From: Ann <ann@sender.example>',
  'To: bob@in.example',
  'Authentication-Results: mx.in.example; dmarc=pass header.from=bank.example',
  'Subject: One',
  '',
  '',
].join('\r\n');
const LARGE = Buffer.concat([Buffer.from(HEADER), Buffer.alloc(12 * MIB, 'x')]);

let aws: TestAws;
let events: BridgeEvent[] = [];
const bridges: Bridge[] = [];
beforeAll(async () => {
  aws = await startTestAws();
});
afterEach(async () => {
  for (const bridge of bridges.splice(0)) await bridge.close();
  await takeNotifications(aws);
  events = [];
});
afterAll(() => aws.close());

function makeBridge(
  judge: MailJudge | undefined,
  options: Partial<BridgeOptions> = {},
): Bridge & { resume: () => void } {
  let resume = (): void => {};
  const bridge = createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    prefix: `test-${bridges.length}-${events.length}-${Date.now()}/`,
    hostname: 'mx.in.example',
    outboxSeconds: 3600,
    observe: (event) => events.push(event),
    judge: (_facts, again) => {
      resume = again;
      return judge;
    },
    ...options,
  });
  bridges.push(bridge);
  return Object.assign(bridge, { resume: () => resume() });
}

function sha256(octets: Buffer | string): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Nothing of the mail is left: no object, no upload, no octet of memory. */
async function expectNothingLeft(bridge: Bridge): Promise<void> {
  await bridge.idle();
  expect(bridge.memoryInUse).toBe(0);
  expect((await listKeys(aws)).filter((key) => !taken.has(key))).toEqual([]);
  const { bucket: Bucket } = aws.resources;
  const { Uploads = [] } = await aws.s3.send(new ListMultipartUploadsCommand({ Bucket }));
  expect(Uploads).toEqual([]);
  expect(await takeNotifications(aws)).toEqual([]);
}

/** The objects of the mails that were taken before. */
const taken = new Set<string>();
afterEach(async () => {
  for (const key of await listKeys(aws)) taken.add(key);
});

const contents = { small: Buffer.from(`${HEADER}Hello.\r\n`), large: LARGE };

test.each(['small', 'large'] as const)(
  'a %s mail: the judge sees every octet under its own name, and its word is in the object, the record and the notification',
  async (size) => {
    const content = contents[size];
    const judge = new HashingJudge(VERIFIED);
    expect(await deliver(makeBridge(judge), facts(), content)).toMatchObject({ code: 250 });

    expect({ octets: judge.octets, sha256: judge.sha256() }).toEqual({
      octets: content.length,
      sha256: sha256(content),
    });
    // The fields that the notification shows, and the octets as long as they are in memory.
    const { header, chunks } = judge.content ?? {};
    const inMemory = chunks && Buffer.concat(chunks);
    const { delivered, notification, body, metadata } = await takeAnnouncedMail(aws);
    const { mail, receipt, mailsluice } = notification;
    const shown = mail.headers.slice(-(header?.fields.length ?? 0));
    expect(header?.fields).toEqual(shown);
    expect(shown.map(({ name }) => name)).toContain('X-Former-Authn-Results');
    expect(inMemory?.length).toBe(size === 'small' ? content.length : undefined);

    expect(receipt).toMatchObject({
      spamVerdict: { status: 'PASS' },
      virusVerdict: { status: 'GRAY' },
      spfVerdict: { status: 'FAIL' },
      dkimVerdict: { status: 'PASS' },
      dmarcVerdict: { status: 'PASS' },
    });
    expect(receipt).not.toHaveProperty('dmarcPolicy');
    expect(mailsluice.sender).toEqual(VERIFIED.sender);
    expect(mailsluice.scan).toEqual(VERIFIED.scan);
    expect(mailsluice.lists).toEqual(VERIFIED.lists?.slice(1));
    expect(mailsluice).not.toHaveProperty('quarantine');
    const block = body.subarray(0, mailsluice.traceHeaderSize).toString();
    expect(block).toContain('Received-SPF: fail (mx.in.example: not permitted)');
    expect(block.replaceAll('\r\n\t', ' ')).toContain(
      `Authentication-Results: mx.in.example; ${VERIFIED.verification.results.join('; ')}\r\n`,
    );
    // An ordinary mail needs no second object for what was found.
    expect('sidecar' in metadata).toBe(size === 'large');
    expect(delivered.MessageAttributes['senderDomain']).toEqual({
      Type: 'String',
      Value: 'sender.example',
    });
    expect(delivered.MessageAttributes['authenticated']?.Value).toBe('true');
    expect(events.find(({ kind }) => kind === 'message-accepted')).toMatchObject({
      judged: { judgement: VERIFIED, millis: expect.any(Number) as number },
    });
  },
);

test.each([
  ['false', false],
  ['unknown', null],
] as const)(
  'the attribute authenticated is %s, and no filter can match the domain, where authenticated is %s',
  async (value, authenticated) => {
    const sender = { ...PROVED, authenticated, by: [] };
    const verification = {
      ...VERIFIED.verification,
      dmarc: 'FAIL' as const,
      dmarcPolicy: 'quarantine' as const,
    };
    const judge = new HashingJudge({ verification, sender });
    await deliver(makeBridge(judge), facts(), contents.small);
    const { delivered, notification } = await takeAnnouncedMail(aws);
    expect(delivered.MessageAttributes['authenticated']?.Value).toBe(value);
    expect(delivered.MessageAttributes).not.toHaveProperty('senderDomain');
    expect(delivered.MessageAttributes['verdict']?.Value).toBe('FAIL');
    expect(notification.receipt.dmarcPolicy).toBe('quarantine');
    expect(notification.mailsluice.sender).toEqual(sender);
  },
);

test('a mail that nobody judges says so', async () => {
  await deliver(makeBridge(undefined), facts(), contents.small);
  const { delivered, notification } = await takeAnnouncedMail(aws);
  expect(notification.receipt.dmarcVerdict.status).toBe('GRAY');
  for (const name of ['sender', 'scan', 'lists', 'quarantine']) {
    expect(notification.mailsluice).not.toHaveProperty(name);
  }
  expect(delivered.MessageAttributes).not.toHaveProperty('authenticated');
  expect(delivered.MessageAttributes).not.toHaveProperty('senderDomain');
});

test('findings that do not fit into the metadata are in the sidecar', async () => {
  const symbols = Array.from({ length: 50 }, (_, at) => `A_SYMBOL_OF_THE_SPAM_FILTER_${at}`);
  const scan = { spam: { verdict: 'FAIL' as const, score: 20, symbols } };
  await deliver(makeBridge(new HashingJudge({ ...VERIFIED, scan })), facts(), contents.small);
  const { notification, metadata } = await takeAnnouncedMail(aws);
  expect(metadata).toHaveProperty('sidecar');
  expect(notification.mailsluice.scan).toEqual(scan);
});

test.each(['small', 'large'] as const)(
  'a %s mail that the judge refuses: its reply, an event with the reason, and nothing is left',
  async (size) => {
    const bridge = makeBridge(new HashingJudge(REFUSED));
    expect(await deliver(bridge, facts(), contents[size])).toEqual(REFUSED.refusal?.reply);
    expect(events.filter(({ kind }) => kind !== 'aws-call')).toEqual([
      {
        kind: 'message-refused',
        facts: expect.anything() as unknown,
        sizeInOctets: contents[size].length,
        refusal: REFUSED.refusal,
        judgeMillis: expect.any(Number) as number,
      },
    ]);
    await expectNothingLeft(bridge);
  },
);

test.each(['small', 'large'] as const)(
  'a %s mail whose judge does not end: 451 within the time of the commit, and nothing is left',
  async (size) => {
    const judge = new HashingJudge(() => new Promise(() => {}));
    const bridge = makeBridge(judge, { limits: { commitSeconds: 0.3 } });
    expect(await deliver(bridge, facts(), contents[size])).toMatchObject({
      code: 451,
      status: '3.0',
    });
    expect(judge.discards).toBe(1);
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'message-deferred', cause: 'judge-late' }),
    );
    await expectNothingLeft(bridge);
  },
);

test.each(['small', 'large'] as const)(
  'a %s mail whose judge fails is not taken, and nothing is left',
  async (size) => {
    const bridge = makeBridge(new HashingJudge(() => Promise.reject(new Error('a bug'))));
    await expect(deliver(bridge, facts(), contents[size])).rejects.toThrow('a bug');
    await expectNothingLeft(bridge);
  },
);

test('a judge that asks for a pause stops the client until it resumes', async () => {
  const judge = new HashingJudge(VERIFIED, 2);
  let resumed = 0;
  const bridge = makeBridge(judge);
  const opened = await bridge.open(facts(), () => (resumed += 1));
  if (opened.kind === 'refuse') throw new Error('refused');
  const { writer } = opened;
  expect(writer.write(Buffer.from(HEADER))).toBe(true);
  expect(writer.write(Buffer.from('one\r\n'))).toBe(false);
  // What was read already still comes, and the pause goes on.
  expect(writer.write(Buffer.from('two\r\n'))).toBe(false);
  expect(resumed).toBe(0);
  bridge.resume();
  expect(resumed).toBe(1);
  expect(writer.write(Buffer.from('three\r\n'))).toBe(true);
  expect(await writer.commit()).toMatchObject({ code: 250 });
  const { body } = await takeAnnouncedMail(aws);
  expect(body.toString()).toMatch(/one\r\ntwo\r\nthree\r\n$/);
});

test('a pause of the judge and one for memory: the client goes on when both are over', async () => {
  // The least there is: one window for large mails.
  const limits = { memory: 20 * MIB, memoryWaitSeconds: 20 };
  let judged: HashingJudge | undefined;
  let resume = (): void => {};
  const bridge = makeBridge(undefined, {
    limits,
    judge: (of, again) => {
      if (of.session.clientAddress !== '198.51.100.9') return undefined;
      resume = again;
      judged = new HashingJudge(VERIFIED, 40);
      return judged;
    },
  });
  const holder = await bridge.open(facts({ parameters: { size: 30 * MIB } }), () => undefined);
  if (holder.kind === 'refuse') throw new Error('refused');
  for (let sent = 0; sent < 3 * MIB; sent += 64 * 1024)
    holder.writer.write(Buffer.alloc(64 * 1024));
  let resumed = 0;
  const opened = await bridge.open(
    facts({ session: { clientAddress: '198.51.100.9' } }),
    () => (resumed += 1),
  );
  if (opened.kind === 'refuse') throw new Error('refused');
  const { writer } = opened;
  const span = Buffer.alloc(8 * 1024, 'y');
  // Past 256 KiB the mail waits for the large one; its judge pauses at write 40.
  const goesOn = Array.from({ length: 41 }, () => writer.write(span));
  expect([goesOn[0], goesOn[38]]).toEqual([true, false]);
  expect(judged?.writes).toBe(41);
  holder.writer.discard('aborted');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(resumed).toBe(0);
  resume();
  expect(resumed).toBe(1);
  expect(await writer.commit()).toMatchObject({ code: 250 });
  expect((await takeAnnouncedMail(aws)).notification.mailsluice.size).toBe(41 * span.length);
});

test('a pause that does not end: the client goes on, and is answered 451 at the end', async () => {
  const judge = new HashingJudge(VERIFIED, 1);
  const bridge = makeBridge(judge, { limits: { memoryWaitSeconds: 0.2 } });
  expect(await deliver(bridge, facts(), LARGE)).toMatchObject({ code: 451, status: '3.0' });
  expect(judge.discards).toBe(1);
  await expectNothingLeft(bridge);
});

test('the end of the data in the same read as the pause: the judge ends without a resume', async () => {
  const judge = new HashingJudge(VERIFIED, 1);
  const bridge = makeBridge(judge);
  const opened = await bridge.open(facts(), () => undefined);
  if (opened.kind === 'refuse') throw new Error('refused');
  expect(opened.writer.write(contents.small)).toBe(false);
  expect(await opened.writer.commit()).toMatchObject({ code: 250 });
  expect(judge.discards).toBe(0);
});

test('a message that is discarded discards its judge, once', async () => {
  const judge = new HashingJudge(VERIFIED);
  const bridge = makeBridge(judge);
  const opened = await bridge.open(facts(), () => undefined);
  if (opened.kind === 'refuse') throw new Error('refused');
  opened.writer.write(contents.small);
  opened.writer.discard('too-large');
  expect(judge.discards).toBe(1);
  await expectNothingLeft(bridge);
});

test('a message that finds no memory discards its judge and shows it no more octets', async () => {
  const judges: HashingJudge[] = [];
  const bridge = makeBridge(undefined, {
    limits: { memory: 20 * MIB, memoryWaitSeconds: 0.1 },
    judge: () => {
      judges.push(new HashingJudge(VERIFIED));
      return judges.at(-1);
    },
  });
  const holder = await bridge.open(facts({ parameters: { size: 30 * MIB } }), () => undefined);
  if (holder.kind === 'refuse') throw new Error('refused');
  for (let sent = 0; sent < 3 * MIB; sent += 64 * 1024)
    holder.writer.write(Buffer.alloc(64 * 1024));
  expect(await deliver(bridge, facts(), Buffer.alloc(2 * MIB, 'x'), 64 * 1024)).toMatchObject({
    code: 452,
  });
  expect(judges[1]?.discards).toBe(1);
  expect(judges[1]?.octets).toBeLessThan(2 * MIB);
  // One that declares its size is turned away before the 354.
  const turnedAway = await bridge.open(facts({ parameters: { size: 30 * MIB } }), () => undefined);
  expect(turnedAway).toMatchObject({ kind: 'refuse' });
  expect(judges[2]?.discards).toBe(1);
  holder.writer.discard('aborted');
  expect(judges[0]?.discards).toBe(1);
});

test('a mail that is set aside is announced on the topic of quarantine alone, and its outbox marker names it', async () => {
  const { sns, resources } = aws;
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'quarantine' }));
  const judge = new HashingJudge({ ...VERIFIED, quarantine: 'spam' });
  const quarantineTopicOf = (): string => TopicArn;
  await deliver(makeBridge(judge, { quarantineTopicOf }), facts(), contents.small);
  expect(await takeNotifications(aws)).toEqual([]);

  const queue = resources.queueUrl.split('/').at(-1) ?? '';
  const Endpoint = `arn:aws:sqs:${aws.region}:000000000000:${queue}`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  const second = new HashingJudge({ ...VERIFIED, quarantine: 'spam' });
  await deliver(makeBridge(second, { quarantineTopicOf }), facts(), LARGE);
  const { notification } = await takeAnnouncedMail(aws);
  expect(notification.receipt.action.topicArn).toBe(TopicArn);
  expect(notification.mailsluice.quarantine).toBe('spam');

  // A mail that is not set aside, and one where there is no such topic, goes the ordinary way.
  await deliver(makeBridge(new HashingJudge(VERIFIED), { quarantineTopicOf }), facts(), HEADER);
  await deliver(makeBridge(new HashingJudge({ ...VERIFIED, quarantine: 'spam' })), facts(), HEADER);
  const ordinary = await takeNotifications(aws, 2);
  expect(ordinary).toHaveLength(2);

  const gone = `${TopicArn}-gone`;
  const third = new HashingJudge({ ...VERIFIED, quarantine: 'dmarc' });
  const reply = await deliver(
    makeBridge(third, { quarantineTopicOf: () => gone }),
    facts(),
    contents.small,
  );
  expect(reply).toMatchObject({ code: 250 });
  const written = events.filter(({ kind }) => kind === 'outbox-written');
  expect(written).toHaveLength(1);
  const waiting: string[] = [];
  for await (const { key } of listOutbox({ s3: aws.s3, bucket: resources.bucket }))
    waiting.push(key);
  expect(waiting).toHaveLength(1);
});
