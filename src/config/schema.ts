// The one schema of the configuration. Every default stands in it or in schema/ and nowhere else; a field with neither
// a default nor `optional` is required. README.md in this folder has the table that is generated from it.
import { z } from 'zod';
import { section, yesOrNo } from './fields.ts';
import { hostname } from './schema/common.ts';
import { credentials } from './schema/credentials.ts';
import { limits } from './schema/limits.ts';
import { listeners } from './schema/listeners.ts';
import { duplicates, notify, store } from './schema/mail.ts';
import { health, local, log, metrics, shutdown } from './schema/operation.ts';
import { routes } from './schema/routes.ts';
import { scan } from './schema/scan.ts';
import { tls } from './schema/tls.ts';
import { verify } from './schema/verify.ts';

export const configurationSchema = section(
  {
    $schema: z
      .string({ error: 'the URL of a JSON Schema' })
      .meta({ description: 'The JSON Schema for editors; the program does not read it.' })
      .optional(),
    hostname,
    listeners,
    tls: tls.prefault({}),
    store,
    notify,
    credentials: credentials.optional(),
    routes,
    traceHeaders: yesOrNo(
      'Put Return-Path, Received, Received-SPF and Authentication-Results before the stored message.',
    ).default(true),
    verify: verify.prefault({}),
    scan: scan.optional(),
    duplicates: duplicates.optional(),
    limits: limits.prefault({}),
    health: health.prefault({}),
    log: log.prefault({}),
    metrics: metrics.prefault({}),
    shutdown: shutdown.prefault({}),
    local: local.optional(),
  },
  'The configuration of Mailsluice.',
);

/** The document as a person writes it: a field with a default may be left out. */
export type ConfigurationInput = z.input<typeof configurationSchema>;

/** The configuration with every default filled in; sizes are octets, times are seconds. */
export type Configuration = z.output<typeof configurationSchema>;

export type ListenerConfiguration = Configuration['listeners'][number];
export type CertificateConfiguration = Configuration['tls']['certificates'][number];
export type RouteConfiguration = Configuration['routes'][number];

/** The JSON Schema (draft 2020-12) of the document, for editors. */
export function configurationJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configurationSchema, { io: 'input' });
}
