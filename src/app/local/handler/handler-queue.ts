import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import type { EmbeddedAws } from '../embedded-aws.ts';
import { makeQueue, type Queue, subscribeQueue } from '../queues.ts';

const QUEUE = 'mailsluice-handler';
const DEAD_LETTER_QUEUE = 'mailsluice-handler-dead';
/** SQS's own default. */
const DEAD_LETTER_SECONDS = 30;
/** The longest that SQS waits for a message. */
const WAIT_SECONDS = 20;

export interface HandlerQueueOptions {
  /** How often a message is delivered before it goes to the dead-letter queue. */
  readonly attempts: number;
  /** How long a message that is being handled is kept from others. */
  readonly visibilitySeconds: number;
}

/** The queue between the topic and the handler, with its dead-letter queue. */
export class HandlerQueue {
  readonly #sqs: SQSClient;
  readonly url: string;
  readonly arn: string;
  readonly deadLetterUrl: string;

  private constructor(sqs: SQSClient, url: string, arn: string, deadLetterUrl: string) {
    this.#sqs = sqs;
    this.url = url;
    this.arn = arn;
    this.deadLetterUrl = deadLetterUrl;
  }

  /** Makes both queues, and subscribes the first one to the topic. */
  static async create(
    { region, endpoint, credentials, resources }: EmbeddedAws,
    { attempts, visibilitySeconds }: HandlerQueueOptions,
  ): Promise<HandlerQueue> {
    const settings = { region, endpoint, credentials };
    const sqs = new SQSClient(settings);
    const sns = new SNSClient(settings);
    try {
      const make = async (name: string, Attributes: Record<string, string>): Promise<Queue> => {
        const made = await makeQueue(sqs, endpoint, name);
        // By itself: one that an earlier run has left may have others.
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl: made.url, Attributes }));
        return made;
      };
      const dead = await make(DEAD_LETTER_QUEUE, {
        VisibilityTimeout: String(DEAD_LETTER_SECONDS),
      });
      const queue = await make(QUEUE, {
        VisibilityTimeout: String(visibilitySeconds),
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: attempts }),
      });
      await subscribeQueue(sns, resources.topicArn, queue);
      return new HandlerQueue(sqs, queue.url, queue.arn, dead.url);
    } catch (error) {
      sqs.destroy();
      throw error;
    } finally {
      sns.destroy();
    }
  }

  /** Waits for one message; `undefined` where none came for a while. */
  async receive(signal: AbortSignal): Promise<Message | undefined> {
    const { Messages: [message] = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.url,
        MaxNumberOfMessages: 1,
        WaitTimeSeconds: WAIT_SECONDS,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: signal },
    );
    return message;
  }

  async delete({ ReceiptHandle }: Message): Promise<void> {
    await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle }));
  }

  /** Lets it be delivered again after that time. */
  async release({ ReceiptHandle }: Message, seconds: number): Promise<void> {
    await this.#sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.url,
        ReceiptHandle,
        VisibilityTimeout: Math.ceil(seconds),
      }),
    );
  }

  close(): void {
    this.#sqs.destroy();
  }
}
