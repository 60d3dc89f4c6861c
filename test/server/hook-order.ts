// The order of the hooks, and how each may end what the client began. test/server/hook-order.test.ts holds it against a server;
// src/REFERENCE.md shows it as a picture and as a table.
import type { Middleware } from '../../src/index.ts';

export interface HookStage {
  readonly hook: Exclude<keyof Middleware, 'name'>;
  /** What the client or the connection has just done. */
  readonly after: string;
  /** Where the hook's refusal appears. */
  readonly place: string;
  /** The reply where it throws or gives a value that is no answer. */
  readonly failed: string;
  /** The reply where it gives no answer in time; `closed` for the end of the connection without one. */
  readonly late: string;
  /** Whether each refusal and failure ends the session; else only a 421 does. */
  readonly ends: boolean;
}

/** In the order of a session with STARTTLS. `onClose`, which answers nothing, is the last. */
export const hookOrder: readonly HookStage[] = [
  {
    hook: 'onConnect',
    after: 'a client connects',
    place: 'in place of the greeting',
    failed: '421 4.3.0',
    late: 'closed',
    ends: true,
  },
  {
    hook: 'onSecured',
    after: 'a TLS handshake',
    place: 'in answer to the next EHLO; with implicit TLS in place of the greeting',
    failed: '421 4.3.0',
    late: 'closed',
    ends: false,
  },
  {
    hook: 'onHelo',
    after: 'EHLO, HELO, LHLO',
    place: 'in answer to it',
    failed: '451 4.3.0',
    late: '451 4.3.0',
    ends: false,
  },
  {
    hook: 'onSignIn',
    after: 'AUTH and its credentials',
    place: 'in answer to it; `false` is `535 5.7.8`',
    failed: '454 4.7.0',
    late: '454 4.7.0',
    ends: false,
  },
  {
    hook: 'onSender',
    after: 'MAIL',
    place: 'in answer to it',
    failed: '451 4.3.0',
    late: '451 4.3.0',
    ends: false,
  },
  {
    hook: 'onRecipient',
    after: 'each RCPT',
    place: 'in answer to it; the other recipients stay',
    failed: '451 4.3.0',
    late: '451 4.3.0',
    ends: false,
  },
  {
    hook: 'onData',
    after: 'DATA, the first BDAT',
    place: 'in place of the 354',
    failed: '451 4.3.0',
    late: '451 4.3.0',
    ends: false,
  },
  {
    hook: 'onMail',
    after: 'the last onData hook; its answer is awaited after the final dot',
    place: 'after the final dot',
    failed: '451 4.3.0',
    late: '451 4.3.0',
    ends: false,
  },
];
