// Sends a cell's mail: by Postfix's smtp-source in the clear, by our own driver under TLS.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cell } from './cells.ts';

const MAX_MILLISECONDS = 60_000;
const MAX_LARGE_MILLISECONDS = 600_000;
const TLS_SOURCE = fileURLToPath(new URL('drivers/tls-source.ts', import.meta.url));

export type Kind = Pick<Cell, 'octets' | 'isReused' | 'sessions' | 'isTls'>;

/** What the whole program is measured with. */
export const SMALL_MAILS: readonly (Kind & { readonly id: string })[] = [
  { id: '4kb-reused-16', octets: 4096, isReused: true, sessions: 16, isTls: false },
  { id: '4kb-each-16', octets: 4096, isReused: false, sessions: 16, isTls: false },
];

/** A mail that is sent as it is, in place of one of the cell's size. */
export interface Prepared {
  /** With LF at the end of each line. */
  readonly file: string;
  readonly from: string;
}

/** Sends `messages` mails and settles when all were answered 250; rejects when one was not. */
export function sendLoad(
  port: number,
  kind: Kind,
  messages: number,
  prepared?: Prepared,
): Promise<void> {
  const { octets, isReused, sessions, isTls } = kind;
  if (isTls) {
    const mode = isReused ? 'reused' : 'each';
    const args = [port, sessions, messages, octets, mode].map(String);
    return run(process.execPath, [TLS_SOURCE, ...args]);
  }
  return run('smtp-source', [
    ...(isReused ? ['-d'] : []),
    ...['-4', '-s', String(sessions), '-m', String(messages)],
    ...(prepared === undefined ? ['-l', String(octets)] : ['-F', prepared.file]),
    ...['-M', 'client.bench.example'],
    ...['-f', prepared?.from ?? 'sender@bench.example', '-t', 'recipient@bench.example'],
    `127.0.0.1:${port}`,
  ]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await runForOutput(program, args, MAX_MILLISECONDS);
}

/** Runs a program to its end, and gives what it printed; rejects where it failed or took too long. */
export function runForOutput(
  program: string,
  args: readonly string[],
  timeout = MAX_LARGE_MILLISECONDS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { timeout, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let complaint = '';
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString();
    });
    child.stderr.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ended with ${code ?? signal}: ${complaint.trim()}`));
    });
  });
}
