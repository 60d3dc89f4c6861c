// The mails that the page lists, made from their notifications. The last ten thousand, in memory.
import { queueBody, type SentNotification } from '../../../archive/sns-envelope.ts';
import type { ReceivedNotification } from '../../../bridge/index.ts';
import type { HandlerOutcome, MailSummary } from './shapes.ts';

/** How many mails the page knows, and the most of everything else of which there is one for each. */
export const KEPT_MAILS = 10_000;
/** Let go at once, so that the list is not moved for each. */
const FORGOTTEN_AT_ONCE = 500;
/** Of the notifications of all mails together; the oldest mails go first. */
const ALL_NOTIFICATION_CHARACTERS = 64_000_000;
/** What is kept of a mail's text for the search. */
const TEXT_CHARACTERS = 20_000;
/** Of all mails together; the oldest lose theirs first. */
const ALL_TEXT_CHARACTERS = 32_000_000;

/** A notification as the subscriber of the topic got it. */
export interface Announcement {
  /** SNS's envelope, as JSON: the body of the SQS message. */
  readonly body: string;
  readonly notification: ReceivedNotification;
  /** Characters of the notification. */
  readonly length: number;
}

export interface ListedMail {
  readonly summary: MailSummary;
  /** By object key: a mail to several prefixes has several objects and announcements. */
  readonly announcements: ReadonlyMap<string, Announcement>;
}

interface Entry {
  summary: MailSummary;
  readonly announcements: Map<string, Announcement>;
  readonly fields: string;
  text: string | undefined;
}

export function readAnnouncement(sent: SentNotification): Announcement | undefined {
  try {
    const notification = JSON.parse(sent.message) as ReceivedNotification;
    if (typeof notification.mail.messageId !== 'string') return undefined;
    return {
      notification,
      length: sent.message.length,
      get body() {
        return queueBody(sent);
      },
    };
  } catch {
    return undefined;
  }
}

export class MailList {
  /** In the order of their ids, which is that of time. */
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #deleted = new Set<string>();
  #textCharacters = 0;
  #notificationCharacters = 0;
  #unread = 0;

  get size(): number {
    return this.#entries.length;
  }

  get unread(): number {
    return this.#unread;
  }

  has(id: string): boolean {
    return this.#byId.has(id) || this.#deleted.has(id);
  }

  get(id: string): ListedMail | undefined {
    return this.#byId.get(id);
  }

  /** Returns the mail as it is now; `undefined` for one that was deleted. */
  add(announcement: Announcement): MailSummary | undefined {
    const { mail, receipt, mailsluice } = announcement.notification;
    const id = mail.messageId;
    if (this.#deleted.has(id)) return undefined;
    const isReplay = mailsluice.replay !== undefined;
    const known = this.#byId.get(id);
    if (known !== undefined) {
      const { summary } = known;
      const recipients = [...new Set([...summary.recipients, ...receipt.recipients])];
      known.summary = { ...summary, recipients, replays: summary.replays + Number(isReplay) };
      if (!isReplay) this.#announce(known, announcement);
      return known.summary;
    }
    const summary: MailSummary = {
      id,
      receivedAt: mail.timestamp,
      source: mail.source,
      from: mail.commonHeaders.from?.map((each) => each.replace(/^<(.*)>$/, '$1')).join(', ') ?? '',
      recipients: receipt.recipients,
      subject: mail.commonHeaders.subject ?? '',
      sizeInOctets: mailsluice.size,
      isRead: false,
      listener: mailsluice.listener,
      username: mailsluice.authenticated?.username ?? null,
      sessionId: mailsluice.sessionId,
      replays: Number(isReplay),
    };
    const { commonHeaders } = mail;
    const addresses = [commonHeaders.to, commonHeaders.cc, commonHeaders.replyTo].flat();
    const fields = [summary.subject, summary.from, summary.source, ...receipt.recipients];
    const entry: Entry = {
      summary,
      announcements: new Map(),
      fields: [...fields, ...addresses, id].join('\n').toLowerCase(),
      text: undefined,
    };
    this.#announce(entry, announcement);
    this.#insert(entry);
    return summary;
  }

  /** The last ones first; `search` has words that must all occur in the subject, an address or the text. */
  list({ search = '', before, limit }: ListQuery): MailSummary[] {
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const found: MailSummary[] = [];
    for (let at = this.#entries.length - 1; at >= 0 && found.length < limit; at--) {
      const entry = this.#entries[at];
      if (entry === undefined || (before !== undefined && entry.summary.id >= before)) continue;
      if (words.every((word) => entry.fields.includes(word) || entry.text?.includes(word))) {
        found.push(entry.summary);
      }
    }
    return found;
  }

  /** The ids of the mails whose text is not known, the last ones first. */
  *withoutText(): Generator<string> {
    for (const { summary, text } of this.#entries.toReversed()) {
      if (text === undefined) yield summary.id;
    }
  }

  setText(id: string, text: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.text !== undefined) return;
    entry.text = text.slice(0, TEXT_CHARACTERS).toLowerCase();
    this.#textCharacters += entry.text.length;
    for (const old of this.#entries) {
      if (this.#textCharacters <= ALL_TEXT_CHARACTERS) break;
      this.#textCharacters -= old.text?.length ?? 0;
      if (old.text !== undefined) old.text = '';
    }
  }

  setRead(id: string, isRead: boolean): MailSummary | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    this.#unread += Number(entry.summary.isRead) - Number(isRead);
    entry.summary = { ...entry.summary, isRead };
    return entry.summary;
  }

  setReplayed(id: string): MailSummary | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    entry.summary = { ...entry.summary, replays: entry.summary.replays + 1 };
    return entry.summary;
  }

  setHandled(id: string, handler: HandlerOutcome): MailSummary | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    entry.summary = { ...entry.summary, handler };
    return entry.summary;
  }

  /** A mail that is announced again later stays deleted. */
  delete(id: string): ListedMail | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#remove(entry);
    this.#deleted.add(id);
    if (this.#deleted.size > KEPT_MAILS) {
      const [oldest] = this.#deleted;
      if (oldest !== undefined) this.#deleted.delete(oldest);
    }
    return entry;
  }

  #insert(entry: Entry): void {
    const { id } = entry.summary;
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1]?.summary.id ?? '') > id) at--;
    this.#entries.splice(at, 0, entry);
    this.#byId.set(id, entry);
    this.#unread++;
    const isTooMuch =
      this.#entries.length >= KEPT_MAILS + FORGOTTEN_AT_ONCE ||
      this.#notificationCharacters > ALL_NOTIFICATION_CHARACTERS;
    // At least the new one stays.
    if (isTooMuch) this.#forget(Math.min(FORGOTTEN_AT_ONCE, this.#entries.length - 1));
  }

  #forget(mails: number): void {
    for (const entry of this.#entries.splice(0, mails)) this.#remove(entry);
  }

  #announce({ announcements }: Entry, announcement: Announcement): void {
    const { objectKey } = announcement.notification.receipt.action;
    this.#notificationCharacters += announcement.length;
    this.#notificationCharacters -= announcements.get(objectKey)?.length ?? 0;
    announcements.set(objectKey, announcement);
  }

  #remove(entry: Entry): void {
    this.#byId.delete(entry.summary.id);
    this.#textCharacters -= entry.text?.length ?? 0;
    for (const { length } of entry.announcements.values()) this.#notificationCharacters -= length;
    if (!entry.summary.isRead) this.#unread--;
  }
}

export interface ListQuery {
  readonly search?: string;
  /** Only mails with lower ids: those before it. */
  readonly before?: string;
  readonly limit: number;
}
