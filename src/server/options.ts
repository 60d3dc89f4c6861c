import type { OpenMessage, SessionFacts } from '../smtp/index.ts';
import type { Certificate } from './certificates.ts';
import type { ServerEvent } from './events.ts';
import type { Limits } from './limits.ts';
import type { Mechanism } from './mechanism.ts';
import type { AnyState } from './session-scope.ts';
import type { TlsProfile } from './tls-settings.ts';

/**
 * Extensions that a listener offers, or not. PIPELINING, SIZE, 8BITMIME and ENHANCEDSTATUSCODES always are.
 *
 * @example
 * const listener = { name: 'mx', port: 25, extensions: { mtPriority: true, chunking: false } };
 */
export interface Extensions {
  /** CHUNKING, and with `bareNewline: 'accept'` also BINARYMIME (RFC 3030). Default true. */
  readonly chunking?: boolean;
  /** The DSN parameters, kept in the envelope (RFC 3461). Default true. */
  readonly dsn?: boolean;
  /** REQUIRETLS, under TLS (RFC 8689). Default true. */
  readonly requireTls?: boolean;
  /** LIMITS, which tells the client some of ours (RFC 9422). Default true. */
  readonly limits?: boolean;
  /** MT-PRIORITY (RFC 6710). Default false. */
  readonly mtPriority?: boolean;
  /** DELIVERBY (RFC 2852). Default: not offered. */
  readonly deliverBy?: { readonly minSeconds: number };
  /** FUTURERELEASE (RFC 4865). Default: not offered. */
  readonly futureRelease?: { readonly maxSeconds: number; readonly maxDateTime: string };
}

/**
 * One address that a server listens on, and how its sessions behave.
 *
 * @example
 * const submission: ListenerOptions = {
 *   name: 'submission',
 *   port: 587,
 *   tls: 'starttls',
 *   auth: 'required',
 *   mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN'],
 * };
 */
export interface ListenerOptions {
  /** Unique: names the listener in events and mails. */
  readonly name: string;
  /** The address to listen on. Default: all of the machine's. */
  readonly host?: string;
  /** 0 takes a free port: see `SmtpServer.addresses`. Required, unless there is a `path` or `listens` is false. */
  readonly port?: number;
  /**
   * The path of a Unix socket to listen on, in place of `port`. One that a dead process left is removed. Its clients have the
   * address 127.0.0.1 and the port 0.
   */
  readonly path?: string;
  /** False: the listener listens nowhere, and takes what `SmtpServer.accept` hands over. Default true. */
  readonly listens?: boolean;
  /** `starttls`: offered (RFC 3207). `implicit`: from the first octet (RFC 8314). Default `none`. */
  readonly tls?: 'none' | 'starttls' | 'implicit';
  /** The protocol versions and ciphers. Default: `tls.profile` of the server. */
  readonly tlsProfile?: TlsProfile;
  /** `required`: nothing but EHLO, STARTTLS, NOOP, RSET, QUIT and AUTH works before sign-in. Default `none`. */
  readonly auth?: 'none' | 'optional' | 'required';
  /** LMTP (RFC 2033): LHLO, and one reply for each recipient. Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp';
  /** No MAIL before TLS. Default false. */
  readonly requireTls?: boolean;
  /** Accepts AUTH without TLS: only for tests on the loopback. Default false. */
  readonly allowInsecureAuth?: boolean;
  /** SASL mechanisms in the order in which they are offered. Default `PLAIN`, `LOGIN`. */
  readonly mechanisms?: readonly string[];
  /**
   * A bare CR or LF inside a message: refused `550 5.6.11`, made CRLF, or taken as data. It never ends the message.
   * Default: `normalize` where clients can sign in (`auth` is not `none`), else `reject`.
   */
  readonly bareNewline?: 'reject' | 'normalize' | 'accept';
  /**
   * The syntax of commands. `internet` (the default): the grammar of RFC 5321 and the deviations of real senders, as far
   * as Postfix accepts them. `strict`: that grammar only.
   */
  readonly addressSyntax?: 'internet' | 'strict';
  /**
   * Clients whose addresses may lack the domain, as `<root>` does: the hostname takes its place. Addresses and networks,
   * beside clients that signed in; for `addressSyntax: 'internet'`. Default: none.
   */
  readonly trustedNetworks?: readonly string[];
  /** Offers SMTPUTF8 (RFC 6531). Default true. */
  readonly smtpUtf8?: boolean;
  /** SASL mechanisms of your own; `mechanisms` must name them too. Default: none. */
  readonly customMechanisms?: readonly Mechanism[];
  /** What the listener offers beyond the core extensions. */
  readonly extensions?: Extensions;
  /** Asks the client for a certificate, without requiring one. Default false. */
  readonly requestClientCertificate?: boolean;
  /**
   * Where the client's address comes from. `socket` (the default): the connection. `proxy`: the PROXY header,
   * version 1 or 2, that begins every connection; a connection without it is closed.
   *
   * Behind a Network Load Balancer of AWS leave it at `socket` and keep client IP preservation on: by default
   * an NLB sends its version 2 header only with the client's first octets, and an SMTP client sends none before
   * it was greeted, so that both would wait for ever. Only AWS Support can change that
   * (`proxy_protocol_v2.client_to_server.header_placement`). HAProxy, Envoy and nginx send it at once.
   */
  readonly clientAddress?: 'socket' | 'proxy';
  /** The proxies to trust: addresses and networks like `10.0.0.0/8`. Required with `clientAddress: 'proxy'`. */
  readonly trustedProxies?: readonly string[];
  /** The clients whose XCLIENT is trusted (Postfix's XCLIENT_README): addresses and networks. Default: none. */
  readonly trustedXclients?: readonly string[];
  /** Limits of this listener that differ from the server's. */
  readonly limits?: Partial<Limits>;
}

