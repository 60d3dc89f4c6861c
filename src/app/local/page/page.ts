// All that the page knows and does, behind its API.
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import {
  findMails,
  newReplayMark,
  type Place,
  queueDestination,
  replay,
} from '../../../archive/index.ts';
import { sidecarKey } from '../../../bridge/index.ts';
import type { HandlerEvent } from '../handler/handler-runner.ts';
import { EventStream } from './event-stream.ts';
import { HandlerLog } from './handler-log.ts';
import { readMailContent, type ReadObject, readObject, readSearchText } from './mail-content.ts';
import { MailFeed } from './mail-feed.ts';
import { type Announcement, type ListedMail, MailList, type ListQuery } from './mail-list.ts';
import { RequestError } from './request.ts';
import { SessionLog } from './session-log.ts';
import type { MailDetail, MailSummary, PageStatus } from './shapes.ts';
import {
  type Credential,
  type Door,
  sendTestMail,
  type SendOutcome,
  type TestMail,
} from './test-mail.ts';
import { showVerdicts } from './verdicts.ts';

/** Where mails are handled, once the handler runs. */
export interface PageHandler {
  readonly file: string;
  readonly queueUrl: string;
}

export interface PageOptions {
  readonly version: string;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly bucket: string;
  readonly prefixes: readonly string[];
  /** The queue of the topic, to which mails are replayed. */
  readonly queueUrl: string;
  readonly credential: Credential;
  readonly handler: PageHandler | undefined;
  readonly hasOlder: boolean;
}

/** The server's ports, known once it listens. */
export type NamedDoor = Door & { readonly name: string };

/** How long a search waits for texts that were not read yet. */
const SEARCH_MILLIS = 1500;
/** Mails whose text is read for the search, at once. */
const READ_AT_ONCE = 8;

