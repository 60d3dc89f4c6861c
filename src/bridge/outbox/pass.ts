// One pass over the outbox: publishes what the markers hold, then deletes them. At least once: a task may die between
// the two. What is wrong with one marker or one topic keeps no other marker from being published.
import { classifyAwsError } from '../aws/failures.ts';
import type { AwsFailure, Observe } from '../events.ts';
import type { Notification } from '../notify/notification.ts';
import { publishReduced } from '../notify/publish-reduced.ts';
import type { Publisher } from '../notify/publisher.ts';
import type { KnownTrouble, Trouble } from './known-trouble.ts';
import type { OutboxLease } from './lease.ts';
import {
  CALL_MILLIS,
  type ListedMarker,
  listMarkers,
  type MarkerBucket,
  type OutboxMarker,
} from './marker.ts';
import type { MarkerObjects } from './marker-objects.ts';
import { Pace } from './pace.ts';
import { isAbsence, reachOf } from './reach.ts';
import { Tally } from './tally.ts';
import { Topics } from './topics.ts';

export interface PassParts extends MarkerBucket {
  readonly objects: MarkerObjects;
  readonly publisher: Pick<Publisher, 'publish' | 'expect'>;
  readonly lease: OutboxLease;
  readonly known: KnownTrouble;
  readonly observe: Observe;
  /** Only the markers of this topic. */
  readonly topicArn?: string | undefined;
  /** Publish to this topic, whatever the markers say. */
  readonly toTopicArn?: string | undefined;
  readonly maxRefusals: number;
}

interface ReadyMarker {
  readonly entry: ListedMarker;
  readonly marker: OutboxMarker;
  /** To the topic that is asked for. The marker keeps its own. */
  readonly notification: Notification;
}

/** What became of one publish. */
type Published = 'published' | 'refused' | 'dead-letter' | AwsFailure;

/** Published together: one batch. */
const GROUP = 10;
/** After SNS failed for one topic, so many markers may be read to see whether it takes another one. */
const MAX_SEARCHED = 100;
/** Topics for which SNS fails without taking anything else: then it is SNS. */
const MAX_FAILED_TOPICS = 2;
/** Calls that fail in a row without a success: then it is the service. */
const MAX_FAILED_READS = 5;
const MAX_FAILED_DELETES = 5;
const MAX_THROTTLED = 5;

export class OutboxPass {
  readonly tally = new Tally();
  readonly #parts: PassParts;
  readonly #topics = new Topics();
  readonly #pace = new Pace();
  readonly #groups = new Set<Promise<void>>();
  readonly #signal: AbortSignal | undefined;
  /** Why the pass ends before its end. */
  #failure: AwsFailure | undefined;
  /** SNS failed, and has taken nothing since. */
  #outage: { readonly failure: AwsFailure; readonly topics: Set<string>; left: number } | undefined;
  #failedReads = 0;
  #failedDeletes = 0;
  #throttled = 0;
  #holdsLease = false;
  #isBusy = false;

  constructor(parts: PassParts, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#signal = signal;
  }

  get failure(): AwsFailure | undefined {
    return this.#failure ?? this.#outage?.failure;
  }

