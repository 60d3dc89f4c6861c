// The notifications that the embedded SNS took while nobody looked at the page. They are kept as they came and read by the
// next one who asks, so that a page that is closed costs the server next to nothing.
import type { Delivery, SentNotification } from '../../../archive/sns-envelope.ts';
import type { PublishRequest } from '../publish-requests.ts';

type Fields = PublishRequest['fields'];

/** Of all requests that were not read yet: some 15,000 mails. */
const KEPT_OCTETS = 64 * 1024 * 1024;

export class PublishedLog {
  readonly #onDrop: () => void;
  #requests: PublishRequest[] = [];
  #octets = 0;

  /** `onDrop`: the oldest were let go. The archive has their mails too. */
  constructor(onDrop: () => void) {
    this.#onDrop = onDrop;
  }

  /** Called for each request, so it does next to nothing. */
  record(request: PublishRequest): void {
    this.#requests.push(request);
    this.#octets += request.octets;
    if (this.#octets > KEPT_OCTETS) this.#drop();
  }

  /** What came since the last call, each once. */
  take(): SentNotification[] {
    const requests = this.#requests;
    this.#requests = [];
    this.#octets = 0;
    return requests.flatMap(notificationsOf);
  }

  /** Half of them at once, so that it is seldom. */
  #drop(): void {
    const dropped = this.#requests.splice(0, Math.ceil(this.#requests.length / 2));
    for (const { octets } of dropped) this.#octets -= octets;
    this.#onDrop();
  }
}

function notificationsOf({ fields, answer, at }: PublishRequest): SentNotification[] {
  const sentAt = new Date(at).toISOString();
  if (fields['Action'] === 'Publish') {
    const [, messageId = ''] = /<MessageId>([^<]*)</.exec(answer) ?? [];
    return [{ ...readNotification(fields, ''), messageId, sentAt }];
  }
  // Those that were refused have no such pair.
  const taken = new Map<string, string>();
  for (const [, id = '', messageId = ''] of answer.matchAll(
    /<Id>([^<]*)<\/Id>\s*<MessageId>([^<]*)</g,
  )) {
    taken.set(id, messageId);
  }
  const notifications: SentNotification[] = [];
  for (let number = 1; ; number++) {
    const prefix = `PublishBatchRequestEntries.member.${number}.`;
    const id = fields[`${prefix}Id`];
    if (id === undefined) return notifications;
    const messageId = taken.get(id);
    if (messageId !== undefined) {
      notifications.push({ ...readNotification(fields, prefix), messageId, sentAt });
    }
  }
}

function readNotification(fields: Fields, prefix: string): Omit<SentNotification, keyof Delivery> {
  const attributes: Record<string, { DataType: string; StringValue: string }> = {};
  for (let number = 1; ; number++) {
    const entry = `${prefix}MessageAttributes.entry.${number}.`;
    const name = fields[`${entry}Name`];
    if (name === undefined) break;
    const DataType = fields[`${entry}Value.DataType`] ?? '';
    const StringValue = fields[`${entry}Value.StringValue`] ?? '';
    attributes[name] = { DataType, StringValue };
  }
  return {
    topicArn: fields['TopicArn'] ?? '',
    subject: fields[`${prefix}Subject`] ?? '',
    message: fields[`${prefix}Message`] ?? '',
    attributes,
  };
}
