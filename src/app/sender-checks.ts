// Who sent a mail and what it holds, for each listener as its configuration says: begun at MAIL, and handed to the bridge as the
// judge of the message.
import type { JudgeMail } from '../bridge/index.ts';
import { checksSenders, type Configuration, verifyModesOf } from '../config/index.ts';
import { clientNetwork } from '../net/addresses.ts';
import type { SmtpServer } from '../server/index.ts';
import type { MessageFacts, Reply, ReversePath, SessionFacts } from '../smtp/index.ts';
import {
  composeJudge,
  createLists,
  createResolver,
  createScanners,
  createSenderCheck,
  type DnsClient,
  type DnsLists,
  type ListLookups,
  type MailSenderCheck,
  type Resolver,
  type ScanEvent,
  type Scanners,
  type SenderCheck,
  type SenderModes,
  type SpamOptions,
} from '../verify/index.ts';
import type { VerifyEvent } from './report/verify.ts';

type Observe = (event: VerifyEvent) => void;
type ObserveScan = (event: ScanEvent) => void;

/** What is asked about a client of one listener that has not signed in. */
interface ListenerChecks {
  readonly modes: SenderModes | undefined;
  readonly lists: DnsLists | undefined;
  /** A list of this listener may refuse. */
  readonly refusesByList: boolean;
}

/** What was begun at MAIL. */
interface BegunChecks {
  readonly sender: MailSenderCheck | undefined;
  readonly lists: ListLookups | undefined;
}

export class SenderChecks implements AsyncDisposable {
  readonly #timeoutMillis: number;
  readonly #dns: DnsClient | undefined;
  readonly #sender: SenderCheck | undefined;
  readonly #scanners: Scanners | undefined;
  readonly #listeners = new Map<string, ListenerChecks>();
  readonly #allLists = new Set<DnsLists>();
  readonly #observe: Observe;
  /** By the id of the session, which has one transaction at a time. */
  readonly #begun = new Map<string, BegunChecks>();