  /** Another task holds the lease, or has taken it. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { known, lease } = this.#parts;
    known.beginPass();
    try {
      if (await this.#publishAll()) known.endPass();
    } catch (error) {
      this.#failure ??= classifyAwsError('s3', error);
    }
    await Promise.all(this.#groups);
    if (this.#holdsLease) await lease.release();
  }

  /** Gives back whether all markers were met. */
  async #publishAll(): Promise<boolean> {
    const { known } = this.#parts;
    let group: ListedMarker[] = [];
    for await (const entry of listMarkers(this.#parts, false)) {
      this.tally.meet();
      const trouble = known.ofMarker(entry.key);
      if (trouble !== undefined) this.tally.skip(entry, trouble, false);
      else {
        group.push(entry);
        if (!(await this.#mayPublish())) return this.#leave(group);
        if (group.length === GROUP) {
          if (!(await this.#begin(group))) return this.#leave(group);
          group = [];
        }
      }
      if (this.#isOver) return this.#leave(group);
    }
    return group.length === 0 || (await this.#begin(group)) || this.#leave(group);
  }

  /** They stay for the next pass. */
  #leave(group: readonly ListedMarker[]): false {
    for (const entry of group) this.tally.leave(entry);
    return false;
  }

  /** There is something to do, so the lease is worth its requests. */
  async #mayPublish(): Promise<boolean> {
    if (this.#holdsLease) return true;
    this.#holdsLease = await this.#parts.lease.acquire();
    this.#isBusy = !this.#holdsLease;
    return this.#holdsLease;
  }

  get #isOver(): boolean {
    if (this.#holdsLease && !this.#parts.lease.isHeld) this.#isBusy = true;
    const isSearchOver = this.#outage !== undefined && this.#outage.left <= 0;
    return (
      this.#failure !== undefined || isSearchOver || this.#isBusy || this.#signal?.aborted === true
    );
  }

  async #begin(group: readonly ListedMarker[]): Promise<boolean> {
    await this.#pace.enter();
    if (this.#isOver) {
      this.#pace.leave();
      return false;
    }
    if (this.#outage !== undefined) this.#outage.left -= group.length;
    const done = this.#publishGroup(group)
      .catch((error: unknown) => {
        this.#failure ??= classifyAwsError('s3', error);
      })
      .finally(() => {
        this.#groups.delete(done);
        this.#pace.leave();
      });
    this.#groups.add(done);
    return true;
  }

  async #publishGroup(group: readonly ListedMarker[]): Promise<void> {
    const read = await Promise.all(group.map((entry) => this.#read(entry)));
    const byTopic = new Map<string, ReadyMarker[]>();
    for (const ready of read) {
      if (ready === undefined) continue;
      const { topicArn } = ready.notification;
      const markers = byTopic.get(topicArn);
      if (markers === undefined) byTopic.set(topicArn, [ready]);
      else markers.push(ready);
    }
    await Promise.all(
      Array.from(byTopic, ([topicArn, markers]) => this.#publishToTopic(topicArn, markers)),
    );
  }

  /** `undefined` where there is nothing to publish. */
  async #read(entry: ListedMarker): Promise<ReadyMarker | undefined> {
    const { objects, known, topicArn, toTopicArn } = this.#parts;
    if (known.wasAnnounced(entry.key)) {
      await this.#remove([entry], 'gone');
      return undefined;
    }
    const read = await objects.read(entry);
    if (read.kind !== 'unreadable') this.#failedReads = 0;
    // Of which topic it is, nobody knows.
    if (topicArn !== undefined && (read.kind === 'damaged' || read.kind === 'other-version')) {
      this.tally.leave(entry);
      return undefined;
    }
    switch (read.kind) {
      case 'marker': {
        const { marker } = read;
        const { notification } = marker;
        if (topicArn !== undefined && notification.topicArn !== topicArn) {
          this.tally.leave(entry);
          return undefined;
        }
        return {
          entry,
          marker,
          notification:
            toTopicArn === undefined ? notification : { ...notification, topicArn: toTopicArn },
        };
      }
      case 'gone':
        known.forget(entry.key);
        this.tally.count('gone');
        return undefined;
      case 'damaged':
        try {
          await this.#setAside(entry, DAMAGED, read.body);
        } catch (error) {
          this.#noteObject(entry, classifyAwsError('s3', error));
        }
        return undefined;
      case 'other-version':
        this.#skip(entry, { reason: 'other-version', failure: OTHER_VERSION });
        return undefined;
      case 'unreadable':
        this.#failedReads += isAbsence(read.failure) ? 1 : 0;
        if (this.#failedReads >= MAX_FAILED_READS) this.#failure ??= read.failure;
        this.#noteObject(entry, read.failure);
        return undefined;
    }
  }

  /** S3 does not do with it what the pass asks. */
  #noteObject(entry: ListedMarker, failure: AwsFailure): void {
    const trouble = { reason: 'object', failure } as const;
    const reach = reachOf(failure);
    if (isAbsence(failure)) {
      this.tally.skip(entry, trouble, true);
      return;
    }
    if (reach === 'account') {
      this.#failure ??= failure;
      this.tally.leave(entry);
    } else this.#skip(entry, trouble);
  }

  async #publishToTopic(topicArn: string, markers: readonly ReadyMarker[]): Promise<void> {
    const { known, publisher, observe } = this.#parts;
    const isOpen = await this.#topics.enter(topicArn);
    const rest = known.ofTopic(topicArn);
    if (!isOpen || this.#isOver || rest !== undefined) {
      if (isOpen) this.#topics.settle(topicArn, rest === undefined ? 'unknown' : 'closed');
      this.#skipAll(topicArn, markers, rest);
      return;
    }
    const began = performance.now();
    let publishing: Promise<Published>[];
    {
      // Until all of them are there, so that they are one batch.
      using _ = publisher.expect();
      publishing = markers.map((ready) => this.#publish(ready));
    }
    const results = await Promise.all(publishing);
    this.#settle(topicArn, results, began);
    const announced = markers.filter((_, index) => results[index] === 'published');
    for (const { entry, marker } of announced) {
      known.noteAnnounced(entry.key);
      const ageSeconds = Math.max(0, (Date.now() - Date.parse(marker.at)) / 1000);
      const { messageId } = entry;
      observe({ kind: 'outbox-published', messageId, key: marker.key, ageSeconds });
    }
    for (const [index, { entry }] of markers.entries()) {
      this.#conclude(topicArn, entry, results[index]);
    }
    if (announced.length > 0) {
      await this.#remove(
        announced.map(({ entry }) => entry),
        'published',
      );
    }
  }

  async #publish(ready: ReadyMarker): Promise<Published> {
    const { publisher, observe } = this.#parts;
    const { notification } = ready;
    let failure: AwsFailure;
    try {
      await publisher.publish(notification, CALL_MILLIS);
      return 'published';
    } catch (error) {
      failure = classifyAwsError('sns', error);
    }
    if (reachOf(failure) !== 'marker') return failure;
    const left = await publishReduced(notification, failure, {
      publish: (rest) => publisher.publish(rest, CALL_MILLIS),
      classify: (error) => classifyAwsError('sns', error),
      isRefusal: (each) => reachOf(each) === 'marker',
      hasTime: () => true,
    });
    if (left === undefined) {
      const { messageId } = ready.entry;
      observe({ kind: 'notification-reduced', messageId, failure });
      return 'published';
    }
    if (reachOf(left) !== 'marker') return left;
    return this.#refuse(ready, left);
  }

  /** Counts a refusal of the notification itself. */
  async #refuse(
    { entry, marker }: ReadyMarker,
    failure: AwsFailure,
  ): Promise<'refused' | 'dead-letter'> {
    const { objects, maxRefusals } = this.#parts;
    const counted = { ...marker, refusals: marker.refusals + 1 };
    try {
      if (counted.refusals >= maxRefusals) {
        await this.#setAside(entry, failure, Buffer.from(JSON.stringify(counted)));
        return 'dead-letter';
      }
      await objects.countRefusal(entry, counted);
    } catch (error) {
      const s3Failure = classifyAwsError('s3', error);
      // A count that is missing costs another try.
      if (s3Failure.cause === 'unavailable') this.#failure ??= s3Failure;
    }
    return 'refused';
  }

  /** What the answers say about the topic, about SNS and about the pace. */
  #settle(topicArn: string, results: readonly Published[], began: number): void {
    const { known } = this.#parts;
    const millis = performance.now() - began;
    const failures = results.filter((result) => typeof result === 'object');
    const failureOf = (reach: string): AwsFailure | undefined =>
      failures.find((failure) => reachOf(failure) === reach);
    const account = failureOf('account');
    if (account !== undefined) this.#failure ??= account;
    const throttled = failureOf('throttled');
    this.#pace.record(began, millis, throttled === undefined ? 'accepted' : 'throttled');
    if (failures.length < results.length) {
      this.#endOutage();
      this.#throttled = 0;
      known.topicWorks(topicArn);
      this.#topics.settle(topicArn, results.includes('published') ? 'open' : 'unknown');
      return;
    }
    const failure = failureOf('topic') ?? failureOf('service');
    if (failure !== undefined) {
      if (reachOf(failure) === 'service') this.#noteOutage(topicArn, failure);
      else known.noteTopic(topicArn, { reason: 'topic', topicArn, failure });
      this.#topics.settle(topicArn, 'closed');
      return;
    }
    if (throttled !== undefined) {
      this.#throttled += 1;
      if (this.#throttled >= MAX_THROTTLED) this.#failure ??= throttled;
    }
    this.#topics.settle(topicArn, 'unknown');
  }

  /** SNS takes something, so what failed was the trouble of the topics. */
  #endOutage(): void {
    const { known } = this.#parts;
    if (this.#outage === undefined) return;
    const { topics, failure } = this.#outage;
    for (const topicArn of topics)
      known.noteTopic(topicArn, { reason: 'topic', topicArn, failure });
    this.#outage = undefined;
  }

  #noteOutage(topicArn: string, failure: AwsFailure): void {
    this.#outage ??= { failure, topics: new Set(), left: MAX_SEARCHED };
    this.#outage.topics.add(topicArn);
    if (this.#outage.topics.size >= MAX_FAILED_TOPICS) this.#failure ??= failure;
  }

  /** What was published is to be deleted, and is counted then. */
  #conclude(topicArn: string, entry: ListedMarker, result: Published | undefined): void {
    const { known } = this.#parts;
    if (result === 'published' || result === 'dead-letter' || result === undefined) return;
    if (result === 'refused' || reachOf(result) === 'throttled') {
      this.tally.count('refused');
      this.tally.leave(entry);
    } else if (reachOf(result) === 'account') {
      this.tally.leave(entry);
    } else {
      const rest = known.ofTopic(topicArn);
      if (rest !== undefined) known.noteMarkerOf(topicArn, entry.key);
      this.tally.skip(entry, rest ?? { reason: 'topic', topicArn, failure: result }, true);
    }
  }

  #skipAll(topicArn: string, markers: readonly ReadyMarker[], rest: Trouble | undefined): void {
    const { known } = this.#parts;
    for (const { entry } of markers) {
      if (rest === undefined) this.tally.leave(entry);
      else {
        known.noteMarkerOf(topicArn, entry.key);
        this.tally.skip(entry, rest, true);
      }
    }
  }

  #skip(entry: ListedMarker, trouble: Trouble): void {
    this.#parts.known.noteMarker(entry.key, trouble);
    this.tally.skip(entry, trouble, true);
  }

