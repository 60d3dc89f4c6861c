import {
  aws_iam as iam,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  CfnOutput,
  Stack,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** A topic that sends its alarms to a mail address; its ARN is an output of the stack. */
export function makeAlarmTopic(scope: Construct, address: string): sns.ITopic {
  const topic = new sns.Topic(scope, 'AlarmTopic', {
    displayName: 'Mailsluice alarms',
    enforceSSL: true,
  });
  // An explicit policy replaces the default one, which lets alarms publish.
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  topic.addSubscription(new subscriptions.EmailSubscription(address));
  new CfnOutput(scope, 'AlarmTopicArn', {
    description: 'The topic to which alarms are published',
    value: topic.topicArn,
  });
  return topic;
}
