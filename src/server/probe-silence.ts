// A connection of a proxy's own (LOCAL, UNKNOWN) is a session like any other, and mostly a health probe, every other second. What
// happens in it is not reported before its client says more than a probe does; then it is, from the beginning.
import type { ServerEvent } from './events.ts';

/** What is held back. A probe makes a few: opened, secured, ended, closed. */
const MAX_HELD = 16;

export class ProbeSilence {
  readonly #observe: (event: ServerEvent) => void;
  readonly #hasSaidMore: () => boolean;
  #held: ServerEvent[] | undefined = [];

  constructor(observe: (event: ServerEvent) => void, hasSaidMore: () => boolean) {
    this.#observe = observe;
    this.#hasSaidMore = hasSaidMore;
  }

  readonly observe = (event: ServerEvent): void => {
    if (this.#held !== undefined && !isTelling(event) && !this.#hasSaidMore()) {
      if (this.#held.length < MAX_HELD) this.#held.push(event);
      return;
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const each of held) this.#observe(each);
    this.#observe(event);
  };
}

/** Whether an event is reported whatever was said: a fault of ours, and a handshake that was not one. */
function isTelling(event: ServerEvent): boolean {
  return (
    event.kind === 'failure' || (event.kind === 'tls-failed' && event.code.startsWith('ERR_SSL_'))
  );
}
