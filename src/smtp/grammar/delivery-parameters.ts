// The values of MAIL's parameters that say when and how fast to deliver: RFC 2852, RFC 4865, RFC 6710.
import { parseDecimal } from './ascii.ts';
import { PARAMETER_SYNTAX, Refused } from './esmtp-parameter.ts';
import type { MailParameters } from '../parameters.ts';

type Value<Field extends keyof MailParameters> = Required<MailParameters>[Field] | Refused;

/** by-time of RFC 2852 section 4. */
const BY_DIGITS = 9;
/** future-release-integer of RFC 4865 section 3. */
const HOLD_FOR_DIGITS = 9;
/** date-time of RFC 3339 section 5.6. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;

const TOO_SOON = new Refused('deliver-by-too-soon');
const TOO_LONG = new Refused('hold-too-long');

/** MT-PRIORITY (RFC 6710 section 3): -9 to 9, without a plus sign or a leading zero. */
export function parsePriority(value: string): Value<'mtPriority'> {
  const isNegative = value.startsWith('-');
  const digit = parseDecimal(isNegative ? value.slice(1) : value, 1);
  if (digit === undefined || (isNegative && digit === 0)) return PARAMETER_SYNTAX;
  return isNegative ? -digit : digit;
}

/** BY (RFC 2852 section 4): `by-time;by-mode[by-trace]`. */
export function parseBy(
  value: string,
  { minSeconds }: { readonly minSeconds: number },
): Value<'deliverBy'> {
  const semicolon = value.indexOf(';');
  if (semicolon === -1) return PARAMETER_SYNTAX;
  const sign = value.startsWith('-') || value.startsWith('+') ? 1 : 0;
  const magnitude = parseDecimal(value.slice(sign, semicolon), BY_DIGITS);
  const rest = value.slice(semicolon + 1).toUpperCase();
  const mode = rest[0];
  if (magnitude === undefined || (mode !== 'N' && mode !== 'R')) return PARAMETER_SYNTAX;
  if (rest.length > 1 && rest !== `${mode}T`) return PARAMETER_SYNTAX;
  const seconds = value.startsWith('-') && magnitude !== 0 ? -magnitude : magnitude;
  if (mode === 'R') {
    // Section 4: by-mode R needs a time in the future.
    if (seconds <= 0) return PARAMETER_SYNTAX;
    if (seconds < minSeconds) return TOO_SOON;
  }
  return { seconds, mode, trace: rest.length > 1 };
}

/** HOLDFOR (RFC 4865 section 3). */
export function parseHoldFor(
  value: string,
  { maxSeconds }: { readonly maxSeconds: number },
): Value<'holdForSeconds'> {
  const seconds = parseDecimal(value, HOLD_FOR_DIGITS);
  if (seconds === undefined || seconds === 0) return PARAMETER_SYNTAX;
  return seconds > maxSeconds ? TOO_LONG : seconds;
}

/** HOLDUNTIL (RFC 4865 section 3), kept as it was sent. */
export function parseHoldUntil(
  value: string,
  { maxDateTime }: { readonly maxDateTime: string },
): Value<'holdUntil'> {
  const until = DATE_TIME.test(value) ? Date.parse(value.toUpperCase()) : Number.NaN;
  if (Number.isNaN(until)) return PARAMETER_SYNTAX;
  return until > Date.parse(maxDateTime) ? TOO_LONG : value;
}
