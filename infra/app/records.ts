export type Document = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
