// One listening address: accepts connections within the caps, and provides what they need to serve.
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ProxyFacts, SessionFacts, SessionOptions, TlsFacts } from '../smtp/index.ts';
import { canonicalAddress } from '../net/addresses.ts';
import type { ProxyHeader } from '../net/proxy-header.ts';
import type { Admission } from './admission.ts';
import { guardMechanism } from './boundary/guarded-mechanism.ts';
import type { HandedOver } from './boundary/handover.ts';
import type { CertificateStore } from './certificates.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import { HookContext } from './context.ts';
import { codeOf } from './errors.ts';
import type { Peer, ServerEvent } from './events.ts';
import { type Hooks, isPromise } from './hooks.ts';
import { listenOn, toListenError } from './listen-on.ts';
import type { ResolvedListener } from './resolve-options.ts';
import { ProbeSilence } from './probe-silence.ts';
import { ProxyGate } from './proxy-gate.ts';
import { refusalLines } from './replies.ts';
import { reportFailure } from './report-failure.ts';
import type { ClosedConnection, Serving } from './serving.ts';
import type { SessionScope } from './session-scope.ts';
import { destroySoon, LOCAL_ADDRESS, type Transport } from './transport.ts';

/** What the listeners of one server share. */
export interface Shared {
  readonly hostname: string;
  readonly banner: string | undefined;
  readonly notesDialogue: boolean;
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly certificates: CertificateStore | undefined;
  readonly openMessage: Serving['openMessage'];
  readonly makeState: Serving['makeState'];
  readonly hasTaker: Serving['hasTaker'];
  readonly warn: Serving['warn'];
  readonly nextMessageId: () => string;
  readonly nextSessionId: () => string;
  readonly observe: Serving['observe'];
  /** Called whenever a connection has closed. */
  readonly connectionClosed: () => void;
}

export class Listener {
  readonly options: ResolvedListener;
  readonly #shared: Shared;
  readonly #serving: Serving;
  readonly #server: Server;
  /** By the id of their session. */
  readonly #connections = new Map<string, Connection>();
  /** Connections whose PROXY header is still to come. */
  readonly #gates = new Set<Transport>();
  #isDraining = false;

