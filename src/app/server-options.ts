// What the server and the routes are made with, from the configuration.
import type { Configuration, ListenerConfiguration } from '../config/index.ts';
import type { Route } from '../policy/index.ts';
import type { ListenerOptions } from '../server/index.ts';

type ConfiguredLimits = ListenerConfiguration['limits'];
type ServerLimits = NonNullable<ListenerOptions['limits']>;

/** Each limit of the configuration with its name in the server. The compiler finds a missing and an unknown one. */
export const serverLimitNames = {
  maxMessageSize: 'maxMessageSize',
  maxRecipients: 'maxRecipients',
  maxRecipientDomains: 'maxRecipientDomains',
  maxConnections: 'maxConnections',
  maxConnectionsPerAddress: 'maxConnectionsPerAddress',
  maxMessagesPerSession: 'maxMessages',
  maxErrors: 'maxErrors',
  maxSignInFailures: 'maxSignInFailures',
  commandTimeout: 'commandTimeoutSeconds',
  dataTimeout: 'dataTimeoutSeconds',
  messageTimeout: 'messageSeconds',
  minDataRate: 'minDataRate',
  handshakeTimeout: 'handshakeTimeoutSeconds',
  maxSessionAge: 'sessionSeconds',
  answerTimeout: 'answerTimeoutSeconds',
} as const satisfies Record<keyof ConfiguredLimits, keyof ServerLimits>;

export function serverLimits(limits: ConfiguredLimits): ServerLimits {
  const named: { -readonly [Name in keyof ServerLimits]: ServerLimits[Name] } = {};
  for (const name of Object.keys(serverLimitNames) as (keyof ConfiguredLimits)[]) {
    const value = limits[name];
    if (value !== undefined) named[serverLimitNames[name]] = value;
  }
  return named;
}

export function listenerOptions(
  listener: ListenerConfiguration,
  mechanisms: readonly string[] = [],
): ListenerOptions {
  const { limits, chunking, bareNewline, tlsProfile, verify: _, ...rest } = listener;
  return {
    ...rest,
    ...(bareNewline !== undefined && { bareNewline }),
    ...(tlsProfile !== undefined && { tlsProfile }),
    extensions: { chunking },
    mechanisms,
    limits: serverLimits(limits),
  };
}

export function routesOf({ routes }: Pick<Configuration, 'routes'>): Route[] {
  return routes.map(({ recipients, prefix, reject }) => ({
    recipients,
    ...(prefix !== undefined && { prefix }),
    ...(reject !== undefined && { reject }),
  }));
}
