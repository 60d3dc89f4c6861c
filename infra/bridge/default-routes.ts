// Without routes the program takes mail for every recipient. With mail domains, the default is their mail alone.
import type { ProgramConfiguration } from './configuration.ts';

const HOSTNAME = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;

/** The configuration with routes for the mail domains, if it has no routes. */
export function withDefaultRoutes(
  configuration: ProgramConfiguration,
  mailDomains: readonly string[],
): ProgramConfiguration {
  if (configuration.routes !== undefined || mailDomains.length === 0) return configuration;
  const { hostname } = configuration;
  return {
    ...configuration,
    routes: [
      { recipients: mailDomains.map((domain) => `*@${domain}`) },
      // RFC 5321 section 4.5.1: every server takes mail for its postmaster. A wrong name is reported as such.
      ...(HOSTNAME.test(hostname) ? [{ recipients: [`postmaster@${hostname}`] }] : []),
    ],
  };
}

/** A recipient that the routes take, for a test mail. */
export function exampleRecipient(
  routes: readonly { readonly recipients: readonly string[]; readonly reject?: unknown }[],
  hostname: string,
): string {
  const accepted = routes.find(({ reject }) => reject === undefined);
  const [pattern = ''] = accepted?.recipients ?? [];
  const at = pattern.lastIndexOf('@');
  if (at === -1) return pattern === 'postmaster' ? `postmaster@${hostname}` : `test@${hostname}`;
  const localPart = pattern.slice(0, at);
  const domain = pattern.slice(at + 1);
  return `${localPart === '*' ? 'test' : localPart}@${domain === '*' ? hostname : domain.replace(/^\*\./, 'mail.')}`;
}
