// What one listener provides for its connections and for the messages that come over them. They know this
// interface and not the listener.
import type { TLSSocket } from 'node:tls';
import type {
  MessageFacts,
  OpenMessageAnswer,
  SessionFacts,
  SessionOptions,
} from '../smtp/index.ts';
import type { Clock } from './clock.ts';
import type { ServerEvent } from './events.ts';
import type { Hooks, Now } from './hooks.ts';
import type { ResolvedListener } from './resolve-options.ts';
import type { SessionScope } from './session-scope.ts';
import type { Transport } from './transport.ts';

export interface Serving {
  readonly options: ResolvedListener;
  readonly sessionOptions: SessionOptions;
  readonly hooks: Hooks;
  readonly clock: Clock;
  /** Absent without an observer, so that no event is made. Never throws. */
  readonly observe: ((event: ServerEvent) => void) | undefined;
  /** Warns of a failure where nobody observes. */
  readonly warn: (where: string, error: unknown) => void;
  /** `scope` has the session that the hooks know; `facts` has a copy of it. */
  readonly openMessage: (
    facts: MessageFacts,
    resume: () => void,
    scope: SessionScope,
  ) => Now<OpenMessageAnswer>;
  /** Makes the state of a session for the hooks. */
  readonly makeState: (session: SessionFacts) => unknown;
  /** Whether anybody can take a mail: at once, or after a wait for it of some seconds. */
  readonly hasTaker: (answerTimeoutSeconds: number) => Now<boolean>;
  readonly nextMessageId: () => string;
  /** How many connections the listener has at this moment. */
  readonly connections: { readonly size: number };
  /** Starts TLS on a socket, as its server, with the certificates served now. */
  secure(socket: Transport): TLSSocket;
  /** Called once for each connection, after its last event. */
  closed(scope: SessionScope, connection: ClosedConnection): void;
}

/** What a connection reports of itself when it has closed. */
export type ClosedConnection = Omit<
  ServerEvent & { kind: 'connection-closed' },
  'kind' | 'connections'
>;
