// When a mail was received, as its key says it: the hour from the time partitions, the millisecond from the
// head of the messageId. Selecting by time so needs no look into any object.
import { isMessageId } from '../bridge/index.ts';

/** A key of a mail, taken apart. */
export interface MailKey {
  readonly key: string;
  readonly messageId: string;
  readonly receivedAt: Date;
}

const PARTITIONS = /dt=(\d{4}-\d\d-\d\d)\/hr=(\d\d)\/([^/]+)$/;
const HOUR_MILLIS = 3_600_000;
const HEAD_LENGTH = 10;

/** `undefined`: no mail, but something beside it (an envelope, an index, somebody else's object). */
export function parseMailKey(key: string): MailKey | undefined {
  const [, day, hour, messageId = ''] = PARTITIONS.exec(key) ?? [];
  if (day === undefined || hour === undefined || !isMessageId(messageId)) return undefined;
  const hourStart = Date.parse(`${day}T${hour}:00:00.000Z`);
  if (Number.isNaN(hourStart)) return undefined;
  // The id is allotted a moment away from the time that chose the partition, which decides: so that of two
  // ranges that meet each mail is in exactly one.
  const millis = Math.min(
    Math.max(messageIdMillis(messageId), hourStart),
    hourStart + HOUR_MILLIS - 1,
  );
  return { key, messageId, receivedAt: new Date(millis) };
}

/** Milliseconds since 1970, from the 10 characters of 5 bits at the head of a messageId. */
export function messageIdMillis(messageId: string): number {
  let millis = 0;
  for (const digit of messageId.slice(0, HEAD_LENGTH)) millis = millis * 32 + parseInt(digit, 32);
  return millis;
}

/** From `from` on, before `to`. */
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
