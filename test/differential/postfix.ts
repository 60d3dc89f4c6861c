// Debian's Postfix as an oracle: its smtpd on a port of the loopback, with a configuration, a queue and a log of its
// own. All mail that it takes is discarded.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';

const MASTER = '/usr/lib/postfix/sbin/master';
const START_MILLIS = 15_000;
const DELIVERY_MILLIS = 30_000;

export class Postfix implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
  }

  /** Settles when it greets. */
  static async start(): Promise<Postfix> {
    const folder = mkdtempSync(join(tmpdir(), 'mailsluice-postfix-'));
    // Its processes run as the user postfix.
    chmodSync(folder, 0o755);
    const port = await freePort();
    for (const name of ['conf', 'queue', 'data']) mkdirSync(join(folder, name));
    chownSync(join(folder, 'data'), idOf('-u', 'postfix'), idOf('-g', 'postfix'));
    writeFileSync(join(folder, 'conf/main.cf'), mainConfiguration(folder));
    writeFileSync(join(folder, 'conf/master.cf'), masterConfiguration(port));
    const conf = join(folder, 'conf');
    execFileSync('/usr/sbin/postfix', ['-c', conf, 'check'], { stdio: 'ignore' });
    const child = spawn(MASTER, ['-c', conf, '-d'], { stdio: 'ignore' });
    const postfix = new Postfix(child, folder, port);
    const deadline = Date.now() + START_MILLIS;
    while (!(await greets(port))) {
      if (Date.now() > deadline || child.exitCode !== null) {
        const log = postfix.log;
        await postfix[Symbol.asyncDispose]();
        throw new Error(`Postfix does not greet: ${log}`);
      }
      await pause(50);
    }
    return postfix;
  }

  get log(): string {
    try {
      return readFileSync(join(this.#folder, 'maillog'), 'utf8');
    } catch {
      return '';
    }
  }

  /** The log, once it has the result of each of these mails. */
  async logOf(queueIds: readonly string[]): Promise<string> {
    const deadline = Date.now() + DELIVERY_MILLIS;
    for (;;) {
      const log = this.log;
      const missing = queueIds.filter((queueId) => !log.includes(`${queueId}: to=<`));
      if (missing.length === 0) return log;
      if (Date.now() > deadline) throw new Error(`not delivered: ${missing.join(', ')}`);
      await pause(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function idOf(kind: '-u' | '-g', user: string): number {
  return Number(execFileSync('id', [kind, user], { encoding: 'utf8' }));
}

async function greets(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'data', { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The defaults of Debian 12 for what smtpd takes; the rest keeps it quick, alone and without a delivery. */
function mainConfiguration(folder: string): string {
  return `compatibility_level = 3.7
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/maillog
maillog_file_prefixes = ${folder}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example
mydestination =
local_recipient_maps =
alias_maps =
default_transport = discard:
relay_transport = discard:
local_transport = discard:
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
strict_rfc821_envelopes = no
`;
}

function masterConfiguration(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`;
}
