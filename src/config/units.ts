import { z } from 'zod';

// Sizes and times as people write them: a number, or a string with a unit. Decimal units are powers of
// 1,000 and binary ones powers of 1,024 (IEC 80000-13), so `40MB` is 40,000,000 octets.

const OCTETS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `"40MB"` → 40,000,000; a plain number is octets. `undefined`: not a size. */
export function parseSize(value: number | string): number | undefined {
  const size = parseUnit(value, OCTETS);
  return size === undefined ? undefined : Math.round(size);
}

/** `"5m"` → 300; a plain number is seconds. `undefined`: not a duration. */
export function parseDuration(value: number | string): number | undefined {
  return parseUnit(value, SECONDS);
}

function parseUnit(
  value: number | string,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?([A-Za-z]{1,3})$/.exec(value);
  const factor = units[match?.[2] ?? ''];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** A field that takes octets, as a number or with a unit. */
export function size(min: string, max: string, description: string) {
  return unitField(
    parseSize,
    `a size from ${min} to ${max}, as a number of octets or with a unit (B, KB, MB, GB, KiB, MiB, GiB)`,
    requireSize(min),
    requireSize(max),
    description,
  );
}

/** A field that takes seconds, as a number or with a unit. */
export function duration(min: string, max: string, description: string) {
  return unitField(
    parseDuration,
    `a time from ${min} to ${max}, as a number of seconds or with a unit (ms, s, m, h, d)`,
    requireDuration(min),
    requireDuration(max),
    description,
  );
}

function unitField(
  parse: (value: number | string) => number | undefined,
  expects: string,
  min: number,
  max: number,
  description: string,
) {
  return z
    .union([z.number(), z.string()], { error: expects })
    .transform((value, context) => {
      const parsed = parse(value);
      if (parsed !== undefined && parsed >= min && parsed <= max) return parsed;
      context.issues.push({ code: 'custom', input: value, message: expects });
      return z.NEVER;
    })
    .meta({ description });
}

function requireSize(text: string): number {
  const value = parseSize(text);
  if (value === undefined) throw new RangeError(`expected a size with a unit, got "${text}"`);
  return value;
}

function requireDuration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new RangeError(`expected a time with a unit, got "${text}"`);
  return value;
}
