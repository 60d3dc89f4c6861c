// The options of a server, checked, and with the defaults filled in.
import { NetworkSet } from '../net/networks.ts';
import { knownMechanisms } from '../smtp/index.ts';
import { requireOptions } from './boundary/options-schema.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { ListenerOptions, ServerOptions } from './options.ts';
import type { TlsProfile } from './tls-settings.ts';

/** A listener's options, with the defaults filled in. */
export interface ResolvedListener
  extends Required<
    Omit<
      ListenerOptions,
      'host' | 'port' | 'path' | 'limits' | 'trustedProxies' | 'trustedXclients' | 'trustedNetworks'
    >
  > {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly limits: Limits;
  readonly trustedProxies: NetworkSet;
  readonly trustedXclients: NetworkSet;
  readonly trustedNetworks: NetworkSet;
}

export interface ResolvedOptions {
  readonly hostname: string;
  readonly banner: string | undefined;
  readonly limits: Limits;
  readonly listeners: readonly ResolvedListener[];
}

const DEFAULT_LISTENER: ListenerOptions = { name: 'smtp', host: '127.0.0.1', port: 0 };

/** Checks the options and fills in the defaults. Throws one `OptionsError` for all mistakes in them. */
export function resolveOptions(options: ServerOptions<unknown>): ResolvedOptions {
  requireOptions(options);
  const { hostname = 'localhost', listeners = [DEFAULT_LISTENER] } = options;
  const limits = resolveLimits(options.limits, DEFAULT_LIMITS);
  const profile = options.tls?.profile;
  return {
    hostname,
    banner: options.banner,
    limits,
    listeners: listeners.map((each) => resolveListener(each, limits, profile)),
  };
}

function resolveListener(
  options: ListenerOptions,
  limits: Limits,
  profile: TlsProfile = 'intermediate',
): ResolvedListener {
  const { name, host, port, path, listens = true, auth = 'none' } = options;
  return {
    name,
    host,
    port,
    path,
    listens,
    tls: options.tls ?? 'none',
    tlsProfile: options.tlsProfile ?? profile,
    auth,
    protocol: options.protocol ?? 'smtp',
    requireTls: options.requireTls ?? false,
    allowInsecureAuth: options.allowInsecureAuth ?? false,
    mechanisms: options.mechanisms ?? ['PLAIN', 'LOGIN'],
    bareNewline: options.bareNewline ?? (auth === 'none' ? 'reject' : 'normalize'),
    addressSyntax: options.addressSyntax ?? 'internet',
    smtpUtf8: options.smtpUtf8 ?? true,
    requestClientCertificate: options.requestClientCertificate ?? false,
    customMechanisms: options.customMechanisms ?? [],
    extensions: options.extensions ?? {},
    clientAddress: options.clientAddress ?? 'socket',
    trustedProxies: new NetworkSet(options.trustedProxies ?? []),
    trustedXclients: new NetworkSet(options.trustedXclients ?? []),
    trustedNetworks: new NetworkSet(options.trustedNetworks ?? []),
    limits: resolveLimits(options.limits, limits),
  };
}

/** A limit that is `undefined` is not set. */
function resolveLimits(given: Partial<Limits> = {}, defaults: Limits): Limits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}

/** Whether clients of this listener are signed in by hooks: a mechanism of the embedder's may decide by itself. */
export function asksSignInHooks(options: ResolvedListener): boolean {
  const own = options.customMechanisms.map(({ name }) => name);
  const isOurs = (name: string): boolean => knownMechanisms.includes(name) && !own.includes(name);
  return options.auth !== 'none' && options.mechanisms.some(isOurs);
}
