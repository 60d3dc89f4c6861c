// The program's configuration, of which the construct knows the half that names AWS resources.
import {
  type Configuration,
  type ConfigurationInput,
  ConfigurationError,
  parseConfiguration,
} from '../../src/config/index.ts';
import type { ClientAddress } from './choices.ts';

/**
 * The program's own configuration, without what the construct knows better: bucket, topic, table,
 * certificates, health port, and whether metrics are written.
 */
export type BridgeConfiguration = Omit<
  ConfigurationInput,
  | '$schema'
  | 'store'
  | 'notify'
  | 'credentials'
  | 'duplicates'
  | 'tls'
  | 'health'
  | 'metrics'
  | 'local'
> & {
  readonly store?: { readonly prefix?: string };
  readonly credentials?: Omit<NonNullable<ConfigurationInput['credentials']>, 'table'>;
  readonly duplicates?: Omit<NonNullable<ConfigurationInput['duplicates']>, 'table'>;
  readonly tls?: { readonly reloadInterval?: number | string };
};

/** The port of /live, /ready and /metrics inside the task. */
export const HEALTH_PORT = 8080;

/** What the construct fills in; at synthesis some of it are tokens. */
export interface BridgeResources {
  readonly bucket: string;
  readonly topicArn: string;
  readonly table: string;
  readonly certificate: object;
  readonly stage: string;
  /** Where the load balancer's own addresses lie. */
  readonly loadBalancerCidrs: readonly string[];
}

/** Stand-ins of the right form, since a token has none. */
const STAND_INS = {
  bucket: 'stand-in',
  topicArn: 'arn:aws:sns:us-east-1:111122223333:stand-in',
  table: 'stand-in',
  certificate: { secretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:stand-in' },
  loadBalancerCidrs: ['10.0.0.0/16'],
} as const;

export type CheckedConfiguration =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Everything that is wrong with the configuration, or the whole of it with its defaults. */
export function checkBridgeConfiguration(
  bridge: BridgeConfiguration,
  { stage, clientAddress }: { readonly stage: string; readonly clientAddress: ClientAddress },
): CheckedConfiguration {
  const taken = fieldsOfTheConstruct(bridge).map(
    (field) => `bridge.${field}: expected nothing, since the construct fills it in`,
  );
  try {
    const configuration = parseConfiguration(
      completeConfiguration(bridge, { ...STAND_INS, stage }, clientAddress),
    );
    return taken.length === 0 ? { ok: true, configuration } : { ok: false, problems: taken };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const problems = error.message.split('\n').map((problem) => `bridge.${problem}`);
    return { ok: false, problems: [...taken, ...problems] };
  }
}

/** The document for the task, as the program reads it. */
export function completeConfiguration(
  bridge: BridgeConfiguration,
  resources: BridgeResources,
  clientAddress: ClientAddress,
): Record<string, unknown> {
  const listeners = bridge.listeners ?? parseDefaults().listeners;
  return {
    ...bridge,
    listeners:
      clientAddress.kind === 'preserved'
        ? listeners
        : listeners.map((listener) => ({
            ...listener,
            clientAddress: 'proxy',
            trustedProxies: [...resources.loadBalancerCidrs],
          })),
    store: { ...bridge.store, bucket: resources.bucket },
    notify: { topicArn: resources.topicArn },
    credentials: { ...bridge.credentials, table: resources.table },
    tls: { ...bridge.tls, certificates: [resources.certificate] },
    health: { host: '0.0.0.0', port: HEALTH_PORT },
    metrics: { emf: true, stage: resources.stage },
  };
}

function parseDefaults(): Configuration {
  return parseConfiguration({
    hostname: 'stand-in',
    store: { bucket: STAND_INS.bucket },
    notify: { topicArn: STAND_INS.topicArn },
    credentials: { table: STAND_INS.table },
    tls: { certificates: [STAND_INS.certificate] },
  });
}

/** What only an untyped caller, as a JSON file, can have written. */
function fieldsOfTheConstruct(bridge: object): string[] {
  const document = bridge as Record<string, unknown>;
  const fields = ['notify', 'health', 'metrics', 'local'].filter((name) => name in document);
  for (const [section, name] of [
    ['store', 'bucket'],
    ['credentials', 'table'],
    ['duplicates', 'table'],
    ['tls', 'certificates'],
  ] as const) {
    const value = document[section];
    if (typeof value === 'object' && value !== null && name in value) {
      fields.push(`${section}.${name}`);
    }
  }
  return fields;
}

/** Every key prefix that mail is stored under, each with a slash at its end. */
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
