import type { Log, LogFields } from '../../src/telemetry/index.ts';

export interface KeptLine extends LogFields {
  readonly event: string;
}

/** A log that keeps its lines, of any level, with the event among the fields. */
export function keptLog(): { readonly log: Log; readonly lines: KeptLine[] } {
  const lines: KeptLine[] = [];
  const keep = (event: string, fields: LogFields = {}): void =>
    void lines.push({ event, ...fields });
  const log: Log = {
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    child: () => log,
    write: () => undefined,
    flush: () => Promise.resolve(),
  };
  return { log, lines };
}
