import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import type { EmbeddedAws } from '../embedded-aws.ts';

const QUEUE = 'mailsluice-page';
/** The most that SQS gives at once. */
export const BATCH = 10;

/** The page's queue, subscribed to the topics: its messages are what any subscriber gets. */
export class PageQueue {
  readonly #sqs: SQSClient;
  readonly #url: string;

  private constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs;
    this.#url = url;
  }

  static async create(
    { region, endpoint, credentials }: EmbeddedAws,
    topicArns: readonly string[],
  ): Promise<PageQueue> {
    const settings = { region, endpoint, credentials };
    const sqs = new SQSClient(settings);
    const sns = new SNSClient(settings);
    try {
      await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
      const url = `${endpoint}/000000000000/${QUEUE}`;
      const { Attributes: made } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
      );
      for (const TopicArn of topicArns) {
        const Endpoint = made?.['QueueArn'];
        await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
      }
      return new PageQueue(sqs, url);
    } catch (error) {
      sqs.destroy();
      throw error;
    } finally {
      sns.destroy();
    }
  }

  /** Gives the bodies of the next messages, and then takes these out of the queue. Returns how many there were. */
  async take(
    waitSeconds: number,
    signal: AbortSignal,
    give: (bodies: readonly string[]) => void,
  ): Promise<number> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: BATCH,
        WaitTimeSeconds: waitSeconds,
      }),
      { abortSignal: signal },
    );
    if (Messages.length === 0) return 0;
    give(Messages.map(({ Body = '' }) => Body));
    await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#url,
        Entries: Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle })),
      }),
    );
    return Messages.length;
  }

  /** Whether messages were received and are not taken out yet: they may not have been given. */
  async hasReceived(): Promise<boolean> {
    const name = 'ApproximateNumberOfMessagesNotVisible';
    const { Attributes } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url, AttributeNames: [name] }),
    );
    return Number(Attributes?.[name] ?? 0) > 0;
  }

  async purge(): Promise<void> {
    await this.#sqs.send(new PurgeQueueCommand({ QueueUrl: this.#url }));
  }

  close(): void {
    this.#sqs.destroy();
  }
}
