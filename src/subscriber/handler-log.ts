// What a handler logs: one entry for each mail, without an address or anything of the mail.

/** The outcome of one mail. */
export type MailOutcome =
  /** `handle` ended well. */
  | 'done'
  /** Handled before: the idempotency store has it. */
  | 'duplicate'
  /** The record is healthy and about no mail. */
  | 'skipped'
  /** `handle` threw a `PermanentFailure`, and there is no queue for it: the mail does not come again. */
  | 'abandoned'
  /** Sent to `deadLetterQueueUrl`: the mail does not come again. */
  | 'dead-lettered'
  /** Not begun, for lack of time or because one before it failed in a FIFO queue: it comes again. */
  | 'handed-back'
  /** It comes again, and in the end is in the dead-letter queue of its queue. */
  | 'failed';

/** The log entry of one mail. Holds no address and nothing of the mail. */
export interface MailLogEntry {
  readonly event: 'mail-handled';
  readonly outcome: MailOutcome;
  readonly messageId?: string;
  /** The id of the replay. */
  readonly replay?: string;
  /** How often SQS has delivered the record. */
  readonly receiveCount?: number;
  readonly millis: number;
  readonly error?: MailLogError;
}

export interface MailLogError {
  readonly name: string;
  /** At most 500 characters. */
  readonly message: string;
  /** Of Mailsluice (`MAILSLUICE_…`) or of the operating system (`ECONNRESET`). */
  readonly code?: string;
  /** AWS's code, of the error or of its nearest cause: `AccessDenied`. */
  readonly awsCode?: string;
  /** For AWS Support. */
  readonly awsRequestId?: string;
  /** Where a function of yours threw: at most 10 frames. Not for the errors of Mailsluice and their causes. */
  readonly stack?: readonly string[];
  readonly cause?: MailLogError;
}

/** Gets the entry and, where there is one, the error itself. */
export type MailLog = (entry: MailLogEntry, error?: unknown) => void;

const MESSAGE_CHARACTERS = 500;
const FRAMES = 10;
/** A cause may be its own. */
const CAUSES = 3;

/** Writes an entry. Whatever `log` does, the mail's outcome stays what it is. */
export function writeEntry(log: MailLog, entry: MailLogEntry, error: unknown): void {
  const failed = (logError: unknown): void => {
    writeLine({ ...entry, logError: describeError(logError) });
  };
  try {
    const written: unknown = log(entry, error);
    // A log function that is async: nobody else would take its rejection.
    Promise.resolve(written).catch(failed);
  } catch (logError) {
    failed(logError);
  }
}

/** The default log: a line of JSON on standard output. */
export function writeLine(entry: object): void {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

/** What an entry says of an error, whatever was thrown. */
export function describeError(error: unknown, causes = CAUSES): MailLogError {
  try {
    return describe(error, causes);
  } catch {
    return { name: 'unknown', message: 'an error that cannot be read' };
  }
}

function describe(error: unknown, causes: number, withStack = true): MailLogError {
  if (!(error instanceof Error)) {
    return {
      name: 'unknown',
      message: typeof error === 'string' ? clip(error) : `a thrown ${typeof error}`,
    };
  }
  const { name, message, cause } = error;
  const code: unknown = Object(error)['code'];
  const ours = typeof code === 'string' && code.startsWith('MAILSLUICE_');
  const stack = ours || !withStack ? [] : framesOf(error);
  const aws = awsAnswer(error, causes);
  return {
    name: String(name),
    message: clip(String(message)),
    ...(typeof code === 'string' && { code }),
    ...(aws?.code !== undefined && { awsCode: aws.code }),
    ...(aws?.requestId !== undefined && { awsRequestId: aws.requestId }),
    ...(stack.length > 0 && { stack }),
    ...(cause !== undefined &&
      causes > 0 && { cause: describe(cause, causes - 1, withStack && !ours) }),
  };
}

/** The frames alone: the message before them is clipped, or of several lines. */
function framesOf({ stack }: Error): string[] {
  const lines = typeof stack === 'string' ? stack.split('\n') : [];
  return lines
    .filter((line) => /^\s+at /.test(line))
    .slice(0, FRAMES)
    .map((line) => line.trim());
}

function awsAnswer(
  error: unknown,
  causes: number,
): { readonly code: string; readonly requestId: string | undefined } | undefined {
  if (!(error instanceof Error)) return undefined;
  const { $metadata, Code } = Object(error) as {
    readonly $metadata?: { readonly requestId?: unknown };
    readonly Code?: unknown;
  };
  if ($metadata === undefined) return causes > 0 ? awsAnswer(error.cause, causes - 1) : undefined;
  const { requestId } = $metadata;
  return {
    code: typeof Code === 'string' ? Code : error.name,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  };
}

function clip(text: string): string {
  return text.slice(0, MESSAGE_CHARACTERS);
}
