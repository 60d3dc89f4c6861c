import type { aws_sns as sns, aws_sqs as sqs } from 'aws-cdk-lib';

/** Options of a subscriber. */
export interface SubscriberOptions {
  /**
   * Announces only mail whose attributes match, as `{ listener: SubscriptionFilter.stringFilter({ allowlist: ['mx'] }) }`.
   * @default - all mail
   */
  readonly filterPolicy?: Readonly<Record<string, sns.SubscriptionFilter>>;
  /**
   * Takes the notifications that could not be delivered or handled.
   * @default - a new queue, kept for 14 days and when the stack is deleted
   */
  readonly deadLetterQueue?: sqs.IQueue;
  /**
   * Whether SNS invokes a function itself, with an SNS event, instead of a queue, with an SQS event. SNS invokes it
   * once for each mail and without a limit, and Lambda tries it two times more.
   * @default false
   */
  readonly direct?: boolean;
}
