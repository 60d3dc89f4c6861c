/** An abort signal that fires after some time, unless it is disposed of before: one timer, nothing left behind. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(millis: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), Math.max(0, millis));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
