// Announces stored mails again. A run can end at any point without a gap: a mail counts only when the destination has
// it and every selected mail before it has its outcome too.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { notificationOf } from '../bridge/index.ts';
import { type Destination, MailRefusedError } from './destinations/destination.ts';
import { mapInOrder } from './in-order.ts';
import type { Place } from './list-mail.ts';
import { openMail } from './open-mail.ts';
import { readMailHead } from './read-mail.ts';
import type { SelectedMail } from './selection.ts';
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

  async function* begun(): AsyncGenerator<SelectedMail> {
    for await (const mail of mails) {
      await pace();
      if (signal?.aborted) return;
      yield mail;
    }
  }
  const outcomes = mapInOrder(begun(), concurrency, (mail) =>
    deliver(place, mail, destination, mark),
  );
  for await (const outcome of outcomes) await onOutcome?.(outcome);
}

async function deliver(
  place: Place,
  mail: SelectedMail,
  destination: Destination,
  mark: ReplayMark,
): Promise<ReplayOutcome> {
  const { key, messageId } = mail;
  try {
    if (mail.unreadable !== undefined) throw mail.unreadable;
    const head = await readMailHead(place, key);
    const notification = notificationOf(place, key, head, { at: mark.at, id: mark.id });
    const open = async (): Promise<Readable> => (await openMail(place, key)).stream;
    await destination.deliver({ key, messageId, replayId: mark.id, notification, open });
    return { mail };
  } catch (error) {
    if (error instanceof UnreadableMailError)
      return { mail, failure: error.message, unreadable: error };
    if (error instanceof MailRefusedError) return { mail, failure: error.message };
    throw error;
  }
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
