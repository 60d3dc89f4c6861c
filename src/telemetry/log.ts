// The log: one JSON object a line on standard output. What may stand in a line is decided here, once: plain
// values of bounded size, and nothing under a name that secrets have.
import { pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Plain data. Buffers, streams and `Secret` are not, so the compiler keeps them out. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Error
  | readonly LogValue[]
  | { readonly [name: string]: LogValue };

export type LogFields = Readonly<Record<string, LogValue>>;

/** Where the parts of the program say what happened. `event` is kebab-case; prose has no place here. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields in every line. */
  child(fields: LogFields): Log;
  /** Writes one line as it is, whatever the level: metrics. */
  write(line: string): void;
  /** Resolves when everything written so far has left the process. */
  flush(): Promise<void>;
}

export interface LogOptions {
  /** The least level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** The file descriptor. Default 1: standard output. */
  readonly fd?: number;
  /** Called for each line that was lost because the reader did not keep up. */
  readonly onDrop?: () => void;
}

/** Octets that wait for a slow reader; lines beyond are dropped and counted, never the mail delayed. */
const QUEUE_OCTETS = 16 * 1024 * 1024;

/** Lines are written together, in the background: when this much has come, and every so often. */
const WRITE_OCTETS = 32 * 1024;
const MAX_WRITE_OCTETS = 64 * 1024;
const WRITE_MILLIS = 50;

/** A normal end of the process writes what is left. */
export function createLog(options: LogOptions = {}): Log {
  const destination = pino.destination({
    fd: options.fd ?? 1,
    sync: false,
    minLength: WRITE_OCTETS,
    maxWrite: MAX_WRITE_OCTETS,
    periodicFlush: WRITE_MILLIS,
    maxLength: QUEUE_OCTETS,
  });
  if (options.onDrop !== undefined) destination.on('drop', options.onDrop);
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return new PinoLog(logger, destination, {});
}

type Logger = pino.Logger<never>;
type Destination = ReturnType<typeof pino.destination>;

class PinoLog implements Log {
  readonly #logger: Logger;
  readonly #destination: Destination;
  readonly #fields: LogFields;

  constructor(logger: Logger, destination: Destination, fields: LogFields) {
    this.#logger = logger;
    this.#destination = destination;
    this.#fields = fields;
  }

  debug(event: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(this.#line(event, fields));
  }

  info(event: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled('info')) this.#logger.info(this.#line(event, fields));
  }

  warn(event: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled('warn')) this.#logger.warn(this.#line(event, fields));
  }

  error(event: string, fields?: LogFields): void {
    if (this.#logger.isLevelEnabled('error')) this.#logger.error(this.#line(event, fields));
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#logger, this.#destination, { ...this.#fields, ...fields });
  }

  write(line: string): void {
    this.#destination.write(`${line}\n`);
  }

  async flush(): Promise<void> {
    // A write that is under way does not take along what came since: the second one does.
    await this.#flushOnce();
    await this.#flushOnce();
  }

  /** A pipe cannot be synced to a disk; what counts is that it was written. */
  #flushOnce(): Promise<void> {
    return new Promise((resolve) => this.#destination.flush(() => resolve()));
  }

  #line(event: string, fields: LogFields | undefined): Record<string, unknown> {
    const line: Record<string, unknown> = { event };
    addPlainFields(line, this.#fields, 0);
    if (fields !== undefined) addPlainFields(line, fields, 0);
    return line;
  }
}

/** Whatever stands under these names is hidden: a second lock behind the types. */
const SECRET_NAMES =
  /^(password|passwd|secret|token|authorization|private_?key|key_?pem|credentials|body|content|initial_?response|response)$/i;
const STRING_CHARACTERS = 1000;
const LIST_ITEMS = 100;
const FIELDS = 100;
const DEPTH = 6;

/** One copy of each line costs less than several: a line is written for each mail. */
function addPlainFields(plain: Record<string, unknown>, fields: LogFields, depth: number): void {
  let count = 0;
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined || !Object.hasOwn(fields, name)) continue;
    if (++count > FIELDS) break;
    plain[name] = isSecretName(name) ? '[hidden]' : plainValue(value, depth);
  }
}

/** Whether a name is one of those; names are few, and are looked at once. */
const secretNames = new Map<string, boolean>();
const KNOWN_NAMES = 1000;

function isSecretName(name: string): boolean {
  let isSecret = secretNames.get(name);
  if (isSecret === undefined) {
    isSecret = SECRET_NAMES.test(name);
    if (secretNames.size < KNOWN_NAMES) secretNames.set(name, isSecret);
  }
  return isSecret;
}

function plainValue(value: LogValue, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH) return '[deep]';
  if (value instanceof Error) return plainError(value, depth + 1);
  if (isList(value)) return value.slice(0, LIST_ITEMS).map((item) => plainValue(item, depth + 1));
  // Past the types: what has its own idea of JSON, as `Secret`, and octets are never shown.
  if (ArrayBuffer.isView(value)) return '[octets]';
  if ('toJSON' in value && typeof value.toJSON === 'function') return '[hidden]';
  const plain: Record<string, unknown> = {};
  addPlainFields(plain, value, depth + 1);
  return plain;
}

function isList(value: LogValue): value is readonly LogValue[] {
  return Array.isArray(value);
}

/** Name, message, code and cause: never the stack, and never the request that an SDK error may carry. */
function plainError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: cut(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.cause instanceof Error ? { cause: plainValue(error.cause, depth) } : {}),
  };
}

function cut(text: string): string {
  return text.length > STRING_CHARACTERS ? `${text.slice(0, STRING_CHARACTERS)}…` : text;
}
