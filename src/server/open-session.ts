import type { Reply, SessionFacts } from '../smtp/index.ts';
import { requireReply } from './boundary/replies.ts';
import type { AnyState, SessionScope } from './session-scope.ts';

/** The connection of a session. */
interface Endable {
  readonly scope: SessionScope;
  readonly ageInSeconds: number;
  /** Says this reply, or 421, and ends it. */
  end(reply: Reply | undefined): void;
}

/**
 * A session that is under way: see `SmtpServer.sessions`.
 *
 * @example
 * for (const open of server.sessions) {
 *   if (open.session.identity?.username === 'ann') open.end({ code: 421, status: '7.0', text: 'Signed out' });
 * }
 */
export class OpenSession<State = AnyState> {
  readonly #connection: Endable;

  /** @internal */
  constructor(connection: Endable) {
    this.#connection = connection;
  }

  /** The object that the hooks know. */
  get session(): SessionFacts {
    return this.#connection.scope.session;
  }

  /** The state that the hooks know. */
  get state(): State {
    return this.#connection.scope.state as State;
  }

  /** Since the connection was accepted. */
  get ageInSeconds(): number {
    return this.#connection.ageInSeconds;
  }

  /**
   * Says this reply of 4yz or 5yz, or `421 4.3.2`, and ends the session, wherever it is: a message on its way in is
   * discarded, and a commit under way goes on. In a TLS handshake nothing can be said. Takes effect in the next turn of the event loop, so that a hook may
   * end its own session; does nothing once the session has ended. Throws a `HookAnswerError` for any other reply.
   */
  end(reply?: Reply): void {
    const said = reply === undefined ? undefined : requireReply(reply, 'end');
    // Not within a turn of the session, and after the replies to questions that are answered by now.
    setImmediate(() => this.#connection.end(said));
  }
}
