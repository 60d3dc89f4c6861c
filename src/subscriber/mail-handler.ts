import type { SQSClient } from '@aws-sdk/client-sqs';
import type { MessagePart, MessagePartsOptions } from '../message/mime/message-parts.ts';
import { sendDeadLetter } from './dead-letters.ts';
import {
  type Deadline,
  type MailHandlerContext,
  remainingMillis,
  startDeadline,
} from './deadline.ts';
import {
  HandlerOptionsError,
  isGivenUp,
  isPermanent,
  MailBatchError,
  MailInProgressError,
} from './errors.ts';
import {
  batchOf,
  type FirehoseEvent,
  type FirehoseResponse,
  type MailBatchResponse,
  type SqsEvent,
} from './event-answer.ts';
import { type FetchedMail, type FetchOptions, fetchMail } from './fetch-mail.ts';
import {
  describeError,
  type MailLog,
  type MailOutcome,
  writeEntry,
  writeLine,
} from './handler-log.ts';
import { type IdempotencyKey, idempotencyKeyOf } from './idempotency-key.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { MailNotification, MailObject } from './mail-notification.ts';
import type { mailParts } from './mail-parts.ts';
import { findMails, type FoundMail } from './parse-notification.ts';
import { inOrder, inParallel, type SettledRecord } from './record-order.ts';
import type { MailsluiceMember } from './ses-notification.ts';

/** What a mail handler is given. */
export interface HandledMail extends MailNotification {
  /** Set when the mail comes from the archive and not for the first time. */
  readonly replay?: NonNullable<MailsluiceMember['replay']>;
  /** The record of the event as Lambda gave it, for example an `SQSRecord`. */
  readonly record: unknown;
  /** How often SQS has delivered the record, this time included. Absent where no queue counts. */
  readonly receiveCount?: number;
  /** Aborts shortly before Lambda ends the invocation. Pass it on to what takes time. */
  readonly signal: AbortSignal;
  /** Opens the raw mail, as `fetchMail`; give the result to `parseMail` for its parts. Ends with `signal`. */
  fetch(options?: Pick<FetchOptions, 'signal' | 'silenceMillis'>): Promise<FetchedMail>;
  /**
   * Fetches the mail and reads it part by part, as `mailParts`: for mail of any size. It needs the option `parts`.
   * @throws HandlerOptionsError without it
   */
  parts(
    options?: Pick<FetchOptions, 'signal' | 'silenceMillis'> & MessagePartsOptions,
  ): AsyncGenerator<MessagePart, void, undefined>;
}

export interface MailHandlerOptions {
  /** For `mail.fetch()`. Default: one client for the whole process, made at the first call. */
  readonly s3?: FetchOptions['s3'];
  /** For `mail.fetch()`: the only objects that are read, as `fetchMail` takes them. */
  readonly sources?: FetchOptions['sources'];
  /**
   * For `mail.parts()`: the function `mailParts`. Without it, no parser is part of the bundle of a handler that parses no
   * mail.
   */
  readonly parts?: typeof mailParts;
  /**
   * Where the object of a mail is whose event does not say it, as that of the Lambda action of SES behind an S3 action.
   * Default: such a mail has no object.
   */
  readonly locate?: (mail: MailNotification) => MailObject | undefined;
  /** Each mail once, and once more for each replay. Default: as often as it is delivered. */
  readonly idempotency?: IdempotencyStore;
  /** What counts as the same mail. Default `messageId`. */
  readonly idempotencyKey?: IdempotencyKey<HandledMail>;
  /** Mails of one batch at once; a FIFO queue's go one by one. Default 4. */
  readonly concurrency?: number;
  /**
   * Whether the event source mapping has `ReportBatchItemFailures`. Default true. A function cannot see it: without it, an
   * answer that names one record deletes that one too, so `false` makes one failure fail the whole batch.
   */
  readonly reportBatchItemFailures?: boolean;
  /** A queue for the mails that no retry will handle. Default: they come again until SQS moves them. */
  readonly deadLetterQueueUrl?: string | undefined;
  /** For `deadLetterQueueUrl`. Default: one client for the whole process, made at the first call. */
  readonly sqs?: SQSClient;
  /**
   * How long before the timeout of the function `signal` aborts and no mail is begun any more; when half of it is left, the
   * answer is given. Default 2,000, but at most a fifth of the time that is left at the beginning.
   */
  readonly deadlineMarginMillis?: number;
  /** Gets an entry for each mail, and the error itself. Default: the entry as a line of JSON on standard output. */
  readonly log?: MailLog;
}

