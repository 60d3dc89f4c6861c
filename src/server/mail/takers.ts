/** How long MAIL waits for a hook or a loop: a program may begin its loop a little after `listen`. */
const PATIENCE_SECONDS = 5;

/** Whether anybody can take a mail, and those who wait for it. There is at most one for each connection. */
export class MailTakers {
  readonly #isThere: () => boolean;
  readonly #waiting = new Set<() => void>();

  constructor(isThere: () => boolean) {
    this.#isThere = isThere;
  }

  /** At once where somebody is there; else after some seconds at most, less than an answer may take. */
  has(answerTimeoutSeconds: number): boolean | Promise<boolean> {
    if (this.#isThere()) return true;
    const seconds = Math.min(PATIENCE_SECONDS, answerTimeoutSeconds / 2);
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve(this.#isThere());
      };
      const timer = setTimeout(end, seconds * 1000).unref();
      this.#waiting.add(end);
    });
  }

  /** A hook was added, or a loop has begun. */
  arrived(): void {
    for (const end of this.#waiting) end();
  }
}
