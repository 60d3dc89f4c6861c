import type { OpenMessage } from '../smtp/index.ts';
import type { Certificate } from './certificates.ts';
import { OptionsError } from './errors.ts';
import type { ServerEvent } from './events.ts';
import { COUNTS, DEFAULT_LIMITS, type Limits } from './limits.ts';

/** One address that a server listens on, and how its sessions behave. */
export interface ListenerOptions {
  /** Unique; it is what events and mails call the listener by. */
  readonly name: string;
  /** The address to listen on. Default: all of the machine's. */
  readonly host?: string;
  /** 0 takes a free one: see `SmtpServer.addresses`. */
  readonly port: number;
  /** `starttls`: offered (RFC 3207). `implicit`: from the first octet (RFC 8314). Default `none`. */
  readonly tls?: 'none' | 'starttls' | 'implicit';
  /** `required`: nothing but EHLO, STARTTLS, NOOP, QUIT and AUTH works before sign-in. Default `none`. */
  readonly auth?: 'none' | 'optional' | 'required';
  /** LMTP (RFC 2033): LHLO, and one reply for each recipient. Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp';
  /** No MAIL before TLS. Default false. */
  readonly requireTls?: boolean;
  /** Takes AUTH in the clear, which only a loopback test should. Default false. */
  readonly allowInsecureAuth?: boolean;
  /** SASL mechanisms in the order in which they are offered. Default `PLAIN`, `LOGIN`. */
  readonly mechanisms?: readonly string[];
  /** A bare CR or LF inside a message: refused `550 5.6.11` (the default), or taken as data. */
  readonly bareNewline?: 'reject' | 'accept';
  /** Offers SMTPUTF8 (RFC 6531). Default true. */
  readonly smtpUtf8?: boolean;
  /** Asks the client for a certificate, which a client need not have. Default false. */
  readonly requestClientCertificate?: boolean;
  /** What this listener does differently from the server's limits. */
  readonly limits?: Partial<Limits>;
}

/** What `new SmtpServer` takes. */
export interface ServerOptions {
  /** The name in the greeting; where DNS knows it, the one in the MX record. Default `localhost`. */
  readonly hostname?: string;
  /** Default: one, named `smtp`, on a free port of 127.0.0.1. */
  readonly listeners?: readonly ListenerOptions[];
  /** Needed where a listener's `tls` is not `none`. */
  readonly tls?: {
    readonly certificates: readonly Certificate[];
    /** PEM: who signs the clients' certificates. Default: the authorities that Node.js trusts. */
    readonly clientAuthorities?: readonly string[];
  };
  readonly limits?: Partial<Limits>;
  /** Takes every message, in the place of `onMail` and of the loop: the way in with no cost of its own. */
  readonly openMessage?: OpenMessage;
  /** Default: a random UUID. Must be unique, and printable ASCII. */
  readonly nextMessageId?: () => string;
  /** Hears of everything: for a log, for metrics. What it throws becomes a process warning. */
  readonly observe?: (event: ServerEvent) => void;
  /** Closes the server when it fires, as `close()` does. */
  readonly signal?: AbortSignal;
}

/** A listener's options, all of them. */
export interface ResolvedListener extends Required<Omit<ListenerOptions, 'host' | 'limits'>> {
  readonly host: string | undefined;
  readonly limits: Limits;
}

export interface ResolvedOptions {
  readonly hostname: string;
  readonly limits: Limits;
  readonly listeners: readonly ResolvedListener[];
}

const DEFAULT_LISTENER: ListenerOptions = { name: 'smtp', host: '127.0.0.1', port: 0 };

/** Fills in the defaults. Throws an `OptionsError` that names the option, the expectation and the value. */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  const { hostname = 'localhost', listeners = [DEFAULT_LISTENER] } = options;
  require(/^[\x21-\x7e]{1,255}$/.test(hostname), 'hostname', 'a domain name', hostname);
  require(listeners.length > 0, 'listeners', 'at least one', listeners);
  const limits = resolveLimits(options.limits ?? {}, DEFAULT_LIMITS, 'limits');
  const resolved = listeners.map((each, index) => resolveListener(each, limits, index));
  const names = resolved.map((each) => each.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  require(twice === undefined, 'listeners', 'a different name for each', twice);
  const secured = resolved.find((each) => each.tls !== 'none');
  if (secured && !options.tls) {
    const why = `certificates, because the listener ${secured.name} says tls: "${secured.tls}"`;
    require(false, 'tls', why, options.tls);
  }
  return { hostname, limits, listeners: resolved };
}

function resolveListener(
  options: ListenerOptions,
  limits: Limits,
  index: number,
): ResolvedListener {
  const where = `listeners[${index}]`;
  const { name, host, port, tls = 'none', auth = 'none' } = options;
  require(/^[\x21-\x7e]{1,64}$/.test(name), `${where}.name`, 'a printable name', name);
  require(Number.isInteger(port) && port >= 0 && port <= 65535, `${where}.port`, 'a port', port);
  require(host === undefined || host !== '', `${where}.host`, 'an address', host);
  require(auth === 'none' ||
    tls !== 'none' ||
    options.allowInsecureAuth ===
      true, `${where}.auth`, '"none", because passwords would travel in the clear where tls is "none"', auth);
  return {
    name,
    host,
    port,
    tls,
    auth,
    protocol: options.protocol ?? 'smtp',
    requireTls: options.requireTls ?? false,
    allowInsecureAuth: options.allowInsecureAuth ?? false,
    mechanisms: options.mechanisms ?? ['PLAIN', 'LOGIN'],
    bareNewline: options.bareNewline ?? 'reject',
    smtpUtf8: options.smtpUtf8 ?? true,
    requestClientCertificate: options.requestClientCertificate ?? false,
    limits: resolveLimits(options.limits ?? {}, limits, `${where}.limits`),
  };
}

function resolveLimits(given: Partial<Limits>, defaults: Limits, where: string): Limits {
  for (const [name, value] of Object.entries(given)) {
    require(name in defaults, `${where}.${name}`, 'a known limit', name);
    const isCount = COUNTS.some((count) => count === name);
    const isRight = isCount
      ? Number.isSafeInteger(value) && value >= 1
      : Number.isFinite(value) && value >= 0;
    const expected = isCount ? 'a whole number from 1' : 'a number from 0';
    require(isRight, `${where}.${name}`, expected, value);
  }
  return { ...defaults, ...given };
}

function require(holds: boolean, subject: string, expected: string, value: unknown): void {
  if (holds) return;
  throw new OptionsError(
    `${subject}: expected ${expected}, got ${JSON.stringify(value) ?? 'nothing'}`,
  );
}
