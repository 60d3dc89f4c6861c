// Wires the parts into the program that `serve` and `local` run: configuration in, a listening server out.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  type BridgeOptions,
  createBridge,
  createBridgeClients,
  messageId,
} from '../bridge/index.ts';
import type { Configuration } from '../config/index.ts';
import {
  canonicalMailbox,
  createRoutes,
  destinationOf,
  grantsOf,
  limitMessages,
} from '../policy/index.ts';
import { clientNetwork } from '../net/addresses.ts';
import { type ServerEvent, SmtpServer } from '../server/index.ts';
import { replies } from '../server/replies.ts';
import type { Reply } from '../smtp/index.ts';
import { createLog, EmfReporter, MetricsRegistry, observeProcess } from '../telemetry/index.ts';
import { readCertificates, withoutSource } from './certificate-sources.ts';
import { watchCertificates } from './certificate-watch.ts';
import { checkBucket } from './check-services.ts';
import { closeApp, type CloseOptions } from './close.ts';
import { startHealth } from './health.ts';
import { ignoredProxy } from './ignored-proxy.ts';
import { loadSenderChecks } from './load-sender-checks.ts';
import { createAddressView } from './report/address-view.ts';
import { reportApp } from './report/app.ts';
import { limitLines } from './report/line-limit.ts';
import { reportBridge } from './report/bridge.ts';
import { reportCredentials } from './report/credentials.ts';
import { reportServer } from './report/server.ts';
import { listenerOptions, routesOf, serverLimits } from './server-options.ts';
import { reportVerify } from './report/verify.ts';
import { requireGrants, startSignIn } from './sign-in.ts';
import { storedMail, type StoredMail } from './stored-mail.ts';
import { type Undo, undoAll } from './undo.ts';

