// The cells of the protocol table, and the servers that stand beside ours in each.
import { fileURLToPath } from 'node:url';
import { bundled } from './bundled.ts';
import { nodeFlags, type ServerCommand } from './processes.ts';

/** One kind of load. Its id is what `--only` looks into: `4kb-reused-1`, `5mb-each-50-tls`. */
export interface Cell {
  readonly id: string;
  readonly octets: number;
  readonly isReused: boolean;
  readonly sessions: number;
  readonly isTls: boolean;
  /** Messages of one round. Rounds are short and many, so that a noisy neighbour disturbs all alike. */
  readonly messages: number;
  /** Messages before the first round: V8 takes some thousands to compile all that is hot. */
  readonly warmUp: number;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Contender {
  readonly name: string;
  /** Of a cell's messages, how many it is given: the slow ones have fewer. */
  readonly share: number;
  readonly hasTls: boolean;
  /** Its messages where one connection comes after the other. */
  readonly messagesAlone?: number;
  command(port: number, tls: TlsFiles | undefined): ServerCommand;
}

const SIZES = [
  ['4kb', 4096],
  ['5mb', 5 * 1024 * 1024],
] as const;

export const cells: readonly Cell[] = SIZES.flatMap(([size, octets]) =>
  [false, true].flatMap((isTls) =>
    [true, false].flatMap((isReused) =>
      [1, 50].map((sessions) => ({
        id: `${size}-${isReused ? 'reused' : 'each'}-${sessions}${isTls ? '-tls' : ''}`,
        octets,
        isReused,
        sessions,
        isTls,
        messages: size === '5mb' ? 20 : isReused ? 3000 : isTls ? 200 : 1000,
        warmUp: size === '5mb' ? 60 : isReused ? 20_000 : isTls ? 2500 : 12_000,
      })),
    ),
  ),
);

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function node(script: string): Pick<Contender, 'command'> {
  return {
    command: (port, tls) => ({
      program: process.execPath,
      args: [...nodeFlags(), here(script), String(port), ...files(tls)],
    }),
  };
}

/** Bundled when it is first needed. */
function bundledNode(script: string): Pick<Contender, 'command'> {
  let server: Pick<Contender, 'command'> | undefined;
  return { command: (port, tls) => (server ??= node(bundled(here(script)))).command(port, tls) };
}

function files(tls: TlsFiles | undefined): string[] {
  return tls === undefined ? [] : [tls.certFile, tls.keyFile];
}

/** smtp-sink does not run as root. */
function unprivileged(): string[] {
  return process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
}

export const contenders: readonly Contender[] = [
  { name: 'floor', share: 1, hasTls: true, ...bundledNode('servers/floor.ts') },
  { name: 'mailsluice', share: 1, hasTls: true, ...bundledNode('servers/mailsluice.ts') },
  // It waits 100 ms before each greeting.
  {
    name: 'smtp-server',
    share: 1,
    messagesAlone: 30,
    hasTls: true,
    ...node('peers/smtp-server.mjs'),
  },
  {
    name: 'smtp-sink',
    share: 1,
    hasTls: false,
    command: (port) => ({
      program: 'smtp-sink',
      args: [...unprivileged(), '-m', '20000', `127.0.0.1:${port}`, '4096'],
    }),
  },
  { name: 'Haraka', share: 0.3, hasTls: true, ...node('peers/haraka.mjs') },
  {
    name: 'aiosmtpd',
    share: 0.3,
    hasTls: true,
    command: (port, tls) => ({
      program: '/usr/bin/python3',
      args: [here('peers/aiosmtpd_sink.py'), String(port), ...files(tls)],
    }),
  },
];
