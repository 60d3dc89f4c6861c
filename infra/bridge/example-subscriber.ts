// An example of a subscriber: topic → queue with dead-letter queue → function, with failures reported for each message.
import {
  aws_iam as iam,
  aws_lambda as lambda,
  aws_lambda_event_sources as eventSources,
  aws_logs as logs,
  aws_sqs as sqs,
  Duration,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { requireArtifact } from '../tools/package-root.ts';

const TIMEOUT = Duration.seconds(30);
/** AWS recommends six times the function's timeout, so that Lambda's own retries fit. */
const VISIBILITY_TIMEOUT = Duration.seconds(180);
const TRIES = 5;

/** Queue and function. The caller subscribes the queue and lets the function read mail. */
export class ExampleSubscriber extends Construct {
  readonly queue: sqs.IQueue;
  readonly deadLetterQueue: sqs.IQueue;
  readonly handler: lambda.Function;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const secured = { enforceSSL: true, encryption: sqs.QueueEncryption.SQS_MANAGED };
    this.deadLetterQueue = new sqs.Queue(this, 'DeadLetters', {
      ...secured,
      retentionPeriod: Duration.days(14),
    });
    this.queue = new sqs.Queue(this, 'Queue', {
      ...secured,
      visibilityTimeout: VISIBILITY_TIMEOUT,
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: TRIES },
    });
    this.handler = this.#makeHandler();
    this.handler.addEventSource(
      new eventSources.SqsEventSource(this.queue, {
        batchSize: 10,
        reportBatchItemFailures: true,
        maxConcurrency: 10,
      }),
    );
  }

  #makeHandler(): lambda.Function {
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(role);
    return new lambda.Function(this, 'Function', {
      description: 'Logs the subject of each mail that arrives',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(requireArtifact('lambda/example-subscriber')),
      timeout: TIMEOUT,
      memorySize: 512,
      role,
      logGroup,
    });
  }
}