export interface AppOptions {
  readonly configuration: Configuration;
  /** Paths in the configuration are relative to it. */
  readonly folder: string;
  /** Called once for each mail that was answered 250. */
  readonly onMailStored?: (mail: StoredMail) => void;
  /** Called with every event of the server, each command and each reply among them. Default: neither is observed. */
  readonly onServerEvent?: (event: ServerEvent) => void;
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

/**
 * Starts everything, or nothing: what cannot work is an error before the first connection is taken.
 * @throws OperatorError (or the parts' own errors, whose messages are as clear) with one line for each fault.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const started: Undo[] = [];
  try {
    return await start(options, started);
  } catch (error) {
    await undoAll(started);
    throw error;
  }
}

async function start(
  { configuration, folder, onMailStored, onServerEvent }: AppOptions,
  started: Undo[],
): Promise<App> {
  const { hostname, store, notify, limits, log: logOptions } = configuration;
  const metrics = new MetricsRegistry();
  const log = createLog({
    level: logOptions.level,
    onDrop: () => metrics.count('LogLinesDropped', {}),
  });
  const lines = limitLines(log);
  started.push(
    () => log.flush(),
    () => lines.close(),
    observeProcess(metrics),
  );
  const { emf, stage, detail, interval } = configuration.metrics;
  if (emf) {
    const reporter = new EmfReporter(metrics, {
      stage,
      detail,
      intervalSeconds: interval,
      write: (line) => log.write(line),
    });
    started.push(() => reporter.stop());
  }
  const report = reportApp(lines, metrics);
  const proxy = ignoredProxy(process.env);
  if (proxy !== undefined) report({ kind: 'proxy-ignored', variable: proxy });
  const view = createAddressView(logOptions.addresses);

  const certificates = await readCertificates(configuration.tls.certificates, folder);
  const clients = createBridgeClients();
  started.push(() => clients[Symbol.dispose]());
  const { s3, sns } = clients;
  await checkBucket(s3, store.bucket);

  const routes = createRoutes(routesOf(configuration), hostname);
  const onVerifyEvent = reportVerify(lines, metrics, view);
  const senderChecks = await loadSenderChecks(configuration, onVerifyEvent, report);
  started.push(() => senderChecks?.[Symbol.asyncDispose]());
  metrics.gauge('DnsLookupsUnderWay', () => senderChecks?.lookupsUnderWay ?? 0);
  const onBridgeEvent = reportBridge(lines, metrics, view);
  const bridge = createBridge({
    s3,
    sns,
    bucket: store.bucket,
    prefix: store.prefix,
    topicArn: notify.topicArn,
    hostname,
    traceHeaders: configuration.traceHeaders,
    routes,
    mailboxOf: (forwardPath) => canonicalMailbox(forwardPath, hostname),
    destinationOf: ({ session }) => destinationOf(grantsOf(session.identity)),
    clientOf: clientNetwork,
    limits: {
      memory: limits.memory,
      memoryWaitSeconds: memoryWaitSeconds(configuration),
      judgeSeconds: judgeSeconds(configuration),
    },
    ...(senderChecks && { judge: senderChecks.judge }),
    quarantineTopicOf: () => configuration.verify.quarantine?.topicArn,
    ...duplicateGuard(configuration, clients.dynamoDb),
    observe: (event) => {
      onBridgeEvent(event);
      if (event.kind === 'message-accepted') onMailStored?.(storedMail(event));
    },
  });
  started.push(() => bridge.close());
  metrics.gauge('CommitInFlight', () => bridge.inFlight);
  metrics.gauge('RamBudgetUsed', () => bridge.memoryInUse);
  metrics.gauge(
    'RamBudgetLargestClientShare',
    () => (100 * bridge.memoryOfLargestClient) / limits.memory,
  );

  const signIn = await startSignIn(configuration, started, reportCredentials(lines, metrics));

  const onEvent = reportServer(lines, metrics, view);
  const server = new SmtpServer({
    hostname,
    listeners: configuration.listeners.map((listener) =>
      listenerOptions(listener, signIn?.authenticator.mechanisms),
    ),
    tls: { certificates: certificates.map(withoutSource), profile: configuration.tls.profile },
    limits: serverLimits(limits),
    openMessage: signIn ? limitMessages(bridge.open, signIn.rateLimit) : bridge.open,
    nextMessageId: messageId,
    observeDialogue: onServerEvent !== undefined,
    observe: (event) => {
      onEvent(event);
      onServerEvent?.(event);
    },
  });
  started.push(async () => {
    await server.close({ drain: 0 });
  });
  metrics.gauge('ActiveConnections', () => server.connections);
  // While S3 is known to fail, a client hears so at once instead of after its whole message.
  const refuseOverload = (): Reply | undefined => {
    const refusal = bridge.refusal();
    if (refusal !== undefined) metrics.count('OverloadRefusals', {});
    return refusal;
  };
  server.onConnect(() => refuseOverload() && replies.serviceUnavailable);
  server.onSender(refuseOverload);
  if (signIn !== undefined) requireGrants(server, signIn, hostname, metrics);
  server.onRecipient(({ forwardPath }) => {
    const match = routes.match(forwardPath);
    return match.kind === 'refuse' ? match.reply : undefined;
  });
  senderChecks?.attach(server);
  await server.listen();
  started.push(
    watchCertificates({
      certificates: configuration.tls.certificates,
      folder,
      serving: certificates,
      intervalSeconds: configuration.tls.reloadInterval,
      replace: (newer) => server.replaceCertificates(newer.map(withoutSource)),
      observe: report,
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
    close(options) {
      reasonsNotReady.push('shutting down');
      return closeApp(server, started, metrics, options);
    },
  };
}

/** A client that waits for the 354 gives up after two minutes (RFC 5321 section 4.5.3.2.4), a session at `answerTimeout`. */
const MAX_MEMORY_WAIT_SECONDS = 90;

function memoryWaitSeconds({ limits, listeners }: Configuration): number {
  const ofListeners = listeners.flatMap((each) => each.limits?.answerTimeout ?? []);
  const answerTimeout = Math.min(limits.answerTimeout, ...ofListeners);
  return Math.min(MAX_MEMORY_WAIT_SECONDS, (answerTimeout * 3) / 4);
}

/** What ends a check that does not end by itself. */
const JUDGE_SLACK_SECONDS = 5;

function judgeSeconds({ verify, scan }: Configuration): number {
  return Math.max(verify.timeout, scan?.timeout ?? 0) + JUDGE_SLACK_SECONDS;
}

/** In a separate table, or else beside the credentials. */
function duplicateGuard(
  { duplicates, credentials }: Configuration,
  dynamoDb: DynamoDBClient,
): Pick<BridgeOptions, 'duplicates'> {
  const table = duplicates?.table ?? credentials?.table;
  if (duplicates === undefined || table === undefined) return {};
  return { duplicates: { dynamoDb, table, windowSeconds: duplicates.window } };
}
