import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ReceivedNotification } from '../../../src/bridge/contract/notification-types.ts';
import { defineMailHandler, requireNotification } from '../../../src/subscriber/index.ts';
import { archiveBridge, CONTENT, storeMails } from '../../archive/support.ts';
import { HashingJudge, VERIFIED } from '../../bridge/hashing-judge.ts';
import { deliver, facts, takeNotifications } from '../../bridge/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { startFaultProxy } from '../../faults/fault-proxy.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
let folder: string;
let keys: string[];

const HOUR = ['--from', '2026-11-23T13:00Z', '--to', '2026-11-23T14:00Z'];

beforeAll(async () => {
  aws = await startTestAws();
  cli = groupCli('archive', aws);
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-replay-'));
  keys = await storeMails(
    aws,
    Array.from({ length: 25 }, (_, n) => ({
      at: `2026-11-23T13:00:${String(n).padStart(2, '0')}.000Z`,
      from: `user-${n}@sender.example`,
      content: `Subject: mail ${n}\r\n\r\nHello\r\n`,
    })),
  );
  await storeMails(aws, [{ at: '2026-11-23T14:00:00.000Z' }]);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});
let firstTime: ReceivedNotification[] = [];
beforeEach(async () => {
  const taken = await takeNotifications(aws);
  const parsed = taken.map(({ Message }) => JSON.parse(Message) as ReceivedNotification);
  if (firstTime.length === 0) firstTime = parsed;
});

const ids = () => keys.map((key) => key.slice(-40));

test('replays exactly the selected mails to the topic, the same but for the marks', async () => {
  const { exitCode, stdout, stderr } = await cli(['replay', ...HOUR, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  const summary = JSON.parse(stdout) as { replay: string };
  expect(summary).toMatchObject({
    destination: `topic ${aws.resources.topicArn}`,
    selected: 25,
    announced: 25,
    failed: 0,
    complete: true,
    resumed: false,
  });
  const again = await takeNotifications(aws, 1);
  expect(again.map(({ MessageAttributes }) => MessageAttributes['replay']?.Value)).toEqual(
    Array.from({ length: 25 }, () => 'true'),
  );
  const notifications = again.map(({ Message }) => JSON.parse(Message) as ReceivedNotification);
  const byId = new Map(notifications.map((one) => [one.mail.messageId, one]));
  expect([...byId.keys()].sort()).toEqual(ids().sort());
  for (const first of firstTime.filter(({ mail }) => byId.has(mail.messageId))) {
    const replayed = byId.get(first.mail.messageId);
    expect(replayed?.mailsluice.replay?.id).toBe(summary.replay);
    const { replay: _, ...member } = replayed?.mailsluice ?? {};
    expect({ ...replayed, mailsluice: member }).toEqual(first);
  }
});

test('mail in quarantine goes to the topic that announced it, unless another one is named', async () => {
  const { TopicArn = '' } = await aws.sns.send(new CreateTopicCommand({ Name: 'set-aside' }));
  const { QueueUrl = '' } = await aws.sqs.send(new CreateQueueCommand({ QueueName: 'set-aside' }));
  const { Attributes } = await aws.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const Endpoint = Attributes?.['QueueArn'];
  await aws.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  const of = facts({ receivedAt: new Date('2026-11-23T16:00:00.000Z') });
  // Beside the mails of the other tests.
  await using bridge = archiveBridge(aws, {
    prefix: 'aside/',
    judge: () => new HashingJudge({ ...VERIFIED, quarantine: 'spam' }),
    quarantineTopicOf: () => TopicArn,
  });
  expect(await deliver(bridge, of, CONTENT)).toMatchObject({ code: 250 });

  const replay = ['replay', of.messageId, '--prefix', 'aside/'];
  expect((await cli(replay)).exitCode).toBe(0);
  const { Messages = [] } = await aws.sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
  );
  const replays = Messages.map(({ Body = '' }) => {
    const { Message } = JSON.parse(Body) as { Message: string };
    return (JSON.parse(Message) as ReceivedNotification).mailsluice.replay !== undefined;
  });
  expect(replays.map(String).toSorted()).toEqual(['false', 'true']);
  expect(await takeNotifications(aws)).toEqual([]);

  const { topicArn } = aws.resources;
  expect((await cli([...replay, '--topic', topicArn])).exitCode).toBe(0);
  expect(await takeNotifications(aws, 1)).toHaveLength(1);
});

test('to another topic, one mail by its id', async () => {
  const { TopicArn = '' } = await aws.sns.send(new CreateTopicCommand({ Name: 'other' }));
  const { QueueUrl = '' } = await aws.sqs.send(new CreateQueueCommand({ QueueName: 'other' }));
  const { Attributes } = await aws.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const Endpoint = Attributes?.['QueueArn'];
  await aws.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  const { exitCode, stderr } = await cli(['replay', ids()[3] ?? '', '--topic', TopicArn]);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(
    /^replayed 1 mail to topic .*:other, 0 failed \(replay [0-9a-f-]{36}\)\n$/,
  );
  const { Messages = [] } = await aws.sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }),
  );
  expect(Messages.map(({ Body }) => requireNotification(Body).messageId)).toEqual([ids()[3]]);
  expect(await takeNotifications(aws)).toEqual([]);
});