  constructor(options: ResolvedListener, shared: Shared) {
    this.options = options;
    this.#shared = shared;
    const { hooks, clock, observe, warn, openMessage, makeState, hasTaker, nextMessageId } = shared;
    this.#serving = {
      options,
      sessionOptions: toSessionOptions(options, shared, (session, error) => {
        const { sessionId, listener, clientAddress, clientPort } = session;
        const peer = { sessionId, listener, clientAddress, clientPort };
        reportFailure({ observe, warn }, peer, 'mechanism', error);
      }),
      ...{ hooks, clock, observe, warn, openMessage, makeState, hasTaker, nextMessageId },
      connections: this.#connections,
      secure: (socket) => this.#secure(socket),
      closed: (scope, connection) => this.#closed(scope, connection),
    };
    // A client may close its side after the final dot and still wait for its reply. Replies are written whole,
    // so that to wait for more (RFC 896) would only delay them.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
    this.#server.on('error', (error) => {
      // Before it listens this is for `listen`. Afterwards it is a failed accept; the next may succeed.
      if (!this.#server.listening) return;
      observe?.({ kind: 'accept-failed', listener: options.name, code: codeOf(error) });
    });
  }

  /** Whether a session is left that began before the closing. */
  get isWaitedFor(): boolean {
    for (const connection of this.#connections.values()) if (!connection.isTurnedAway) return true;
    return false;
  }

  /** Where it listens, or `undefined` before and after. */
  get address(): { address: string; port: number } | undefined {
    const bound = this.#server.address();
    if (bound === null) return undefined;
    if (typeof bound === 'string') return { address: bound, port: 0 };
    return { address: bound.address, port: bound.port };
  }

  get connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  async listen(): Promise<void> {
    const { name, listens } = this.options;
    if (!listens) return;
    try {
      await listenOn(this.#server, this.options);
    } catch (error) {
      throw toListenError(this.options, error);
    }
    const bound = this.address;
    if (bound) this.#serving.observe?.({ kind: 'listening', listener: name, ...bound });
  }

  /** From here on 421 greets new clients, and the others hear it at their next idle point or when they are silent. */
  drain(idleSeconds: number): void {
    this.#isDraining = true;
    for (const connection of this.#connections.values()) connection.drain(idleSeconds);
  }

  /** Takes no more connections. */
  stop(): void {
    if (this.#server.listening) this.#server.close();
    for (const socket of this.#gates) socket.destroy();
  }

  /** Says 421 to the sessions that are left. Returns how many of them were cut short. */
  cut(): number {
    let sessions = 0;
    for (const connection of this.#connections.values()) if (connection.cut()) sessions++;
    return sessions;
  }

  /** Ends the connections that are left. */
  destroy(): void {
    for (const connection of this.#connections.values()) connection.destroy();
  }

  // ---- accepting

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort = 0 } = socket;
    // Gone before we looked.
    if (remoteAddress === undefined && this.options.path === undefined) socket.destroy();
    else this.#identify(socket, canonicalAddress(remoteAddress ?? LOCAL_ADDRESS), remotePort);
  }

  /** Takes a connection that was accepted elsewhere. */
  take(stream: Transport, about: HandedOver): void {
    if (stream.destroyed) return;
    // A client may close its side after the final dot and still wait for its reply.
    stream.allowHalfOpen = true;
    const { clientAddress, clientPort, tls } = about;
    const address = canonicalAddress(clientAddress ?? stream.remoteAddress ?? LOCAL_ADDRESS);
    const port = clientPort ?? stream.remotePort ?? 0;
    if (clientAddress === undefined) this.#identify(stream, address, port, tls);
    else this.#admit(stream, address, port, { tls });
  }

  #identify(socket: Transport, address: string, port: number, tls?: TlsFacts): void {
    if (this.options.clientAddress === 'proxy') this.#readProxyHeader(socket, address, port, tls);
    else this.#admit(socket, address, port, { tls });
  }

  #readProxyHeader(
    socket: Transport,
    address: string,
    port: number,
    tls: TlsFacts | undefined,
  ): void {
    const { trustedProxies, limits } = this.options;
    const { clock } = this.#shared;
    if (!trustedProxies.has(address)) return this.#drop(socket, address, 'untrusted-proxy');
    // They are not counted as connections yet, so they have a separate cap.
    if (this.#gates.size >= limits.maxConnections) {
      return this.#drop(socket, address, 'too-many-connections');
    }
    this.#gates.add(socket);
    new ProxyGate(socket, clock, limits.handshakeTimeoutSeconds, (outcome) => {
      this.#gates.delete(socket);
      if (outcome.kind === 'silent') socket.destroy();
      else if (outcome.kind !== 'header') this.#drop(socket, address, outcome.kind);
      else this.#admitProxied(socket, outcome.header, { address, port }, tls);
    });
    return undefined;
  }

  #admitProxied(
    socket: Transport,
    header: ProxyHeader,
    proxy: Source,
    tls: TlsFacts | undefined,
  ): void {
    const { source, tlvs, command } = header;
    // The proxy speaks for itself (LOCAL), or does not know the client either (UNKNOWN, AF_UNSPEC, a UNIX socket): a
    // session with the addresses of the connection (proxy-protocol.txt section 2), mostly a health probe. In version 1
    // HAProxy names those addresses instead.
    const { address, port } = source ?? proxy;
    const told = command === 'local' ? undefined : { address: proxy.address, tlvs };
    const isProxyItself = address === proxy.address && port === proxy.port;
    this.#admit(socket, address, port, { tls, proxy: told, isProxyItself });
  }

  #admit(
    socket: Transport,
    clientAddress: string,
    clientPort: number,
    { tls, proxy, isProxyItself = false }: Known,
  ): void {
    const { limits, name } = this.options;
    const { admission } = this.#shared;
    const refusal = admission.refusal(name, limits, clientAddress);
    if (refusal !== undefined) {
      this.#refuse(socket, clientAddress, refusal);
      return;
    }
    const sessionId = this.#shared.nextSessionId();
    const peer = { sessionId, listener: name, clientAddress, clientPort };
    const serving = isProxyItself ? this.#servingProbe(sessionId) : this.#serving;
    const connection = new Connection(serving, socket, peer, proxy, tls);
    this.#connections.set(sessionId, connection);
    admission.add(connection);
    serving.observe?.({ kind: 'connection-opened', peer, connections: admission.total });
    if (this.#isDraining) connection.turnAway();
    else connection.start();
  }

  /** For a connection of a proxy's own, which is not reported while it may be a probe. */
  #servingProbe(sessionId: string): Serving {
    const { observe } = this.#serving;
    if (!observe) return this.#serving;
    const silence = new ProbeSilence(
      observe,
      () => this.#connections.get(sessionId)?.hasSaidMore === true,
    );
    return {
      ...this.#serving,
      observe: silence.observe,
      closed: (scope, connection) => this.#closed(scope, connection, silence.observe),
    };
  }

  /** Ends a connection without a word. */
  #drop(socket: Transport, clientAddress: string, rule: RefusalRule): void {
    socket.on('error', ignore);
    this.#serving.observe?.({
      kind: 'connection-refused',
      listener: this.options.name,
      clientAddress,
      rule,
    });
    socket.destroy();
  }

  /** Over a cap nothing is made for a connection: one line, where it can be said in the clear, and the end. */
  #refuse(socket: Transport, clientAddress: string, rule: keyof typeof refusalLines): void {
    if (this.options.tls === 'implicit') return this.#drop(socket, clientAddress, rule);
    socket.on('error', ignore);
    this.#serving.observe?.({
      kind: 'connection-refused',
      listener: this.options.name,
      clientAddress,
      rule,
    });
    socket.end(refusalLines[rule], 'latin1');
    destroySoon(socket);
    return undefined;
  }

  // ---- for its connections

  #secure(socket: Transport): TLSSocket {
    const { certificates } = this.#shared;
    const { tlsProfile } = this.options;
    if (!certificates) throw new Error('expected certificates, got none');
    // Any duplex stream will do, which the types do not say.
    return new TLSSocket(socket as Socket, {
      isServer: true,
      secureContext: certificates.contextFor(tlsProfile),
      SNICallback: (name, callback) => callback(null, certificates.contextFor(tlsProfile, name)),
      requestCert: this.options.requestClientCertificate,
      // A client without a certificate is still a client; one that does not verify counts as none.
      rejectUnauthorized: false,
    });
  }

  #closed(
    scope: SessionScope,
    closed: ClosedConnection,
    observe: Serving['observe'] = this.#serving.observe,
  ): void {
    const { admission, connectionClosed } = this.#shared;
    const { sessionId } = closed.peer;
    const connection = this.#connections.get(sessionId);
    if (connection !== undefined) admission.remove(connection);
    observe?.({ kind: 'connection-closed', ...closed, connections: admission.total });
    this.#connections.delete(sessionId);
    this.#callCloseHooks(scope, closed.peer);
    connectionClosed();
  }

  #callCloseHooks(scope: SessionScope, peer: Peer): void {
    const { onClose } = this.#serving.hooks;
    if (onClose.length === 0) return;
    const context = new HookContext<unknown>(scope);
    const fail = (error: unknown): void => reportFailure(this.#serving, peer, 'close', error);
    for (const hook of onClose) {
      try {
        const done: unknown = hook(context);
        if (isPromise(done)) Promise.resolve(done).catch(fail);
      } catch (error) {
        fail(error);
      }
    }
  }
}

