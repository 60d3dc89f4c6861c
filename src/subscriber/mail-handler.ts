import type { MessagePart, MessagePartsOptions } from '../message/mime/message-parts.ts';
import { HandlerOptionsError, MailInProgressError } from './errors.ts';
import { type FetchedMail, type FetchOptions, fetchMail } from './fetch-mail.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { mailParts } from './mail-parts.ts';
import { type MailNotification, parseNotification } from './parse-notification.ts';
import type { MailsluiceMember } from './ses-notification.ts';

/** What a mail handler is given. */
export interface HandledMail extends MailNotification {
  /** Set when the mail comes from the archive and not for the first time. */
  readonly replay?: NonNullable<MailsluiceMember['replay']>;
  /** Opens the raw mail, as `fetchMail`; give the result to `parseMail` for its parts. */
  fetch(options?: Pick<FetchOptions, 'signal'>): Promise<FetchedMail>;
  /**
   * Fetches the mail and reads it part by part, as `mailParts`: for mail of any size. It needs the option `parts`.
   * @throws HandlerOptionsError without it
   */
  parts(
    options?: Pick<FetchOptions, 'signal'> & MessagePartsOptions,
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
  /** Each mail once, and once more for each replay. Default: as often as it is delivered. */
  readonly idempotency?: IdempotencyStore;
  /** Mails of one batch at once; a FIFO queue's go one by one. Default 4. */
  readonly concurrency?: number;
  /** One entry for each record. Default: a line of JSON on standard output. */
  readonly log?: (entry: MailLogEntry) => void;
}

/** What became of one record. Holds no address and nothing of the mail. */
export interface MailLogEntry {
  readonly event: 'mail-handled';
  /**
   * `done`; `duplicate`: handled before; `skipped`: about no mail; `failed`: comes again, and in the end into
   * the dead-letter queue.
   */
  readonly outcome: 'done' | 'duplicate' | 'skipped' | 'failed';
  readonly messageId?: string;
  /** The id of the replay. */
  readonly replay?: string;
  readonly millis: number;
  readonly error?: { readonly name: string; readonly message: string };
}

/** Of Lambda's context only what is used. */
export interface MailHandlerContext {
  getRemainingTimeInMillis?(): number;
}

export interface MailBatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** The part of Lambda's event for SQS that is used. */
export interface SqsEvent {
  Records: { messageId: string; body: string; eventSource: string; eventSourceARN: string }[];
}

/**
 * A Lambda handler. For SQS it answers with the records that failed, so that only those come again (the
 * event source mapping needs `ReportBatchItemFailures`); for SNS, S3 and SES it rejects when one failed.
 */
export interface MailHandler {
  (event: SqsEvent, context?: MailHandlerContext): Promise<MailBatchResponse>;
  (event: unknown, context?: MailHandlerContext): Promise<void>;
}

/** The longest that a Lambda function may run: a claim of another kind of process is free after it. */
const LEASE_MILLIS = 15 * 60_000;

/**
 * Makes a Lambda handler of a function for one mail.
 *
 * ```ts
 * export const handler = defineMailHandler(async (mail) => {
 *   const { subject, attachments } = await parseMail(await mail.fetch());
 * });
 * ```
 */
export function defineMailHandler(
  handle: (mail: HandledMail, context: MailHandlerContext | undefined) => Promise<unknown>,
  options: MailHandlerOptions = {},
): MailHandler {
  const { idempotency, concurrency = 4, log = writeLine } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new HandlerOptionsError(
      `concurrency: expected a whole number from 1 on, got ${concurrency}`,
    );
  }

