// Takes the notifications out of the page's queue. While nobody looks at the page and no program waits for a mail, nothing
// is taken, so that the page costs the server nothing: what came meanwhile is taken by the next one who asks.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ListedMail as ArchivedMail, listMail, type Place } from '../../../archive/index.ts';
import { notificationOf, readHead } from '../../../bridge/index.ts';
import { queueBody } from '../../../archive/sns-envelope.ts';
import { type Announcement, KEPT_MAILS, parseAnnouncement } from './mail-list.ts';
import { BATCH, type PageQueue } from './page-queue.ts';

const WAIT_SECONDS = 20;
/** Behind a batch that was not full, so that the next one is fuller. */
const PAUSE_MILLIS = 50;
/** How long a mail that another reader holds is waited for, and between two looks. */
const SETTLE_MILLIS = 2000;
const SETTLE_PAUSE_MILLIS = 10;
/** Behind a queue that does not answer. */
const RETRY_MILLIS = 1000;

export interface MailFeedOptions {
  readonly queue: PageQueue;
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
  #watchers = 0;
  #isFollowing = false;
  #loop: Promise<void> = Promise.resolve();
  #taking: Promise<void> | undefined;
  #untaken = 0;
  #lacksOlder: boolean;
  #restoring: Promise<void> | undefined;

  constructor(options: MailFeedOptions) {
    this.#options = options;
    this.#lacksOlder = options.hasOlder;
  }

  /** A mail was announced; called for each, so it does next to nothing. */
  announced(): void {
    // A queue that holds more than the list does is emptied: the archive has those mails too.
    if (this.#watchers > 0 || ++this.#untaken <= KEPT_MAILS) return;
    this.#untaken = 0;
    this.#lacksOlder = true;
    void this.#options.queue.purge().catch(() => undefined);
  }

  /** Takes what the queue has. Older mails of the archive follow by themselves. */
  async catchUp(): Promise<void> {
    this.#restoreOlder();
    this.#taking ??= this.#takeAll().finally(() => {
      this.#taking = undefined;
    });
    await this.#taking;
  }

  /** Takes notifications as they come, until the returned function is called. */
  watch(): () => void {
    this.#watchers++;
    if (!this.#isFollowing) this.#loop = this.#follow();
    this.#restoreOlder();
    let isOver = false;
    return () => {
      if (!isOver) this.#watchers--;
      isOver = true;
    };
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#loop;
    await this.#restoring;
    this.#options.queue.close();
  }

  async #takeAll(): Promise<void> {
    const { queue } = this.#options;
    const { signal } = this.#ending;
    const deadline = Date.now() + SETTLE_MILLIS;
    for (;;) {
      while (!signal.aborted && (await queue.take(0, signal, (bodies) => this.#give(bodies))) > 0);
      // The other reader of the queue may have some in its hands.
      const isSettled = !this.#isFollowing || !(await queue.hasReceived());
      if (isSettled || signal.aborted || Date.now() > deadline) break;
      await sleep(SETTLE_PAUSE_MILLIS);
    }
    this.#untaken = 0;
  }

  /**
   * Runs while someone watches. A wait for the queue is not cut short when nobody does any more: what it was just given
   * would be hidden from the next reader for a while.
   */
  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    this.#isFollowing = true;
    while (this.#watchers > 0 && !signal.aborted) {
      try {
        const give = (bodies: readonly string[]): void => this.#give(bodies);
        const taken = await this.#options.queue.take(WAIT_SECONDS, signal, give);
        this.#untaken = 0;
        if (taken < BATCH) await sleep(PAUSE_MILLIS, undefined, { signal });
      } catch {
        if (!signal.aborted) await sleep(RETRY_MILLIS);
      }
    }
    this.#isFollowing = false;
  }

  #give(bodies: readonly string[]): void {
    const announcements = bodies.flatMap((body) => parseAnnouncement(body) ?? []);
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
        this.#give([queueBody(notificationOf(place, key, await readHead(place, key)))]);
      } catch {
        // An object that is no mail of ours, or was deleted meanwhile.
      }
    }
  }
}
