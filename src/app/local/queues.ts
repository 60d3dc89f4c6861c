// Queues of the embedded SQS, and their subscriptions to topics of the embedded SNS.
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';

export interface Queue {
  readonly url: string;
  readonly arn: string;
}

/** Makes a queue, or finds one that an earlier run has left. */
export async function makeQueue(sqs: SQSClient, endpoint: string, name: string): Promise<Queue> {
  await sqs.send(new CreateQueueCommand({ QueueName: name }));
  // The service's own URL has a host name that no resolver knows; the path is what counts.
  const url = `${endpoint}/000000000000/${name}`;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  const arn = Attributes?.['QueueArn'];
  if (arn === undefined) throw new Error(`expected the ARN of the queue ${name}, got none`);
  return { url, arn };
}

export async function subscribeQueue(
  sns: SNSClient,
  topicArn: string,
  queue: Queue,
): Promise<void> {
  await sns.send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queue.arn }),
  );
}
