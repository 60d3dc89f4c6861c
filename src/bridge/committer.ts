// The promise: a 250 means that the complete message is in S3, acknowledged with a verified checksum, and that either
// SNS has accepted the notification or a marker for it is in the outbox.
import { readHeaderSection } from '../message/header-section.ts';
import type { Reply } from '../smtp/index.ts';
import type { CircuitBreaker } from './aws/circuit-breaker.ts';
import { ProgressDeadline } from './aws/deadline.ts';
import type { FailureReporter } from './aws/failures.ts';
import { encodeRecord, encodeSidecar, MESSAGE_TYPE } from './contract/mail-record.ts';
import { sidecarKey } from './contract/object-key.ts';
import type { Deferrals } from './deferrals.ts';
import type { DuplicateGuard, OwnedClaim } from './duplicate-guard.ts';
import type { AwsFailure, Observe, StoredPlacement } from './events.ts';
import { abortUploads, type ReceivedMail } from './intake/received-mail.ts';
import type { Announcer } from './notify/announcer.ts';
import { buildNotification } from './notify/notification.ts';
import type { BridgeOptions } from './options.ts';
import type { PlanPlacements } from './placements.ts';
import { type PlannedObject, planObjects } from './planned-objects.ts';
import { queuedAs } from './replies.ts';
import type { MultipartUpload } from './store/multipart-upload.ts';
import { awaitAll, type ObjectStore } from './store/object-store.ts';
import { takeOver, type Takeover } from './takeover.ts';

export interface CommitterParts {
  readonly store: ObjectStore;
  readonly announcer: Announcer;
  readonly guard: DuplicateGuard | undefined;
  readonly deferrals: Deferrals;
  readonly failures: FailureReporter;
  /** The one of S3: takes the outcome of every store. */
  readonly breaker: CircuitBreaker;
  readonly planPlacements: PlanPlacements;
  readonly bucket: string;
  readonly hostname: string;
  readonly traceHeaders: boolean;
  readonly quarantineTopicOf: BridgeOptions['quarantineTopicOf'];
  /** How long the commit may go on without progress, from the end of the data. */
  readonly budgetMillis: number;
  /** How long it may take in all, from the end of the data. */
  readonly totalMillis: number;
  readonly observe: Observe;
}

/** One object that is in S3. */
interface StoredObject {
  readonly kind: 'stored';
  readonly object: PlannedObject;
  readonly storeMillis: number;
}

interface Announced {
  readonly kind: 'announced';
  readonly outbox: boolean;
  readonly publishMillis: number;
}

interface Failed {
  readonly kind: 'failed';
  readonly failure: AwsFailure;
}

