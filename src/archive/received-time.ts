// When a mail was received, read from its key: the hour from the time partitions, the millisecond from the head of
// the messageId. A selection by time therefore reads no object.
import { isMessageId, messageIdMillis } from '../bridge/index.ts';

/** A key of a mail, taken apart. */
export interface MailKey {
  readonly key: string;
  readonly messageId: string;
  readonly receivedAt: Date;
}

const PARTITIONS = /dt=(\d{4}-\d\d-\d\d)\/hr=(\d\d)\/([^/]+)$/;
const HOUR_MILLIS = 3_600_000;

/** `undefined` for any other object: a sidecar, an index, an object that Mailsluice did not write. */
export function parseMailKey(key: string): MailKey | undefined {
  const [, day, hour, messageId = ''] = PARTITIONS.exec(key) ?? [];
  if (day === undefined || hour === undefined || !isMessageId(messageId)) return undefined;
  const hourStart = Date.parse(`${day}T${hour}:00:00.000Z`);
  if (Number.isNaN(hourStart)) return undefined;
  // The id is made a moment before or after the time that chose the partition. The partition decides, so that each
  // mail is in exactly one of two adjacent ranges.
  const millis = Math.min(
    Math.max(messageIdMillis(messageId), hourStart),
    hourStart + HOUR_MILLIS - 1,
  );
  return { key, messageId, receivedAt: new Date(millis) };
}

/** Includes `from` and excludes `to`. */
export interface TimeRange {
  readonly from?: Date;
  readonly to?: Date;
}

export function isWithin(at: Date, { from, to }: TimeRange): boolean {
  return (from === undefined || at >= from) && (to === undefined || at < to);
}

/** `2026-11-23` */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The hours of one day that a range touches, as `00` to `23`; `'all'` when it is the whole day. */
export function hoursWithin(day: string, { from, to }: TimeRange): readonly string[] | 'all' {
  const dayStart = Date.parse(`${day}T00:00:00.000Z`);
  const first = from === undefined ? 0 : Math.floor((from.getTime() - dayStart) / HOUR_MILLIS);
  const last = to === undefined ? 23 : Math.ceil((to.getTime() - dayStart) / HOUR_MILLIS) - 1;
  if (first <= 0 && last >= 23) return 'all';
  const hours: string[] = [];
  for (let hour = Math.max(0, first); hour <= Math.min(23, last); hour += 1) {
    hours.push(String(hour).padStart(2, '0'));
  }
  return hours;
}

export function floorHour(at: Date): Date {
  return new Date(Math.floor(at.getTime() / HOUR_MILLIS) * HOUR_MILLIS);
}
