// A value that an untyped caller gave.

/** As an error shows it. */
export function got(value: unknown): string {
  return JSON.stringify(value) ?? typeof value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
