import type { Committer } from '../committer.ts';
import type { Deferrals } from '../deferrals.ts';
import type { Observe } from '../events.ts';
import type { JudgeMail } from '../options.ts';
import type { PlacementUploads } from '../store/placement-uploads.ts';
import type { Memory } from './memory.ts';
import type { OpenMessages } from './open-messages.ts';

/** The parts of the bridge that every message uses. */
export interface S3WriterParts {
  readonly memory: Memory;
  /** What counts as one client, by an address of it. */
  readonly clientOf: (address: string) => string;
  readonly uploads: PlacementUploads;
  readonly committer: Committer;
  readonly deferrals: Deferrals;
  /** The caller counted the message; the writer ends it. */
  readonly openMessages: OpenMessages;
  readonly judge: JudgeMail | undefined;
  /** How long the judge may take from the end of the data. */
  readonly judgeMillis: number;
  readonly observe: Observe;
  /** The name in the fields that only this server may write. */
  readonly hostname: string;
  /** How long a message may wait for memory. */
  readonly memoryWaitMillis: number;
  /** How long the upload of one part may go on without progress. */
  readonly partMillis: number;
  /** How long it may take in all. */
  readonly partTotalMillis: number;
}