/**
 * A Lambda handler. For SQS, and Pipes from SQS, it answers with the records that failed, so that only those come again (the
 * event source mapping needs `ReportBatchItemFailures`); for Firehose it answers for each record. It rejects when all
 * records failed, and for SNS, S3 and SES when one failed.
 */
export interface MailHandler<Context = MailHandlerContext | undefined> {
  (event: SqsEvent | SqsEvent['Records'], context?: Context): Promise<MailBatchResponse>;
  (event: FirehoseEvent, context?: Context): Promise<FirehoseResponse>;
  (event: unknown, context?: Context): Promise<void>;
}

/** The longest that a Lambda function may run: a claim of another kind of process is free after it. */
const LEASE_MILLIS = 15 * 60_000;
/** Two machines compare their clocks, and Lambda ends a function a little late. */
const LEASE_SLACK_MILLIS = 2_000;

interface Settled {
  readonly outcome: MailOutcome;
  readonly error?: unknown;
}

/** One call of the handler. */
interface Invocation<Context> {
  readonly context: Context;
  readonly deadline: Deadline;
}

/**
 * Makes a Lambda handler of a function for one mail.
 *
 * ```ts
 * export const handler = defineMailHandler(async (mail) => {
 *   const { subject, attachments } = await parseMail(await mail.fetch());
 * });
 * ```
 *
 * @throws HandlerOptionsError
 */
export function defineMailHandler<
  Context extends MailHandlerContext | undefined = MailHandlerContext | undefined,
>(
  handle: (mail: HandledMail, context: Context) => Promise<unknown>,
  options: MailHandlerOptions = {},
): MailHandler<Context> {
  const { concurrency = 4, deadlineMarginMillis: margin, log = writeLine } = options;
  requireOptions(concurrency, margin, options.deadLetterQueueUrl);

  /** Handles one mail; rejects when `handle` failed or could not be called. */
  async function once(
    notification: MailNotification,
    record: unknown,
    { context, deadline }: Invocation<Context>,
  ): Promise<Settled> {
    const mail = handledMail(notification, record, deadline.signal, options);
    const { idempotency } = options;
    if (idempotency === undefined) {
      await handle(mail, context);
      return { outcome: 'done' };
    }
    const key = await idempotencyKeyOf(mail, options.idempotencyKey ?? 'messageId');
    const left = remainingMillis(context);
    const claim = await idempotency.claim(
      key,
      left === undefined ? LEASE_MILLIS : left + LEASE_SLACK_MILLIS,
    );
    if (claim.kind === 'done') return { outcome: 'duplicate' };
    if (claim.kind === 'in-progress') {
      throw new MailInProgressError('another invocation handles this mail now');
    }
    try {
      await handle(mail, context);
    } catch (error) {
      // The mail's own error is the one to tell; the lease frees the claim if this cannot.
      const isOver = isGivenUp(error) && options.deadLetterQueueUrl === undefined;
      await ignoreFailure(() => (isOver ? claim.complete() : claim.release()));
      throw error;
    }
    try {
      await claim.complete();
    } catch (error) {
      // It was handled: to have it delivered again would be worse than to forget that it was.
      return { outcome: 'done', error };
    }
    return { outcome: 'done' };
  }

  async function settle(
    { parsed, part }: FoundMail,
    record: unknown,
    isWhole: boolean,
    invocation: Invocation<Context>,
  ): Promise<Settled> {
    const { deadline } = invocation;
    if (!parsed.ok && parsed.error.reason === 'not-mail') {
      return { outcome: 'skipped', error: parsed.error };
    }
    if (deadline.signal.aborted) return { outcome: 'handed-back', error: deadline.signal.reason };
    try {
      if (!parsed.ok) throw parsed.error;
      return await deadline.race(once(parsed.value, record, invocation));
    } catch (error) {
      if (!isPermanent(error)) return { outcome: 'failed', error };
      const { deadLetterQueueUrl: url, sqs } = options;
      if (url === undefined) return { outcome: isGivenUp(error) ? 'abandoned' : 'failed', error };
      try {
        await sendDeadLetter(url, { record, part, isWhole, error }, sqs, deadline.signal);
        return { outcome: 'dead-lettered', error };
      } catch (failure) {
        return { outcome: 'failed', error: failure };
      }
    }
  }

  /** All mails of one record, one after another, each with its log entry. */
  async function settleRecord(
    record: unknown,
    invocation: Invocation<Context>,
  ): Promise<SettledRecord> {
    const found = findMails(record);
    const errors: unknown[] = [];
    for (const each of found) {
      const started = performance.now();
      const settled = await settle(each, record, found.length === 1, invocation);
      report(each, record, settled, performance.now() - started);
      if (comesAgain(settled)) errors.push(settled.error);
    }
    return { errors, isPermanent: errors.every(isPermanent) };
  }

  function report({ parsed }: FoundMail, record: unknown, settled: Settled, millis: number): void {
    const { outcome, error } = settled;
    const replay = parsed.ok ? replayOf(parsed.value) : undefined;
    const receiveCount = receiveCountOf(record);
    const entry = {
      event: 'mail-handled',
      outcome,
      ...(parsed.ok && { messageId: parsed.value.messageId }),
      ...(replay && { replay: replay.id ?? replay.at }),
      ...(receiveCount !== undefined && { receiveCount }),
      millis: Math.round(millis),
      ...('error' in settled && { error: describeError(error) }),
    } as const;
    writeEntry(log, entry, error);
  }

  async function handler(
    event: unknown,
    context?: Context,
  ): Promise<MailBatchResponse | FirehoseResponse | undefined> {
    const { records, isOrdered, answer } = batchOf(event);
    const deadline = startDeadline(context, margin);
    const invocation = { context: context as Context, deadline };
    const settleOne = (record: unknown) => settleRecord(record, invocation);
    const handBack = (record: unknown): void => {
      for (const each of findMails(record)) report(each, record, { outcome: 'handed-back' }, 0);
    };
    try {
      const failed = isOrdered
        ? await inOrder(records, settleOne, handBack)
        : await inParallel(records, concurrency, settleOne);
      const isAnswered =
        answer !== undefined &&
        options.reportBatchItemFailures !== false &&
        failed.records.size < records.length;
      if (failed.records.size > 0 && !isAnswered) throw oneError(failed.errors);
      return answer?.(failed.records);
    } finally {
      deadline.end();
    }
  }
  return handler as MailHandler<Context>;
}

