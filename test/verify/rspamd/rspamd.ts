// Debian's rspamd as an oracle for SPF, DKIM, DMARC and ARC: a child of the test with a configuration of its own, that asks the
// test's DNS server and nobody else.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';

/** A user who owns nothing. */
const NOBODY = 65_534;
const START_MILLIS = 60_000;

export interface CheckedMail {
  readonly mail: Buffer;
  readonly address: string;
  readonly helo: string;
  /** `''` for the null reverse-path. */
  readonly envelopeFrom: string;
}

/** By symbol: its options. */
export type Symbols = ReadonlyMap<string, readonly string[]>;

export class Rspamd implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** `nameServer`: `127.0.0.1:port`. `suffixes`: public suffixes, since rspamd does not walk the tree. */
  static async start(nameServer: string, suffixes: readonly string[]): Promise<Rspamd> {
    const folder = mkdtempSync(join(tmpdir(), 'mailsluice-rspamd-'));
    const port = await freePort();
    const at = (name: string) => JSON.stringify(join(folder, name));
    // The tables that Debian has for all languages take ten seconds to load.
    mkdirSync(join(folder, 'languages'));
    for (const name of ['stop_words', 'en.json']) {
      copyFileSync(`/usr/share/rspamd/languages/${name}`, join(folder, 'languages', name));
    }
    writeFileSync(join(folder, 'suffixes'), `${suffixes.join('\n')}\n`);
    writeFileSync(
      join(folder, 'rspamd.conf'),
      `options {
  pidfile = ${at('rspamd.pid')}; cache_file = ${at('symbols.cache')}; tempdir = ${JSON.stringify(folder)};
  control_socket = "${join(folder, 'control.sock')} mode=0600"; hs_cache_dir = "${folder}/";
  url_tld = ${at('suffixes')}; lang_detection { languages = ${at('languages')}; }
  filters = "dkim"; local_addrs = ["127.0.0.1"];
  dns { nameserver = ["${nameServer}"]; timeout = 500ms; retransmits = 1; sockets = 1; }
}
logging { type = "console"; level = "error"; }
modules { path = "/usr/share/rspamd/plugins/"; }
spf { } dkim { dkim_cache_expire = 1d; } dmarc { } arc { }
actions { reject = 1500; add_header = 1400; greylist = 1300; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; mime = true; count = 1; }
`,
    );
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(folder, NOBODY, NOBODY);
    const child = spawn('rspamd', ['-f', '-i', '-c', join(folder, 'rspamd.conf')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that its children end with it.
      detached: true,
      cwd: folder,
      ...(isRoot && { uid: NOBODY, gid: NOBODY }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const rspamd = new Rspamd(child, folder, port);
    const end = Date.now() + START_MILLIS;
    while (!(await rspamd.#answers())) {
      if (child.exitCode !== null || Date.now() > end) {
        await rspamd[Symbol.asyncDispose]();
        throw new Error(`rspamd did not start: ${output.slice(-2000)}`);
      }
      await sleep(100);
    }
    return rspamd;
  }

  async check({ mail, address, helo, envelopeFrom }: CheckedMail): Promise<Symbols> {
    const response = await fetch(`${this.#url}/checkv2`, {
      method: 'POST',
      body: new Uint8Array(mail),
      headers: { IP: address, Helo: helo, From: `<${envelopeFrom}>`, Rcpt: 'pay@mx.example' },
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`rspamd: ${response.status} ${text}`);
    const { symbols } = JSON.parse(text) as {
      symbols: Record<string, { options?: readonly string[] }>;
    };
    return new Map(Object.entries(symbols).map(([name, { options = [] }]) => [name, options]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('close', resolve));
      process.kill(-pid, 'SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/ping`);
      return response.ok;
    } catch {
      return false;
    }
  }
}
