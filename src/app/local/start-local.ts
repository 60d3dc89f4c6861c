// The program as `serve` runs it, with the AWS services embedded in the process and with everything that they
// need made beforehand: certificate, bucket, topic, queue, table and one credential.
import { type Configuration, parseConfiguration, verifyModesOf } from '../../config/index.ts';
import {
  CredentialAdministration,
  CredentialNameError,
  createCredentialClient,
  randomSecret,
} from '../../credentials/index.ts';
import { OperatorError } from '../operator-error.ts';
import { type App, startApp } from '../start.ts';
import type { StoredMail } from '../stored-mail.ts';
import { LOCAL_DEFAULTS, overlay } from './defaults.ts';
import { HandlerQueue } from './handler/handler-queue.ts';
import { type HandlerEvent, HandlerRunner } from './handler/handler-runner.ts';
import type { EmbeddedAws, startEmbeddedAws as StartEmbeddedAwsFunction } from './embedded-aws.ts';
import type { startPage as StartPageFunction, StartedPage } from './page/start-page.ts';
import type { LocalReady } from './ready.ts';
import type { makeSelfSignedCertificate as MakeSelfSignedCertificateFunction } from './self-signed.ts';

// As types only: their packages are loaded when the program starts, and not before.
type StartEmbeddedAws = typeof StartEmbeddedAwsFunction;
type MakeSelfSignedCertificate = typeof MakeSelfSignedCertificateFunction;
type StartPage = typeof StartPageFunction;

export interface LocalOptions {
  /** Laid over the defaults. */
  readonly document: unknown;
  /** Paths in the document are relative to it. */
  readonly folder: string;
  readonly version: string;
  /** Called once for each mail that was answered 250. */
  readonly onMailStored: (mail: StoredMail) => void;
  readonly handler?: LocalHandlerOptions;
  /** Keeps the embedded services in this folder, for the next start. Default: in memory. */
  readonly persistFolder?: string;
}

/** A Lambda handler that is called for each mail, through a queue of its own. */
export interface LocalHandlerOptions {
  /** The module, as an absolute path. */
  readonly file: string;
  readonly timeoutSeconds: number;
  readonly attempts: number;
  /** Between two attempts. */
  readonly retrySeconds: number;
  readonly onEvent: (event: HandlerEvent) => void;
}

/** Disposing it ends the embedded services; close the app first, so that they outlive the last commit. */
export interface Local extends AsyncDisposable {
  readonly app: App;
  readonly ready: LocalReady;
  readonly shutdown: Configuration['shutdown'];
}

/**
 * From here on every SDK client of this process talks to the embedded services.
 * @throws ConfigurationError, or OperatorError where a port is taken or a package is missing.
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const { folder, version, onMailStored } = options;
  const { startEmbeddedAws, makeSelfSignedCertificate, startPage } = await loadEmbedded();
  const configuration = parseConfiguration(
    await withCertificate(overlay(options.document), makeSelfSignedCertificate),
  );

  const { table } = configuration.credentials ?? LOCAL_DEFAULTS.credentials;
  const { persistFolder } = options;
  const aws = await startServices(startEmbeddedAws, configuration, table, persistFolder);
  try {
    useEmbeddedAws(aws);
    const username = configuration.local?.username ?? 'demo';
    const password = configuration.local?.password ?? randomSecret(12);
    await addDemoCredential(table, username, password);
    // Before the first mail can arrive.
    const queue = options.handler && (await makeQueue(aws, options.handler));
    const page = await startThePage(startPage, options, configuration, aws, queue, {
      username,
      password,
    });
    const app = await startApp({
      configuration,
      folder,
      onMailStored,
      onServerEvent: page.observe,
    }).catch(async (error: unknown) => {
      await page[Symbol.asyncDispose]();
      throw error;
    });
    const runner = options.handler && queue && startRunner(aws, queue, options.handler, page);
    const described = describe(app, configuration, aws, { version, username, password });
    page.open(described.listeners);
    return {
      app,
      ready: {
        ...described,
        page: page.url,
        ...(persistFolder !== undefined && { persistFolder }),
        ...(options.handler &&
          queue && {
            handler: {
              file: options.handler.file,
              queueUrl: queue.url,
              deadLetterQueueUrl: queue.deadLetterUrl,
            },
          }),
      },
      shutdown: configuration.shutdown,
      [Symbol.asyncDispose]: async () => {
        await runner?.[Symbol.asyncDispose]();
        await page[Symbol.asyncDispose]();
        await aws.close();
      },
    };
  } catch (error) {
    await aws.close();
    throw error;
  }
}

/** The queue keeps a message from others for longer than the handler may run. */
const VISIBILITY_SLACK_SECONDS = 10;

function makeQueue(aws: EmbeddedAws, handler: LocalHandlerOptions): Promise<HandlerQueue> {
  return HandlerQueue.create(aws, {
    attempts: handler.attempts,
    visibilitySeconds: Math.ceil(handler.timeoutSeconds) + VISIBILITY_SLACK_SECONDS,
  });
}

function startRunner(
  { environment, resources }: EmbeddedAws,
  queue: HandlerQueue,
  { file, timeoutSeconds, attempts, retrySeconds, onEvent }: LocalHandlerOptions,
  page: StartedPage,
): HandlerRunner {
  return new HandlerRunner({
    queue,
    file,
    timeoutMillis: timeoutSeconds * 1000,
    attempts,
    retrySeconds,
    // As the CDK construct sets it for the functions that it subscribes.
    environment: { ...environment, MAILSLUICE_MAIL_SOURCES: resources.bucket },
    onEvent: (event, log) => {
      onEvent(event);
      page.onHandlerEvent(event, log);
    },
  });
}

