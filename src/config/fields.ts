// The building blocks of the schema. Each takes the sentence that an error message completes (`path: expected
// <sentence>, got <value>`), one for every way in which the value can be wrong, and the description of the field.
import { z } from 'zod';

export function text(expects: string, description: string, pattern: RegExp = /\S/) {
  return z.string({ error: expects }).regex(pattern, { error: expects }).meta({ description });
}

export function wholeNumber(min: number, max: number, description: string) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).meta({ description });
}

/** Fractions too. */
export function numberFrom(min: number, max: number, description: string) {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error }).meta({ description });
}

export function yesOrNo(description: string) {
  return z.boolean({ error: 'true or false' }).meta({ description });
}

export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
  description: string,
) {
  const error = `one of ${values.map((value) => `"${value}"`).join(', ')}`;
  return z.enum(values, { error }).meta({ description });
}

export function listOf<T extends z.ZodType>(item: T, expects: string, description: string) {
  return z.array(item, { error: expects }).meta({ description });
}

export function nonEmptyListOf<T extends z.ZodType>(item: T, expects: string, description: string) {
  return z.array(item, { error: expects }).min(1, { error: expects }).meta({ description });
}

/** An object whose unknown fields are errors. */
export function section<T extends z.core.$ZodLooseShape>(shape: T, description: string) {
  return z.strictObject(shape, { error: 'an object' }).meta({ description });
}
