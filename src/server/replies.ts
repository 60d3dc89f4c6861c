// Every reply that the server itself gives; the session's own, and those that both give, are in `src/smtp`. The
// refusals blame the server or its load and never the message: 4yz, except for a sign-in that no hook accepted.
import { type Reply, renderReply, sharedReplies } from '../smtp/index.ts';

export const replies = {
  /** More than `maxConnections`. RFC 3463 section 3.4: X.3.2, system not accepting network messages. */
  tooManyConnections: {
    code: 421,
    status: '3.2',
    text: 'Too many connections, try again later',
  },
  /** More than `maxConnectionsPerAddress`. */
  tooManyConnectionsFromAddress: {
    code: 421,
    status: '7.0',
    text: 'Too many connections from your address, try again later',
  },
  /** In place of the greeting while the server closes. */
  shuttingDown: { code: 421, status: '3.2', text: 'Shutting down, try again later' },
  /** In place of the greeting of a session that was ended by `end`. */
  sessionEnded: { code: 421, status: '3.2', text: 'Service closing, try again later' },
  /** In place of the greeting where what the server depends on is known to fail. */
  serviceUnavailable: { code: 421, status: '3.2', text: 'Service not available, try again later' },
  /** A connect or a secured hook failed. */
  connectHookFailed: { code: 421, status: '3.0', text: 'Temporary failure, try again later' },
  /** Another hook, or `openMessage`, failed or took too long. */
  hookFailed: sharedReplies.temporaryFailure,
  /** To MAIL where nobody can take a mail: no `onMail` hook, and no loop that has begun. */
  noMailHook: { code: 451, status: '3.2', text: 'Not accepting messages now, try again later' },
  /** A sign-in hook failed or took too long (RFC 4954 section 6). */
  signInHookFailed: sharedReplies.signInUnavailable,
  /** No sign-in hook accepted the client, or one refused it. */
  signInRefused: sharedReplies.signInRefused,
  /** The commit failed or took too long, or the loop was left before it decided. */
  messageNotStored: sharedReplies.messageNotStored,
} as const satisfies Record<string, Reply>;

/** To a message that every hook accepted, none of them with a reply. */
export function queuedAs(messageId: string): Reply {
  return { code: 250, status: '0.0', text: `Ok: queued as ${messageId}` };
}

/** Sent to a connection for which no session is made, so rendered once. */
export const refusalLines = {
  'too-many-connections': renderReply(replies.tooManyConnections),
  'too-many-connections-from-address': renderReply(replies.tooManyConnectionsFromAddress),
} as const;
