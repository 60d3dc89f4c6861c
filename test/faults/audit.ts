// Was the promise kept? Every mail that was answered 250 is in S3 octet by octet and was announced.
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import { listKeys, readObject } from '../bridge/support.ts';
import type { TestAws } from '../support/aws.ts';
import { type Acknowledged, sha256 } from './sender.ts';

const READERS = 8;

/** Takes the notifications out of the queue all the time, as subscribers do, so that they do not pile up. */
export class Subscriber {
  /** How often each mail was announced, by messageId. */
  readonly announced = new Map<string, number>();
  /** SNS's own ids: what the queue gives out a second time was announced once. */
  readonly #seen = new Set<string>();
  readonly #aws: TestAws;
  readonly #done: Promise<void>;
  #isEnding = false;

  constructor(aws: TestAws) {
    this.#aws = aws;
    this.#done = this.#run();
    // Whoever waits for something else meanwhile hears of it at the end.
    this.#done.catch(() => undefined);
  }

  /** Settles when the queue is empty. */
  end(): Promise<void> {
    this.#isEnding = true;
    return this.#done;
  }

  async #run(): Promise<void> {
    const { sqs, resources } = this.#aws;
    const { queueUrl: QueueUrl } = resources;
    for (;;) {
      const isLast = this.#isEnding;
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      if (Messages.length === 0) {
        if (isLast) return;
        continue;
      }
      for (const { Body = '{}' } of Messages) {
        const { Message, MessageId } = JSON.parse(Body) as { Message: string; MessageId: string };
        if (this.#seen.has(MessageId)) continue;
        this.#seen.add(MessageId);
        const { messageId } = (JSON.parse(Message) as ReceivedNotification).mail;
        this.announced.set(messageId, (this.announced.get(messageId) ?? 0) + 1);
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle,
      }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
}

/** How many of them are not in S3 as they were sent, and how many nobody was told of. */
export async function audit(
  aws: TestAws,
  acknowledged: readonly Acknowledged[],
  announced: Pick<ReadonlyMap<string, number>, 'has'>,
): Promise<{ lost: number; silent: number }> {
  const keys = new Map<string, string>();
  for (const key of await listKeys(aws, 'mail/')) {
    keys.set(key.slice(key.lastIndexOf('/') + 1), key);
  }
  let lost = 0;
  let next = 0;
  const read = async (): Promise<void> => {
    for (let mail = acknowledged[next++]; mail !== undefined; mail = acknowledged[next++]) {
      const key = keys.get(mail.messageId);
      const stored = key && (await readObject(aws.s3, aws.resources.bucket, key)).body;
      // The trace headers stand in front of it.
      if (!stored || sha256(stored.subarray(-mail.octets)) !== mail.sha256) lost += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return { lost, silent: acknowledged.filter(({ messageId }) => !announced.has(messageId)).length };
}
