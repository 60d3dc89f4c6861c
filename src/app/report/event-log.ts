import type { Log, LogValue } from '../../telemetry/index.ts';
import { EVENTS, type EventLevel, type FieldsOf, type LoggedKind, type Owner } from './events.ts';

/** Writes the line of one event, at the level and with the fields of the table. */
export type WriteEvent<O extends Owner> = <K extends LoggedKind<O> & string>(
  kind: K,
  fields: Readonly<Record<FieldsOf<O, K>, LogValue>>,
) => void;

/** The log as one owner has it: it can write the lines of its events and no others. */
export function eventLog<O extends Owner>(log: Log, owner: O): WriteEvent<O> {
  const table = EVENTS[owner] as Readonly<Record<string, { readonly level: EventLevel }>>;
  return (kind, fields) => {
    const event = table[kind];
    if (event !== undefined) log[event.level](kind, fields);
  };
}
