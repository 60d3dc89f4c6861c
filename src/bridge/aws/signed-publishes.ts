// Publish and PublishBatch as one request each on the fast path (`signed-request.ts`), with the SDK's commands behind
// it. SNS speaks the AWS query protocol: a form in, XML out.
// https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
import { createHash } from 'node:crypto';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Observe } from '../events.ts';
import { FastPathHealth } from './fast-path-health.ts';
import type { HttpAnswer } from './http-connections.ts';
import type { Notification } from '../notify/notification.ts';
import {
  createSdkPublishes,
  entryIds,
  type FailedEntry,
  failedEntries,
  type Publishes,
} from './publishes.ts';
import { captureSender, LazySender, sendOrFallBack } from './signed-request.ts';

const VERSION = '2010-03-31';

export function createSignedPublishes(
  sns: SNSClient,
  topicArn: string,
  observe: Observe,
): Publishes {
  const sdk = createSdkPublishes(sns);
  const health = new FastPathHealth('sns', observe);
  const lazySender = new LazySender(health, () => {
    const command = new PublishCommand({ TopicArn: topicArn, Message: 'm' });
    return captureSender(sns, command, () => sns.send(command));
  });

  return {
    publish: async (notifications, signal) => {
      const [first] = notifications;
      const sender = await lazySender.get();
      if (sender === undefined || first === undefined) return sdk.publish(notifications, signal);
      const ids = notifications.length === 1 ? undefined : entryIds(notifications.length);
      const form = ids === undefined ? renderPublish(first) : renderBatch(notifications, ids);
      // A form is ASCII.
      const body = Buffer.from(form, 'latin1');
      return sendOrFallBack(
        health,
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
          const failed = readFailed(answer, ids);
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

function renderBatch(notifications: readonly Notification[], ids: readonly string[]): string {
  const topic = escape(notifications[0]?.topicArn ?? '');
  let form = `Action=PublishBatch&Version=${VERSION}&TopicArn=${topic}`;
  for (const [place, notification] of notifications.entries()) {
    const prefix = `PublishBatchRequestEntries.member.${place + 1}.`;
    form += `&${prefix}Id=${ids[place]}${renderEntry(notification, prefix)}`;
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

/** The entries that failed; `ids` are those of a batch. `undefined` for an answer that is not the one to this request. */
function readFailed(
  { status, text }: HttpAnswer,
  ids: readonly string[] | undefined,
): FailedEntry[] | undefined {
  if (status !== 200) return undefined;
  if (ids === undefined) {
    const result = isDocument(text, 'PublishResponse') && element(text, 'PublishResult');
    return result && element(result, 'MessageId')?.trim() ? [] : undefined;
  }
  if (!isDocument(text, 'PublishBatchResponse')) return undefined;
  const accepted = members(text, 'Successful').map((member) => ({
    id: element(member, 'Id') ?? '',
    messageId: element(member, 'MessageId')?.trim() ?? '',
  }));
  const failed = members(text, 'Failed').map((member) => ({
    id: element(member, 'Id') ?? '',
    code: element(member, 'Code') ?? 'Unknown',
    message: element(member, 'Message') ?? '',
    senderFault: element(member, 'SenderFault') === 'true',
  }));
  return failedEntries(ids, [...accepted, ...failed]);
}

/** The whole text is one element of this name. */
function isDocument(text: string, name: string): boolean {
  const [, root] = /^\s*(?:<\?xml[^>]*>\s*)?<(\w+)[\s>]/.exec(text) ?? [];
  return root === name && text.trimEnd().endsWith(`</${name}>`);
}

function members(text: string, list: string): string[] {
  const inside = element(text, list) ?? '';
  return [...inside.matchAll(/<member>([^]*?)<\/member>/g)].map(([, member = '']) => member);
}

/** What is in an element that has no other of its name in it. The codes and ids of SNS need no unescaping. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  if (start === -1) return undefined;
  const from = start + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  return end === -1 ? undefined : xml.slice(from, end);
}
