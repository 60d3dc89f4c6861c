// An example of a subscriber: a function that reports failures for each message.
import {
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  Duration,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { requireArtifact } from '../tools/package-root.ts';

const TIMEOUT = Duration.seconds(30);

/** The function. The caller subscribes it. */
export class ExampleSubscriber extends Construct {
  readonly handler: lambda.Function;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.handler = this.#makeHandler();
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
