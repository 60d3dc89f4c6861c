// Postfix's load generator against `mailsluice local`.
import {
  PurgeQueueCommand,
  ReceiveMessageCommand,
  DeleteMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalProcess } from '../support/local.ts';
import { missing, runProgram } from '../support/programs.ts';

let local: LocalProcess;
beforeAll(async () => {
  local = await LocalProcess.start();
  await local.sqs.send(new PurgeQueueCommand({ QueueUrl: local.ready.queueUrl }));
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

const MESSAGES = 2000;

test('smtp-source with 20 sessions: 2000 messages, 2000 objects, 2000 notifications, all distinct', async ({
  skip,
}) => {
  const absent = missing('smtp-source');
  skip(absent !== undefined, absent);
  const { code, output } = await runProgram('smtp-source', [
    ...['-s', '20', '-m', `${MESSAGES}`, '-l', '4096'],
    ...['-f', 'sender@client.example', '-t', 'inbox@mx.example'],
    `127.0.0.1:${local.port('mx')}`,
  ]);
  expect({ code, output }).toEqual({ code: 0, output: '' });

  const keys = new Set(await local.keys());
  expect(keys.size).toBe(MESSAGES);

  const { queueUrl: QueueUrl } = local.ready;
  const announced = new Set<string>();
  let received = 0;
  for (;;) {
    const { Messages = [] } = await local.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    if (Messages.length === 0) break;
    for (const { Body = '{}' } of Messages) {
      const { Message } = JSON.parse(Body) as { Message: string };
      announced.add(
        (JSON.parse(Message) as { receipt: { action: { objectKey: string } } }).receipt.action
          .objectKey,
      );
      received++;
    }
    await local.sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: Messages.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle })),
      }),
    );
  }
  expect(received).toBe(MESSAGES);
  expect(announced).toEqual(keys);
}, 120_000);