export class Committer {
  readonly #parts: CommitterParts;
  #inFlight = 0;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Messages that were received completely and not answered yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Stores and announces the mail. The reply is 250 only when both are done. */
  async commit(mail: ReceivedMail): Promise<Reply> {
    this.#inFlight += 1;
    try {
      return await this.#commit(mail);
    } catch (error) {
      // No upload stays behind, whatever the error. The server answers 451.
      abortUploads(mail);
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #commit(mail: ReceivedMail): Promise<Reply> {
    const { guard, deferrals, budgetMillis, totalMillis } = this.#parts;
    const { facts, sizeInOctets, endedAt } = mail;
    // The checks of the sender are progress, so that a slow DNS leaves S3 its time.
    const judgeMillis = mail.judged?.millis ?? 0;
    using budget = new ProgressDeadline({
      stallMillis: budgetMillis,
      totalMillis: totalMillis - judgeMillis,
      began: endedAt + judgeMillis,
    });
    const own = planObjects(mail, this.#parts);
    const claim = await guard?.claim(mail, own, budget.until - performance.now());
    if (claim?.kind === 'duplicate') {
      abortUploads(mail);
      return this.#answerDuplicate(mail, claim.messageId);
    }
    if (claim?.kind === 'busy') return this.#answerBusy(mail);

    let planned: Takeover = { objects: own, stored: NONE };
    if (claim?.earlier !== undefined) {
      const takeover = await this.#takeOver(mail, claim, claim.earlier, own, budget);
      if (takeover.kind === 'answered') return takeover.reply;
      planned = takeover;
    }
    // Disposed of in the turn that announces, so that the publisher neither waits in vain nor sends too early.
    const expected = planned.objects.map(() => this.#parts.announcer.expect());
    let stores: (StoredObject | Failed)[];
    try {
      stores = await this.#storeAll(mail, planned, budget);
    } finally {
      for (const each of expected) each[Symbol.dispose]();
    }
    const objects = stores.filter((each) => each.kind === 'stored');
    const failures = stores.filter((each) => each.kind === 'failed');
    const fail = async (failure: AwsFailure): Promise<Reply> => {
      const isLaterTry = claim?.earlier !== undefined;
      await claim?.withdraw(
        objects.length > 0 || failures.some((each) => mayBeStored(each.failure, isLaterTry)),
      );
      const commitMillis = performance.now() - endedAt;
      return deferrals.commitFailed(facts, sizeInOctets, failure, commitMillis, objects.length);
    };
    const [unstored] = failures;
    // All objects are stored before any of them is announced: what is deferred here was never announced.
    if (unstored !== undefined) return fail(unstored.failure);
    const announcements = await Promise.all(
      objects.map(({ object }) => this.#announce(mail, object, budget.until)),
    );
    const unannounced = announcements.find((each) => each.kind === 'failed');
    if (unannounced !== undefined) return fail(unannounced.failure);
    await claim?.confirm();
    const announced = announcements.filter((each) => each.kind === 'announced');
    return this.#accept(mail, objects, announced);
  }

  /** What the mail becomes, after an earlier commit that was not finished; or the reply, where that is not known. */
  async #takeOver(
    mail: ReceivedMail,
    claim: OwnedClaim,
    earlier: readonly PlannedObject[],
    own: readonly PlannedObject[],
    budget: ProgressDeadline,
  ): Promise<
    ({ readonly kind: 'taken' } & Takeover) | { readonly kind: 'answered'; readonly reply: Reply }
  > {
    const { store, failures, breaker, deferrals } = this.#parts;
    const { facts, sizeInOctets, endedAt } = mail;
    try {
      const takeover = await takeOver(store, mail, earlier, own, budget.signal);
      // Before any of our own objects is there, so that there is never one that the row does not have.
      if (takeover.objects.every((object) => earlier.includes(object))) {
        return { kind: 'taken', ...takeover };
      }
      if (await claim.replace(takeover.objects)) return { kind: 'taken', ...takeover };
      return { kind: 'answered', reply: this.#answerBusy(mail) };
    } catch (error) {
      const failure = failures.classify('s3', error);
      breaker.record(failure);
      abortUploads(mail);
      await claim.withdraw(mayBeStored(failure, true));
      const commitMillis = performance.now() - endedAt;
      const reply = deferrals.commitFailed(facts, sizeInOctets, failure, commitMillis);
      return { kind: 'answered', reply };
    }
  }

  /** Another commit of the same mail is in progress: the client comes again. */
  #answerBusy(mail: ReceivedMail): Reply {
    const { facts, sizeInOctets, endedAt } = mail;
    abortUploads(mail);
    return this.#parts.deferrals.duplicateBusy(facts, sizeInOctets, performance.now() - endedAt);
  }

  /** An earlier mail was the same: the client gets the reply that it lost. */
  #answerDuplicate(
    { facts, sizeInOctets, sha256, endedAt, judged }: ReceivedMail,
    of: string,
  ): Reply {
    this.#parts.observe({
      kind: 'message-accepted',
      facts,
      sizeInOctets,
      sha256: sha256.toString('hex'),
      placements: [],
      duplicateOf: of,
      ...(judged && { judged }),
      commitMillis: performance.now() - endedAt,
      storeMillis: 0,
      publishMillis: 0,
    });
    return queuedAs(of);
  }