  /** Handles one mail; rejects when it has to come again. */
  async function once(
    notification: MailNotification,
    context: MailHandlerContext | undefined,
  ): Promise<Settled> {
    const { s3, sources } = options;
    const replay = replayOf(notification);
    const mail: HandledMail = {
      ...notification,
      ...(replay && { replay }),
      fetch: (more) =>
        fetchMail(notification, { ...(s3 && { s3 }), ...(sources && { sources }), ...more }),
      parts: (more) => requireParts(options)(mail, more),
    };
    if (idempotency === undefined) {
      await handle(mail, context);
      return { outcome: 'done' };
    }
    const lease = context?.getRemainingTimeInMillis?.() ?? LEASE_MILLIS;
    const claim = await idempotency.claim(idempotencyKey(mail), lease);
    if (claim.kind === 'done') return { outcome: 'duplicate' };
    if (claim.kind === 'in-progress') {
      throw new MailInProgressError('another invocation handles this mail now');
    }
    try {
      await handle(mail, context);
    } catch (error) {
      // The mail's own error is the one to tell; the lease frees the claim if this cannot.
      await claim.release().catch(() => undefined);
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

  /** One record, with its log line; gives the error of one that has to come again. */
  async function settle(
    record: unknown,
    context: MailHandlerContext | undefined,
  ): Promise<{ readonly error: unknown } | undefined> {
    const started = performance.now();
    const parsed = parseNotification(record);
    let settled: Settled;
    if (parsed.ok) {
      settled = await once(parsed.value, context).catch((error: unknown) => ({
        outcome: 'failed' as const,
        error,
      }));
    } else {
      settled = {
        outcome: parsed.error.reason === 'not-mail' ? 'skipped' : 'failed',
        error: parsed.error,
      };
    }
    const { outcome, error } = settled;
    const replay = parsed.ok ? replayOf(parsed.value) : undefined;
    log({
      event: 'mail-handled',
      outcome,
      ...(parsed.ok && { messageId: parsed.value.messageId }),
      ...(replay && { replay: replay.id ?? replay.at }),
      millis: Math.round(performance.now() - started),
      ...(error !== undefined && { error: describe(error) }),
    });
    return outcome === 'failed' ? { error } : undefined;
  }

  async function handler(
    event: unknown,
    context?: MailHandlerContext,
  ): Promise<MailBatchResponse | undefined> {
    const records: readonly unknown[] = recordsOf(event);
    if (isSqsEvent(event)) {
      const failed = isFifo(event)
        ? await inOrder(event.Records, (record) => settle(record, context))
        : await inParallel(event.Records, concurrency, (record) => settle(record, context));
      return {
        batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })),
      };
    }
    const errors: unknown[] = [];
    await inParallel(records, concurrency, async (record) => {
      const failure = await settle(record, context);
      if (failure !== undefined) errors.push(failure.error);
      return failure;
    });
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} mails failed`);
    return undefined;
  }
  return handler as MailHandler;
}

function requireParts({ parts }: MailHandlerOptions): typeof mailParts {
  if (parts !== undefined) return parts;
  throw new HandlerOptionsError(
    'parts: expected the function mailParts, got nothing; mail.parts() needs it: defineMailHandler(handle, { parts: mailParts })',
  );
}

interface Settled {
  readonly outcome: MailLogEntry['outcome'];
  readonly error?: unknown;
}

/** A mail counts as another one in each replay: to run new code over old mail is what a replay is for. */
function idempotencyKey({ messageId, replay }: HandledMail): string {
  return replay === undefined ? messageId : `${messageId}@${replay.id ?? replay.at}`;
}

function recordsOf(event: unknown): readonly unknown[] {
  const records: unknown = Object(event)['Records'];
  return Array.isArray(records) ? records : [event];
}

function isSqsEvent(event: unknown): event is SqsEvent {
  const records = recordsOf(event);
  return (
    records.length > 0 && records.every((record) => Object(record)['eventSource'] === 'aws:sqs')
  );
}

function isFifo({ Records }: SqsEvent): boolean {
  return Records.some(({ eventSourceARN }) => String(eventSourceARN).endsWith('.fifo'));
}

type Settle<T> = (record: T) => Promise<{ readonly error: unknown } | undefined>;

/** Gives the records that failed. */
async function inParallel<T>(
  records: readonly T[],
  concurrency: number,
  settle: Settle<T>,
): Promise<T[]> {
  const failed: T[] = [];
  const rest = records.values();
  const worker = async (): Promise<void> => {
    // All workers take from one iterator.
    for (const record of rest) {
      if ((await settle(record)) !== undefined) failed.push(record);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, records.length) }, worker));
  return failed;
}

/**
 * Of a FIFO queue: what comes after a failure waits behind it, or the order would be lost. A permanent failure is its
 * record's alone: nothing that waits behind it would ever come after its success.
 */
async function inOrder<T>(records: readonly T[], settle: Settle<T>): Promise<T[]> {
  const failed: T[] = [];
  for (const [at, record] of records.entries()) {
    const failure = await settle(record);
    if (failure === undefined) continue;
    if (!isPermanent(failure.error)) return [...failed, ...records.slice(at)];
    failed.push(record);
  }
  return failed;
}

/** Whether the record or its mail is at fault, so that every retry fails alike. */
function isPermanent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && PERMANENT_CODES.has(error.code);
}

const PERMANENT_CODES: ReadonlySet<unknown> = new Set([
  'MAILSLUICE_NOTIFICATION_INVALID',
  'MAILSLUICE_MAIL_UNPARSABLE',
]);

function replayOf({ notification }: MailNotification): HandledMail['replay'] {
  return notification?.mailsluice?.replay;
}

const MESSAGE_CHARACTERS = 300;

function describe(error: unknown): { readonly name: string; readonly message: string } {
  if (!(error instanceof Error)) return { name: 'unknown', message: typeof error };
  return { name: error.name, message: error.message.slice(0, MESSAGE_CHARACTERS) };
}

function writeLine(entry: MailLogEntry): void {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}