type RefusalRule = (ServerEvent & { kind: 'connection-refused' })['rule'];
type Source = NonNullable<ProxyHeader['source']>;

/** What a connection is admitted with beside its address. */
interface Known {
  readonly tls: TlsFacts | undefined;
  readonly proxy?: ProxyFacts | undefined;
  readonly isProxyItself?: boolean;
}

function ignore(): void {}

function toSessionOptions(
  options: ResolvedListener,
  { hostname, banner, notesDialogue }: Pick<Shared, 'hostname' | 'banner' | 'notesDialogue'>,
  report: (session: SessionFacts, error: unknown) => void,
): SessionOptions {
  const { limits, extensions } = options;
  const { requireTls: requireTlsExtension, ...offered } = extensions;
  return {
    hostname,
    ...(banner !== undefined && { banner }),
    notesDialogue,
    protocol: options.protocol,
    tls: options.tls,
    requireTls: options.requireTls,
    auth: options.auth,
    allowInsecureAuth: options.allowInsecureAuth,
    mechanisms: options.mechanisms,
    customMechanisms: options.customMechanisms.map((each) => guardMechanism(each, report)),
    bareNewline: options.bareNewline,
    addressSyntax: options.addressSyntax,
    trustedNetworks: options.trustedNetworks,
    smtpUtf8: options.smtpUtf8,
    ...offered,
    ...(requireTlsExtension !== undefined && { requireTlsExtension }),
    maxMessageSize: limits.maxMessageSize,
    maxRecipients: limits.maxRecipients,
    ...(limits.maxRecipientDomains !== undefined && {
      maxRecipientDomains: limits.maxRecipientDomains,
    }),
    maxMessages: limits.maxMessages,
    maxErrors: limits.maxErrors,
    maxSignInFailures: limits.maxSignInFailures,
  };
}