  async #setAside(entry: ListedMarker, failure: AwsFailure, body: Buffer): Promise<void> {
    const { objects, observe } = this.#parts;
    const { messageId, key } = entry;
    await objects.setAside(entry, body);
    this.tally.count('dead-letter');
    observe({ kind: 'outbox-poisoned', messageId, key, failure });
  }

  /**
   * Deletes what was announced. A marker that stays is announced again by other tasks, so the pass ends where none can be
   * deleted; this task only deletes it from now on.
   */
  async #remove(entries: readonly ListedMarker[], outcome: 'published' | 'gone'): Promise<void> {
    const { objects, known } = this.#parts;
    const failures = await objects.remove(entries);
    for (const entry of entries) {
      const failure = failures.get(entry);
      if (failure === undefined) {
        this.#failedDeletes = 0;
        known.forget(entry.key);
        this.tally.count(outcome);
        continue;
      }
      if (outcome === 'published') this.tally.count('undeleted');
      this.#failedDeletes += 1;
      if (this.#failedDeletes >= MAX_FAILED_DELETES) this.#failure ??= failure;
      this.#noteObject(entry, failure);
    }
  }
}

const DAMAGED: AwsFailure = {
  service: 's3',
  cause: 'corrupted',
  code: 'BadMarker',
  message: 'the marker is not the JSON that was written',
};

const OTHER_VERSION: AwsFailure = {
  service: 's3',
  cause: 'refused',
  code: 'OtherVersion',
  message: 'the marker was written by another release',
};
