// The log grows with clients and minutes, not with commands and connections: of the lines that one client causes in a
// minute for the same reason, the first are written whole and the rest become one line with their number.
import { clientNetwork } from '../../net/addresses.ts';
import type { Log, LogFields } from '../../telemetry/index.ts';
import type { FieldsOf, LoggedKind, Owner } from './events.ts';

type Kind = { [O in Owner]: LoggedKind<O> }[Owner];
/** The fields that the table of events gives to the line. */
type Field<K extends Kind> = {
  [O in Owner]: K extends LoggedKind<O> ? FieldsOf<O, K> : never;
}[Owner];

/** The lines that a client can cause again and again, and the fields that say why; a mail that was taken is not one. */
const LIMITED_KINDS = {
  'accept-failed': ['listener', 'code'],
  'connection-refused': ['listener', 'rule'],
  'connection-shed': ['listener', 'reason'],
  'tls-failed': ['listener', 'code'],
  refused: ['listener', 'verb', 'code', 'rule'],
  ended: ['listener', 'rule'],
  failure: ['listener', 'where'],
  'message-deferred': ['listener', 'code', 'cause'],
  'message-refused': ['listener', 'code', 'rule', 'subject'],
  'client-refused': ['listener', 'rule', 'subject'],
  'foreign-answer': ['server'],
  'message-discarded': ['listener', 'cause'],
  'message-shed': ['listener', 'reason'],
  'sign-in-accepted': ['listener', 'username'],
  'sign-in-refused': ['listener', 'mechanism', 'cause', 'code', 'username'],
  'identity-without-credential': ['listener'],
  'table-unavailable': ['operation', 'error'],
  'issuer-unavailable': ['error'],
  'credential-unreadable': ['username', 'attribute'],
  'scan-failed': ['scanner', 'reason'],
} as const satisfies { readonly [K in Kind]?: readonly Field<K>[] };

const LIMITED: Readonly<Record<string, readonly string[]>> = LIMITED_KINDS;

/** What is true of one line only, and is left out of the line for many. */
const OF_ONE = new Set([
  'sessionId',
  'clientPort',
  'messageId',
  'clientAddress',
  'helo',
  'argument',
]);

const MINUTE_MILLISECONDS = 60_000;
/** Lines of one client, for one reason, that are written whole in a minute. */
export const WHOLE_LINES = 20;
/** Lines of one client that are written whole in a minute. */
export const WHOLE_LINES_OF_CLIENT = 200;
/** Reasons of one client that are counted separately. Further ones are counted by their event. */
export const REASONS_OF_CLIENT = 100;
/** Reasons that are counted at one time; some 10 MB. */
const REASONS = 20_000;
const CHECK_MILLISECONDS = 5000;

type Level = 'info' | 'warn' | 'error';

interface Repeated {
  readonly level: Level;
  readonly event: string;
  whole: number;
  count: number;
  last: LogFields;
}

/** What one client caused in one minute. */
interface Minute {
  readonly begunAt: number;
  whole: number;
  readonly reasons: Map<string, Repeated>;
}

export interface LimitedLog extends Log {
  /** Writes what was counted so far, and stops. */
  close(): void;
}

/** The same log, with a limit on the lines that clients cause. `debug` lines are not limited. */
export function limitLines(log: Log, now: () => number = Date.now): LimitedLog {
  return new LineLimit(log, now);
}

class LineLimit implements LimitedLog {
  readonly #log: Log;
  readonly #now: () => number;
  /** By client; those whose minute began first come first. */
  readonly #minutes = new Map<string, Minute>();
  readonly #timer: NodeJS.Timeout;
  #reasons = 0;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
    this.#timer = setInterval(() => this.#writeOver(), CHECK_MILLISECONDS);
    this.#timer.unref();
  }

  debug(event: string, fields?: LogFields): void {
    this.#log.debug(event, fields);
  }

  info(event: string, fields: LogFields = {}): void {
    this.#line('info', event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#line('warn', event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.#line('error', event, fields);
  }

  child(fields: LogFields): Log {
    return this.#log.child(fields);
  }

  write(line: string): void {
    this.#log.write(line);
  }

  flush(): Promise<void> {
    return this.#log.flush();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#minutes.keys()) this.#end(client);
  }

  #line(level: Level, event: string, fields: LogFields): void {
    const named = LIMITED[event];
    if (named === undefined) return this.#log[level](event, fields);
    const { clientAddress } = fields;
    const client = typeof clientAddress === 'string' ? clientNetwork(clientAddress) : '';
    const minute = this.#minuteOf(client);
    const reason = this.#reasonOf(minute, level, event, named, fields);
    if (reason.whole < WHOLE_LINES && minute.whole < WHOLE_LINES_OF_CLIENT) {
      reason.whole++;
      minute.whole++;
      return this.#log[level](event, fields);
    }
    reason.count++;
    reason.last = fields;
    return undefined;
  }

  #minuteOf(client: string): Minute {
    const begun = this.#minutes.get(client);
    if (begun !== undefined && this.#now() - begun.begunAt < MINUTE_MILLISECONDS) return begun;
    this.#end(client);
    const minute: Minute = { begunAt: this.#now(), whole: 0, reasons: new Map() };
    this.#minutes.set(client, minute);
    return minute;
  }

  #reasonOf(
    { reasons }: Minute,
    level: Level,
    event: string,
    named: readonly string[],
    fields: LogFields,
  ): Repeated {
    let key = `${event} ${named.map((name) => JSON.stringify(fields[name])).join(' ')}`;
    if (!reasons.has(key) && reasons.size >= REASONS_OF_CLIENT) key = event;
    const known = reasons.get(key);
    if (known !== undefined) return known;
    const reason: Repeated = { level, event, whole: 0, count: 0, last: fields };
    reasons.set(key, reason);
    this.#reasons++;
    // Not the minute of this client, unless it is the only one.
    if (this.#reasons > REASONS) {
      const [oldest] = this.#minutes.keys();
      if (oldest !== undefined && this.#minutes.size > 1) this.#end(oldest);
    }
    return reason;
  }

  #writeOver(): void {
    const now = this.#now();
    for (const [client, { begunAt }] of this.#minutes) {
      if (now - begunAt < MINUTE_MILLISECONDS) break;
      this.#end(client);
    }
  }

  #end(client: string): void {
    const minute = this.#minutes.get(client);
    if (minute === undefined) return;
    this.#minutes.delete(client);
    this.#reasons -= minute.reasons.size;
    for (const { level, event, count, last } of minute.reasons.values()) {
      if (count === 0) continue;
      const fields = Object.entries(last).filter(([name]) => !OF_ONE.has(name));
      this.#log[level](event, {
        ...Object.fromEntries(fields),
        ...(client !== '' && { clientAddress: client }),
        repeated: count,
      });
    }
  }
}
