// The notification of one stored mail, a pure function of its record and its header section: it can be built again from
// the object, octet by octet.
import { cleanText, cutText } from '../../message/clean-text.ts';
import { readCommonHeaders } from '../../message/common-headers.ts';
import type { HeaderField, HeaderSection } from '../../message/header-section.ts';
import type { MailRecord } from '../contract/mail-record.ts';
import type {
  MailsluiceMember,
  NotificationSubject,
  NotifiedMail,
  Receipt,
  ReceivedNotification,
} from '../contract/notification-types.ts';
import { splitObjectKey } from '../contract/object-key.ts';
import { AFTER_REFUSAL, FOR_SIZE, noted, reduce } from './reductions.ts';

export const NOTIFICATION_SUBJECT: NotificationSubject = 'Amazon SES Email Receipt Notification';

/** Amazon SES includes 10 KB of the header section. */
const HEADERS_OCTETS = 10 * 1024;
/** SNS allows 256 KiB with attributes, and also counts names, types and the subject. */
const PUBLISH_OCTETS = 256 * 1024 - 2048;
const ATTRIBUTE_OCTETS = 8 * 1024;

export interface MessageAttribute {
  readonly DataType: 'String' | 'Number' | 'String.Array';
  readonly StringValue: string;
}

/** The message that is published to SNS for one mail. */
export interface Notification {
  readonly topicArn: string;
  readonly subject: NotificationSubject;
  /** JSON of a `ReceivedNotification`. */
  readonly message: string;
  /** At most 9: SNS drops messages with more than 10 on raw delivery to SQS. */
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
}

export interface NotificationInput {
  readonly record: MailRecord;
  readonly bucket: string;
  readonly key: string;
  readonly header: HeaderSection;
  /** Set on a replay. */
  readonly replay?: MailsluiceMember['replay'];
}

export function buildNotification(input: NotificationInput): Notification {
  const { record } = input;
  const attributes = renderAttributes(record, input.replay !== undefined);
  const room = PUBLISH_OCTETS - attributeOctets(attributes);
  let notification = fullNotification(input);
  let message = render(notification);
  for (const reduction of FOR_SIZE) {
    // A code unit has no more than 3 octets.
    if (message.length * 3 <= room || Buffer.byteLength(message) <= room) break;
    notification = reduce(notification, reduction);
    message = render(notification);
  }
  return { topicArn: record.topicArn, subject: NOTIFICATION_SUBJECT, message, attributes };
}

/**
 * The notification with one thing less, the least valuable first, for an SNS that refused it and said `reason`.
 * `undefined` when nothing is left to leave out.
 */
export function reduceNotification(
  notification: Notification,
  reason: string,
): Notification | undefined {
  const whole = JSON.parse(notification.message) as ReceivedNotification;
  // Filters of subscriptions read the attributes, so they stay as long as the reason is not one of them.
  const name = /attribute/i.test(reason) ? attributeToDrop(notification, reason) : undefined;
  if (name !== undefined) {
    const { [name]: _, ...attributes } = notification.attributes;
    const message = render(noted(whole, `MessageAttributes.${name}`));
    return { ...notification, message, attributes };
  }
  const reduction = AFTER_REFUSAL.find((each) => render(each.apply(whole)) !== render(whole));
  if (reduction === undefined) return undefined;
  return { ...notification, message: render(reduce(whole, reduction)) };
}

/** The one that the reason names, or else the least valuable one. */
function attributeToDrop({ attributes }: Notification, reason: string): string | undefined {
  const left = ATTRIBUTES.filter((name) => name in attributes);
  return left.find((name) => new RegExp(`\\b${name}\\b`).test(reason)) ?? left[0];
}

/** The least valuable first. */
const ATTRIBUTES = [
  'sizeBytes',
  'verdict',
  'listener',
  'authUser',
  'mailFromDomain',
  'recipientDomains',
  'replay',
  'senderDomain',
  'authenticated',
];

function fullNotification({
  record,
  bucket,
  key,
  header,
  replay,
}: NotificationInput): ReceivedNotification {
  const { member, verdicts, receivedAt } = record;
  const source = member.envelope.reversePath ?? '';
  const { objectKeyPrefix, messageId } = splitObjectKey(key);
  const { commonHeaders, destination } = readCommonHeaders(header.fields, source);
  const { headers, truncated } = cutHeaders(header);
  const mail: NotifiedMail = {
    timestamp: receivedAt,
    source,
    messageId,
    destination,
    headersTruncated: truncated,
    headers,
    commonHeaders,
  };
  const receipt: Receipt = {
    timestamp: receivedAt,
    processingTimeMillis: record.processingTimeMillis,
    recipients: member.envelope.recipients.flatMap(({ forwardPath, repeated }) =>
      repeated ? [] : forwardPath,
    ),
    spamVerdict: { status: verdicts.spam },
    virusVerdict: { status: verdicts.virus },
    spfVerdict: { status: verdicts.spf },
    dkimVerdict: { status: verdicts.dkim },
    dmarcVerdict: { status: verdicts.dmarc },
    action: {
      type: 'S3',
      topicArn: record.topicArn,
      bucketName: bucket,
      objectKeyPrefix,
      objectKey: key,
    },
    ...(verdicts.dmarc === 'FAIL' && verdicts.dmarcPolicy && { dmarcPolicy: verdicts.dmarcPolicy }),
  };
  return {
    notificationType: 'Received',
    mail,
    receipt,
    mailsluice: replay === undefined ? member : { ...member, replay },
  };
}

