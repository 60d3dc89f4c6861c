// The values of the parameters that speak of when and how fast: RFC 2852, RFC 4865, RFC 6710.
import { parseDecimal } from './ascii.ts';
import type { MailParameters } from '../parameters.ts';

/** by-time of RFC 2852 section 4. */
const BY_DIGITS = 9;
/** date-time of RFC 3339 section 5.6. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;

/** priority-value of RFC 6710 section 3: -9 to 9, without a plus sign or a leading zero. */
export function parsePriority(value: string): number | undefined {
  const isNegative = value.startsWith('-');
  const digit = parseDecimal(isNegative ? value.slice(1) : value, 1);
  if (digit === undefined || (isNegative && digit === 0)) return undefined;
  return isNegative ? -digit : digit;
}

/** by-value of RFC 2852 section 4: `by-time;by-mode[by-trace]`. */
export function parseBy(value: string): MailParameters['deliverBy'] {
  const semicolon = value.indexOf(';');
  if (semicolon === -1) return undefined;
  const sign = value.startsWith('-') || value.startsWith('+') ? 1 : 0;
  const magnitude = parseDecimal(value.slice(sign, semicolon), BY_DIGITS);
  const rest = value.slice(semicolon + 1).toUpperCase();
  const mode = rest[0];
  if (magnitude === undefined || (mode !== 'N' && mode !== 'R')) return undefined;
  if (rest.length > 1 && rest !== `${mode}T`) return undefined;
  const seconds = value.startsWith('-') && magnitude !== 0 ? -magnitude : magnitude;
  // To be returned after a time that is no time makes no sense (section 4).
  if (mode === 'R' && seconds <= 0) return undefined;
  return { seconds, mode, trace: rest.length > 1 };
}

/** The time that HOLDUNTIL names, in milliseconds of the epoch. */
export function parseHoldUntil(value: string): number | undefined {
  const time = DATE_TIME.test(value) ? Date.parse(value.toUpperCase()) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
