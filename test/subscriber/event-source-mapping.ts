// Lambda's event source mapping for SQS, as far as AWS documents it, on the embedded SQS: takes a batch, invokes the handler
// with the time that a function has, and deletes what was handled. Visibility, receive count and redrive are the queue's.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { TestAws } from '../support/aws.ts';

export interface Queues {
  readonly queueUrl: string;
  readonly arn: string;
  readonly deadLetterQueueUrl: string;
}

const VISIBILITY_SECONDS = 1;

/** A queue, and one that gets what was received more than `maxReceiveCount` times. */
export async function createQueues(
  { sqs }: TestAws,
  name: string,
  { maxReceiveCount = 3, isFifo = false } = {},
): Promise<Queues> {
  const create = async (queue: string, attributes: Record<string, string>) => {
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({
        QueueName: isFifo ? `${queue}.fifo` : queue,
        Attributes: { ...attributes, ...(isFifo && { FifoQueue: 'true' }) },
      }),
    );
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    return { url: QueueUrl, arn: Attributes['QueueArn'] ?? '' };
  };
  const deadLetters = await create(`${name}-dead`, {});
  const { url, arn } = await create(name, {
    VisibilityTimeout: String(VISIBILITY_SECONDS),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount }),
  });
  return { queueUrl: url, arn, deadLetterQueueUrl: deadLetters.url };
}

export async function send({ sqs }: TestAws, { queueUrl, arn }: Queues, bodies: readonly string[]) {
  for (const [at, MessageBody] of bodies.entries()) {
    const fifo = { MessageGroupId: 'g', MessageDeduplicationId: `d-${at}` };
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody,
        ...(arn.endsWith('.fifo') && fifo),
      }),
    );
  }
}

/** What a queue has, which is taken out of it. */
export async function takeAll({ sqs }: TestAws, QueueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
    for (const { ReceiptHandle } of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}

export interface MappingOptions {
  /** `FunctionResponseTypes: [ReportBatchItemFailures]`. */
  readonly reports: boolean;
  readonly batchSize?: number;
  /** The timeout of the function. Default 20 s. */
  readonly timeoutMillis?: number;
}

type Handler = (
  event: SQSEvent,
  context: { getRemainingTimeInMillis(): number },
) => Promise<SQSBatchResponse>;

/** How an invocation ended. */
export type Ended = 'answered' | 'threw' | 'killed';

/** Invokes the handler for what is visible; undefined where nothing was. */
export async function pollOnce(
  { sqs }: TestAws,
  { queueUrl: QueueUrl, arn }: Queues,
  handler: Handler,
  { reports, batchSize = 10, timeoutMillis = 20_000 }: MappingOptions,
): Promise<Ended | undefined> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: batchSize,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  if (Messages.length === 0) return undefined;
  const ends = performance.now() + timeoutMillis;
  const { promise: killed, resolve: kill } = Promise.withResolvers<'killed'>();
  const timer = setTimeout(() => kill('killed'), timeoutMillis);
  const answer = await Promise.race([
    killed,
    handler(eventOf(Messages, arn), {
      getRemainingTimeInMillis: () => ends - performance.now(),
    }).catch((): 'threw' => 'threw'),
  ]);
  clearTimeout(timer);
  if (answer === 'killed' || answer === 'threw') return answer;
  for (const { MessageId = '', ReceiptHandle } of Messages) {
    if (reports && comesAgain(answer, MessageId, Messages)) continue;
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
  return 'answered';
}

/** An answer that names a record which is not in the batch counts as a failure of the whole batch. */
function comesAgain(
  answer: SQSBatchResponse,
  messageId: string,
  messages: readonly Message[],
): boolean {
  const failed = answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  if (failed.some((id) => !messages.some(({ MessageId }) => MessageId === id))) return true;
  return failed.includes(messageId);
}

/** Polls until nothing is left in the queue, neither visible nor in flight. */
export async function pollUntilEmpty(
  aws: TestAws,
  queues: Queues,
  handler: Handler,
  options: MappingOptions,
): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (;;) {
    const one = await pollOnce(aws, queues, handler, options);
    if (one !== undefined) ended.push(one);
    else if ((await remaining(aws, queues)) === 0) return ended;
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function remaining({ sqs }: TestAws, { queueUrl }: Queues): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

function eventOf(messages: readonly Message[], eventSourceARN: string): SQSEvent {
  return {
    Records: messages.map(
      ({
        MessageId = '',
        ReceiptHandle = '',
        Body = '',
        Attributes = {},
        MD5OfBody = '',
        ...rest
      }) => ({
        messageId: MessageId,
        receiptHandle: ReceiptHandle,
        body: Body,
        attributes: Attributes as unknown as SQSEvent['Records'][number]['attributes'],
        messageAttributes: Object.fromEntries(
          Object.entries(rest.MessageAttributes ?? {}).map(
            ([name, { DataType = '', StringValue }]) => [
              name,
              { dataType: DataType, stringValue: StringValue },
            ],
          ),
        ),
        md5OfBody: MD5OfBody,
        eventSource: 'aws:sqs',
        eventSourceARN,
        awsRegion: 'us-east-1',
      }),
    ),
  };
}
