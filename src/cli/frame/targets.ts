// Which table, bucket, key prefixes and topic a command works on: those of the options, else those of the
// configuration. The names that `mailsluice local` makes are taken only with an endpoint on loopback: on AWS
// anybody may own a bucket of that name.
import { UsageError } from '../../app/operator-error.ts';
import { LOCAL_DEFAULTS } from '../../app/local/defaults.ts';
import { parseSection } from '../../config/index.ts';
import { OBJECT_PREFIX } from '../../policy/destination-rules.ts';
import type { CliContext } from './context.ts';
import { type ConfigurationSource, readConfigurationSource } from './configuration-source.ts';
import type { ArchiveOptions, BucketOptions, ConfigOptions, TableOptions } from './options.ts';

type Environment = CliContext['environment'];
type Context = Pick<CliContext, 'environment'>;

export interface BucketTarget {
  readonly bucket: string;
  /** The only endpoint where that bucket is meant; otherwise the SDK's. */
  readonly endpoint?: string;
}

export interface ArchiveTarget extends BucketTarget {
  /** In front of the time partitions: the store's, and those of routes. */
  readonly prefixes: readonly string[];
  /** Those of them that no configuration names. Absent where none was given by an option. */
  readonly otherPrefixes?: readonly string[];
  readonly topic?: TopicTarget;
}

export interface TopicTarget {
  readonly topicArn: string;
  readonly endpoint?: string;
}

export interface TableTarget {
  readonly table: string;
  readonly endpoint?: string;
}

/** @throws UsageError where neither the options nor a configuration names the bucket. */
export async function findBucket(
  { environment }: Context,
  { config, bucket }: BucketOptions,
): Promise<BucketTarget> {
  if (bucket !== undefined) return { bucket };
  return configuredBucket(environment, await readConfigurationSource(config, environment));
}

/** @throws UsageError where neither the options nor a configuration names the bucket. */
export async function findArchive(
  { environment }: Context,
  { config, bucket, prefix }: ArchiveOptions,
): Promise<ArchiveTarget> {
  const source = await readConfigurationSource(config, environment);
  const target = bucket === undefined ? configuredBucket(environment, source) : { bucket };
  const routes = sectionOf(source, 'routes') ?? [];
  const configured = [
    sectionOf(source, 'store')?.prefix ?? defaultPrefix(),
    ...routes.flatMap((route) => (route.prefix === undefined ? [] : [route.prefix])),
  ].map(withSlash);
  const prefixes = (prefix ?? []).map(requireMailPrefix).map(withSlash);
  const topic = configuredTopic(target, sectionOf(source, 'notify')?.topicArn);
  return {
    ...target,
    prefixes: [...new Set(prefix === undefined ? configured : prefixes)],
    ...(prefix && { otherPrefixes: prefixes.filter((each) => !configured.includes(each)) }),
    ...(topic && { topic }),
  };
}

/** @throws UsageError where neither the options nor a configuration names the table. */
export async function findTable(
  { environment }: Context,
  { config, table }: TableOptions,
): Promise<TableTarget> {
  if (table !== undefined) return { table };
  const source = await readConfigurationSource(config, environment);
  const configured = parseSection(source?.document, 'credentials')?.table;
  if (configured !== undefined) return { table: configured };
  const endpoint = loopbackEndpoint(environment, 'DYNAMODB');
  if (endpoint !== undefined) return { table: LOCAL_DEFAULTS.credentials.table, endpoint };
  throw noName('--table NAME', 'credentials.table', source);
}

/** @throws UsageError where there is no configuration. */
export async function requireConfiguration(
  { environment }: Context,
  { config }: ConfigOptions,
): Promise<ConfigurationSource> {
  const source = await readConfigurationSource(config, environment);
  if (source !== undefined) return source;
  throw new UsageError(
    'expected --config FILE, --config JSON or MAILSLUICE_CONFIG, got none of them',
  );
}

function configuredBucket(
  environment: Environment,
  source: ConfigurationSource | undefined,
): BucketTarget {
  const bucket = sectionOf(source, 'store')?.bucket;
  if (bucket !== undefined) return { bucket };
  const endpoint = loopbackEndpoint(environment, 'S3');
  if (endpoint !== undefined) return { bucket: LOCAL_DEFAULTS.store.bucket, endpoint };
  throw noName('--bucket NAME', 'store.bucket', source);
}

/** The topic of `local` goes with the bucket of `local`: one endpoint serves both. */
function configuredTopic(
  { endpoint }: BucketTarget,
  topicArn: string | undefined,
): TopicTarget | undefined {
  if (topicArn !== undefined) return { topicArn };
  if (endpoint === undefined) return undefined;
  return { topicArn: LOCAL_DEFAULTS.notify.topicArn, endpoint };
}

function noName(
  option: string,
  field: string,
  source: ConfigurationSource | undefined,
): UsageError {
  return new UsageError(
    source === undefined
      ? `expected ${option}, or --config or MAILSLUICE_CONFIG with ${field}, got none of them`
      : `expected ${option} or ${field} in ${source.name}, got neither`,
  );
}

/** A section that the document has; the small document of `mailsluice local` may do without any. */
function sectionOf<N extends 'store' | 'routes' | 'notify'>(
  source: ConfigurationSource | undefined,
  name: N,
) {
  const document = source?.document;
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  // What is not an object is left to the parser to refuse.
  return isObject && !(name in document) ? undefined : parseSection(document, name);
}

/** The endpoint of a service where the environment puts it on loopback, by the rules of the SDK. */
function loopbackEndpoint(
  environment: Environment,
  service: 'S3' | 'DYNAMODB',
): string | undefined {
  if (environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') return undefined;
  const url = environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'];
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  return isLoopback ? url : undefined;
}

function defaultPrefix(): string {
  const store = parseSection({ store: LOCAL_DEFAULTS.store }, 'store');
  return store?.prefix ?? '';
}

/** @throws UsageError where no mail can have the prefix. */
function requireMailPrefix(prefix: string): string {
  if (/(^|\/)dt=/.test(prefix)) {
    throw new UsageError(
      `--prefix: expected what is in front of dt=, such as mail/ (--from and --to choose days and hours), got "${prefix}"`,
    );
  }
  if (OBJECT_PREFIX.test(prefix)) return prefix;
  throw new UsageError(
    `--prefix: expected the prefix of stored mail, such as mail/ (not outbox/, without a leading slash), got "${prefix}"`,
  );
}

/** As the server puts it before the time partitions. */
function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
