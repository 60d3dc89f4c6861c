import type { Reply } from './reply.ts';
import type { ChannelBinding } from './sasl/exchange.ts';
import type { ProxyFacts, TlsFacts } from './session-facts.ts';

/** What is known of a connection before its greeting. */
export interface ConnectionFacts {
  /** Unique within the process's lifetime and printable. */
  readonly sessionId: string;
  readonly listener: string;
  /** Without brackets, IPv4-mapped IPv6 written as IPv4. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Where a PROXY header told the client's address. */
  readonly proxy?: ProxyFacts;
  /** Whether the client is a proxy whose XCLIENT is believed. Default: it is not. */
  readonly isXclientTrusted?: boolean;
}

/** How a session begins. */
export interface Opening {
  /** The TLS of an implicit-TLS listener, whose handshake came first. */
  readonly tls?: TlsFacts;
  /** What binds SCRAM to that TLS, where the driver can tell. */
  readonly channelBinding?: ChannelBinding;
  /** Said instead of the greeting, and then the session ends (421, 554). */
  readonly refusal?: Reply;
}
