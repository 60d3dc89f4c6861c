// The duplicate guard: a sender that resends a mail because it lost our 250 gets the first messageId again, without a
// second object and a second notification. A conditional write in DynamoDB decides, so the guard is right when two
// tasks get the same mail at once. When a task dies in a commit, the next try of the sender finishes it.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FailureReporter } from './aws/failures.ts';
import { type ClaimRow, ClaimRows, decodeObjects, encodeObjects } from './duplicate-rows.ts';
import type { Observe } from './events.ts';
import type { ReceivedMail } from './intake/received-mail.ts';
import type { DuplicateOptions } from './options.ts';
import type { PlannedObject } from './planned-objects.ts';

export type Claim =
  | OwnedClaim
  | { readonly kind: 'duplicate'; readonly messageId: string }
  /** Another commit of the same mail is in progress and did not end in time. */
  | { readonly kind: 'busy' };

/** The caller commits the mail, and then confirms or withdraws. No method rejects. */
export interface OwnedClaim {
  readonly kind: 'owned';
  /** What an earlier commit was about to store, and may have stored, when its task died or failed. */
  readonly earlier?: readonly PlannedObject[];
  /** The mail becomes these objects instead. `false`: another commit has taken the claim over. */
  replace(objects: readonly PlannedObject[]): Promise<boolean>;
  /** The mail is stored, and announced or in the outbox. */
  confirm(): Promise<void>;
  /** It is not. `mayBeStored`: the next try goes on with the same objects; otherwise it is a new mail. */
  withdraw(mayBeStored: boolean): Promise<void>;
}

/**
 * How long the claim of a task that died keeps others waiting, at most a second more. A commit that takes longer than
 * half of it renews.
 */
const LEASE_SECONDS = 5;
const RENEWAL_MILLIS = (LEASE_SECONDS * 1000) / 2;
const POLL_MILLIS = 250;
/**
 * One call with its retries, and never more than this share of the commit's budget. The last call is made after
 * everything else: 20 s for S3, 8 s for the outbox and this are less than the 30 s after which a commit ends.
 */
const CALL_MILLIS = 1500;
const CALL_SHARE = 0.25;
/** How long the table is left alone after a failure, so that not every mail waits for it. */
const REST_MILLIS = 5000;

/** In doubt a mail is committed: without the guard it may be there twice, but it is never lost. */
export class DuplicateGuard {
  readonly #rows: ClaimRows;
  readonly #windowSeconds: number;
  readonly #failures: FailureReporter;
  readonly #observe: Observe;
  #restUntil = 0;

  constructor(
    { dynamoDb, table, windowSeconds }: DuplicateOptions,
    failures: FailureReporter,
    observe: Observe,
  ) {
    this.#rows = new ClaimRows(dynamoDb, table);
    this.#windowSeconds = windowSeconds;
    this.#failures = failures;
    this.#observe = observe;
  }