test.each([
  ['as SNS delivers', []],
  ['raw', ['--raw']],
])('to one queue, %s', async (_, flags) => {
  const { exitCode } = await cli([
    ...['replay', ids()[0] ?? '', ids()[1] ?? '', '--queue', aws.resources.queueUrl],
    ...flags,
  ]);
  expect(exitCode).toBe(0);
  const { Messages = [] } = await aws.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: aws.resources.queueUrl,
      WaitTimeSeconds: 2,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
    }),
  );
  for (const { ReceiptHandle } of Messages) {
    await aws.sqs.send(
      new DeleteMessageCommand({ QueueUrl: aws.resources.queueUrl, ReceiptHandle }),
    );
  }
  expect(Messages.map(({ Body }) => requireNotification(Body).messageId).sort()).toEqual(
    ids().slice(0, 2).sort(),
  );
  for (const { Body = '', MessageAttributes } of Messages) {
    const body = JSON.parse(Body) as Record<string, unknown>;
    expect(body['Type']).toBe(flags.length === 0 ? 'Notification' : undefined);
    expect(MessageAttributes?.['replay']?.StringValue).toBe(
      flags.length === 0 ? undefined : 'true',
    );
  }
});

test('to a FIFO queue, each mail once in each replay', async () => {
  const { QueueUrl = '' } = await aws.sqs.send(
    new CreateQueueCommand({ QueueName: 'order.fifo', Attributes: { FifoQueue: 'true' } }),
  );
  const args = ['replay', ids()[0] ?? '', ids()[0] ?? '', '--queue', QueueUrl, '--json'];
  const replays: string[] = [];
  for (let time = 0; time < 2; time += 1) {
    const { stdout } = await cli(args);
    expect(JSON.parse(stdout)).toMatchObject({ announced: 2, failed: 0 });
    replays.push((JSON.parse(stdout) as { replay: string }).replay);
  }
  const taken: unknown[] = [];
  for (let time = 0; time < 3; time += 1) {
    const { Messages = [] } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    for (const { Body, ReceiptHandle } of Messages) {
      const { messageId, notification } = requireNotification(Body);
      taken.push([messageId, notification?.mailsluice?.replay?.id]);
      await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
  expect(taken).toEqual(replays.map((id) => [ids()[0], id]));
});

test('to a FIFO queue, the mails of one recipient in order, whichever answer comes first', async () => {
  const { QueueUrl = '' } = await aws.sqs.send(
    new CreateQueueCommand({ QueueName: 'groups.fifo', Attributes: { FifoQueue: 'true' } }),
  );
  const recipients = ['Ann@in.example', 'bob@in.example', 'grüße@in.example'];
  const prefix = 'groups/';
  const stored = await storeMails(
    aws,
    Array.from({ length: 12 }, (_, n) => ({
      at: `2026-11-23T13:00:${String(n).padStart(2, '0')}.000Z`,
      to: [recipients[n % 3] ?? ''],
      prefix,
    })),
  );
  await using proxy = await startFaultProxy(aws.endpoint);
  // Every other call for the queue is slow, so that the calls would overtake one another.
  let calls = 0;
  proxy.inject('any', { kind: 'delay', millis: 200 }, 100, ({ body }) => {
    if (!body.includes('QueueUrl')) return false;
    calls += 1;
    return calls % 2 === 1;
  });
  const slow = groupCli('archive', { ...aws, endpoint: proxy.endpoint });
  const args = ['replay', '--prefix', prefix, '--queue', QueueUrl, '--raw'];
  expect((await slow(args)).exitCode).toBe(0);
  // Within five minutes: SQS drops what it takes for the same message.
  expect((await slow(args)).exitCode).toBe(0);
  const taken = new Map<string, string[]>();
  for (;;) {
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['MessageGroupId'],
      }),
    );
    if (Messages.length === 0) break;
    for (const { Body, Attributes, ReceiptHandle } of Messages) {
      const group = Attributes?.MessageGroupId ?? '';
      taken.set(group, [...(taken.get(group) ?? []), requireNotification(Body).messageId]);
      await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
  const hashed = createHash('sha256').update('grüße@in.example').digest('hex');
  const expected = ['ann@in.example', 'bob@in.example', hashed].map((group, at) => {
    const once = stored.filter((__, n) => n % 3 === at).map((key) => key.slice(-40));
    return [group, [...once, ...once]] as const;
  });
  expect(taken).toEqual(new Map(expected));
});

/** The Lambda API for one function: real HTTP for the real SDK client, and a real handler behind it. */
async function startLambda(handler: (event: unknown) => Promise<unknown>): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      expect(request.url).toBe('/2015-03-31/functions/file-mail/invocations');
      try {
        const answer = await handler(JSON.parse(Buffer.concat(chunks).toString()));
        response.end(JSON.stringify(answer ?? null));
      } catch (error) {
        const { name: errorType, message: errorMessage } = error as Error;
        response.setHeader('X-Amz-Function-Error', 'Unhandled');
        response.end(JSON.stringify({ errorType, errorMessage }));
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('to one Lambda function, whose failures are counted and named', async () => {
  const handled: string[] = [];
  const handler = defineMailHandler(
    async ({ messageId, replay }) => {
      if (messageId === ids()[2]) throw new TypeError('not this one');
      handled.push(`${messageId} ${replay?.id}`);
    },
    { log: () => undefined },
  );
  await using server = await startLambda(handler);
  const lambdaEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['replay', ...HOUR, '--function', 'file-mail', '--limit', '5'];
  const { exitCode, stdout, stderr } = await cli([...args, '--json'], { lambdaEndpoint });
  expect(exitCode).toBe(1);
  expect(stderr).toBe('mailsluice archive replay: 1 mail failed\n');
  const summary = JSON.parse(stdout) as { replay: string };
  expect(summary).toMatchObject({
    announced: 4,
    failed: 1,
    failures: [{ key: keys[2], reason: 'the function failed: TypeError: not this one' }],
  });
  const others = ids().slice(0, 5).toSpliced(2, 1);
  expect(handled.sort()).toEqual(others.map((id) => `${id} ${summary.replay}`).sort());
});

test('a queue that refuses some mails gets the others, and each mail that it refused is named', async () => {
  const { QueueUrl = '' } = await aws.sqs.send(
    new CreateQueueCommand({ QueueName: 'small', Attributes: { MaximumMessageSize: '6000' } }),
  );
  const large = Array.from({ length: 22 }, (_, n) => ({
    at: `2026-11-23T16:00:${String(n).padStart(2, '0')}.000Z`,
    content: `Subject: ${'long '.repeat(1500)}\r\n\r\n`,
  }));
  const refused = await storeMails(aws, large);
  const [taken = ''] = await storeMails(aws, [{ at: '2026-11-23T16:30:00.000Z' }]);
  await takeNotifications(aws);
  const args = ['replay', '--from', '2026-11-23T16:00Z', '--to', '2026-11-23T17:00Z'];
  const toQueue = [...args, '--queue', QueueUrl, '--raw'];
  const { exitCode, stderr } = await cli(toQueue);
  expect(exitCode).toBe(1);
  const lines = stderr.trimEnd().split('\n');
  expect(lines.slice(0, 22).map((line) => line.split(': ')[0])).toEqual(refused);
  expect(lines[0]).toMatch(/: InvalidParameterValue: .* shorter than 6000 bytes\.$/);
  expect(lines[22]).toMatch(/^replayed 1 mail to queue .*, 22 failed \(replay /);
  expect(lines[23]).toBe('mailsluice archive replay: 22 mails failed');
  const { Messages = [] } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  expect(Messages.map(({ Body }) => requireNotification(Body).messageId)).toEqual([
    taken.slice(-40),
  ]);
  const { stdout } = await cli([...toQueue, '--json']);
  const summary = JSON.parse(stdout) as { failures: readonly { key: string }[] };
  expect(summary).toMatchObject({ announced: 1, failed: 22, complete: true });
  expect(summary.failures.map(({ key }) => key)).toEqual(refused);
});

test('to the standard input of a command, one after the other, with its envelope', async () => {
  const file = join(folder, 'commands');
  const shell = `{ echo "$MAILSLUICE_MESSAGE_ID $MAILSLUICE_REVERSE_PATH $MAILSLUICE_RECIPIENT"; tail -n 3; } >> ${file}`;
  const { exitCode } = await cli(['replay', ...HOUR, '--command', shell, '--limit', '3']);
  expect(exitCode).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(
    [0, 1, 2]
      .map(
        (n) =>
          `${ids()[n]} user-${n}@sender.example bob@in.example\nSubject: mail ${n}\r\n\r\nHello\r\n`,
      )
      .join(''),
  );
});

test('a command may read the notification, or nothing, and says by its exit code how it went', async () => {
  const file = join(folder, 'notifications');
  const args = ['replay', ids()[0] ?? '', '--command'];
  await cli([...args, `cat > ${file}`, '--input', 'notification']);
  const { mailsluice } = JSON.parse(await readFile(file, 'utf8')) as ReceivedNotification;
  expect(mailsluice.replay?.id).toMatch(/^[0-9a-f-]{36}$/);
  expect((await cli([...args, 'true'])).exitCode).toBe(0);
  const { exitCode, stderr } = await cli([...args, 'exit 7']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${keys[0]}: the command exited with 7\n`);
});

test('--dry-run says which mails it would be, and does nothing', async () => {
  const state = join(folder, 'dry');
  const args = ['replay', ...HOUR, '--dry-run', '--state', state, '--limit', '2'];
  const { exitCode, stdout, stderr } = await cli(args);
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  expect(stdout).toContain(ids()[1]);
  expect(stderr).toBe(`would replay 2 mails to topic ${aws.resources.topicArn}\n`);
  expect(await takeNotifications(aws)).toEqual([]);
  await expect(readFile(state)).rejects.toThrow('ENOENT');
});

test('no more in a second than --rate', async () => {
  const started = performance.now();
  const { exitCode } = await cli(['replay', ...HOUR, '--rate', '20', '--limit', '7']);
  expect(exitCode).toBe(0);
  // Six pauses of 50 ms: less time cannot have gone by.
  expect(performance.now() - started).toBeGreaterThanOrEqual(295);
});

test('an interrupted replay says how to go on, and goes on where it was', async () => {
  const state = join(folder, 'interrupted');
  const args = ['replay', ...HOUR, '--state', state, '--json', '--concurrency', '1'];
  const abort = new AbortController();
  const seen: string[] = [];
  const handler = async (event: unknown) => {
    seen.push(requireNotification(event).messageId);
    if (seen.length === 10) abort.abort();
  };
  await using server = await startLambda(handler);
  const lambdaEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const toFunction = [...args, '--function', 'file-mail'];
  const first = await cli(toFunction, { lambdaEndpoint, interrupted: abort.signal });
  expect(first.exitCode).toBe(1);
  expect(first.stderr).toBe(
    'mailsluice archive replay: interrupted; run the same command again to go on\n',
  );
  expect(JSON.parse(first.stdout)).toMatchObject({ announced: 10, complete: false });

  const second = await cli(toFunction, { lambdaEndpoint });
  expect(JSON.parse(second.stdout)).toMatchObject({
    replay: (JSON.parse(first.stdout) as { replay: string }).replay,
    announced: 25,
    complete: true,
    resumed: true,
  });
  expect(seen).toEqual(ids());

  const third = await cli(toFunction, { lambdaEndpoint });
  expect(JSON.parse(third.stdout)).toMatchObject({ announced: 25, complete: true });
  expect(seen).toHaveLength(25);

  const other = await cli([...args, '--topic', aws.resources.topicArn]);
  expect(other.exitCode).toBe(1);
  expect(other.stderr).toMatch(/^mailsluice archive replay: .*: belongs to another replay \(/);
});

test('a destination that goes away stops the replay, which then goes on', async () => {
  const state = join(folder, 'gone');
  const seen: string[] = [];
  const server = await startLambda(async (event) => {
    seen.push(requireNotification(event).messageId);
  });
  const port = (server.address() as AddressInfo).port;
  const lambdaEndpoint = `http://127.0.0.1:${port}`;
  const args = ['replay', ...HOUR, '--function', 'file-mail', '--state', state];
  const concurrency = ['--concurrency', '1'];
  await cli([...args, ...concurrency, '--limit', '4', '--rate', '1000'], { lambdaEndpoint });
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  const gone = await cli([...args.slice(0, -1), `${state}-2`], { lambdaEndpoint });
  expect(gone.exitCode).toBe(1);
  expect(gone.stderr).toMatch(
    /AWS is not reachable \(ECONNREFUSED\).*; run the same command again/,
  );
  expect(gone.stderr).toContain('replayed 0 mails');
  expect(seen).toEqual(ids().slice(0, 4));
});

test('a torn last line of the state is as good as none', async () => {
  const state = join(folder, 'torn');
  const file = join(folder, 'torn-commands');
  const args = ['replay', ...HOUR, '--state', state, '--command', `echo x >> ${file}`];
  expect((await cli(args)).exitCode).toBe(0);
  appendFileSync(state, '{"prefix":"mail/","key":"mail/dt=2099');
  const { exitCode, stderr } = await cli(args);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('replayed 25 mails');
  expect(readFileSync(file, 'utf8')).toBe('x\n'.repeat(25));
});

test('a file that is no state is left as it is', async () => {
  const state = join(folder, 'letter');
  for (const text of ['Dear Sir\n', '{"hello":1}\n', 'no line end']) {
    await writeFile(state, text);
    const { exitCode, stderr } = await cli(['replay', ...HOUR, '--state', state]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/: expected the state file of a replay, got something else\n$/);
    expect(await readFile(state, 'utf8')).toBe(text);
  }
});

test('Ctrl-C reaches us and not the command: the mail under way is finished, and none is left out', async () => {
  const state = join(folder, 'ctrl-c');
  const file = join(folder, 'ctrl-c-commands');
  const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
  const run = async (shell: string) => {
    const child = spawn(
      process.execPath,
      [
        ...[main, 'archive', 'replay', ...HOUR, '--bucket', aws.resources.bucket],
        ...['--state', state, '--json', '--command', shell],
      ],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...aws.environment, MAILSLUICE_CONFIG: '', FILE: file },
      },
    );
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  };
  // What a terminal does at Ctrl-C: the signal goes to the whole process group of the program.
  const shell =
    'echo $MAILSLUICE_MESSAGE_ID >> $FILE; [ $(wc -l < $FILE) != 3 ] || kill -INT -$PPID';
  const first = await run(shell);
  expect(first.stderr).toContain('interrupted; run the same command again to go on');
  expect(first.code).toBe(1);
  expect(JSON.parse(first.stdout)).toMatchObject({ failed: 0, complete: false });
  const second = await run(shell);
  expect(JSON.parse(second.stdout)).toMatchObject({ announced: 25, failed: 0, complete: true });
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toEqual(ids());
});

test('progress on a terminal is one line that is written over', async () => {
  const { stderr } = await cli(['replay', ...HOUR, '--rate', '9'], { isTTY: true, columns: 60 });
  expect(stderr).toMatch(/\r\u001b\[2K\[#+-+\] \d+ of 25 mails  \S+\/s  0:0\d left/);
  for (const line of stderr.split('\r\u001b[2K').slice(1, -1)) {
    expect(line.length).toBeLessThan(60);
    expect(line).not.toContain('\n');
  }
  expect(stderr).toMatch(/\r\u001b\[2Kreplayed 25 mails to .*\n$/);
});

test.each([
  ['two destinations', ['--queue', 'q', '--command', 'c'], /expected one of --topic, --queue/],
  ['a rate of nothing', ['--rate', '0'], /--rate: expected a whole number from 1 on, got "0"/],
  ['too many at once', ['--concurrency', '1000'], /--concurrency: .* from 1 to 256, got "1000"/],
  ['a time that is none', ['--from', 'soon'], /--from: expected a time like .*, got "soon"/],
  [
    'no time between',
    ['--from', '2026-11-23', '--to', '2026-11-23'],
    /--from: expected a time before/,
  ],
  [
    'state with single mails',
    ['0'.repeat(40), '--state', 'f'],
    /--state: expected a selection by options/,
  ],
  ['another input', ['--command', 'c', '--input', 'all'], /--input: expected mail or notification/],
  ['an unknown option', ['--nonsense'], /unknown option '--nonsense'/],
])('%s is a usage error', async (_, args, line) => {
  const { exitCode, stdout, stderr } = await cli(['replay', ...args]);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(line);
});
