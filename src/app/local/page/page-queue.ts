import { GetQueueAttributesCommand, PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import { request } from 'undici';
import type { EmbeddedAws } from '../embedded-aws.ts';
import { makeQueue, subscribeQueue } from '../queues.ts';

const QUEUE = 'mailsluice-page';

interface Received {
  readonly Body: string;
  readonly ReceiptHandle: string;
}

/** The most that SQS gives at once. */
export const BATCH = 10;

/** The page's queue, subscribed to the topics: its messages are what any subscriber gets. */
export class PageQueue {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #aws: EmbeddedAws;

  private constructor(sqs: SQSClient, url: string, aws: EmbeddedAws) {
    this.#sqs = sqs;
    this.#url = url;
    this.#aws = aws;
  }

  static async create(aws: EmbeddedAws, topicArns: readonly string[]): Promise<PageQueue> {
    const { region, endpoint, credentials } = aws;
    const settings = { region, endpoint, credentials };
    const sqs = new SQSClient(settings);
    const sns = new SNSClient(settings);
    try {
      const queue = await makeQueue(sqs, endpoint, QUEUE);
      for (const topicArn of topicArns) await subscribeQueue(sns, topicArn, queue);
      return new PageQueue(sqs, queue.url, aws);
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
    const { Messages = [] } = await this.#call<{ readonly Messages?: readonly Received[] }>(
      'ReceiveMessage',
      { MaxNumberOfMessages: BATCH, WaitTimeSeconds: waitSeconds },
      signal,
    );
    if (Messages.length === 0) return 0;
    give(Messages.map(({ Body }) => Body));
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    await this.#call('DeleteMessageBatch', { Entries }, signal);
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

  /**
   * A request for each ten mails while a page is open: the SDK's would cost several times as much as all else that the page
   * does for a mail. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
   */
  async #call<T>(operation: string, parameters: object, signal: AbortSignal): Promise<T> {
    const { endpoint, region, credentials } = this.#aws;
    const { statusCode, body } = await request(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${operation}`,
        // The embedded service reads the region here, and checks no signature.
        authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20260101/${region}/sqs/aws4_request`,
      },
      body: JSON.stringify({ QueueUrl: this.#url, ...parameters }),
      signal,
    });
    const text = await body.text();
    if (statusCode === 200) return JSON.parse(text) as T;
    throw new Error(`${operation}: expected the status 200, got ${statusCode}`);
  }

  async purge(): Promise<void> {
    await this.#sqs.send(new PurgeQueueCommand({ QueueUrl: this.#url }));
  }

  close(): void {
    this.#sqs.destroy();
  }
}
