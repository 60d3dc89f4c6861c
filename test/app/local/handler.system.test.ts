// `mailsluice local --handler` as its users run it: a process, a real mail, and the queues of the embedded AWS.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalProcess, mainFile, type Printed } from '../../support/local.ts';

const subscriber = fileURLToPath(new URL('../../../src/subscriber/index.ts', import.meta.url));

let folder: string;
let file: string;
let local: LocalProcess | undefined;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'handler-')));
  file = join(folder, 'handler.ts');
});
afterEach(async () => {
  await local?.stop();
  local = undefined;
  rmSync(folder, { recursive: true });
});

/** Starts the program with a handler. */
async function start(source: string, ...args: readonly string[]): Promise<LocalProcess> {
  writeFileSync(file, source);
  local = await LocalProcess.start({}, ['--handler', file, ...args]);
  return local;
}

async function send(program: LocalProcess, subject: string): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: program.port('mx'),
    secure: false,
    tls: { rejectUnauthorized: false },
  });
  await transport.sendMail({
    from: 'a@client.example',
    to: 'b@example.com',
    subject,
    text: 'Hello',
    attachments: [{ filename: 'a.pdf', content: '%PDF-1.7' }],
  });
  transport.close();
}

const invoked = ({ event }: Printed): boolean => event === 'handler-invoked';

test('each mail calls the handler with an event of SQS, and its result, time and messageId are printed', async () => {
  const program = await start(`
    import { writeFileSync } from 'node:fs';
    import { parseMail, requireNotification } from ${JSON.stringify(subscriber)};
    interface Context { awsRequestId: string; getRemainingTimeInMillis(): number }
    export const handler = async (event: { Records: object[] }, context: Context) => {
      const { subject, attachments } = await parseMail(requireNotification(event));
      const remaining = context.getRemainingTimeInMillis();
      writeFileSync(${JSON.stringify(join(folder, 'seen.json'))}, JSON.stringify({ event, context, remaining, sources: process.env.MAILSLUICE_MAIL_SOURCES }));
      return { subject, names: attachments.map(({ filename }) => filename), batchItemFailures: [] };
    };`);
  expect(await program.printed(({ event }) => event === 'handler-loaded')).toMatchObject({ file });
  await send(program, 'first');
  const { messageId } = await program.printed(({ event }) => event === 'mail');
  const line = await program.printed(invoked);
  expect(line).toMatchObject({
    outcome: 'done',
    messageId,
    attempt: 1,
    attempts: 3,
    millis: expect.any(Number),
    result: { subject: 'first', names: ['a.pdf'], batchItemFailures: [] },
  });
  const seen = JSON.parse(readFileSync(join(folder, 'seen.json'), 'utf8')) as {
    event: { Records: Record<string, unknown>[] };
    context: Record<string, unknown>;
    remaining: number;
    sources: string;
  };
  expect(seen.sources).toBe(program.ready.bucket);
  expect(seen.remaining).toBeGreaterThan(20_000);
  expect(seen.remaining).toBeLessThanOrEqual(30_000);
  expect(seen.context).toMatchObject({
    functionName: 'mailsluice-local',
    functionVersion: '$LATEST',
    memoryLimitInMB: '1024',
    awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(seen.event.Records).toHaveLength(1);
  expect(seen.event.Records[0]).toMatchObject({
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:mailsluice-handler',
    awsRegion: 'us-east-1',
    attributes: { ApproximateReceiveCount: '1' },
  });
  // The other queue has its own copy.
  expect((await program.mailFor('b@example.com')).notification.mail.messageId).toBe(messageId);
});

test('a mail that fails comes again, whether the handler throws or names it, and ends in the dead-letter queue', async () => {
  const program = await start(
    `export const handler = async ({ Records: [{ messageId, attributes }] }) => {
      if (attributes.ApproximateReceiveCount === '1') throw new RangeError('not today');
      return { batchItemFailures: [{ itemIdentifier: messageId }] };
    };`,
    '--attempts',
    '2',
    '--retry',
    '1s',
  );
  await send(program, 'bad');
  expect(await program.printed(invoked)).toMatchObject({
    outcome: 'failed',
    attempt: 1,
    error: { name: 'RangeError', message: 'not today' },
  });
  const second = await program.printed(invoked);
  expect(second).toMatchObject({ outcome: 'failed', attempt: 2, attempts: 2, isLast: true });
  const QueueUrl = program.ready.handler?.deadLetterQueueUrl;
  for (;;) {
    const { Messages = [] } = await program.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }),
    );
    if (Messages.length === 0) continue;
    expect(Messages[0]?.Body).toContain(second['messageId']);
    break;
  }
});