function startThePage(
  startPage: StartPage,
  { version, handler, persistFolder }: LocalOptions,
  { store, routes, local }: Configuration,
  aws: EmbeddedAws,
  queue: HandlerQueue | undefined,
  credential: { readonly username: string; readonly password: string },
): Promise<StartedPage> {
  const prefixes = [store.prefix, ...routes.flatMap(({ prefix }) => prefix ?? [])];
  return startPage({
    ...{ aws, version, credential },
    port: local?.pagePort ?? 0,
    prefixes: [...new Set(prefixes)],
    handler: handler && queue && { file: handler.file, queueUrl: queue.url },
    hasOlder: persistFolder !== undefined,
  });
}

/** The embedded services are packages for development, which a production install leaves out. */
async function loadEmbedded() {
  try {
    const { startEmbeddedAws } = await import('./embedded-aws.ts');
    const { makeSelfSignedCertificate } = await import('./self-signed.ts');
    const { startPage } = await import('./page/start-page.ts');
    return { startEmbeddedAws, makeSelfSignedCertificate, startPage };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError(
      'expected the packages fauxqs and dynalite, which are not installed; run "npm install --save-dev fauxqs dynalite"',
    );
  }
}

/** Adds a self-signed certificate to a document that has none. */
async function withCertificate(
  document: unknown,
  makeSelfSignedCertificate: MakeSelfSignedCertificate,
): Promise<unknown> {
  if (typeof document !== 'object' || document === null) return document;
  const { tls = {}, hostname } = document as {
    tls?: { certificates?: unknown };
    hostname?: unknown;
  };
  if (tls.certificates !== undefined) return document;
  const name = typeof hostname === 'string' ? hostname : 'localhost';
  return { ...document, tls: { ...tls, certificates: [await makeSelfSignedCertificate(name)] } };
}

async function startServices(
  startEmbeddedAws: StartEmbeddedAws,
  { store, notify, verify, local }: Configuration,
  tableName: string,
  persistFolder: string | undefined,
): Promise<EmbeddedAws> {
  const [, , , region = 'us-east-1', , topicName = store.bucket] = notify.topicArn.split(':');
  try {
    return await startEmbeddedAws({
      port: local?.awsPort ?? 0,
      dynamoDbPort: local?.dynamoDbPort ?? 0,
      region,
      bucketName: store.bucket,
      topicName,
      ...(verify.quarantine && {
        quarantineTopicName: verify.quarantine.topicArn.split(':').at(-1) ?? '',
      }),
      tableName,
      ...(persistFolder !== undefined && { persistFolder }),
    });
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const field = port === local?.dynamoDbPort ? 'local.dynamoDbPort' : 'local.awsPort';
    throw new OperatorError(
      `${field}: expected a port that is free, got ${port} (${code === 'EACCES' ? 'not permitted' : 'in use'})`,
    );
  }
}

/** In place of what the shell had set. */
function useEmbeddedAws(aws: EmbeddedAws): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) delete process.env[name];
  }
  Object.assign(process.env, aws.environment);
}

async function addDemoCredential(table: string, username: string, password: string) {
  const client = createCredentialClient();
  try {
    const administration = new CredentialAdministration(client, table);
    // With `--persist` an earlier run has left one, with a password that nobody may know any more.
    await administration.remove(username).catch((error: unknown) => {
      if (!(error instanceof CredentialNameError)) throw error;
    });
    await administration.add({ username, secret: { kind: 'password', password } });
  } finally {
    client.destroy();
  }
}

function describe(
  app: App,
  { listeners, store, verify }: Configuration,
  aws: EmbeddedAws,
  own: Pick<LocalReady, 'version' | 'username' | 'password'>,
): Omit<LocalReady, 'page'> {
  return {
    event: 'ready',
    version: own.version,
    listeners: app.addresses.map(({ name, host, port }) => {
      const { tls = 'none', auth = 'none' } = listeners.find((one) => one.name === name) ?? {};
      return { name, host, port, tls, auth };
    }),
    health: app.health,
    aws: {
      region: aws.region,
      endpoint: aws.endpoint,
      dynamoDbEndpoint: aws.dynamoDbEndpoint,
      ...aws.credentials,
    },
    bucket: aws.resources.bucket,
    prefix: store.prefix,
    topicArn: aws.resources.topicArn,
    ...(verify.quarantine && { quarantineTopicArn: verify.quarantine.topicArn }),
    senderChecks: senderChecksOf(verify, listeners),
    queueUrl: aws.resources.queueUrl,
    table: aws.resources.table,
    username: own.username,
    password: own.password,
  };
}

/** As `spf mark`, each once. */
function senderChecksOf(
  verify: Configuration['verify'],
  listeners: Configuration['listeners'],
): string[] {
  const checks = listeners.flatMap((listener) => {
    const { lists, ...modes } = verifyModesOf(verify, listener);
    return [
      ...Object.entries(modes).flatMap(([name, mode]) => (mode === 'off' ? [] : `${name} ${mode}`)),
      ...lists.map(({ zone, action }) => `${zone} ${action}`),
    ];
  });
  return [...new Set(checks)];
}
