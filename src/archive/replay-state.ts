// How far a replay came, in a file that stays valid when the process is killed: lines of JSON, each written and synced
// after its mails were delivered. A torn last line counts as none.
import { type FileHandle, open } from 'node:fs/promises';
import type { ReplayMark, ReplayOutcome } from './replay.ts';

/** The times of a selection when its first run began: `2h` ago is another time later. */
export interface ReplayRange {
  readonly from?: Date;
  /** Exclusive. */
  readonly to: Date;
}

export interface ReplayCounts {
  readonly announced: number;
  readonly failed: number;
}

interface Head extends ReplayMark {
  readonly mailsluiceReplay: 1;
  /** The options of the run, in a form that can be compared. */
  readonly task: string;
  readonly from?: string;
  readonly to: string;
}

interface Checkpoint extends ReplayCounts {
  readonly prefix: string;
  readonly key: string;
  readonly failures?: readonly { readonly key: string; readonly failure: string }[];
  /** Failures of an earlier checkpoint that a later run announced. */
  readonly mended?: readonly string[];
}

/** The file belongs to another replay, is no state file, or cannot be written. */
export class ReplayStateError extends Error {
  override readonly name = 'ReplayStateError';
  readonly code = 'MAILSLUICE_REPLAY_STATE_INVALID';
}

/** The pace of checkpoints. After a kill, the mails since the last one and those in progress are announced twice. */
const CHECKPOINT_MAILS = 100;
const CHECKPOINT_MILLIS = 500;

export class ReplayState {
  readonly mark: ReplayMark;
  readonly range: ReplayRange;
  /** The last mail of the run before this one. */
  readonly after: { readonly prefix: string; readonly key: string } | undefined;
  readonly resumed: boolean;
  /** The mails of earlier runs that could not be announced, in their order. */
  readonly failed: readonly string[];
  readonly #path: string;
  readonly #file: FileHandle;
  #counts: ReplayCounts;
  #last: { readonly prefix: string; readonly key: string } | undefined;
  #failures: { key: string; failure: string }[] = [];
  #mended: string[] = [];
  #unsaved = 0;
  #savedAt = performance.now();

  private constructor(
    path: string,
    file: FileHandle,
    head: Head,
    checkpoints: readonly Checkpoint[],
    resumed: boolean,
  ) {
    const last = checkpoints.at(-1);
    this.#path = path;
    this.#file = file;
    this.mark = { id: head.id, at: head.at };
    this.range = {
      to: new Date(head.to),
      ...(head.from !== undefined && { from: new Date(head.from) }),
    };
    this.after = last && { prefix: last.prefix, key: last.key };
    this.#last = this.after;
    this.failed = failedIn(checkpoints);
    this.resumed = resumed;
    this.#counts = { announced: last?.announced ?? 0, failed: last?.failed ?? 0 };
  }

  /**
   * Opens or creates the file; `fresh` is for a new replay.
   * @throws ReplayStateError where the file belongs to another task.
   */
  static async open(
    path: string,
    task: string,
    fresh: ReplayMark & ReplayRange,
  ): Promise<ReplayState> {
    const file = await open(path, 'a+').catch((error: unknown) => {
      throw notWritten(path, error);
    });
    try {
      const text = await file.readFile('utf8');
      const { lines, octets } = wholeLines(text);
      const [head, ...checkpoints] = lines;
      if (head === undefined) {
        if (text.trim() !== '' && !text.startsWith('{"mailsluiceReplay"')) throw notAState(path);
        await file.truncate(0);
        const { id, at, from, to } = fresh;
        const made: Head = {
          mailsluiceReplay: 1,
          id,
          at,
          task,
          ...(from && { from: from.toISOString() }),
          to: to.toISOString(),
        };
        await append(path, file, made);
        return new ReplayState(path, file, made, [], false);
      }
      if (!isHead(head)) throw notAState(path);
      if (head.task !== task) {
        throw new ReplayStateError(
          `${path}: belongs to another replay (${head.task}); this one is ${task}`,
        );
      }
      await file.truncate(octets);
      return new ReplayState(path, file, head, checkpoints as Checkpoint[], true);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get counts(): ReplayCounts {
    return this.#counts;
  }

  /** Takes the outcomes of the mails in their order. */
  async record({ mail: { prefix, key }, failure }: ReplayOutcome): Promise<void> {
    const { announced, failed } = this.#counts;
    if (failure === undefined) {
      this.#counts = { announced: announced + 1, failed };
    } else {
      this.#counts = { announced, failed: failed + 1 };
      this.#failures.push({ key, failure });
    }
    this.#last = { prefix, key };
    await this.#count();
  }

  /** Takes the outcomes of those in `failed`. */
  async recordAgain({ mail: { key }, failure }: ReplayOutcome): Promise<void> {
    if (failure !== undefined) return;
    const { announced, failed } = this.#counts;
    this.#counts = { announced: announced + 1, failed: failed - 1 };
    this.#mended.push(key);
    await this.#count();
  }

  async #count(): Promise<void> {
    this.#unsaved += 1;
    const isDue =
      this.#unsaved >= CHECKPOINT_MAILS || performance.now() - this.#savedAt >= CHECKPOINT_MILLIS;
    if (isDue) await this.save();
  }

  async save(): Promise<void> {
    if (this.#last === undefined || this.#unsaved === 0) return;
    const failures = this.#failures;
    const checkpoint: Checkpoint = {
      ...this.#last,
      ...this.#counts,
      ...(failures.length > 0 && { failures }),
      ...(this.#mended.length > 0 && { mended: this.#mended }),
    };
    this.#failures = [];
    this.#mended = [];
    this.#unsaved = 0;
    await append(this.#path, this.#file, checkpoint);
    this.#savedAt = performance.now();
  }

  async close(): Promise<void> {
    try {
      await this.save();
    } finally {
      await this.#file.close();
    }
  }
}

function failedIn(checkpoints: readonly Checkpoint[]): string[] {
  const failed = new Set<string>();
  for (const { failures = [], mended = [] } of checkpoints) {
    for (const { key } of failures) failed.add(key);
    for (const key of mended) failed.delete(key);
  }
  return [...failed];
}

async function append(path: string, file: FileHandle, line: object): Promise<void> {
  try {
    await file.appendFile(`${JSON.stringify(line)}\n`);
    await file.datasync();
  } catch (error) {
    throw notWritten(path, error);
  }
}

/** The lines before the first that is torn, and where they end. */
function wholeLines(text: string): { readonly lines: unknown[]; readonly octets: number } {
  const lines: unknown[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf('\n', at);
    if (end === -1) break;
    try {
      lines.push(JSON.parse(text.slice(at, end)));
    } catch {
      break;
    }
    at = end + 1;
  }
  return { lines, octets: Buffer.byteLength(text.slice(0, at)) };
}

function isHead(value: unknown): value is Head {
  const head = Object(value) as Partial<Head>;
  return (
    head.mailsluiceReplay === 1 && typeof head.task === 'string' && typeof head.id === 'string'
  );
}

function notAState(path: string): ReplayStateError {
  return new ReplayStateError(`${path}: expected the state file of a replay, got something else`);
}

function notWritten(path: string, error: unknown): ReplayStateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ReplayStateError(`${path}: cannot be written: ${reason}`, { cause: error });
}