test('an endless loop ends at the timeout, a crash ends its own process, and the next mail is handled', async () => {
  const program = await start(
    `export const handler = async ({ Records: [{ body }] }) => {
      const { mail } = JSON.parse(JSON.parse(body).Message);
      const { subject } = mail.commonHeaders;
      if (subject === 'loop') for (;;);
      if (subject === 'exit') process.exit(3);
      if (subject === 'late') setTimeout(() => { throw new Error('late'); });
      if (subject === 'late') await new Promise(() => {});
      return subject;
    };`,
    '--timeout',
    '2s',
    '--attempts',
    '1',
  );
  await send(program, 'loop');
  expect(await program.printed(invoked)).toMatchObject({
    outcome: 'timed-out',
    isLast: true,
    error: { message: 'Task timed out after 2.00 seconds' },
  });
  await send(program, 'exit');
  expect(await program.printed(invoked)).toMatchObject({
    outcome: 'crashed',
    error: { message: 'the process of the handler ended with exit code 3' },
  });
  await send(program, 'late');
  expect(await program.printed(invoked)).toMatchObject({ outcome: 'crashed' });
  await send(program, 'fine');
  expect(await program.printed(invoked)).toMatchObject({ outcome: 'done', result: 'fine' });
});

test('a change of the file, or of a file that it imports, loads the handler again, and a broken one is reported until it is mended', async () => {
  writeFileSync(join(folder, 'answer.ts'), 'export const answer: number = 1;');
  const source = (text: string): string =>
    `import { answer } from './answer.ts'; export const handler = async () => ${text};`;
  const program = await start(source('answer'), '--attempts', '1');
  const reloaded = ({ event, isReload }: Printed): boolean =>
    event === 'handler-loaded' && isReload === true;
  await send(program, 'one');
  expect(await program.printed(invoked)).toMatchObject({ result: 1 });
  writeFileSync(join(folder, 'answer.ts'), 'export const answer: number = 22;');
  await program.printed(reloaded);
  await send(program, 'two');
  expect(await program.printed(invoked)).toMatchObject({ result: 22 });
  writeFileSync(file, source('answer +'));
  expect(await program.printed(({ event }) => event === 'handler-not-loaded')).toMatchObject({
    error: { name: 'SyntaxError' },
  });
  await send(program, 'three');
  expect(await program.printed(invoked)).toMatchObject({ outcome: 'not-loaded' });
  writeFileSync(file, source('answer + 11'));
  await program.printed(reloaded);
  await send(program, 'four');
  expect(await program.printed(invoked)).toMatchObject({ result: 33 });
});

test('Ctrl-C ends the program and the handler, also one in an endless loop', async () => {
  const program = await start(`
    import { writeFileSync } from 'node:fs';
    export const handler = async () => { writeFileSync(${JSON.stringify(join(folder, 'pid'))}, String(process.pid)); for (;;); };`);
  await send(program, 'loop');
  const pid = await waitFor(() => Number(readFileSync(join(folder, 'pid'), 'utf8')));
  expect(await program.stop()).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('the process of a handler ends with a program that is killed, also in an endless loop', async () => {
  const program = await start(`
    import { writeFileSync } from 'node:fs';
    export const handler = async () => { writeFileSync(${JSON.stringify(join(folder, 'pid'))}, String(process.pid)); for (;;); };`);
  await send(program, 'loop');
  const pid = await waitFor(() => Number(readFileSync(join(folder, 'pid'), 'utf8')));
  program.child.kill('SIGKILL');
  await waitFor(() => {
    try {
      process.kill(pid, 0);
    } catch {
      return 1;
    }
    throw new Error('alive');
  });
});

async function waitFor(read: () => number): Promise<number> {
  for (;;) {
    try {
      const value = read();
      if (value > 0) return value;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.each([
  [
    ['--handler', '/nowhere/handler.ts'],
    '--handler: expected a file, found none at /nowhere/handler.ts',
  ],
  [['--timeout', '16m'], 'expected a time from 1s to 15m'],
  [['--attempts', '0'], 'expected a number from 1 to 1000'],
])('%j is a usage error', async (args, message) => {
  const failed = await promisify(execFile)(process.execPath, [mainFile, 'local', ...args]).catch(
    (error: { readonly code: number; readonly stderr: string }) => error,
  );
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
});