  #accept(
    { facts, sizeInOctets, sha256, endedAt, judged }: ReceivedMail,
    objects: readonly StoredObject[],
    announced: readonly Announced[],
  ): Reply {
    const { bucket, observe } = this.#parts;
    // Not that of `facts` where the mail goes on under the id of an earlier commit.
    const messageId = objects[0]?.object.messageId ?? facts.messageId;
    observe({
      kind: 'message-accepted',
      facts,
      sizeInOctets,
      sha256: sha256.toString('hex'),
      placements: objects.map(
        ({ object: { messageId: id, key, record } }, index): StoredPlacement => ({
          messageId: id,
          bucket,
          key,
          topicArn: record.topicArn,
          recipients: record.member.envelope.recipients.length,
          outbox: announced[index]?.outbox ?? false,
        }),
      ),
      ...(messageId !== facts.messageId && { resumed: messageId }),
      ...(judged && { judged }),
      commitMillis: performance.now() - endedAt,
      storeMillis: Math.max(...objects.map(({ storeMillis }) => storeMillis)),
      publishMillis: Math.max(...announced.map(({ publishMillis }) => publishMillis)),
    });
    return queuedAs(messageId);
  }

  /** Settles when every store has ended, well or not: none still uses the octets. */
  #storeAll(
    mail: ReceivedMail,
    { objects, stored }: Takeover,
    budget: ProgressDeadline,
  ): Promise<(StoredObject | Failed)[]> {
    return Promise.all(
      objects.map((object) => this.#storeObject(mail, object, stored.has(object), budget)),
    );
  }

  async #storeObject(
    mail: ReceivedMail,
    object: PlannedObject,
    isStored: boolean,
    budget: ProgressDeadline,
  ): Promise<StoredObject | Failed> {
    if (isStored) return { kind: 'stored', object, storeMillis: 0 };
    const { failures, breaker } = this.#parts;
    const began = performance.now();
    try {
      await this.#store(mail, object, budget.signal);
      breaker.record(undefined);
    } catch (error) {
      const failure = failures.classify('s3', error);
      breaker.record(failure);
      return { kind: 'failed', failure };
    }
    return { kind: 'stored', object, storeMillis: performance.now() - began };
  }

  async #announce(
    { header }: ReceivedMail,
    object: PlannedObject,
    until: number,
  ): Promise<Announced | Failed> {
    const { announcer, bucket } = this.#parts;
    const { key, record, trace } = object;
    const began = performance.now();
    const notification = buildNotification({
      record,
      bucket,
      key,
      header: { ...header, fields: [...readHeaderSection(trace, true).fields, ...header.fields] },
    });
    const announcement = await announcer.announce(object, notification, until);
    if (announcement.kind === 'failed') return announcement;
    return {
      kind: 'announced',
      outbox: announcement.outbox,
      publishMillis: performance.now() - began,
    };
  }

  /** Writes the object. A sidecar is always in S3 before its object. */
  async #store(
    { body, sha256, stored }: ReceivedMail,
    { key, trace, record }: PlannedObject,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#parts;
    if (body.kind === 'whole') {
      const { metadata, sidecar } = encodeRecord(record);
      if (sidecar !== undefined) await this.#storeSidecar(key, sidecar, signal);
      await store.put({
        key,
        body: trace.length === 0 ? body.chunks : [trace, ...body.chunks],
        // Without trace headers the object is the message, whose digest is known.
        ...(trace.length === 0 && { sha256: stored?.sha256 ?? sha256 }),
        contentType: MESSAGE_TYPE,
        metadata,
        signal,
        mayExist: this.#mayExist,
      });
      return;
    }
    const upload = body.uploads.find(({ placement }) => placement.key === key)?.upload;
    if (upload === undefined) throw new Error(`no upload was begun for ${key}`);
    await abortOnError(upload, async () => {
      await awaitAll([
        upload.putPart(body.lastNumber, body.last, signal),
        upload.putPart(1, [trace, ...body.first], signal),
        this.#storeSidecar(key, encodeSidecar(record), signal),
      ]);
      await upload.complete(signal);
    });
  }

  #storeSidecar(key: string, text: string, signal: AbortSignal): Promise<void> {
    return this.#parts.store.put({
      key: sidecarKey(key),
      body: [Buffer.from(text)],
      contentType: 'application/json',
      metadata: {},
      signal,
      mayExist: this.#mayExist,
    });
  }

  /** With the guard another task may finish our commit, or have begun the one that we finish. */
  get #mayExist(): boolean {
    return this.#parts.guard !== undefined;
  }
}

const NONE: ReadonlySet<PlannedObject> = new Set();

/**
 * Whether the object may be there all the same. Of a later try: by an earlier one, unless the prefix is one that the task
 * has no rights to any more, where no further try could succeed.
 */
function mayBeStored({ cause, code }: AwsFailure, isLaterTry: boolean): boolean {
  return isLaterTry ? code !== 'AccessDenied' : cause === 'unavailable';
}

async function abortOnError(upload: MultipartUpload, steps: () => Promise<void>): Promise<void> {
  try {
    await steps();
  } catch (error) {
    upload.abort();
    throw error;
  }
}
