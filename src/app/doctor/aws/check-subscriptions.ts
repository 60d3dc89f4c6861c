import { paginateListSubscriptionsByTopic, type SNSClient } from '@aws-sdk/client-sns';
import { type Finding, ok } from '../finding.ts';
import { isWatchQueue } from './watch-queue.ts';

/** What stands in the place of an ARN. */
const PENDING = 'PendingConfirmation';
const DELETED = 'Deleted';
const MAX_PAGES = 20;

interface Subscriptions {
  readonly confirmed: number;
  /** Protocol and endpoint of each that nobody confirmed yet. */
  readonly pending: readonly string[];
}

async function readSubscriptions(client: SNSClient, TopicArn: string): Promise<Subscriptions> {
  let confirmed = 0;
  let pages = 0;
  const pending: string[] = [];
  for await (const page of paginateListSubscriptionsByTopic({ client }, { TopicArn })) {
    for (const { SubscriptionArn, Protocol, Endpoint = '' } of page.Subscriptions ?? []) {
      if (isWatchQueue(Endpoint)) continue;
      if (SubscriptionArn === PENDING) pending.push(`${Protocol} ${Endpoint}`);
      else if (SubscriptionArn !== DELETED) confirmed += 1;
    }
    pages += 1;
    if (pages >= MAX_PAGES) break;
  }
  return { confirmed, pending };
}

/** Whether somebody is notified of alarms. `null`: the stack has no topic for them. */
export async function checkAlarmSubscriptions(
  sns: SNSClient,
  topicArn: string | null,
): Promise<Finding[]> {
  const nobody = 'when mail is refused or lost from sight, nobody learns of it';
  if (topicArn === null) {
    return [
      {
        level: 'warning',
        found: 'the alarms of the stack notify nobody',
        why: nobody,
        fix: 'deploy with -c alarmEmail=ADDRESS',
      },
    ];
  }
  const { confirmed, pending } = await readSubscriptions(sns, topicArn);
  const subscribe = `aws sns subscribe --topic-arn ${topicArn} --protocol email --notification-endpoint ADDRESS`;
  if (pending.length > 0) {
    return [
      {
        level: confirmed === 0 ? 'failed' : 'warning',
        found: `the subscription to alarms is not confirmed: ${pending.join(', ')}`,
        why: confirmed === 0 ? nobody : 'this address is not notified of alarms',
        fix: `open the link in the mail "AWS Notification - Subscription Confirmation"; to get it again: ${subscribe}`,
      },
    ];
  }
  if (confirmed === 0) {
    return [
      {
        level: 'failed',
        found: `the topic of the alarms has no subscription: ${topicArn}`,
        why: nobody,
        fix: subscribe,
      },
    ];
  }
  return [
    ok(`alarms notify ${confirmed === 1 ? 'one subscription' : `${confirmed} subscriptions`}`),
  ];
}

/** Whether somebody learns of mail. */
export async function checkMailSubscriptions(sns: SNSClient, topicArn: string): Promise<Finding[]> {
  return checkMailTopic(sns, topicArn, 'mail', {
    level: 'note',
    why: 'mail is stored, and no program handles it',
  });
}

/** Whether somebody learns of mail that is marked for quarantine, which the other topic does not announce. */
export async function checkQuarantineSubscriptions(
  sns: SNSClient,
  topicArn: string,
): Promise<Finding[]> {
  return checkMailTopic(sns, topicArn, 'mail in quarantine', {
    level: 'warning',
    why: 'mail that is marked for quarantine is stored, and nobody learns of it',
  });
}

async function checkMailTopic(
  sns: SNSClient,
  topicArn: string,
  what: string,
  nobody: { readonly level: 'note' | 'warning'; readonly why: string },
): Promise<Finding[]> {
  const { confirmed, pending } = await readSubscriptions(sns, topicArn);
  const findings: Finding[] = [];
  if (pending.length > 0) {
    findings.push({
      level: 'warning',
      found: `the subscription to ${what} is not confirmed: ${pending.join(', ')}`,
      why: 'it gets no notifications until then, nor later those of mail that came before',
      fix: 'confirm it from the endpoint: aws sns confirm-subscription --topic-arn ARN --token TOKEN',
    });
  }
  if (confirmed === 0) {
    findings.push({
      level: nobody.level,
      found: `${what} is announced to nobody: ${topicArn} has no subscription`,
      why: nobody.why,
      fix: `aws sns subscribe --topic-arn ${topicArn} --protocol sqs --notification-endpoint QUEUE-ARN`,
    });
  }
  if (findings.length > 0) return findings;
  const subscriptions = confirmed === 1 ? 'one subscription' : `${confirmed} subscriptions`;
  return [ok(`${what} is announced to ${subscriptions}`)];
}
