import type { DiscardCause, MessageFacts, Note, Reply, TlsFacts } from '../smtp/index.ts';

/** The client that an event is about. */
export interface Peer {
  readonly sessionId: string;
  readonly listener: string;
  /** Without brackets, IPv4-mapped IPv6 written as IPv4. */
  readonly clientAddress: string;
  readonly clientPort: number;
}

/** The outcome of a message, in octets and milliseconds. */
export interface MessageOutcome {
  readonly message: MessageFacts;
  /** As received, dots removed. */
  readonly sizeInOctets: number;
  /** From the `354` to the end of the data. */
  readonly receivingMilliseconds: number;
  /** From the end of the data to the answer. */
  readonly committingMilliseconds: number;
  /** One, or for LMTP one for each recipient. */
  readonly replies: readonly Reply[];
}

/** One served certificate, for an expiry gauge. */
export interface CertificateFacts {
  readonly subject: string;
  readonly serverNames: readonly string[];
  readonly keyType: string;
  readonly validTo: Date;
  /** Whether `validTo` had passed when the certificate was taken: clients that verify it will not trust the server. */
  readonly isExpired: boolean;
  readonly fingerprint256: string;
}

/**
 * What happens in a server, for its log and its metrics. No event holds a secret, the argument of AUTH, or an
 * octet of a message.
 *
 * @example
 * const server = new SmtpServer({
 *   observe(event) {
 *     if (event.kind === 'message-accepted') console.log(event.message.messageId, event.sizeInOctets);
 *   },
 * });
 */
export type ServerEvent =
  | {
      readonly kind: 'listening';
      readonly listener: string;
      readonly address: string;
      readonly port: number;
    }
  /** The system could not accept a connection: out of file descriptors (`EMFILE`), or the client had gone. */
  | { readonly kind: 'accept-failed'; readonly listener: string; readonly code: string }
  | {
      readonly kind: 'connection-opened';
      readonly peer: Peer;
      /** At this moment, this one included. */ readonly connections: number;
    }
  /** Over a cap, or not from a trusted proxy: `rule` says which. */
  | {
      readonly kind: 'connection-refused';
      readonly listener: string;
      readonly clientAddress: string;
      readonly rule:
        | 'too-many-connections'
        | 'too-many-connections-from-address'
        | 'untrusted-proxy'
        | 'bad-proxy-header'
        | 'proxy-header-timeout';
    }
  /** Let go for another one while there were `maxConnections`: the client hears 421. */
  | {
      readonly kind: 'connection-shed';
      readonly peer: Peer;
      /**
       * `idle`: it sent no command for 10 seconds. `client-share`, `listener-share`: its client or its listener had
       * more connections than that of the other one.
       */
      readonly reason: 'idle' | 'client-share' | 'listener-share';
    }
  | {
      readonly kind: 'connection-closed';
      readonly peer: Peer;
      /** `ended`: after QUIT, 421 or 554. `lost`: by the client. `closing`: cut by `close`. `failed`: our fault. */
      readonly cause: 'ended' | 'lost' | 'tls-failed' | 'closing' | 'failed';
      readonly seconds: number;
      readonly octetsReceived: number;
      readonly octetsSent: number;
      readonly messages: number;
      /** At this moment, without this one. */
      readonly connections: number;
    }
  | {
      readonly kind: 'tls-established';
      readonly peer: Peer;
      readonly tls: TlsFacts;
      readonly milliseconds: number;
    }
  | {
      readonly kind: 'tls-failed';
      readonly peer: Peer;
      /** OpenSSL's code, as `ERR_SSL_NO_SHARED_CIPHER`; `timeout`; or `lost`. */ readonly code: string;
    }
  /** A note of the session: a refused command, a sign-in, how it ended. */
  | { readonly kind: 'note'; readonly peer: Peer; readonly note: Note }
  /** Answered 2yz (LMTP: for one recipient at least). */
  | ({ readonly kind: 'message-accepted' } & MessageOutcome)
  /** Answered 5yz. */
  | ({ readonly kind: 'message-refused' } & MessageOutcome)
  /** Answered 4yz. */
  | ({ readonly kind: 'message-deferred' } & MessageOutcome)
  /** Thrown away before its commit. */
  | {
      readonly kind: 'message-discarded';
      readonly message: MessageFacts;
      readonly cause: DiscardCause;
      readonly sizeInOctets: number;
    }
  /**
   * A hook, a writer or the session threw, rejected, took too long or gave a value that is not valid (`HookAnswerError`);
   * the client heard a 4yz.
   */
  | {
      readonly kind: 'failure';
      readonly peer: Peer;
      /**
       * The question of the session that could not be answered, such as `forward-path`; or `connect`, `secured`,
       * `mechanism`, `message`, `close` or `session`.
       */
      readonly where: string;
      readonly error: unknown;
    }
  | { readonly kind: 'certificates-served'; readonly certificates: readonly CertificateFacts[] }
  /** The new ones were refused; the old ones go on serving. */
  | { readonly kind: 'certificates-refused'; readonly error: Error }
  | { readonly kind: 'closing'; readonly connections: number; readonly drainSeconds: number }
  | { readonly kind: 'closed' /** Sessions cut short. */; readonly cut: number };
