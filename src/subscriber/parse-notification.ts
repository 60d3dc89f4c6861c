import { NotificationError } from './errors.ts';
import { openShape, type Source, unknownShape } from './event-shapes.ts';
import type { MailNotification, ParsedNotification } from './mail-notification.ts';

export type { MailNotification, MailObject, ParsedNotification } from './mail-notification.ts';

/**
 * Reads one mail from whatever announces it: a record of a Lambda event from SNS, SQS (raw or wrapped, also of events of S3
 * and EventBridge), S3, Firehose or the Lambda action of SES; an event of EventBridge; what Lambda sends to an on-failure
 * destination; the event itself when it has one record; the body of an SNS or SQS message; or the notification. Never throws.
 */
export function parseNotification(record: unknown): ParsedNotification {
  const [first, ...others] = findMails(record);
  if (first !== undefined && others.length === 0) return first.parsed;
  return {
    ok: false,
    error: new NotificationError(
      'unknown-shape',
      `expected one record, got ${others.length + 1}; read them with parseNotifications`,
    ),
  };
}

/** As `parseNotification`. @throws NotificationError */
export function requireNotification(record: unknown): MailNotification {
  const parsed = parseNotification(record);
  if (parsed.ok) return parsed.value;
  throw parsed.error;
}

/** Reads every mail of an event, of an array of records (EventBridge Pipes), or of a record that has several. Never throws. */
export function parseNotifications(event: unknown): ParsedNotification[] {
  return findMails(event).map(({ parsed }) => parsed);
}

/** A mail that was found, or why a part is none. */
export interface FoundMail {
  readonly parsed: ParsedNotification;
  /** The part of the event that announces this mail and no other; it can be read again. */
  readonly part: unknown;
}

/**
 * The deepest real one: event, SQS record, its body, EventBridge event, invocation record, its event, SNS record, its
 * message, S3 event, S3 record; a text counts once more.
 */
const NESTING = 12;

/** At least one entry. */
export function findMails(event: unknown): FoundMail[] {
  return [...walk(event, undefined, NESTING)];
}

function* walk(part: unknown, source: Source | undefined, nesting: number): Generator<FoundMail> {
  try {
    if (nesting === 0) throw unknownShape();
    const opened = openShape(part, source);
    if (opened.kind === 'mail') {
      yield { parsed: { ok: true, value: opened.mail }, part };
      return;
    }
    for (const inner of opened.parts) yield* walk(inner, opened.source, nesting - 1);
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    yield { parsed: { ok: false, error }, part };
  }
}
