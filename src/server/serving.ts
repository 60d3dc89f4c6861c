// What one listener provides for its connections and for the messages that come over them. They know this
// interface and not the listener.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { OpenMessage, SessionFacts, SessionOptions } from '../smtp/index.ts';
import type { Clock } from './clock.ts';
import type { ServerEvent } from './events.ts';
import type { Hooks } from './hooks.ts';
import type { ResolvedListener } from './options.ts';

export interface Serving {
  readonly options: ResolvedListener;
  readonly sessionOptions: SessionOptions;
  readonly hooks: Hooks;
  readonly clock: Clock;
  /** Absent without an observer, so that no event is made. Never throws. */
  readonly observe: ((event: ServerEvent) => void) | undefined;
  readonly openMessage: OpenMessage;
  readonly nextMessageId: () => string;
  /** How many connections the listener has at this moment. */
  readonly connections: { readonly size: number };
  /** Starts TLS on a socket, as its server, with the certificates served now. */
  secure(socket: Socket): TLSSocket;
  /** Called once for each connection, after its last event. */
  closed(session: SessionFacts, connection: ClosedConnection): void;
}

/** What a connection reports of itself when it has closed. */
export type ClosedConnection = Omit<
  ServerEvent & { kind: 'connection-closed' },
  'kind' | 'connections'
>;
