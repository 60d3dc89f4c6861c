// Sizes and times: a number, or a number with a unit. Decimal units are powers of 1,000 and binary units are powers of
// 1,024 (IEC 80000-13), so `40MB` is 40,000,000 octets.
import { z } from 'zod';

interface Dimension {
  /** What a plain number counts. */
  readonly base: string;
  readonly noun: string;
  readonly units: Readonly<Record<string, number>>;
  /** A number with a unit. */
  readonly pattern: RegExp;
}

const SIZE = dimension('a size', 'octets', {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
});
const TIME = dimension('a time', 'seconds', { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 });

/** `"40MB"` → 40,000,000; a plain number is octets. `undefined` for a text that is not a size. */
export function parseSize(value: number | string): number | undefined {
  const size = parseQuantity(value, SIZE);
  return size === undefined ? undefined : Math.round(size);
}

/** `"5m"` → 300; a plain number is seconds. `undefined` for a text that is not a time. */
export function parseDuration(value: number | string): number | undefined {
  return parseQuantity(value, TIME);
}

/** A field that takes octets, as a number or with a unit. */
export function size(min: string, max: string, description: string) {
  return quantity(SIZE, parseSize, min, max, description);
}

/** A field that takes seconds, as a number or with a unit. */
export function duration(min: string, max: string, description: string) {
  return quantity(TIME, parseDuration, min, max, description);
}

function dimension(noun: string, base: string, units: Readonly<Record<string, number>>): Dimension {
  const pattern = new RegExp(`^(\\d{1,15}(?:\\.\\d{1,6})?)\\s?(${Object.keys(units).join('|')})$`);
  return { noun, base, units, pattern };
}

function parseQuantity(value: number | string, { units, pattern }: Dimension): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const match = pattern.exec(value);
  const factor = units[match?.[2] ?? ''];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

function quantity(
  { noun, base, units, pattern }: Dimension,
  parse: (value: number | string) => number | undefined,
  min: string,
  max: string,
  description: string,
) {
  const names = Object.keys(units).join(', ');
  const error = `${noun} from ${min} to ${max}, as a number of ${base} or with a unit (${names})`;
  const [least, most] = [parse(min), parse(max)];
  if (least === undefined || most === undefined) {
    throw new RangeError(`expected ${noun} with a unit, got "${min}" and "${max}"`);
  }
  return z
    .union(
      [
        z.number({ error }).min(least, { error }).max(most, { error }).meta({ description: base }),
        z
          .string({ error })
          .regex(pattern, { error })
          .meta({ description: `with a unit: ${names}` }),
      ],
      { error },
    )
    .transform((value, context) => {
      const parsed = parse(value);
      if (parsed !== undefined && parsed >= least && parsed <= most) return parsed;
      context.issues.push({ code: 'custom', input: value, message: error });
      return z.NEVER;
    })
    .meta({ description });
}
