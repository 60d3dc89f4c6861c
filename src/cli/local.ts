import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { type App, startApp } from '../app/start.ts';
import type { StoredMail } from '../app/stored-mail.ts';
import { type Configuration, parseConfiguration } from '../config/index.ts';
import { CredentialAdministration, createCredentialClient } from '../credentials/index.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import { OperatorError } from '../app/operator-error.ts';
import { refuseNotYetAvailable } from '../app/not-yet-available.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';
import { version } from './frame/version.ts';
import { overlay } from '../app/local/defaults.ts';
import type {
  EmbeddedAws,
  startEmbeddedAws as StartEmbeddedAwsFunction,
} from '../app/local/embedded-aws.ts';
import { renderMail, renderReady } from '../app/local/render.ts';
import type { LocalReady } from '../app/local/ready.ts';
import type { makeSelfSignedCertificate as MakeSelfSignedCertificateFunction } from '../app/local/self-signed.ts';

// As types only: their packages are loaded when the command runs, and not before.
type StartEmbeddedAws = typeof StartEmbeddedAwsFunction;
type MakeSelfSignedCertificate = typeof MakeSelfSignedCertificateFunction;

export function localCommand(): Command {
  return new Command('local')
    .description('Run all of it on this machine, with S3, SNS, SQS and DynamoDB embedded')
    .option('--config <file|json>', 'changes to the defaults; default: MAILSLUICE_CONFIG')
    .option('--json', 'print one JSON object a line: first what listens where, then each mail')
    .action(async ({ config, json = false }: { config?: string; json?: boolean }) => {
      const source = await readConfigurationSource(config);
      const embedded = await loadEmbedded();
      const document = await withCertificate(
        overlay(source?.document ?? {}),
        embedded.makeSelfSignedCertificate,
      );
      const configuration = parseConfiguration(document);
      refuseNotYetAvailable(configuration);
      const folder = source?.folder ?? process.cwd();
      process.exitCode = await runLocal(configuration, folder, json, embedded.startEmbeddedAws);
    });
}

async function runLocal(
  configuration: Configuration,
  folder: string,
  json: boolean,
  startEmbeddedAws: StartEmbeddedAws,
): Promise<number> {
  const { table } = configuration.credentials ?? { table: 'mailsluice-credentials' };
  await using aws = await startServices(startEmbeddedAws, configuration, table);
  useEmbeddedAws(aws);

  const username = configuration.local?.username ?? 'demo';
  const password = configuration.local?.password ?? randomBytes(12).toString('base64url');
  await addDemoCredential(table, username, password);

  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  const app = await startApp({
    configuration,
    folder,
    onMailStored: (mail: StoredMail) =>
      print(json ? JSON.stringify({ event: 'mail', ...mail }) : renderMail(mail)),
  });
  const ready = describe(app, configuration, aws, username, password);
  print(json ? JSON.stringify(ready) : renderReady(ready));
  // Awaited here, so that the embedded services outlive the last commit.
  return await shutDownOnSignal(app, configuration.shutdown);
}

/** The embedded services are packages for development, which a production install leaves out. */
async function loadEmbedded() {
  try {
    const { startEmbeddedAws } = await import('../app/local/embedded-aws.ts');
    const { makeSelfSignedCertificate } = await import('../app/local/self-signed.ts');
    return { startEmbeddedAws, makeSelfSignedCertificate };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError(
      'local: needs the packages fauxqs, dynalite and selfsigned, which are not installed; run "npm install --save-dev fauxqs dynalite selfsigned"',
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
  { store, notify, local }: Configuration,
  tableName: string,
): Promise<EmbeddedAws> {
  const [, , , region = 'us-east-1', , topicName = store.bucket] = notify.topicArn.split(':');
  try {
    return await startEmbeddedAws({
      port: local?.awsPort ?? 0,
      dynamoDbPort: local?.dynamoDbPort ?? 0,
      region,
      bucketName: store.bucket,
      topicName,
      tableName,
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

/** From here on every SDK client of this process talks to the embedded services, whatever the shell had set. */
function useEmbeddedAws(aws: EmbeddedAws): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) delete process.env[name];
  }
  Object.assign(process.env, aws.environment);
}

async function addDemoCredential(table: string, username: string, password: string) {
  const client = createCredentialClient();
  try {
    await new CredentialAdministration(client, table).add({
      username,
      secret: { kind: 'password', password },
    });
  } finally {
    client.destroy();
  }
}

function describe(
  app: App,
  { listeners, store }: Configuration,
  aws: EmbeddedAws,
  username: string,
  password: string,
): LocalReady {
  return {
    event: 'ready',
    version,
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
    queueUrl: aws.resources.queueUrl,
    table: aws.resources.table,
    username,
    password,
  };
}
