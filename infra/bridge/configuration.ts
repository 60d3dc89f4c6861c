// The program's configuration. The construct fills in the half that names AWS resources.
import {
  type Configuration,
  type ConfigurationInput,
  ConfigurationError,
  parseConfiguration,
} from '../../src/config/index.ts';
import { type ScanConfiguration, type Scanners, scanSection } from '../scan/scanners.ts';
import type { ClientAddress, Monitoring } from './choices.ts';

/**
 * The configuration that `mailsluice serve` reads, without the fields that the construct fills in: bucket, topic,
 * table, certificates, health port and metrics.
 */
export type ProgramConfiguration = Omit<
  ConfigurationInput,
  | '$schema'
  | 'store'
  | 'notify'
  | 'credentials'
  | 'duplicates'
  | 'scan'
  | 'verify'
  | 'tls'
  | 'health'
  | 'metrics'
  | 'local'
> & {
  readonly store?: { readonly prefix?: string };
  readonly credentials?: Omit<NonNullable<ConfigurationInput['credentials']>, 'table'>;
  readonly duplicates?: Omit<NonNullable<ConfigurationInput['duplicates']>, 'table'>;
  readonly verify?: Omit<NonNullable<ConfigurationInput['verify']>, 'quarantine'>;
  readonly tls?: Omit<NonNullable<ConfigurationInput['tls']>, 'certificates'>;
  /** Without the addresses of the construct's own scanners. */
  readonly scan?: ScanConfiguration;
};

/** The port of /live, /ready and /metrics inside the task. */
export const HEALTH_PORT = 8080;

/** What the construct fills in. At synthesis some of these are tokens. */
export interface ProgramResources {
  readonly bucket: string;
  readonly topicArn: string;
  readonly quarantineTopicArn?: string;
  readonly table: string;
  readonly certificate: object;
  readonly stage: string;
  readonly monitoring: Monitoring;
  readonly scanners: Scanners;
  /** The networks in which the load balancer has its own addresses. */
  readonly loadBalancerCidrs: readonly string[];
}

/** Values of the right form for the check, since a token has none. */
const STAND_INS = {
  bucket: 'stand-in',
  topicArn: 'arn:aws:sns:us-east-1:111122223333:stand-in',
  table: 'stand-in',
  certificate: { secretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:stand-in' },
  loadBalancerCidrs: ['10.0.0.0/16'],
  monitoring: 'full',
} as const;

export type CheckedConfiguration =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The complete configuration with its defaults, or all errors in it. */
export function checkConfiguration(
  given: ProgramConfiguration,
  {
    stage,
    clientAddress,
    scanners,
  }: {
    readonly stage: string;
    readonly clientAddress: ClientAddress;
    readonly scanners: Scanners;
  },
): CheckedConfiguration {
  const taken = fieldsOfTheConstruct(given).map(
    (field) => `configuration.${field}: expected nothing, since the construct fills it in`,
  );
  try {
    const configuration = parseConfiguration(
      completeConfiguration(given, { ...STAND_INS, stage, scanners }, clientAddress),
    );
    return taken.length === 0 ? { ok: true, configuration } : { ok: false, problems: taken };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const problems = error.message.split('\n').map((problem) => `configuration.${problem}`);
    return { ok: false, problems: [...taken, ...problems] };
  }
}

/** The document that the task's program reads. */
export function completeConfiguration(
  given: ProgramConfiguration,
  resources: ProgramResources,
  clientAddress: ClientAddress,
): Record<string, unknown> {
  const listeners = given.listeners ?? defaultListeners();
  const scan = scanSection(given.scan, resources.scanners);
  return {
    ...given,
    ...(scan && { scan }),
    listeners:
      clientAddress.kind === 'preserved'
        ? listeners
        : listeners.map((listener) => ({
            ...listener,
            clientAddress: 'proxy',
            trustedProxies: [...resources.loadBalancerCidrs],
          })),
    store: { ...given.store, bucket: resources.bucket },
    notify: { topicArn: resources.topicArn },
    ...(resources.quarantineTopicArn !== undefined && {
      verify: { ...given.verify, quarantine: { topicArn: resources.quarantineTopicArn } },
    }),
    credentials: { ...given.credentials, table: resources.table },
    tls: { ...given.tls, certificates: [resources.certificate] },
    health: { host: '0.0.0.0', port: HEALTH_PORT },
    metrics: {
      emf: true,
      stage: resources.stage,
      ...(resources.monitoring === 'basic' && { detail: 'basic' }),
    },
  };
}

/** The listeners of a configuration that names none. */
export function defaultListeners(): Configuration['listeners'] {
  const { listeners } = parseConfiguration({
    hostname: 'stand-in',
    store: { bucket: STAND_INS.bucket },
    notify: { topicArn: STAND_INS.topicArn },
    credentials: { table: STAND_INS.table },
    tls: { certificates: [STAND_INS.certificate] },
  });
  return listeners;
}

/** The fields of the construct that an untyped caller, such as a JSON file, has set. */
function fieldsOfTheConstruct(given: object): string[] {
  const document = given as Record<string, unknown>;
  const fields = ['notify', 'health', 'metrics', 'local'].filter((name) => name in document);
  for (const [section, name] of [
    ['store', 'bucket'],
    ['credentials', 'table'],
    ['duplicates', 'table'],
    ['verify', 'quarantine'],
    ['tls', 'certificates'],
  ] as const) {
    const value = document[section];
    if (typeof value === 'object' && value !== null && name in value) {
      fields.push(`${section}.${name}`);
    }
  }
  return fields;
}

/** Every key prefix that mail is stored under. Each ends in a slash. */
export function mailPrefixes(
  { store, routes }: Configuration,
  additional: readonly string[],
): readonly string[] {
  const prefixes = [
    store.prefix,
    ...routes.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix])),
    ...additional,
  ];
  return [...new Set(prefixes.map((prefix) => (/(^|\/)$/.test(prefix) ? prefix : `${prefix}/`)))];
}
