// What a function subscribes through: topic → queue → function, so that what the function fails on is tried again, and is
// kept in the end.
import {
  aws_lambda as lambda,
  aws_lambda_event_sources as eventSources,
  aws_sqs as sqs,
  Duration,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';

const RETENTION = Duration.days(14);
const TRIES = 5;
/** AWS recommends a visibility timeout of six times the function's timeout, so that Lambda's own retries fit. */
const TIMEOUTS = 6;
/** Lambda's own, for a function that names none, and its longest, for one that is not known. */
const DEFAULT_TIMEOUT = Duration.seconds(3);
const LONGEST_TIMEOUT = Duration.minutes(15);
const SHORTEST_VISIBILITY = Duration.seconds(30);

export interface SubscriberQueueProps {
  readonly handler: lambda.IFunction;
  /** Takes what the function failed on, instead of a new queue. */
  readonly deadLetterQueue: sqs.IQueue | undefined;
}

export class SubscriberQueue extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetterQueue: sqs.IQueue;

  constructor(scope: Construct, id: string, { handler, deadLetterQueue }: SubscriberQueueProps) {
    super(scope, id);
    this.deadLetterQueue = deadLetterQueue ?? makeDeadLetterQueue(this, 'DeadLetters');
    this.queue = new sqs.Queue(this, 'Queue', {
      enforceSSL: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      visibilityTimeout: visibilityFor(handler),
      retentionPeriod: RETENTION,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: TRIES },
      // What waits in it is announced mail.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    handler.addEventSource(
      new eventSources.SqsEventSource(this.queue, {
        batchSize: 10,
        reportBatchItemFailures: true,
        maxConcurrency: 10,
      }),
    );
  }
}

/** A queue that keeps what could not be handled for as long as SQS can, also when the stack is deleted. */
export function makeDeadLetterQueue(scope: Construct, id: string): sqs.IQueue {
  return new sqs.Queue(scope, id, {
    enforceSSL: true,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    retentionPeriod: RETENTION,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}

function visibilityFor(handler: lambda.IFunction): Duration {
  const timeout =
    handler instanceof lambda.Function ? (handler.timeout ?? DEFAULT_TIMEOUT) : LONGEST_TIMEOUT;
  const seconds = timeout.toSeconds() * TIMEOUTS;
  return Duration.seconds(Math.max(seconds, SHORTEST_VISIBILITY.toSeconds()));
}
