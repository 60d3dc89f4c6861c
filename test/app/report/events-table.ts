import {
  EVENTS,
  type EventSpecification,
  FAILURE_FIELDS,
  MAIL_FIELDS,
  SESSION_FIELDS,
} from '../../../src/app/report/events.ts';

/** One row of the table of events, whatever its owner. */
export interface EventRow {
  readonly owner: string;
  readonly kind: string;
  readonly event: EventSpecification;
}

export const EVENT_ROWS: readonly EventRow[] = Object.entries(EVENTS).flatMap(([owner, events]) =>
  Object.entries(events as Readonly<Record<string, EventSpecification>>).map(([kind, event]) => ({
    owner,
    kind,
    event,
  })),
);

/** The events that have a log line, by name. */
export const LOGGED_FIELDS: ReadonlyMap<string, readonly string[]> = new Map(
  EVENT_ROWS.flatMap(({ kind, event }) =>
    event.level === 'none' ? [] : [[kind, event.fields] as const],
  ),
);

/** The tables of events in src/telemetry/README.md: the lines of the log, and what is only counted. */
export function renderEventsTable(): string {
  const logged: string[] = [];
  const counted: string[] = [];
  for (const { owner, kind, event } of EVENT_ROWS) {
    const metrics = code(event.metrics);
    if (event.level === 'none') {
      const toldBy = event.toldBy === undefined ? '' : `\`${event.toldBy}\``;
      counted.push(`| \`${kind}\` | ${owner} | ${toldBy} | ${metrics} | ${event.description} |`);
    } else {
      const fields = shorten(event.fields);
      logged.push(
        `| \`${kind}\` | ${owner} | ${event.level} | ${fields} | ${metrics} | ${event.description} |`,
      );
    }
  }
  return [
    ...renderGroups(),
    '',
    '| Event | Owner | Level | Fields | Metrics | Meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...logged,
    '',
    'Without a log line:',
    '',
    '| Event | Owner | Line | Metrics | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...counted,
  ].join('\n');
}

/** Fields that always stand together, by the name that the page has for them. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  mail: MAIL_FIELDS,
  session: SESSION_FIELDS,
  failure: FAILURE_FIELDS,
};

function shorten(fields: readonly string[]): string {
  let rest = fields;
  const groups: string[] = [];
  for (const [group, names] of Object.entries(GROUPS)) {
    if (!names.every((name) => rest.includes(name))) continue;
    rest = rest.filter((name) => !names.includes(name));
    groups.push(`*${group}*`);
  }
  return [...groups, ...(rest.length > 0 ? [code(rest)] : [])].join(' ');
}

/** What the page says of the groups. */
function renderGroups(): string[] {
  return Object.entries(GROUPS).map(([group, names]) => `- *${group}*: ${code(names)}`);
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(' ');
}