  /** `objects`: what the mail will become. Waits up to `millis` for another commit of the same mail. Never rejects. */
  async claim(
    mail: ReceivedMail,
    objects: readonly PlannedObject[],
    millis: number,
  ): Promise<Claim> {
    if (performance.now() < this.#restUntil) return unguarded;
    const callMillis = Math.min(CALL_MILLIS, millis * CALL_SHARE);
    const pk = duplicateKey(mail);
    const owner = randomUUID();
    const until = performance.now() + millis;
    try {
      let other: ClaimRow | undefined;
      for (;;) {
        if (other !== undefined && other.expiresAt > nowSeconds()) {
          if (other.state === 'done') return { kind: 'duplicate', messageId: other.messageId };
          if (performance.now() + POLL_MILLIS > until) return { kind: 'busy' };
          await sleep(POLL_MILLIS * (0.5 + Math.random()));
        } else {
          const earlier =
            other?.state === 'pending' && other.ttl > nowSeconds()
              ? decodeObjects(other.objects, objects)
              : undefined;
          const row = this.#pendingRow(earlier ?? objects, owner);
          if (await this.#rows.put(pk, row, other, callMillis)) {
            return this.#own(pk, row, callMillis, earlier);
          }
        }
        other = await this.#rows.read(pk, callMillis);
      }
    } catch (error) {
      this.#rest(mail.facts.messageId, error);
      return unguarded;
    }
  }

  #own(
    pk: string,
    first: ClaimRow,
    callMillis: number,
    earlier: readonly PlannedObject[] | undefined,
  ): OwnedClaim {
    let row = first;
    let renewal: Promise<unknown> = Promise.resolve();
    const put = (next: ClaimRow): Promise<boolean | undefined> =>
      this.#rows.put(pk, next, undefined, callMillis).catch((error: unknown) => {
        this.#rest(row.messageId, error);
        return undefined;
      });
    const timer = setInterval(() => {
      const renewed = { ...row, expiresAt: leaseEnd() };
      renewal = put(renewed).then((isOwn) => {
        // Taken over: the other commit stores the same objects, or finds ours.
        if (isOwn === false) clearInterval(timer);
      });
    }, RENEWAL_MILLIS);
    timer.unref();
    /** Nothing is written after the last word. */
    const end = (): Promise<unknown> => {
      clearInterval(timer);
      return renewal;
    };
    return {
      kind: 'owned',
      ...(earlier && { earlier }),
      replace: async (objects) => {
        await renewal;
        row = this.#pendingRow(objects, row.owner);
        return (await put(row)) !== false;
      },
      confirm: async () => {
        await end();
        const expiresAt = nowSeconds() + this.#windowSeconds;
        await put({ ...row, state: 'done', expiresAt, ttl: expiresAt, objects: '' });
      },
      withdraw: async (mayBeStored) => {
        await end();
        if (mayBeStored) {
          await put({ ...row, expiresAt: nowSeconds() });
          return;
        }
        await this.#rows
          .remove(pk, row.owner, callMillis)
          .catch((error: unknown) => this.#rest(row.messageId, error));
      },
    };
  }

  #pendingRow(objects: readonly PlannedObject[], owner: string): ClaimRow {
    const expiresAt = leaseEnd();
    return {
      messageId: objects[0]?.messageId ?? '',
      state: 'pending',
      expiresAt,
      // Beyond the lease, since another task needs what the row has.
      ttl: Math.max(expiresAt, nowSeconds() + this.#windowSeconds),
      owner,
      objects: encodeObjects(objects),
    };
  }

  #rest(messageId: string, error: unknown): void {
    this.#restUntil = performance.now() + REST_MILLIS;
    const failure = this.#failures.classify('dynamodb', error);
    this.#observe({ kind: 'duplicate-guard-failed', messageId, failure });
  }
}

/** The claim of a mail that goes on without the guard. */
const unguarded: OwnedClaim = {
  kind: 'owned',
  replace: async () => true,
  confirm: async () => undefined,
  withdraw: async () => undefined,
};

/**
 * The same listener, user, envelope and content, as received and as stored: another task may normalize what this one does
 * not. What a stranger brings to the public listener never answers for the mail of a user. Recipients count once each, in
 * any order.
 */
function duplicateKey({ facts, sha256, stored }: ReceivedMail): string {
  const { session, envelope } = facts;
  const recipients = new Set(envelope.recipients.map(({ forwardPath }) => forwardPath.address));
  const hash = createHash('sha256');
  // JSON keeps the fields apart, whatever they contain.
  hash.update(
    JSON.stringify([
      session.listener,
      session.identity?.username ?? null,
      envelope.reversePath?.address ?? null,
      [...recipients].sort(),
      sha256.toString('hex'),
      ...(stored ? [stored.sha256.toString('hex')] : []),
    ]),
  );
  return `duplicate#${hash.digest('hex')}`;
}

/** Never less than the lease, though the present second has begun. */
function leaseEnd(): number {
  return nowSeconds() + 1 + LEASE_SECONDS;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
