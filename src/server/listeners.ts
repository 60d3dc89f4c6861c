// The listeners of one server, and what can be asked of all of them.
import { showValue } from './boundary/show.ts';
import { OptionsError } from './errors.ts';
import { Listener, type Shared } from './listener.ts';
import { OpenSession } from './open-session.ts';
import { asksSignInHooks, type ResolvedListener } from './resolve-options.ts';

/** One address that a server listens on. */
export interface ListeningAddress {
  /** The listener's name. */
  readonly listener: string;
  /** The address, or the path of a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

export class Listeners implements Iterable<Listener> {
  readonly #all: readonly Listener[];

  constructor(options: readonly ResolvedListener[], shared: Shared) {
    this.#all = options.map((each) => new Listener(each, shared));
  }

  [Symbol.iterator](): Iterator<Listener> {
    return this.#all[Symbol.iterator]();
  }

  get addresses(): readonly ListeningAddress[] {
    return this.#all.flatMap(({ options, address }) =>
      address ? [{ listener: options.name, ...address }] : [],
    );
  }

  /** Of the first that has one. */
  get port(): number {
    const port = this.addresses.find((each) => each.port !== 0)?.port;
    if (port !== undefined) return port;
    throw new OptionsError('port: expected a server that listens on a port, got one that does not');
  }

  /** Those that have not said their last word. */
  *sessions<State>(): Generator<OpenSession<State>, undefined> {
    for (const listener of this.#all) {
      for (const connection of listener.connections) {
        if (!connection.isEnding) yield new OpenSession<State>(connection);
      }
    }
  }

  /** The listener of this name. `where` begins the message of the error. */
  named(name: unknown, where: string): Listener {
    const found = this.#all.find(({ options }) => options.name === name);
    if (found) return found;
    const names = this.#all.map(({ options }) => options.name).join(', ');
    throw new OptionsError(`${where}: listener: expected one of ${names}, got ${showValue(name)}`);
  }

  /** Throws an `OptionsError` where clients are to sign in. */
  requireNoSignIn(): void {
    const asking = this.#all.find(({ options }) => asksSignInHooks(options));
    if (!asking) return;
    const { name, auth } = asking.options;
    throw new OptionsError(
      `listener ${name}: expected an onSignIn hook for auth "${auth}", got none`,
    );
  }
}
