// clamd and rspamd from Debian's packages: each a child of the tests without rights, with a folder of its own, a
// configuration of its own, and nothing downloaded.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';

/** The text that every scanner knows as a test: https://www.eicar.org/download-anti-malware-testfile/ */
export const EICAR = String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;
/** The same for spam: https://spamassassin.apache.org/gtube/ */
export const GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';

/** A user who owns nothing. */
const NOBODY = 65_534;
const START_MILLIS = 30_000;

export interface ScannerProcess extends AsyncDisposable {
  readonly port: number;
  /** All of its processes. */
  kill(signal: NodeJS.Signals): void;
}

export interface ClamdProcess extends ScannerProcess {
  readonly socketPath: string;
}

export async function startClamd({
  streamMaxLength = '40M',
}: {
  readonly streamMaxLength?: string;
} = {}): Promise<ClamdProcess> {
  const folder = makeFolder('clamd');
  const port = await freePort();
  const socketPath = join(folder, 'clamd.sock');
  mkdirSync(join(folder, 'signatures'));
  // Name, any kind of file, any offset, and the octets.
  const signature = `Test.Eicar:0:*:${Buffer.from(EICAR).toString('hex')}\n`;
  writeFileSync(join(folder, 'signatures/local.ndb'), signature);
  const file = join(folder, 'clamd.conf');
  writeFileSync(
    file,
    [
      `TCPSocket ${port}`,
      'TCPAddr 127.0.0.1',
      `LocalSocket ${socketPath}`,
      `DatabaseDirectory ${join(folder, 'signatures')}`,
      `TemporaryDirectory ${folder}`,
      `StreamMaxLength ${streamMaxLength}`,
      'Foreground yes',
      '',
    ].join('\n'),
  );
  const started = await start('clamd', ['-c', file], folder, port);
  return Object.assign(started, { socketPath });
}

/**
 * `rule`: Lua that gets `task`; where it is true, the mail has the symbol `TEST_RULE` with 7.5. The mail is spam from 6
 * on.
 */
export async function startRspamd(rule: string): Promise<ScannerProcess> {
  const folder = makeFolder('rspamd');
  const port = await freePort();
  const at = (name: string) => JSON.stringify(join(folder, name));
  // The tables that Debian has for all languages and domains take ten seconds to load.
  mkdirSync(join(folder, 'languages'));
  for (const name of ['stop_words', 'en.json']) {
    copyFileSync(`/usr/share/rspamd/languages/${name}`, join(folder, 'languages', name));
  }
  writeFileSync(join(folder, 'domains'), 'com\nexample\n');
  writeFileSync(
    join(folder, 'rules.lua'),
    `rspamd_config:register_symbol({ name = 'TEST_RULE', score = 7.5, callback = function(task) ${rule} end })\n`,
  );
  const file = join(folder, 'rspamd.conf');
  writeFileSync(
    file,
    `options {
      pidfile = ${at('rspamd.pid')}; cache_file = ${at('symbols.cache')}; tempdir = ${JSON.stringify(folder)};
      control_socket = "${join(folder, 'control.sock')} mode=0600"; hs_cache_dir = "${folder}/";
      url_tld = ${at('domains')}; lang_detection { languages = ${at('languages')}; }
      filters = ""; enable_test_patterns = true;
      dns { nameserver = ["127.0.0.1:9"]; timeout = 100ms; retransmits = 1; }
    }
    logging { type = "console"; level = "error"; }
    lua = ${at('rules.lua')};
    actions { reject = 15; add_header = 6; greylist = 4; }
    worker "normal" { bind_socket = "127.0.0.1:${port}"; mime = true; count = 1; }\n`,
  );
  return start('rspamd', ['-f', '-i', '-c', file], folder, port);
}

function makeFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `mailsluice-${name}-`));
}

async function start(
  program: string,
  args: readonly string[],
  folder: string,
  port: number,
): Promise<ScannerProcess> {
  const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if ('uid' in asNobody) for (const path of ['.', 'signatures']) own(join(folder, path));
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that its children end with it.
    detached: true,
    cwd: folder,
    ...asNobody,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (signal: NodeJS.Signals) => killGroup(child, signal);
  const dispose = async () => {
    kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(child, port);
  } catch (error) {
    await dispose();
    throw new Error(`${program} did not start: ${output.slice(-2000)}`, { cause: error });
  }
  return { port, kill, [Symbol.asyncDispose]: dispose };
}

function own(path: string): void {
  try {
    chownSync(path, NOBODY, NOBODY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const end = Date.now() + START_MILLIS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (Date.now() > end) throw new Error(`nobody listens after ${START_MILLIS} ms`);
    await sleep(100);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function killGroup({ pid, exitCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // All of it has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
