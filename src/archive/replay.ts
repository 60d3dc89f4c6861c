// Announces stored mails once more. Survives anything without a gap: a mail counts only when the destination
// has it and every selected mail before it is settled too.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { rebuildNotification } from '../bridge/index.ts';
import { type Destination, MailRefusedError } from './destinations/destination.ts';
import { mapInOrder } from './in-order.ts';
import type { Place } from './list-mail.ts';
import { isAboutThisMail, type SelectedMail } from './selection.ts';
import { openMail } from './open-mail.ts';

/** One run, or one run in several pieces: what marks its notifications. */
export interface ReplayMark {
  readonly id: string;
  /** ISO 8601: when the run began first. */
  readonly at: string;
}

export function newReplayMark(): ReplayMark {
  return { id: randomUUID(), at: new Date().toISOString() };
}

export interface ReplayOptions {
  readonly destination: Destination;
  readonly mark: ReplayMark;
  /** Deliveries under way at once. Default 10. */
  readonly concurrency?: number;
  /** Mails begun in a second at most. Default: no bound but `concurrency`. */
  readonly ratePerSecond?: number;
  /** Told of each mail in the selection's order; awaited, so it may write down how far it came. */
  readonly onSettled?: (outcome: ReplayOutcome) => Promise<void> | void;
  /** Nothing new is begun; what is under way is finished. */
  readonly signal?: AbortSignal;
}

export interface ReplayOutcome {
  readonly mail: SelectedMail;
  /** Why this mail could not be announced; `undefined`: it was. */
  readonly failure?: string;
}

/**
 * Delivers the mails, and settles when all are settled or the signal came.
 * @throws what the destination or S3 failed with, where that is not about one mail; every outcome before it
 * was told.
 */
export async function replay(
  place: Place,
  mails: AsyncIterable<SelectedMail>,
  options: ReplayOptions,
): Promise<void> {
  const { destination, mark, concurrency = 10, ratePerSecond, onSettled, signal } = options;
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
  for await (const outcome of outcomes) await onSettled?.(outcome);
}

async function deliver(
  place: Place,
  mail: SelectedMail,
  destination: Destination,
  mark: ReplayMark,
): Promise<ReplayOutcome> {
  const { key, messageId } = mail;
  try {
    const notification = await rebuildNotification(place, key, { at: mark.at, id: mark.id });
    const open = async (): Promise<Readable> => (await openMail(place, key)).stream;
    await destination.deliver({ key, messageId, notification, open });
    return { mail };
  } catch (error) {
    if (error instanceof MailRefusedError || isAboutThisMail(error)) {
      return { mail, failure: (error as Error).message };
    }
    throw error;
  }
}

/** Settles not more often than so many times a second, evenly. */
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
