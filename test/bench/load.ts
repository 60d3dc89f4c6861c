// Sends a cell's mail: by Postfix's smtp-source in the clear, by our own driver under TLS.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cell } from './cells.ts';

const MAX_MILLISECONDS = 60_000;
const TLS_SOURCE = fileURLToPath(new URL('drivers/tls-source.ts', import.meta.url));

type Kind = Pick<Cell, 'octets' | 'isReused' | 'sessions' | 'isTls'>;

/** Sends `messages` mails and settles when all were answered 250; rejects when one was not. */
export function sendLoad(port: number, kind: Kind, messages: number): Promise<void> {
  const { octets, isReused, sessions, isTls } = kind;
  if (isTls) {
    const mode = isReused ? 'reused' : 'each';
    const args = [port, sessions, messages, octets, mode].map(String);
    return run(process.execPath, [TLS_SOURCE, ...args]);
  }
  return run('smtp-source', [
    ...(isReused ? ['-d'] : []),
    ...['-4', '-s', String(sessions), '-m', String(messages), '-l', String(octets)],
    ...['-M', 'client.bench.example'],
    ...['-f', 'sender@bench.example', '-t', 'recipient@bench.example'],
    `127.0.0.1:${port}`,
  ]);
}

export function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      timeout: MAX_MILLISECONDS,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code ?? signal}: ${complaint.trim()}`));
    });
  });
}
