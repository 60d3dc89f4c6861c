import type { Mechanism } from './sasl/exchange.ts';

/**
 * How one listener's sessions behave: plain values, shared by all its connections, never changed once made.
 * What an extension needs in the outside world (a certificate, an authenticator) is stated here as a fact, so
 * that the session announces only what works.
 */
export interface SessionOptions {
  /** The name in the greeting and in EHLO's first line. */
  readonly hostname: string;
  /** Said in the greeting, behind host name and protocol. */
  readonly banner?: string;
  readonly protocol: 'smtp' | 'lmtp';
  /** `starttls`: offered while in the clear. `none`: never. `implicit`: secured before the greeting. */
  readonly tls: 'none' | 'starttls' | 'implicit';
  /** No MAIL before TLS: `530 5.7.0`. */
  readonly requireTls: boolean;
  /** `required`: nothing but EHLO, STARTTLS, NOOP, RSET, QUIT and AUTH works before sign-in. */
  readonly auth: 'none' | 'optional' | 'required';
  /** AUTH in the clear is refused `538 5.7.11` unless this is true, which only a loopback test should say. */
  readonly allowInsecureAuth: boolean;
  /** The SASL mechanisms offered, in this order. */
  readonly mechanisms: readonly string[];
  /** SASL mechanisms of the embedder's own; `mechanisms` names those that are offered. */
  readonly customMechanisms?: readonly Mechanism[];
  /** A bare LF or CR in the message: refused `550 5.6.11` after its real end, made CRLF, or taken as data. */
  readonly bareNewline: 'reject' | 'normalize' | 'accept';
  /**
   * The syntax of commands. `strict`: the grammar of RFC 5321. `internet`: also the deviations of real senders, as far
   * as Postfix accepts them.
   */
  readonly addressSyntax: 'internet' | 'strict';
  /** Clients whose addresses may lack the domain, beside those that signed in (`internet` only). Default: none. */
  readonly trustedNetworks?: { readonly has: (clientAddress: string) => boolean };
  /** Offers SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  /** Octets; what SIZE announces, enforced while the data flows. */
  readonly maxMessageSize: number;
  /** Accepted RCPTs of one transaction; past it `452 4.5.3`. */
  readonly maxRecipients: number;
  /** Transactions of one session; past it `421 4.7.0`. */
  readonly maxMessages: number;
  /**
   * Refusals in one session; past it `421 4.7.0`. A policy's or a store's 4yz does not count: to be asked to come
   * back later is no error of the client's.
   */
  readonly maxErrors: number;
  /** Refused sign-ins in one session; past it `421 4.7.0`. */
  readonly maxSignInFailures: number;
  /** CHUNKING, and with `bareNewline: 'accept'` also BINARYMIME (RFC 3030). Default: offered. */
  readonly chunking?: boolean;
  /** The DSN parameters, kept in the envelope (RFC 3461). Default: offered. */
  readonly dsn?: boolean;
  /** REQUIRETLS, and only under TLS (RFC 8689). Default: offered. */
  readonly requireTlsExtension?: boolean;
  /** LIMITS with what `maxRecipients`, `maxMessages` and `maxRecipientDomains` say (RFC 9422). Default: offered. */
  readonly limits?: boolean;
  /** Different domains in the accepted RCPTs of one transaction; past it `452 4.5.3`. Default: any number. */
  readonly maxRecipientDomains?: number;
  /** MT-PRIORITY (RFC 6710). Default: not offered. */
  readonly mtPriority?: boolean;
  /** DELIVERBY, with the shortest time for which by-mode `R` is taken (RFC 2852). Default: not offered. */
  readonly deliverBy?: { readonly minSeconds: number };
  /** Notes each command and each reply, without credentials. Default false. */
  readonly notesDialogue?: boolean;
  /** FUTURERELEASE, with the longest HOLDFOR and the latest HOLDUNTIL (RFC 4865). Default: not offered. */
  readonly futureRelease?: { readonly maxSeconds: number; readonly maxDateTime: string };
}
