// Wires the parts into the program that `serve` and `local` run: configuration in, a listening server out.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  type BridgeEvent,
  type BridgeOptions,
  createBridge,
  createBridgeClients,
  messageId,
} from '../bridge/index.ts';
import { createAddressView } from './report/address-view.ts';
import { readCertificates } from './certificate-sources.ts';
import { watchCertificates } from './certificate-watch.ts';
import { checkBucket, checkCredentialTable } from './check-services.ts';
import { OperatorError } from './operator-error.ts';
import { reportBridge } from './report/bridge.ts';
import { reportCredentials } from './report/credentials.ts';
import { reportServer } from './report/server.ts';
import { listenerOptions, routesOf, serverLimits } from './server-options.ts';
import type { Configuration } from '../config/index.ts';
import {
  type Authenticator,
  createAuthenticator,
  createCredentialClient,
  type CredentialEvent,
} from '../credentials/index.ts';
import {
  checkRecipient,
  checkSender,
  checkSize,
  createRateLimit,
  createRoutes,
  destinationOf,
  grantsOf,
  issueGrants,
  limitMessages,
  type RateLimit,
} from '../policy/index.ts';
import { proxyPrefixLength } from '../net/proxy-header.ts';
import { SmtpServer } from '../server/index.ts';
import {
  createLog,
  EmfReporter,
  HealthServer,
  MetricsRegistry,
  observeProcess,
  renderPrometheus,
} from '../telemetry/index.ts';

export interface AppOptions {
  readonly configuration: Configuration;
  /** Paths in the configuration are relative to it. */
  readonly folder: string;
  /** Called once for each mail that was answered 250. */
  readonly onMailStored?: (mail: StoredMail) => void;
}

/** One mail that was stored and announced, as `mailsluice local` shows it. */
export interface StoredMail {
  readonly at: string;
  readonly messageId: string;
  /** `''` for the null reverse-path. */
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly sizeInOctets: number;
  /** `s3://bucket/key`; one for each distinct prefix. */
  readonly objects: readonly string[];
}

export interface App {
  readonly addresses: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
  }[];
  /** The health server's base address, as `http://127.0.0.1:8080`. */
  readonly health: string;
  /** Not ready at once; 421 at idle points after the grace; cut at the deadline or when `hurry` fires. */
  close(options: CloseOptions): Promise<{ readonly cut: number }>;
}

export interface CloseOptions {
  readonly graceSeconds: number;
  /** From the call on, the grace included. */
  readonly deadlineSeconds: number;
  readonly hurry?: AbortSignal;
}

/**
 * Starts everything, or nothing: what cannot work is an error before the first connection is taken.
 * @throws OperatorError (or the parts' own errors, whose messages are as clear) with one line for each fault.
 */
