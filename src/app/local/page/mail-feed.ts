// Gives the page the notifications that SNS took. While nobody looks at the page and no program waits for a mail, none is
// read: what came meanwhile is read by the next one who asks.
import { type ListedMail as ArchivedMail, listMail, type Place } from '../../../archive/index.ts';
import { type SentNotification, sentNow } from '../../../archive/sns-envelope.ts';
import { notificationOf, readHead } from '../../../bridge/index.ts';
import type { PublishRequest } from '../publish-requests.ts';
import { type Announcement, KEPT_MAILS, readAnnouncement } from './mail-list.ts';
import { PublishedLog } from './published-log.ts';

/** What comes within it is read at once. */
const PAUSE_MILLIS = 10;

export interface MailFeedOptions {
  readonly place: Place;
  /** Where mails are in the bucket. */
  readonly prefixes: readonly string[];
  /** Mails were stored by an earlier run of the program. */
  readonly hasOlder: boolean;
  readonly isKnown: (id: string) => boolean;
  readonly onAnnouncements: (announcements: readonly Announcement[]) => void;
}

export class MailFeed {
  readonly #options: MailFeedOptions;
  readonly #ending = new AbortController();
  readonly #published = new PublishedLog(() => {
    this.#lacksOlder = true;
  });
  #watchers = 0;
  #timer: NodeJS.Timeout | undefined;
  #lacksOlder: boolean;
  #restoring: Promise<void> | undefined;

  constructor(options: MailFeedOptions) {
    this.#options = options;
    this.#lacksOlder = options.hasOlder;
  }

  /** SNS was asked to publish; called for each batch of notifications, so it does next to nothing. */
  published(request: PublishRequest): void {
    this.#published.record(request);
    if (this.#watchers > 0) this.#timer ??= setTimeout(() => this.catchUp(), PAUSE_MILLIS);
  }

  /** Reads what came. Older mails of the archive follow by themselves. */
  catchUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#give(this.#published.take());
    this.#restoreOlder();
  }

  /** Reads notifications as they come, until the returned function is called. */
  watch(): () => void {
    this.#watchers++;
    this.catchUp();
    let isOver = false;
    return () => {
      if (!isOver) this.#watchers--;
      isOver = true;
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort();
    await this.#restoring;
  }

  #give(sent: readonly SentNotification[]): void {
    const announcements = sent.flatMap((each) => readAnnouncement(each) ?? []);
    if (announcements.length > 0) this.#options.onAnnouncements(announcements);
  }

  #restoreOlder(): void {
    if (!this.#lacksOlder) return;
    this.#lacksOlder = false;
    this.#restoring = this.#restore().catch(() => {
      this.#lacksOlder = !this.#ending.signal.aborted;
    });
  }

  /** The last mails of the archive first, with the notification that would announce each again. */
  async #restore(): Promise<void> {
    const { place, prefixes, isKnown } = this.#options;
    const mails: ArchivedMail[] = [];
    for (const prefix of prefixes) {
      for await (const mail of listMail(place, { prefix })) {
        mails.push(mail);
        if (mails.length > 2 * KEPT_MAILS) mails.splice(0, KEPT_MAILS);
      }
    }
    mails.sort((a, b) => (a.messageId < b.messageId ? 1 : -1));
    for (const { key, messageId } of mails.slice(0, KEPT_MAILS)) {
      if (this.#ending.signal.aborted) return;
      if (isKnown(messageId)) continue;
      try {
        const notification = notificationOf(place, key, await readHead(place, key));
        this.#give([sentNow(notification)]);
      } catch {
        // An object that is no mail of ours, or was deleted meanwhile.
      }
    }
  }
}
