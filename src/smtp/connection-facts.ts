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
  /** Present if a PROXY header named the client. */
  readonly proxy?: ProxyFacts;
  /** Whether the client is a proxy whose XCLIENT is trusted. Default: false. */
  readonly isXclientTrusted?: boolean;
}

/** What is known when the session begins. */
export interface Beginning {
  /** The TLS of an implicit-TLS listener, whose handshake came first. */
  readonly tls?: TlsFacts;
  /** Binds SCRAM to that TLS, where the driver can. */
  readonly channelBinding?: ChannelBinding;
  /** Sent instead of the greeting; then the session ends (421, 554). */
  readonly refusal?: Reply;
  /** Its text is said in the greeting, behind host name and protocol. */
  readonly greeting?: Reply;
}
