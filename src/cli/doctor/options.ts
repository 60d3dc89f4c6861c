// The options of `mailsluice doctor`.
import { type Command, InvalidArgumentError } from 'commander';
import { isIP } from 'node:net';
import { canonicalName, isDomainName, PUBLIC_PORTS, type Role } from '../../app/doctor/subject.ts';
import type { ConfigOptions, JsonOptions } from '../frame/options.ts';

export interface DoctorOptions extends ConfigOptions, JsonOptions {
  readonly host?: string;
  readonly stack?: string;
  readonly domain?: readonly string[];
  readonly port?: Ports;
  readonly resolver?: string;
  readonly caFile?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly passwordStdin?: true;
  readonly sendMail?: true;
  readonly recipient?: string;
  readonly timeout: number;
}

type Ports = Readonly<Partial<Record<Role, number>>>;

const MAX_DOMAINS = 20;
const TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 120;

export function withDoctorOptions(command: Command): Command {
  return command
    .option('--host <name>', 'the server: a host name or an IP address', parseHost)
    .option('--stack <name>', 'the service stack, whose outputs name everything else')
    .option('--config <file|json>', 'the configuration of the service; default: MAILSLUICE_CONFIG')
    .option(
      '--domain <name>',
      'a domain whose mail goes there, instead of those of the stack and of the routes (repeatable)',
      collectDomain,
    )
    .option(
      '--port <role=number>',
      'a port that is tested: mx, submission or smtps, as in mx=2525; default: those of the stack, or 25, 587 and 465 (repeatable)',
      collectPort,
    )
    .option(
      '--resolver <address[:port]>',
      'the DNS server to ask, instead of those of the system',
      parseResolver,
    )
    .option('--ca-file <file>', 'also trust the certificates in this file (PEM)')
    .option('--user <name>', 'sign in with this user name')
    .option('--password-file <file>', 'the file that holds its password')
    .option('--password-stdin', 'read its password from standard input')
    .option(
      '--send-mail',
      'send a mail and follow it into S3, SNS and a queue that exists only for that',
    )
    .option(
      '--recipient <address>',
      'the recipient of that mail; default: postmaster of the first domain',
      parseRecipient,
    )
    .option('--timeout <seconds>', 'how long one answer may take', parseTimeout, TIMEOUT_SECONDS)
    .option('--json', 'print JSON for a program to read');
}

function parseHost(text: string): string {
  if (isIP(text) !== 0 || isDomainName(canonicalName(text))) return text;
  throw new InvalidArgumentError('expected a host name or an IP address');
}

function collectDomain(text: string, before: readonly string[] = []): readonly string[] {
  if (!isDomainName(canonicalName(text))) throw new InvalidArgumentError('expected a domain name');
  if (before.length >= MAX_DOMAINS) {
    throw new InvalidArgumentError(`expected at most ${MAX_DOMAINS} domains`);
  }
  return [...before, text];
}

function collectPort(text: string, before: Ports = {}): Ports {
  const [, role = '', number = ''] = /^(\w+)=(\d{1,5})$/.exec(text) ?? [];
  const port = Number(number);
  if (!(role in PUBLIC_PORTS) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('expected mx, submission or smtps with a port, like mx=2525');
  }
  return { ...before, [role]: port };
}

/** As `Resolver.setServers` wants it. */
function parseResolver(text: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIP(bare) !== 0) return bare;
  const [, address = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const isAddress = isIP(address.replace(/^\[(.*)\]$/, '$1')) !== 0;
  if (isAddress && Number(port) >= 1 && Number(port) <= 65_535) return text;
  throw new InvalidArgumentError('expected an IP address, with or without a port');
}

function parseRecipient(text: string): string {
  if (/^[^\s<>\p{Cc}]{1,64}@[^\s<>@\p{Cc}]{1,255}$/u.test(text)) return text;
  throw new InvalidArgumentError('expected a mail address');
}

function parseTimeout(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
  throw new InvalidArgumentError(`expected seconds, at most ${MAX_TIMEOUT_SECONDS}`);
}