export class Page {
  readonly options: PageOptions;
  readonly events = new EventStream();
  readonly mails = new MailList();
  readonly sessions: SessionLog;
  readonly handled: HandlerLog;
  readonly feed: MailFeed;
  readonly #place: Place;
  readonly #waiting = new Set<() => void>();
  #doors: readonly NamedDoor[] = [];
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: PageOptions) {
    this.options = options;
    const { s3, bucket, prefixes, hasOlder } = options;
    this.#place = { s3, bucket };
    this.sessions = new SessionLog({
      onSession: (id) => this.events.session(id),
      onRefusal: (refusal) => this.events.refusal(refusal),
    });
    this.handled = new HandlerLog((result) => {
      this.events.handler(result);
      const { messageId, outcome } = result;
      const changed = messageId && this.mails.setHandled(messageId, outcome);
      if (changed) this.events.mail(changed);
    });
    this.feed = new MailFeed({
      ...{ prefixes, hasOlder, place: this.#place },
      isKnown: (id) => this.mails.has(id),
      onAnnouncements: (announcements) => this.#add(announcements),
    });
  }

  /** The ports that the server listens on: the page sends its test mails there. */
  open(doors: readonly NamedDoor[]): void {
    this.#doors = doors;
  }

  onHandlerEvent(event: HandlerEvent, log: string): void {
    this.handled.observe(event, log);
  }

  get status(): PageStatus {
    const { version, bucket, queueUrl, handler } = this.options;
    const { loadError } = this.handled;
    return {
      version,
      mails: this.mails.size,
      unread: this.mails.unread,
      openSessions: this.sessions.openSessions,
      ...(handler && { handler: handler.file }),
      ...(loadError !== undefined && { handlerError: loadError }),
      listeners: this.#doors.map(({ name, host, port }) => ({ name, host, port })),
      ...{ bucket, queueUrl },
    };
  }

  /** `isComplete`: the text of every mail was searched; where it was not yet, the same search finds more a little later. */
  async list(
    query: ListQuery,
  ): Promise<{ readonly mails: MailSummary[]; readonly isComplete: boolean }> {
    this.feed.catchUp();
    let isComplete = true;
    if (query.search !== undefined && query.search.trim() !== '') {
      const waited = sleep(SEARCH_MILLIS, false, { ref: false });
      isComplete = await Promise.race([this.#readTexts().then(() => true), waited]);
    }
    return { mails: this.mails.list(query), isComplete };
  }

  /** Waits for a mail that `isWanted`; `undefined` where none came in time. */
  async wait(
    isWanted: (mail: MailSummary) => boolean,
    seconds: number,
    signal: AbortSignal,
  ): Promise<MailSummary | undefined> {
    const leave = this.feed.watch();
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
      for (;;) {
        const found = this.mails.list({ limit: Infinity }).findLast(isWanted);
        if (found !== undefined || deadline.aborted) return found;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            this.#waiting.delete(wake);
            deadline.removeEventListener('abort', wake);
            resolve();
          };
          this.#waiting.add(wake);
          deadline.addEventListener('abort', wake);
        });
      }
    } finally {
      leave();
    }
  }

  require(id: string): ListedMail {
    if (!this.mails.has(id)) this.feed.catchUp();
    const mail = this.mails.get(id);
    if (mail === undefined) throw new RequestError(404, `mail: expected a messageId, got "${id}"`);
    return mail;
  }

  /** The first object of the mail, with its octets. */
  async object(mail: ListedMail): Promise<ReadObject> {
    const { bucket } = this.options;
    const [key = ''] = mail.announcements.keys();
    try {
      return await readObject(this.options.s3, { bucket, key });
    } catch (error) {
      if ((error as Error).name !== 'NoSuchKey') throw error;
      throw new RequestError(410, `object: ${key} was deleted from ${bucket}`);
    }
  }

  async detail(mail: ListedMail): Promise<MailDetail> {
    const [first] = mail.announcements.values();
    if (first === undefined) throw new RequestError(404, 'mail: expected one that is announced');
    const { object, octets } = await this.object(mail);
    const others = [...mail.announcements.keys()].slice(1);
    const content = await readMailContent(octets);
    return {
      ...mail.summary,
      ...content,
      objects: [object, ...others.map((key) => ({ ...object, key }))],
      verdicts: showVerdicts(first.notification, content.headers),
      notification: first.notification,
      results: this.handled.of(mail.summary.id),
    };
  }

  setRead(id: string, isRead: boolean): MailSummary | undefined {
    const changed = this.mails.setRead(id, isRead);
    if (changed !== undefined) this.events.mail(changed);
    return changed;
  }

  async delete(mail: ListedMail): Promise<void> {
    this.mails.delete(mail.summary.id);
    this.events.removed(mail.summary.id);
    await this.#deleteObjects([...mail.announcements.keys()]);
  }

  /** Deletes all mails that are listed, and their objects. Returns how many there were. */
  async clear(): Promise<number> {
    this.feed.catchUp();
    const mails = this.mails.list({ limit: Infinity });
    const keys = mails.flatMap(({ id }) => [
      ...(this.mails.delete(id)?.announcements.keys() ?? []),
    ]);
    this.events.cleared();
    await this.#deleteObjects(keys);
    return mails.length;
  }

  /** Sends the notification to the queue again, as `archive replay --queue` does. */
  async replay(mail: ListedMail): Promise<void> {
    const { sqs, queueUrl, prefixes } = this.options;
    let failure: string | undefined;
    await replay(this.#place, findMails(this.#place, prefixes, [...mail.announcements.keys()]), {
      destination: queueDestination(sqs, queueUrl),
      mark: newReplayMark(),
      onOutcome: (outcome) => {
        failure ??= outcome.failure;
      },
    });
    if (failure !== undefined) throw new RequestError(502, failure);
    const changed = this.mails.setReplayed(mail.summary.id);
    if (changed !== undefined) this.events.mail(changed);
  }

  /** Puts the notification into the handler's queue once more. */
  async runHandler(mail: ListedMail): Promise<void> {
    const { handler, sqs } = this.options;
    if (handler === undefined) {
      throw new RequestError(409, 'handler: expected mailsluice local with --handler');
    }
    for (const { body } of mail.announcements.values()) {
      await sqs.send(new SendMessageCommand({ QueueUrl: handler.queueUrl, MessageBody: body }));
    }
  }

  send(mail: TestMail): Promise<SendOutcome> {
    return sendTestMail(mail, this.#doors, this.options.credential);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.events.close();
    await this.#reading;
    await this.feed.close();
  }

  #add(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      const summary = this.mails.add(announcement);
      if (summary === undefined) continue;
      // It may have been handled before anyone looked.
      const [last] = this.handled.of(summary.id);
      this.events.mail((last && this.mails.setHandled(summary.id, last.outcome)) ?? summary);
    }
    for (const wake of this.#waiting) wake();
  }

  /** Reads what the search needs and was not read yet. */
  #readTexts(): Promise<void> {
    const { s3, bucket } = this.options;
    const read = async (ids: Iterator<string>): Promise<void> => {
      for (let next = ids.next(); next.done !== true; next = ids.next()) {
        const id = next.value;
        const [key = ''] = this.mails.get(id)?.announcements.keys() ?? [];
        const text = await readSearchText(s3, { bucket, key }).catch(() => '');
        if (this.#isClosed) return;
        this.mails.setText(id, text);
      }
    };
    this.#reading = this.#reading.then(async () => {
      const ids = [...this.mails.withoutText()].values();
      await Promise.all(Array.from({ length: READ_AT_ONCE }, () => read(ids)));
    });
    return this.#reading;
  }

  async #deleteObjects(keys: readonly string[]): Promise<void> {
    const { s3, bucket } = this.options;
    const all = keys.flatMap((key) => [key, sidecarKey(key)]);
    for (let at = 0; at < all.length; at += 1000) {
      const Objects = all.slice(at, at + 1000).map((Key) => ({ Key }));
      await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    }
  }
}