  /** Asks DNS about the lists at once, and nothing else. */
  constructor(configuration: Configuration, observe: Observe, observeScan: ObserveScan) {
    const { hostname, verify, scan, listeners } = configuration;
    this.#observe = observe;
    this.#timeoutMillis = verify.timeout * 1000;
    this.#scanners = scan && startScanners(scan, hostname, observeScan);
    const all = listeners.map((listener) => ({ listener, modes: verifyModesOf(verify, listener) }));
    if (!all.some(({ modes }) => checksSenders(modes))) return;
    this.#dns = makeResolver(verify, observe);
    this.#sender = createSenderCheck({
      resolver: this.#dns,
      hostname,
      timeoutMillis: this.#timeoutMillis,
      clientOf: clientNetwork,
      arcTrusted: verify.arcTrusted,
    });
    const listsOf = this.#listMaker(this.#dns);
    for (const { listener, modes } of all) {
      const { lists, ...checks } = modes;
      const isOn = Object.values(checks).some((mode) => mode !== 'off');
      this.#listeners.set(listener.name, {
        modes: isOn ? checks : undefined,
        lists: lists.length > 0 ? listsOf(lists) : undefined,
        refusesByList: lists.some(({ action }) => action === 'reject'),
      });
    }
  }

  /** DNS look-ups under way. */
  get lookupsUnderWay(): number {
    return this.#dns?.usage.underWay ?? 0;
  }

  /** Adds its hooks behind the others, so that nothing is asked about a client that is refused anyway. */
  attach(server: SmtpServer): void {
    if (this.#dns === undefined) return;
    server.onSender(({ session, reversePath }) => this.#begin(session, reversePath));
    server.onRecipient(({ session, envelope }) =>
      this.#refusalByList(session, envelope.reversePath),
    );
    server.onClose(({ session }) => this.#drop(session.sessionId));
  }

  /** The judge of a message, for the bridge. */
  readonly judge: JudgeMail = (facts, resume) => {
    const { sessionId } = facts.session;
    const begun = this.#begun.get(sessionId);
    this.#begun.delete(sessionId);
    const scan = this.#scanners?.open(scannedMail(facts), resume);
    return composeJudge({ sender: begun?.sender, lists: begun?.lists, scan });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lists of this.#allLists) lists.close();
    this.#dns?.close();
    await this.#scanners?.[Symbol.asyncDispose]();
  }

  #begin(session: SessionFacts, reversePath: ReversePath): undefined {
    const { sessionId, clientAddress, clientDomain, listener, identity } = session;
    this.#drop(sessionId);
    const checks = this.#listeners.get(listener);
    if (identity !== null || checks === undefined) return;
    const { modes, lists } = checks;
    if (modes === undefined && lists === undefined) return;
    this.#begun.set(sessionId, {
      sender: modes && this.#sender?.begin({ clientAddress, clientDomain }, reversePath, modes),
      lists: lists?.begin(
        {
          clientAddress,
          helo: clientDomain,
          ...(reversePath && { senderDomain: reversePath.domain }),
        },
        performance.now() + this.#timeoutMillis,
        clientNetwork(clientAddress),
      ),
    });
  }

  /** Waits for the lists only where one of them may refuse. */
  #refusalByList(
    session: SessionFacts,
    reversePath: ReversePath,
  ): Promise<Reply | undefined> | undefined {
    const lookups = this.#begun.get(session.sessionId)?.lists;
    const isNeeded = this.#listeners.get(session.listener)?.refusesByList === true;
    return lookups && isNeeded ? this.#awaitLists(lookups, session, reversePath) : undefined;
  }

  async #awaitLists(
    lookups: ListLookups,
    session: SessionFacts,
    reversePath: ReversePath,
  ): Promise<Reply | undefined> {
    const { refusal } = await lookups.findings();
    if (refusal !== undefined) {
      this.#observe({ kind: 'client-refused', session, reversePath, refusal });
    }
    return refusal?.reply;
  }

  /** The transaction has ended without a message. */
  #drop(sessionId: string): void {
    this.#begun.get(sessionId)?.sender?.discard();
    this.#begun.delete(sessionId);
  }

  /** Listeners with the same lists share them. */
  #listMaker(resolver: Resolver) {
    const made = new Map<string, DnsLists>();
    return (lists: Configuration['verify']['lists']): DnsLists => {
      const key = JSON.stringify(lists);
      const known = made.get(key);
      if (known !== undefined) return known;
      const own = createLists({
        resolver,
        lists: lists.map(({ zone, key: listKey, kind, action }) => ({
          zone,
          action,
          ...(listKey !== undefined && { key: listKey }),
          ...(kind !== undefined && { kind }),
        })),
        testTimeoutMillis: this.#timeoutMillis,
        observe: this.#observe,
      });
      made.set(key, own);
      this.#allLists.add(own);
      return own;
    };
  }
}

export function makeResolver(
  { resolvers, timeout }: Configuration['verify'],
  observe: Observe = () => {},
): DnsClient {
  return createResolver({
    ...(resolvers.length > 0 && { servers: resolvers }),
    timeoutMillis: timeout * 1000,
    observe: (event) => observe({ kind: 'dns', event }),
  });
}

function startScanners(
  { spam, virus, timeout, onFailure }: NonNullable<Configuration['scan']>,
  hostname: string,
  observe: ObserveScan,
): Scanners {
  return createScanners({
    ...(spam && { spam: spamOptions(spam) }),
    ...(virus && { virus }),
    hostname,
    timeoutMillis: timeout * 1000,
    onFailure,
    observe,
  });
}

function spamOptions({
  password,
  reject,
  quarantine,
  ...rest
}: NonNullable<NonNullable<Configuration['scan']>['spam']>): SpamOptions {
  return {
    ...rest,
    ...(password !== undefined && { password }),
    ...(reject !== undefined && { reject }),
    ...(quarantine !== undefined && { quarantine }),
  };
}

function scannedMail({ messageId, session, envelope }: MessageFacts) {
  const { listener, clientAddress, clientDomain, identity, tls } = session;
  return {
    id: messageId,
    listener,
    clientAddress,
    heloName: clientDomain === '' ? undefined : clientDomain,
    reversePath: envelope.reversePath?.address ?? '',
    forwardPaths: envelope.recipients.map(({ forwardPath }) => forwardPath.address),
    user: identity?.username,
    tls: tls === null ? undefined : { version: tls.version, cipher: tls.cipher },
  };
}