/**
 * The fields that fit into 10 KB, each counted as on the wire: name, colon, blank, value, CRLF. One that does not fit is
 * left out, and those behind it are not.
 */
function cutHeaders({ fields, truncated }: HeaderSection): {
  headers: readonly HeaderField[];
  truncated: boolean;
} {
  let atMost = 0;
  // A code unit has no more than 3 octets.
  for (const { name, value } of fields) atMost += name.length + 3 * value.length + 4;
  if (atMost <= HEADERS_OCTETS) return { headers: fields, truncated };
  let octets = 0;
  const headers = fields.filter(({ name, value }) => {
    const more = name.length + Buffer.byteLength(value) + 4;
    if (octets + more > HEADERS_OCTETS) return false;
    octets += more;
    return true;
  });
  return { headers, truncated: truncated || headers.length < fields.length };
}

/** JSON of clean text, without the two characters that SNS does not take (XML 1.0 section 2.2). */
function render(notification: ReceivedNotification): string {
  const json = JSON.stringify(notification);
  if (isClean(json)) return json;
  // What a client says in a command may have control characters too.
  const clean = JSON.stringify(notification, (_, value: unknown) =>
    typeof value === 'string' ? cleanText(value.toWellFormed()) : value,
  );
  return clean.replace(/[\ufffe\uffff]/g, (char) => (char === '\ufffe' ? '\\ufffe' : '\\uffff'));
}

/** JSON escapes C0 and lone surrogates, so that only escape sequences and a few characters are to be looked for. */
function isClean(json: string): boolean {
  for (let at = json.indexOf('\\'); at !== -1; at = json.indexOf('\\', at + 2)) {
    const escaped = json[at + 1];
    if (escaped !== '"' && escaped !== '\\') return false;
  }
  // Most are ASCII, and counting octets is much faster than searching for a character.
  const isAscii = Buffer.byteLength(json) === json.length;
  return isAscii ? !json.includes('\x7f') : !/[\x7f-\x9f\u2028\u2029\ufffe\uffff]/.test(json);
}

function renderAttributes(
  { member, verdicts }: MailRecord,
  isReplay: boolean,
): Record<string, MessageAttribute> {
  const { envelope, listener, authenticated, sender } = member;
  // SNS refuses an empty value, so an attribute without a value is left out.
  const mailFromDomain = domainOf(envelope.reversePath ?? '');
  const recipientDomains = boundedDomains(
    envelope.recipients.map(({ forwardPath }) => domainOf(forwardPath)),
  );
  return {
    ...(listener !== '' && { listener: text(listener) }),
    ...(authenticated &&
      authenticated.username !== '' && { authUser: text(authenticated.username) }),
    ...(mailFromDomain !== '' && { mailFromDomain: attribute(cutText(mailFromDomain, 1024)) }),
    ...(recipientDomains.length > 0 && {
      recipientDomains: { DataType: 'String.Array', StringValue: JSON.stringify(recipientDomains) },
    }),
    sizeBytes: { DataType: 'Number', StringValue: String(member.size) },
    verdict: attribute(overallVerdict(verdicts)),
    replay: attribute(String(isReplay)),
    // Filters act on what they match, so that a domain is there only where it is proved.
    ...(sender?.authenticated === true &&
      sender.domain !== undefined && {
        senderDomain: attribute(cutText(cleanValue(sender.domain), 1024)),
      }),
    ...(sender && { authenticated: attribute(String(sender.authenticated ?? 'unknown')) }),
  };
}

function attribute(value: string): MessageAttribute {
  return { DataType: 'String', StringValue: value };
}

/** For a value from outside: as clean as the message, without what SNS does not take. */
function text(value: string): MessageAttribute {
  return attribute(cutText(cleanValue(value), 1024));
}

function cleanValue(value: string): string {
  return cleanText(value.toWellFormed()).replace(/[\ufffe\uffff]/g, '?');
}

/** In lower case and without the final dot, so that a filter finds every spelling. */
function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1 || address.length);
  return cleanValue(domain).toLowerCase().replace(/\.$/, '');
}

/** Each once, as many as fit. A filter on a domain past the bound would not match, so the bound is high. */
function boundedDomains(domains: readonly string[]): string[] {
  let octets = 0;
  return [...new Set(domains)].filter((domain) => {
    octets += Buffer.byteLength(domain) + 3;
    return domain !== '' && octets <= ATTRIBUTE_OCTETS;
  });
}

/** One word for filters. The verdict of each check is in the message. */
function overallVerdict({ spam, virus, dmarc }: MailRecord['verdicts']): string {
  if (spam === 'FAIL' || virus === 'FAIL' || dmarc === 'FAIL') return 'FAIL';
  return dmarc === 'PASS' ? 'PASS' : 'GRAY';
}

function attributeOctets(attributes: Readonly<Record<string, MessageAttribute>>): number {
  let octets = 0;
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) {
    octets += name.length + DataType.length + Buffer.byteLength(StringValue);
  }
  return octets;
}
