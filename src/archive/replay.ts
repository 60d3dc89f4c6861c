// Announces stored mails again. A run can end at any point without a gap: a mail counts only when the destination has
// it and every selected mail before it has its outcome too.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { notificationOf } from '../bridge/index.ts';
import {
  type Destination,
  MailRefusedError,
  type ReplayedMail,
} from './destinations/destination.ts';
import { mapInOrder, untilAborted } from './in-order.ts';
import type { Place } from './list-mail.ts';
import { openMail } from './open-mail.ts';
import { readMailHead } from './read-mail.ts';
import type { SelectedMail } from './select-mail.ts';
import { UnreadableMailError } from './unreadable-mail.ts';

/** What marks the notifications of one replay, over all of its runs. */
export interface ReplayMark {
  readonly id: string;
  /** ISO 8601: when its first run began. */
  readonly at: string;
}

export function newReplayMark(): ReplayMark {
  return { id: randomUUID(), at: new Date().toISOString() };
}

export interface ReplayOptions {
  readonly destination: Destination;
  readonly mark: ReplayMark;
  /** Deliveries in progress at once. Default 10. */
  readonly concurrency?: number;
  /** Mails begun in a second at most. Default: as many as `concurrency` allows. */
  readonly ratePerSecond?: number;
  /** Called with each outcome in the order of the selection, and awaited, so that it may record the progress. */
  readonly onOutcome?: (outcome: ReplayOutcome) => Promise<void> | void;
  /** Begins no further mail; what is in progress is finished. */
  readonly signal?: AbortSignal;
}

export interface ReplayOutcome {
  readonly mail: SelectedMail;
  /** Why this mail could not be announced; `undefined`: it was. */
  readonly failure?: string;
  /** The failure is that this mail cannot be read. */
  readonly unreadable?: UnreadableMailError;
}

/**
 * Delivers the mails until all are delivered or the signal aborts.
 * @throws the error of the destination or of S3, where it does not concern one mail; `onOutcome` has had every outcome
 * before it.
 */
export async function replay(
  place: Place,
  mails: AsyncIterable<SelectedMail>,
  options: ReplayOptions,
): Promise<void> {
  const { destination, mark, concurrency = 10, ratePerSecond, onOutcome, signal } = options;
  const pace = createPace(ratePerSecond);

  async function* paced(): AsyncGenerator<SelectedMail> {
    for await (const mail of mails) {
      await pace();
      yield mail;
    }
  }
  // In two steps, so that the deliveries begin in the order of the selection, whichever mail was read first.
  const prepared = mapInOrder(untilAborted(paced(), signal), concurrency, (mail) =>
    prepare(place, mail, mark),
  );
  const inGroups = createGroups();
  const outcomes = mapInOrder(untilAborted(prepared, signal), concurrency, ({ mail, ready }) => {
    if (ready instanceof UnreadableMailError) return Promise.resolve(failed(mail, ready));
    return inGroups(destination.groupOf?.(ready), () => deliver(mail, ready, destination));
  });
  for await (const outcome of outcomes) await onOutcome?.(outcome);
}

interface Prepared {
  readonly mail: SelectedMail;
  readonly ready: ReplayedMail | UnreadableMailError;
}

async function prepare(place: Place, mail: SelectedMail, mark: ReplayMark): Promise<Prepared> {
  const { key, messageId } = mail;
  try {
    if (mail.unreadable !== undefined) throw mail.unreadable;
    const head = await readMailHead(place, key);
    const notification = notificationOf(place, key, head, { at: mark.at, id: mark.id });
    const open = async (): Promise<Readable> => (await openMail(place, key)).stream;
    return { mail, ready: { key, messageId, replayId: mark.id, notification, open } };
  } catch (error) {
    if (error instanceof UnreadableMailError) return { mail, ready: error };
    throw error;
  }
}

async function deliver(
  mail: SelectedMail,
  ready: ReplayedMail,
  destination: Destination,
): Promise<ReplayOutcome> {
  try {
    await destination.deliver(ready);
    return { mail };
  } catch (error) {
    if (error instanceof UnreadableMailError) return failed(mail, error);
    if (error instanceof MailRefusedError) return { mail, failure: error.message };
    throw error;
  }
}

function failed(mail: SelectedMail, unreadable: UnreadableMailError): ReplayOutcome {
  return { mail, failure: unreadable.message, unreadable };
}

/** Runs the actions of one group one after the other. Where one throws, those behind it are not begun, and throw too. */
function createGroups(): <T>(group: string | undefined, action: () => Promise<T>) => Promise<T> {
  /** The last action of each group that has one in progress. */
  const last = new Map<string, Promise<unknown>>();
  return (group, action) => {
    if (group === undefined) return action();
    const own = (last.get(group) ?? Promise.resolve()).then(action);
    last.set(group, own);
    const forget = (): void => {
      if (last.get(group) === own) last.delete(group);
    };
    own.then(forget, forget);
    return own;
  };
}

/** Settles at most so many times a second, evenly spaced. */
function createPace(perSecond: number | undefined): () => Promise<void> {
  if (perSecond === undefined) return async () => undefined;
  let next = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + 1000 / perSecond;
    if (at > now) await sleep(at - now);
  };
}