function requireOptions(
  concurrency: number,
  margin: number | undefined,
  deadLetterQueueUrl: string | undefined,
): void {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new HandlerOptionsError(
      `concurrency: expected a whole number from 1 on, got ${concurrency}`,
    );
  }
  if (margin !== undefined && !(margin > 0)) {
    throw new HandlerOptionsError(
      `deadlineMarginMillis: expected a number of milliseconds above 0, got ${margin}`,
    );
  }
  if (deadLetterQueueUrl !== undefined && !URL.canParse(deadLetterQueueUrl)) {
    throw new HandlerOptionsError(
      `deadLetterQueueUrl: expected the URL of a queue, got ${JSON.stringify(deadLetterQueueUrl)}`,
    );
  }
}

function requireParts(parts: MailHandlerOptions['parts']): typeof mailParts {
  if (parts !== undefined) return parts;
  throw new HandlerOptionsError(
    'parts: expected the function mailParts, got nothing; mail.parts() needs it: defineMailHandler(handle, { parts: mailParts })',
  );
}

function handledMail(
  notification: MailNotification,
  record: unknown,
  deadline: AbortSignal,
  { s3, sources, locate, parts }: MailHandlerOptions,
): HandledMail {
  const replay = replayOf(notification);
  const receiveCount = receiveCountOf(record);
  const object = notification.object ?? locate?.(notification);
  const located = { ...notification, ...(object && { object }) };
  const mail: HandledMail = {
    ...located,
    ...(replay && { replay }),
    record,
    ...(receiveCount !== undefined && { receiveCount }),
    signal: deadline,
    fetch: ({ signal, ...more } = {}) =>
      fetchMail(located, {
        ...(s3 && { s3 }),
        ...(sources && { sources }),
        ...more,
        signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      }),
    parts: (more) => requireParts(parts)(mail, more),
  };
  return mail;
}

function comesAgain({ outcome }: Settled): boolean {
  return outcome === 'failed' || outcome === 'handed-back';
}

/** What Lambda gets: an Error, whatever was thrown. */
function oneError(errors: readonly unknown[]): Error {
  const [first] = errors;
  if (errors.length > 1) {
    return new MailBatchError(
      errors,
      `${errors.length} mails failed, the first with: ${describeError(first).message}`,
    );
  }
  return first instanceof Error
    ? first
    : new MailBatchError([first], `the handler threw no Error: ${describeError(first).message}`);
}

/** A function of the user may fail in every way, also without a promise. */
async function ignoreFailure(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch {
    // Told by the error that led here.
  }
}

function replayOf({ notification }: MailNotification): HandledMail['replay'] {
  return notification?.mailsluice?.replay;
}

function receiveCountOf(record: unknown): number | undefined {
  const attributes: unknown = Object(record)['attributes'];
  const count = Number(Object(attributes)['ApproximateReceiveCount']);
  return Number.isInteger(count) && count > 0 ? count : undefined;
}
