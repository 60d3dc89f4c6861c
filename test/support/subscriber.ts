// The consumer of a test: takes the notifications out of the queue all the time, so that they do not pile up.
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import type { TestAws } from './aws.ts';

export interface SubscriberOptions {
  /** Default 1. */
  readonly readers?: number;
  /** Called for the first announcement of each mail, before its notification is deleted from the queue. */
  readonly onMail?: (notification: ReceivedNotification) => Promise<void>;
}

export class Subscriber {
  /** How often each mail was announced, by messageId. */
  readonly announced = new Map<string, number>();
  /** The ids of SNS: what the queue delivers a second time was announced once. */
  readonly #seen = new Set<string>();
  readonly #aws: TestAws;
  readonly #onMail: SubscriberOptions['onMail'];
  readonly #done: Promise<unknown>;
  #isEnding = false;

  constructor(aws: TestAws, { readers = 1, onMail }: SubscriberOptions = {}) {
    this.#aws = aws;
    this.#onMail = onMail;
    this.#done = Promise.all(Array.from({ length: readers }, () => this.#run()));
    // An error is reported by `end`.
    this.#done.catch(() => undefined);
  }

  /** All announcements of all mails. */
  get announcements(): number {
    return [...this.announced.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Settles when the queue is empty. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#done;
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
        await this.#take(JSON.parse(Message) as ReceivedNotification);
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle,
      }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  async #take(notification: ReceivedNotification): Promise<void> {
    const { messageId } = notification.mail;
    const before = this.announced.get(messageId) ?? 0;
    this.announced.set(messageId, before + 1);
    if (before === 0) await this.#onMail?.(notification);
  }
}
