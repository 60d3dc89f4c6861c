import type { ChannelBinding } from './sasl/exchange.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';

/** What a session knows: its listener's options and the facts learned so far. */
export interface SessionContext {
  readonly options: SessionOptions;
  readonly facts: SessionFacts;
  /** Absent in the clear, and where the driver cannot tell. */
  readonly channelBinding: ChannelBinding | undefined;
  /** Whether the client is a proxy whose XCLIENT is trusted. */
  readonly isXclientTrusted: boolean;
}

/** Whether the client's word is taken for addresses without a domain. */
export function isTrusted({ options, facts }: SessionContext): boolean {
  return facts.identity !== null || options.trustedNetworks?.has(facts.clientAddress) === true;
}
