import { replies } from '../replies.ts';
import type { LoopMail } from './mail.ts';

const DONE: IteratorResult<LoopMail, undefined> = { done: true, value: undefined };

/**
 * The caller's own loop. A mail waits here until the loop takes it. There is at most one for each connection,
 * which bounds the queue, and the octets of each wait in its bounded content.
 */
export class MailLoop {
  readonly #waiting = new Set<LoopMail>();
  readonly #takers: ((result: IteratorResult<LoopMail, undefined>) => void)[] = [];
  readonly #begun: () => void;
  #isEnded = false;
  #loops = 0;

  /** `begun` is called whenever a loop begins. */
  constructor(begun: () => void) {
    this.#begun = begun;
  }

  /** Whether a loop runs. */
  get isRunning(): boolean {
    return this.#loops > 0;
  }

  offer(mail: LoopMail): void {
    const taker = this.#takers.shift();
    if (taker) taker({ done: false, value: mail });
    else this.#waiting.add(mail);
  }

  /** The mail was discarded before the loop took it. */
  withdraw(mail: LoopMail): void {
    this.#waiting.delete(mail);
  }

  /** No mail will come any more: the loops end. */
  end(): void {
    this.#isEnded = true;
    for (const taker of this.#takers.splice(0)) taker(DONE);
  }

  iterate(): AsyncIterableIterator<LoopMail, undefined> {
    const given = new Set<LoopMail>();
    this.#loops++;
    this.#begun();
    let isLeft = false;
    const loop: AsyncIterableIterator<LoopMail, undefined> = {
      [Symbol.asyncIterator]: () => loop,
      next: async () => {
        if (isLeft) return DONE;
        for (const mail of given) if (mail.isDecided) given.delete(mail);
        const result = await this.#next();
        if (result.done !== true) given.add(result.value);
        return result;
      },
      // The senders of the mails that the loop took and did not decide are to try again.
      return: async () => {
        if (!isLeft) this.#loops--;
        isLeft = true;
        for (const mail of given) mail.reject(replies.messageNotStored);
        return DONE;
      },
    };
    return loop;
  }

  async #next(): Promise<IteratorResult<LoopMail, undefined>> {
    for (const mail of this.#waiting) {
      this.#waiting.delete(mail);
      return { done: false, value: mail };
    }
    if (this.#isEnded) return DONE;
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }
}