/**
 * The options of `new SmtpServer`. Each has a default: `new SmtpServer()` listens on a free port of 127.0.0.1.
 *
 * @example
 * const options: ServerOptions = {
 *   hostname: 'mx.example.com',
 *   listeners: [{ name: 'mx', port: 25, tls: 'starttls' }],
 *   tls: { certificates: [{ cert, key }] },
 *   observe: ({ kind }) => counters.increment(kind),
 * };
 */
export interface ServerOptions<State = AnyState> {
  /** The name in the greeting; for a public server, the name in the MX record. Default `localhost`. */
  readonly hostname?: string;
  /** Said in the greeting behind the host name and `ESMTP`: `220 mx.example.com ESMTP Example Mail`. Default: nothing. */
  readonly banner?: string;
  /** The addresses to listen on. Default: one, named `smtp`, on a free port of 127.0.0.1. */
  readonly listeners?: readonly ListenerOptions[];
  /** Required if the `tls` of a listener is not `none`. */
  readonly tls?: {
    /** In PEM. A client gets the one for the name that it asks for (SNI), or else the first. */
    readonly certificates: readonly Certificate[];
    /** The protocol versions and ciphers of the listeners that name no other. Default `intermediate`. */
    readonly profile?: TlsProfile;
    /** PEM: the authorities of client certificates. Default: those that Node.js trusts. */
    readonly clientAuthorities?: readonly string[];
  };
  /** Limits that differ from the defaults, for all listeners. */
  readonly limits?: Partial<Limits>;
  /**
   * Makes the state of a session for the hooks (`context.state`), when a hook first asks for it. Its type is that of all
   * hooks. Default: an empty object.
   */
  readonly state?: (session: SessionFacts) => State;
  /** Takes every message, in place of `onMail` and of the loop, without a copy or a stream in between. */
  readonly openMessage?: OpenMessage;
  /** Default: a random UUID. Must be unique, and printable ASCII. */
  readonly nextMessageId?: () => string;
  /** Called with every event, for logs and metrics. What it throws becomes a process warning. */
  readonly observe?: (event: ServerEvent) => void;
  /**
   * Gives `observe` each command and each reply too, as notes of the kinds `command` and `reply`: for development. What may
   * be a credential is `***`. Default false.
   */
  readonly observeDialogue?: boolean;
  /** Closes the server when it fires, as `close()` does. */
  readonly signal?: AbortSignal;
}
