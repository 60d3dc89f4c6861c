// A queue that is subscribed to the topic for as long as one mail takes: no consumer's messages are touched.
import { randomBytes } from 'node:crypto';
import { type SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** Where a notification says that its mail is. */
export interface Announced {
  readonly messageId: string;
  readonly bucket: string;
  readonly key: string;
}

export interface WatchClients {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
}

/** If the doctor is ended before it deletes the queue, nothing stays in it for long. */
const RETENTION_SECONDS = '300';
const POLL_SECONDS = 2;
const NAME_PREFIX = 'mailsluice-doctor-';

/** Whether the endpoint of a subscription is the queue of a followed mail, which is gone in a minute. */
export function isWatchQueue(endpoint: string): boolean {
  return new RegExp(`:${NAME_PREFIX}[0-9a-f]{12}$`).test(endpoint);
}

export class WatchQueue implements AsyncDisposable {
  readonly name: string;
  readonly #clients: WatchClients;
  #url: string | undefined;
  #subscriptionArn: string | undefined;

  private constructor(clients: WatchClients) {
    this.#clients = clients;
    this.name = `${NAME_PREFIX}${randomBytes(6).toString('hex')}`;
  }

  /** Rejects with AWS's error, and leaves nothing behind then. */
  static async open(clients: WatchClients, topicArn: string): Promise<WatchQueue> {
    const queue = new WatchQueue(clients);
    try {
      await queue.#subscribe(topicArn);
      return queue;
    } catch (error) {
      await queue[Symbol.asyncDispose]().catch(() => undefined);
      throw error;
    }
  }

  /** Waits until the topic announces the mail; `undefined` if it does not in time. */
  async wait(
    messageId: string,
    seconds: number,
    signal: AbortSignal,
  ): Promise<Announced | undefined> {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && !signal.aborted) {
      const { Messages = [] } = await this.#clients.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: this.#url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: POLL_SECONDS,
        }),
        { abortSignal: signal },
      );
      for (const { Body = '' } of Messages) {
        const announced = parseAnnounced(Body);
        if (announced?.messageId === messageId) return announced;
      }
    }
    return undefined;
  }

  /** Rejects with AWS's error where the queue or the subscription stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { sns, sqs } = this.#clients;
    const [subscription, queue] = [this.#subscriptionArn, this.#url];
    const done = await Promise.allSettled([
      subscription && sns.send(new UnsubscribeCommand({ SubscriptionArn: subscription })),
      queue && sqs.send(new DeleteQueueCommand({ QueueUrl: queue })),
    ]);
    for (const each of done) if (each.status === 'rejected') throw each.reason;
  }

  async #subscribe(topicArn: string): Promise<void> {
    const { sns, sqs } = this.#clients;
    const created = await sqs.send(
      new CreateQueueCommand({
        QueueName: this.name,
        Attributes: { MessageRetentionPeriod: RETENTION_SECONDS },
      }),
    );
    const { QueueUrl } = created;
    this.#url = QueueUrl;
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    const queueArn = Attributes?.['QueueArn'] ?? '';
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: queueArn,
      Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
    const { SubscriptionArn } = await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: queueArn,
        ReturnSubscriptionArn: true,
      }),
    );
    this.#subscriptionArn = SubscriptionArn;
  }
}

function parseAnnounced(body: string): Announced | undefined {
  try {
    const { Message } = JSON.parse(body) as { readonly Message: string };
    const { mail, receipt } = JSON.parse(Message) as {
      readonly mail: { readonly messageId: string };
      readonly receipt: {
        readonly action: { readonly bucketName: string; readonly objectKey: string };
      };
    };
    const { bucketName: bucket, objectKey: key } = receipt.action;
    return { messageId: mail.messageId, bucket, key };
  } catch {
    // Something else was published to the topic.
    return undefined;
  }
}