export async function startApp({ configuration, folder, onMailStored }: AppOptions): Promise<App> {
  const started: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const undo of started.toReversed()) await undo();
  };
  try {
    return await start(configuration, folder, onMailStored, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** FAILURES: the breaker is open. */
const SERVICE_UNAVAILABLE = {
  code: 421,
  status: '3.2',
  text: 'Service not available, try again later',
};

/** What the parts have in any case to write their last lines and close their sockets. */
const LAST_SECONDS = 2;

async function start(
  configuration: Configuration,
  folder: string,
  onMailStored: AppOptions['onMailStored'],
  started: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<App> {
  const { hostname, store, notify, limits, log: logOptions } = configuration;
  const metrics = new MetricsRegistry();
  const log = createLog({
    level: logOptions.level,
    onDrop: () => metrics.count('LogLinesDropped', {}),
  });
  started.push(() => log.flush(), observeProcess(metrics));
  const { emf, stage, interval } = configuration.metrics;
  if (emf) {
    const reporter = new EmfReporter(metrics, {
      stage,
      intervalSeconds: interval,
      write: (line) => log.write(line),
    });
    started.push(() => reporter.stop());
  }
  const view = createAddressView(logOptions.addresses);

  const certificates = await readCertificates(configuration.tls.certificates, folder);
  const clients = createBridgeClients();
  started.push(() => clients[Symbol.dispose]());
  const { s3, sns } = clients;
  await checkBucket(s3, store.bucket);

  const routes = createRoutes(routesOf(configuration), hostname);
  const onBridgeEvent = reportBridge(log, metrics, view);
  const bridge = createBridge({
    s3,
    sns,
    bucket: store.bucket,
    prefix: store.prefix,
    topicArn: notify.topicArn,
    hostname,
    traceHeaders: configuration.traceHeaders,
    routes,
    destinationOf: ({ session }) => destinationOf(grantsOf(session.identity)),
    limits: { memory: limits.memory },
    ...duplicateGuard(configuration, clients.dynamoDb),
    observe: (event) => {
      onBridgeEvent(event);
      if (event.kind === 'message-accepted') onMailStored?.(storedMail(event));
    },
  });
  started.push(() => bridge.close());
  metrics.gauge('CommitInFlight', () => bridge.inFlight);
  metrics.gauge('RamBudgetUsed', () => bridge.memoryInUse);

  const signIn = await startSignIn(configuration, started, reportCredentials(log, metrics));

  const server = new SmtpServer({
    hostname,
    listeners: configuration.listeners.map((listener) =>
      listenerOptions(listener, signIn?.authenticator.mechanisms),
    ),
    tls: { certificates },
    limits: serverLimits(limits),
    openMessage: signIn ? limitMessages(bridge.open, signIn.rateLimit) : bridge.open,
    nextMessageId: messageId,
    observe: reportServer(log, metrics, view),
  });
  started.push(async () => {
    await server.close({ drain: 0 });
  });
  metrics.gauge('ActiveConnections', () => server.connections);
  // While S3 is known to fail, a client hears so at once instead of after its whole message.
  server.onConnect(() => bridge.admits() && SERVICE_UNAVAILABLE);
  server.onSender(() => bridge.admits());
  if (signIn !== undefined) {
    server.onSignIn(async (attempt, session) => {
      const begun = performance.now();
      const answer = await signIn.authenticator.authenticate(attempt, session);
      metrics.record('AuthLatency', {}, performance.now() - begun);
      return answer;
    });
    server.onSender((reversePath, { identity }, { size }) => {
      const grants = grantsOf(identity);
      return checkSender(grants, reversePath, hostname) ?? checkSize(grants, size);
    });
    server.onRecipient((forwardPath, { identity }) =>
      checkRecipient(grantsOf(identity), forwardPath, hostname),
    );
  }
  server.onRecipient((forwardPath) => {
    const match = routes.match(forwardPath);
    return match.kind === 'refuse' ? match.reply : undefined;
  });
  await server.listen();
  started.push(
    watchCertificates({
      certificates: configuration.tls.certificates,
      folder,
      serving: certificates,
      intervalSeconds: configuration.tls.reloadInterval,
      replace: (newer) => server.replaceCertificates(newer),
      log,
      metrics,
    }),
  );

  const reasonsNotReady: string[] = [];
  const health = await startHealth(configuration, metrics, () => reasonsNotReady);
  started.push(() => health.close());

  return {
    addresses: server.addresses.map(({ listener, address, port }) => ({
      name: listener,
      host: address,
      port,
    })),
    health: `http://${health.address.host}:${health.address.port}`,
    async close({ graceSeconds, deadlineSeconds, hurry }) {
      reasonsNotReady.push('shutting down');
      const begun = Date.now();
      const secondsLeft = (): number => Math.max(0, deadlineSeconds - (Date.now() - begun) / 1000);
      await pause(graceSeconds, hurry);
      const { cut } = await server.close({ drain: secondsLeft(), ...(hurry && { signal: hurry }) });
      metrics.record('DrainSeconds', {}, (Date.now() - begun) / 1000);
      // A commit goes on without its session; it too ends at the deadline.
      const done = new AbortController();
      const isStopped = await Promise.race([
        stop().then(() => true),
        pause(Math.max(LAST_SECONDS, secondsLeft()), hurry, done.signal).then(() => false),
      ]);
      done.abort();
      return { cut: isStopped ? cut : cut + 1 };
    },
  };
}

/** In a table of its own, or else beside the credentials. */
function duplicateGuard(
  { duplicates, credentials }: Configuration,
  dynamoDb: DynamoDBClient,
): Pick<BridgeOptions, 'duplicates'> {
  const table = duplicates?.table ?? credentials?.table;
  if (duplicates === undefined || table === undefined) return {};
  return { duplicates: { dynamoDb, table, windowSeconds: duplicates.window } };
}

interface SignIn {
  readonly authenticator: Authenticator;
  readonly rateLimit: RateLimit;
}

async function startSignIn(
  { credentials }: Configuration,
  started: (() => Promise<void> | void)[],
  observe: (event: CredentialEvent) => void,
): Promise<SignIn | undefined> {
  if (credentials === undefined) return undefined;
  const client = createCredentialClient();
  started.push(() => client.destroy());
  const { table, cache, grace, recordLastUse, throttle, tokens } = credentials;
  await checkCredentialTable(client, table);
  const { shared, onOutage } = throttle;
  const authenticator = createAuthenticator({
    client,
    table,
    issueGrants,
    observe,
    cache: { seconds: cache, graceSeconds: grace },
    recordLastUse,
    throttle: {
      shared,
      onOutage,
      windowSeconds: throttle.window,
      addressFailures: throttle.addressFailures,
      userFailures: throttle.userFailures,
      delayMilliseconds: throttle.delay * 1000,
      maxDelayMilliseconds: throttle.maxDelay * 1000,
      maxDelayed: throttle.maxDelayed,
    },
    tokens: tokens.map(({ jwksUri, ...issuer }) => ({ ...issuer, ...(jwksUri && { jwksUri }) })),
  });
  started.push(() => authenticator.close());
  const rateLimit = createRateLimit({
    observe,
    ...(shared && { shared: { client, table, onOutage } }),
  });
  return { authenticator, rateLimit };
}

async function startHealth(
  { health: { host, port } }: Configuration,
  metrics: MetricsRegistry,
  reasonsNotReady: () => readonly string[],
): Promise<HealthServer> {
  try {
    return await HealthServer.start({
      host,
      port,
      reasonsNotReady,
      metricsText: () => renderPrometheus(metrics),
      prefixLength: proxyPrefixLength,
    });
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new OperatorError(
      `health.port: expected an address that is free, got ${host}:${port} (${code})`,
    );
  }
}

function storedMail({
  facts,
  sizeInOctets,
  copies,
}: BridgeEvent & { kind: 'message-accepted' }): StoredMail {
  return {
    at: facts.receivedAt.toISOString(),
    messageId: facts.messageId,
    reversePath: facts.envelope.reversePath?.address ?? '',
    recipients: facts.envelope.recipients.map(({ forwardPath }) => forwardPath.address),
    sizeInOctets,
    objects: copies.map(({ bucket, key }) => `s3://${bucket}/${key}`),
  };
}

/** Waits, or less when one of the signals fires. */
function pause(seconds: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    if (seconds <= 0 || signals.some((signal) => signal?.aborted)) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    for (const signal of signals) signal?.addEventListener('abort', end);
  });
}
