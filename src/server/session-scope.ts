import type { SessionFacts } from '../smtp/index.ts';

/** The state of a session where the server has no option `state`: an empty object of its own. */
export type AnyState = Record<string, unknown>;

/** What all hooks of one session share. */
export class SessionScope {
  readonly session: SessionFacts;
  readonly #makeState: (session: SessionFacts) => unknown;
  #state: unknown;
  #hasState = false;

  constructor(session: SessionFacts, makeState: (session: SessionFacts) => unknown) {
    this.session = session;
    this.#makeState = makeState;
  }

  /** Made when it is first asked for. */
  get state(): unknown {
    if (!this.#hasState) {
      this.#state = this.#makeState(this.session);
      this.#hasState = true;
    }
    return this.#state;
  }
}
