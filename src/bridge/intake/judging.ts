// One message and its judge, which sees each octet as it arrives: its pauses, its end, and its time.
import type { MessageFacts } from '../../smtp/index.ts';
import type { JudgedContent, Judgement, MailJudge } from '../../verify/index.ts';
import type { JudgeMail } from '../options.ts';

interface JudgingOptions {
  /** How long one pause may last. */
  readonly pauseMillis: number;
  /** A pause is over. */
  readonly onResume: () => void;
  /** A pause lasts too long. */
  readonly onStuck: () => void;
}

export class Judging {
  readonly #options: JudgingOptions;
  #judge: MailJudge | undefined;
  #isPaused = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #ended = Promise.withResolvers<undefined>();

  /** `undefined`: the message is not judged. */
  static begin(
    judgeMail: JudgeMail | undefined,
    facts: MessageFacts,
    options: JudgingOptions,
  ): Judging | undefined {
    if (judgeMail === undefined) return undefined;
    const judging = new Judging(options);
    judging.#judge = judgeMail(facts, () => judging.#resume());
    return judging.#judge && judging;
  }

  private constructor(options: JudgingOptions) {
    this.#options = options;
  }

  /** The judge asked for a pause, which is not over. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** `false` where the client must pause until `onResume`. */
  write(span: Buffer): boolean {
    if (this.#judge === undefined || this.#judge.write(span)) return !this.#isPaused;
    this.#isPaused = true;
    this.#timer ??= setTimeout(() => this.#options.onStuck(), this.#options.pauseMillis);
    return false;
  }

  /** What the judge says of the whole message; `undefined` where that takes longer than `millis`, or was given up. */
  async end(content: JudgedContent, millis: number): Promise<Judgement | undefined> {
    this.#endPause();
    if (this.#judge === undefined) return undefined;
    const timer = setTimeout(() => this.discard(), millis);
    try {
      return await Promise.race([this.#judge.end(content), this.#ended.promise]);
    } finally {
      clearTimeout(timer);
      this.#judge = undefined;
    }
  }

  /** The message does not become a mail. */
  discard(): void {
    this.#endPause();
    const judge = this.#judge;
    this.#judge = undefined;
    judge?.discard();
    this.#ended.resolve(undefined);
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#endPause();
    this.#options.onResume();
  }

  #endPause(): void {
    this.#isPaused = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
