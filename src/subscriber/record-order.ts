// In which order the records of a batch are settled, and which of them come again.

/** What became of one record. */
export interface SettledRecord {
  /** Of each mail that comes again. */
  readonly errors: readonly unknown[];
  /** No retry would help any of them, so nothing has to wait for the record. */
  readonly isPermanent: boolean;
}

export interface FailedRecords {
  readonly records: ReadonlySet<unknown>;
  readonly errors: readonly unknown[];
}

type Settle = (record: unknown) => Promise<SettledRecord>;

export async function inParallel(
  records: readonly unknown[],
  concurrency: number,
  settle: Settle,
): Promise<FailedRecords> {
  const failed = new Set<unknown>();
  const errors: unknown[] = [];
  const rest = records.values();
  const worker = async (): Promise<void> => {
    // All workers take from one iterator.
    for (const record of rest) {
      const settled = await settle(record);
      if (settled.errors.length > 0) failed.add(record);
      errors.push(...settled.errors);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, records.length) }, worker));
  return { records: failed, errors };
}

/**
 * Of a FIFO queue: what comes after a failure waits behind it, or the order would be lost. A permanent failure is its
 * record's alone: nothing that waits behind it would ever come after its success.
 */
export async function inOrder(
  records: readonly unknown[],
  settle: Settle,
  handBack: (record: unknown) => void,
): Promise<FailedRecords> {
  const failed = new Set<unknown>();
  const errors: unknown[] = [];
  for (const [at, record] of records.entries()) {
    const settled = await settle(record);
    if (settled.errors.length === 0) continue;
    failed.add(record);
    errors.push(...settled.errors);
    if (settled.isPermanent) continue;
    for (const behind of records.slice(at + 1)) {
      failed.add(behind);
      handBack(behind);
    }
    break;
  }
  return { records: failed, errors };
}
