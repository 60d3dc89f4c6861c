// The record of an erasure that can be shown: lines of JSON, each synced to disk. What is deleted is written down before
// and after, so that a run that was killed leaves no deletion without a line.
import { type FileHandle, open } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import type { EraseItem, EraseOutcome } from './scope.ts';

/** What an erasure is about. A report has the runs of one. */
export interface EraseSubject {
  readonly bucket: string;
  readonly addresses: readonly string[];
}

/** The first line of each run. */
export interface EraseHead extends EraseSubject {
  readonly dryRun: boolean;
  readonly headers: boolean;
  readonly keepShared: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly prefixes?: readonly string[];
}

export interface EraseCounts {
  readonly found: number;
  readonly erased: number;
  readonly kept: number;
  readonly refused: number;
  readonly unread: number;
}

/** The file belongs to another erasure, or it is no report. */
export class EraseReportError extends Error {
  override readonly name = 'EraseReportError';
  readonly code = 'MAILSLUICE_ERASE_REPORT_INVALID';
}

interface Line {
  readonly event?: string;
  readonly mailsluiceErase?: number;
  readonly bucket?: string;
  readonly addresses?: readonly string[];
  readonly kind?: EraseItem['kind'];
  readonly key?: string;
  readonly versions?: EraseItem['versions'];
}

const FORMAT = 1;
/** Kept in memory until they are written. */
const UNWRITTEN_LINES = 1000;

export class EraseReport {
  /** What an earlier run began to delete without saying how that ended. */
  readonly unfinished: readonly EraseItem[];
  readonly #file: FileHandle;
  readonly #run = randomUUID();
  #unwritten: object[] = [];

  private constructor(file: FileHandle, unfinished: readonly EraseItem[]) {
    this.#file = file;
    this.unfinished = unfinished;
  }

  /**
   * Opens or creates the file, and adds a run to it.
   * @throws EraseReportError where the file belongs to another erasure.
   */
  static async open(path: string, head: EraseHead): Promise<EraseReport> {
    const file = await open(path, 'a+');
    try {
      const unfinished = await readUnfinished(file, path, head);
      const report = new EraseReport(file, unfinished);
      await report.#append([{ event: 'begin', mailsluiceErase: FORMAT, ...head }]);
      return report;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Settles when it is on the disk what is deleted next. */
  async erasing(items: readonly EraseItem[]): Promise<void> {
    await this.#append(items.map((item) => ({ event: 'erasing', ...item })));
  }

  /** Written with what follows: until last, a line of `erasing` stands for it. */
  async record({ outcome, ...item }: EraseOutcome): Promise<void> {
    this.#unwritten.push({ at: new Date().toISOString(), event: outcome, ...item });
    if (this.#unwritten.length >= UNWRITTEN_LINES) await this.#append([]);
  }

  async end(counts: EraseCounts, isComplete: boolean): Promise<void> {
    await this.#append([{ event: 'end', complete: isComplete, ...counts }]);
  }

  async close(): Promise<void> {
    try {
      await this.#append([]);
    } finally {
      await this.#file.close();
    }
  }

  async #append(lines: readonly object[]): Promise<void> {
    const at = new Date().toISOString();
    const text = [...this.#unwritten, ...lines].map(
      (line) => `${JSON.stringify({ at, run: this.#run, ...line })}\n`,
    );
    this.#unwritten = [];
    if (text.length === 0) return;
    await this.#file.appendFile(text.join(''));
    await this.#file.datasync();
  }
}

/** Streams the file: it has a line for each mail. */
async function readUnfinished(
  file: FileHandle,
  path: string,
  { bucket, addresses }: EraseSubject,
): Promise<EraseItem[]> {
  const begun = new Map<string, EraseItem>();
  let count = 0;
  for await (const text of file.readLines({ autoClose: false, start: 0 })) {
    const line = parseLine(text);
    count += 1;
    if (count === 1 && line?.mailsluiceErase !== FORMAT) {
      throw new EraseReportError(`${path}: expected the report of an erasure, got something else`);
    }
    if (line === undefined) continue;
    if (line.event === 'begin' && !isSame(line, { bucket, addresses })) {
      throw new EraseReportError(
        `${path}: has the report of another erasure (${line.addresses?.join(', ')} in ${line.bucket})`,
      );
    }
    const { event, kind, key, versions } = line;
    if (kind === undefined || key === undefined || versions === undefined) continue;
    if (event === 'erasing') begun.set(key, itemOf(line as EraseItem));
    else begun.delete(key);
  }
  // A line that was cut off by a kill must not run into the next.
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  if (size > 0) {
    await file.read(last, 0, 1, size - 1);
    if (last[0] !== 0x0a) await file.appendFile('\n');
  }
  return [...begun.values()];
}

function isSame(line: Line, subject: EraseSubject): boolean {
  const text = ({ bucket, addresses = [] }: Partial<EraseSubject>): string =>
    JSON.stringify([bucket, [...addresses].sort()]);
  return text(line) === text(subject);
}

function itemOf(line: EraseItem): EraseItem {
  const { event: _, at: __, run: ___, ...item } = line as EraseItem & Record<string, unknown>;
  return item as EraseItem;
}

/** `undefined` for a line that a kill cut off. */
function parseLine(text: string): Line | undefined {
  try {
    return Object(JSON.parse(text)) as Line;
  } catch {
    return undefined;
  }
}
