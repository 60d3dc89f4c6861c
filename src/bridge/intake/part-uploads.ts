// The multipart uploads of one large message: begun for all of its placements, and fed one part at a time.
import type { MessageFacts } from '../../smtp/index.ts';
import { ProgressDeadline } from '../aws/deadline.ts';
import { awaitAll } from '../store/object-store.ts';
import type { PlacementUpload } from './received-mail.ts';
import type { S3WriterParts } from './s3-writer-parts.ts';

export class PartUploads {
  readonly #parts: S3WriterParts;
  readonly #signal: AbortSignal;
  #uploads: Promise<readonly PlacementUpload[]> | undefined;
  #uploading: Promise<void> | undefined;
  #number = 0;

  /** `signal` ends what is under way. */
  constructor(parts: S3WriterParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** The first part is held back, so the next one to upload has number 2. */
  get isBegun(): boolean {
    return this.#number > 0;
  }

  /** A part is being uploaded. */
  get isUploading(): boolean {
    return this.#uploading !== undefined;
  }

  /** The number of the part behind the last one that was uploaded. */
  get nextNumber(): number {
    return this.#number + 1;
  }

  begin(facts: MessageFacts): void {
    this.#number = 1;
    const deadline = this.#deadline();
    this.#uploads = this.#parts.uploads.begin(facts, deadline.signal);
    // A part or the commit awaits it and handles the rejection.
    this.#uploads.catch(() => undefined).finally(() => deadline[Symbol.dispose]());
  }

  /** Uploads the next part to all placements. `onEnd` hears the error where that failed. */
  put(part: readonly Buffer[], onEnd: (error?: unknown) => void): void {
    this.#number += 1;
    const number = this.#number;
    const upload = async (): Promise<void> => {
      using deadline = this.#deadline();
      const uploads = (await this.#uploads) ?? [];
      await awaitAll(uploads.map((each) => each.upload.putPart(number, part, deadline.signal)));
    };
    const end = (error?: unknown): void => {
      this.#uploading = undefined;
      onEnd(error);
    };
    this.#uploading = upload().then(
      () => end(),
      (error: unknown) => end(error ?? new Error('the upload of a part failed')),
    );
  }

  /** Settles when no part is being uploaded; never rejects. */
  async settled(): Promise<void> {
    await this.#uploading;
  }

  /** `undefined` where none was begun. Rejects as the beginning did. */
  async begun(): Promise<readonly PlacementUpload[] | undefined> {
    return this.#uploads;
  }

  /** Aborts the uploads when no part is in progress: a part that arrived after the abort would stay. */
  async abort(): Promise<void> {
    await this.#uploading;
    for (const { upload } of (await this.#uploads?.catch(() => [])) ?? []) upload.abort();
  }

  #deadline(): ProgressDeadline {
    const { partMillis, partTotalMillis } = this.#parts;
    return new ProgressDeadline({
      stallMillis: partMillis,
      totalMillis: partTotalMillis,
      signal: this.#signal,
    });
  }
}
