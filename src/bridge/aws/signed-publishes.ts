// Publish and PublishBatch as one request each on the fast path (`signed-request.ts`), with the SDK's commands behind
// it. SNS speaks the AWS query protocol: a form in, XML out.
// https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
import { createHash } from 'node:crypto';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { HttpAnswer } from './http-answer.ts';
import type { Notification } from '../notify/notification.ts';
import { createSdkPublishes, type FailedEntry, missing, type Publishes } from './publishes.ts';
import { captureSender, LazySender, sendOrFallBack } from './signed-request.ts';

const VERSION = '2010-03-31';

export function createSignedPublishes(sns: SNSClient, topicArn: string): Publishes {
  const sdk = createSdkPublishes(sns);
  const lazySender = new LazySender(() => {
    const command = new PublishCommand({ TopicArn: topicArn, Message: 'm' });
    return captureSender(sns, command, () => sns.send(command));
  });

  return {
    publish: async (notifications, signal) => {
      const [first] = notifications;
      const sender = await lazySender.get();
      if (sender === undefined || first === undefined) return sdk.publish(notifications, signal);
      const isSingle = notifications.length === 1;
      const form = isSingle ? renderPublish(first) : renderBatch(notifications);
      // A form is ASCII.
      const body = Buffer.from(form, 'latin1');
      return sendOrFallBack(
        'sns',
        () =>
          sender.send({
            method: 'POST',
            path: sender.path,
            query: {},
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: [body],
            sha256: createHash('sha256').update(body).digest(),
            signal,
          }),
        (answer) => {
          const failed = failedEntries(answer, notifications.length);
          return failed && { failed, attempts: 1 };
        },
        () => sdk.publish(notifications, signal),
      );
    },
    close: () => lazySender.close(),
  };
}

/** A form may contain `!'()*`. Only a signed path or query needs them escaped. */
const escape = encodeURIComponent;

function renderPublish(notification: Notification): string {
  const topic = escape(notification.topicArn);
  return `Action=Publish&Version=${VERSION}&TopicArn=${topic}${renderEntry(notification, '')}`;
}

function renderBatch(notifications: readonly Notification[]): string {
  const topic = escape(notifications[0]?.topicArn ?? '');
  let form = `Action=PublishBatch&Version=${VERSION}&TopicArn=${topic}`;
  for (const [place, notification] of notifications.entries()) {
    const prefix = `PublishBatchRequestEntries.member.${place + 1}.`;
    form += `&${prefix}Id=${place}${renderEntry(notification, prefix)}`;
  }
  return form;
}

function renderEntry({ subject, message, attributes }: Notification, prefix: string): string {
  let form = `&${prefix}Subject=${escape(subject)}&${prefix}Message=${escape(message)}`;
  let number = 0;
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) {
    number += 1;
    const entry = `&${prefix}MessageAttributes.entry.${number}.`;
    form += `${entry}Name=${escape(name)}${entry}Value.DataType=${DataType}${entry}Value.StringValue=${escape(StringValue)}`;
  }
  return form;
}

/** `undefined` for anything but a complete success. */
function failedEntries({ status, text }: HttpAnswer, count: number): FailedEntry[] | undefined {
  if (status !== 200) return undefined;
  if (count === 1) return text.includes('</PublishResponse>') ? [] : undefined;
  if (!text.includes('</PublishBatchResponse>')) return undefined;
  const mentioned = new Set<number>();
  const failed: FailedEntry[] = [];
  for (const [, member = ''] of text.matchAll(/<member>([\s\S]*?)<\/member>/g)) {
    const place = Number(element(member, 'Id'));
    mentioned.add(place);
    const code = element(member, 'Code');
    if (code === undefined) continue;
    const senderFault = element(member, 'SenderFault') === 'true';
    failed.push({ place, code, message: element(member, 'Message') ?? '', senderFault });
  }
  return [...failed, ...missing(count, mentioned)];
}

/** The text of an element without child elements. The codes and ids of SNS need no unescaping. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  if (start === -1) return undefined;
  const from = start + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  return end === -1 ? undefined : xml.slice(from, end);
}
