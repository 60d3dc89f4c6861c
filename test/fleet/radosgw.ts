// Ceph's radosgw as an S3 that nobody here wrote: Debian's packages, unpacked into a folder and run from there, with
// one monitor and one OSD that keeps all in memory. Nothing of it is installed on the machine, and it ends with
// the test; the unpacked packages stay in the system's folder for temporary files.
import { execFileSync, type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from '../support/free-port.ts';
import { missing } from '../support/programs.ts';

const run = promisify(execFile);

/** Ceph 16.2 in bookworm (Debian 12), 18.2 in trixie (Debian 13); their answers differ. */
const SUITE = process.env['MAILSLUICE_RADOSGW_SUITE'] ?? 'bookworm';
const MIRROR = process.env['MAILSLUICE_DEBIAN_MIRROR'] ?? mirrorOfThisMachine();
const folder = join(tmpdir(), `mailsluice-radosgw-${SUITE}`);

const REACH_MILLIS = 10_000;
const DOWNLOAD_MILLIS = 150_000;
const UNPACK_MILLIS = 90_000;
const START_MILLIS = 60_000;
export const INSTALL_MILLIS = REACH_MILLIS + DOWNLOAD_MILLIS + UNPACK_MILLIS;

const REGION = 'us-east-1';
const CREDENTIALS = { accessKeyId: 'radosgw', secretAccessKey: 'radosgw-secret' };
const BUCKET = 'radosgw-mail';
/** Of every part of the cluster, which is nobody's but this test's. */
const KEY = 'AQDgD2hnAAAAABAAqqqqqqqqqqqqqqqqqqqqqg==';

/** Where the machine's own packages come from; `''` where that is not known. */
function mirrorOfThisMachine(): string {
  try {
    const options = ['--format', '$(REPO_URI)', 'Created-By: Packages'];
    const [first = ''] = execFileSync('apt-get', ['indextargets', ...options], {
      encoding: 'utf8',
    }).split('\n');
    return first.replace(/\/$/, '');
  } catch {
    return '';
  }
}

/** Why radosgw cannot run here, or `undefined` where it can. Downloads and unpacks it where that is not done. */
export async function cannotInstall(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const absent = missing('debootstrap', 'dpkg-deb', 'unshare', 'chroot', 'tar');
  if (absent !== undefined) return absent;
  if (existsSync(folder)) return undefined;
  try {
    const answer = await fetch(`${MIRROR}/dists/${SUITE}/Release`, {
      signal: AbortSignal.timeout(REACH_MILLIS),
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
  } catch (error) {
    const reason = `no packages from ${MIRROR}: ${String(error)}`;
    if (process.env['CI'] === 'true') throw new Error(reason, { cause: error });
    return reason;
  }
  await install();
  return undefined;
}

/** The packages are unpacked only: their scripts would configure a whole system, in several times the time. */
async function install(): Promise<void> {
  const begun = performance.now();
  const system = `${folder}.${process.pid}`;
  const packages = `${system}.packages`;
  rmSync(system, { recursive: true, force: true });
  mkdirSync(packages, { recursive: true });
  try {
    const include = '--include=radosgw,ceph-mon,ceph-osd';
    const options = ['--download-only', '--variant=minbase', include];
    await run('debootstrap', [...options, SUITE, packages, MIRROR], {
      timeout: DOWNLOAD_MILLIS,
      maxBuffer: 1e8,
    });
    const downloaded = performance.now();
    const archives = join(packages, 'var/cache/apt/archives');
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      mkdirSync(join(system, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(system, name));
    }
    for (const name of ['proc', 'dev', 'etc', 'tmp', 'var/lib']) {
      mkdirSync(join(system, name), { recursive: true });
    }
    const files = readdirSync(archives).filter((name) => name.endsWith('.deb'));
    const script = `for file; do dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink -C "$0" || exit; done`;
    await run('sh', ['-c', script, system, ...files.map((name) => join(archives, name))], {
      timeout: UNPACK_MILLIS,
    });
    await run('chroot', [system, 'ldconfig'], { timeout: UNPACK_MILLIS });
    // Only what is whole has the name.
    renameSync(system, folder);
    const seconds = (millis: number): string => `${(millis / 1000).toFixed(0)} s`;
    process.stdout.write(
      `radosgw: ${files.length} packages of ${SUITE} downloaded in ${seconds(downloaded - begun)}, ` +
        `unpacked in ${seconds(performance.now() - downloaded)}\n`,
    );
  } finally {
    for (const path of [packages, system]) rmSync(path, { recursive: true, force: true });
  }
}

export class RadosGateway implements AsyncDisposable {
  readonly endpoint: string;
  readonly bucket = BUCKET;
  readonly s3: S3Client;
  /** For a program whose S3 it is to be; the other services are the caller's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #cluster: Cluster;

  private constructor(endpoint: string, cluster: Cluster) {
    this.endpoint = endpoint;
    this.#cluster = cluster;
    this.s3 = new S3Client({
      ...{ endpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    this.environment = {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_S3: endpoint,
    };
  }

  /** Settles when it has a user and a bucket. */
  static async start(): Promise<RadosGateway> {
    const begun = performance.now();
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const cluster = new Cluster();
    try {
      await cluster.start(port);
      const gateway = new RadosGateway(endpoint, cluster);
      await gateway.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
      process.stdout.write(
        `radosgw: ${await cluster.version()}, ready in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`,
      );
      return gateway;
    } catch (error) {
      const log = cluster.complaints();
      await cluster.end();
      throw new Error(`radosgw does not start\n${log}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.s3.destroy();
    await this.#cluster.end();
  }
}

/** The least that radosgw is content with: one monitor, one OSD, no manager. */
class Cluster {
  /** Inside and outside of the folder that is its root. */
  readonly #inside = `/var/lib/cluster-${process.pid}`;
  readonly #outside = join(folder, this.#inside);
  readonly #daemons: ChildProcess[] = [];

  async start(port: number): Promise<void> {
    for (const name of ['mon', 'osd', 'rgw', 'run']) {
      mkdirSync(join(this.#outside, name), { recursive: true });
    }
    const monitor = `[v2:127.0.0.1:${await freePort()},v1:127.0.0.1:${await freePort()}]`;
    const [cluster, osd] = [randomUUID(), randomUUID()];
    this.#write('ceph.conf', configuration(this.#inside, { cluster, monitor, port }));
    this.#write('keyring', keyring());
    const map = `${this.#inside}/monmap`;
    await this.#finish('monmaptool', '--create', '--fsid', cluster, '--addv', 'a', monitor, map);
    await this.#finish('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map);
    this.#daemon('ceph-mon', '-i', 'a', '-f');
    await this.#finish('ceph', 'osd', 'new', osd);
    await this.#finish('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
    this.#daemon('ceph-osd', '-i', '0', '-f');
    const gateway = this.#daemon('radosgw', '-n', 'client.admin', '-f');
    const deadline = Date.now() + START_MILLIS;
    while (!(await answers(port))) {
      if (gateway.exitCode !== null || Date.now() > deadline) throw new Error('no answer');
      await pause(50);
    }
    const { accessKeyId, secretAccessKey } = CREDENTIALS;
    const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey];
    const user = ['user', 'create', '--uid', 'mail', '--display-name', 'mail'];
    await this.#finish('radosgw-admin', '-n', 'client.admin', ...user, ...keys);
  }

  async version(): Promise<string> {
    const { stdout } = await this.#finish('radosgw', '--version');
    return /^ceph version \S+/.exec(stdout)?.[0] ?? stdout;
  }

  /** The end of what each daemon wrote. */
  complaints(): string {
    return readdirSync(this.#outside)
      .filter((name) => name.endsWith('.log'))
      .map((name) => `${name}: ${readFileSync(join(this.#outside, name), 'utf8').slice(-1000)}`)
      .join('\n');
  }

  async end(): Promise<void> {
    for (const child of this.#daemons.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#outside, { recursive: true, force: true });
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#outside, name), text);
  }

  #finish(program: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const [command, ...rest] = this.#inFolder(program, args);
    return run(command, rest, { timeout: START_MILLIS, maxBuffer: 1e8 });
  }

  #daemon(program: string, ...args: string[]): ChildProcess {
    const [command, ...rest] = this.#inFolder(program, args);
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(join(this.#outside, `${program}.log`));
    // Their data goes before the last line does.
    log.on('error', () => undefined);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    this.#daemons.push(child);
    return child;
  }

  /** With the folder as root, /proc and /dev in it, and nothing mounted once the program has ended. */
  #inFolder(program: string, args: readonly string[]): [string, ...string[]] {
    const script =
      'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';
    const options = ['-c', `${this.#inside}/ceph.conf`, ...args];
    return ['unshare', '--mount', 'sh', '-c', script, folder, program, ...options];
  }
}

interface Settings {
  readonly cluster: string;
  readonly monitor: string;
  readonly port: number;
}

function configuration(data: string, { cluster, monitor, port }: Settings): string {
  return `[global]
fsid = ${cluster}
mon_host = ${monitor}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = ${data}/keyring
run_dir = ${data}/run
admin_socket =
log_to_file = false
log_to_stderr = true
mon_cluster_log_to_file = false
debug_rocksdb = 0
mon_data = ${data}/mon
osd_data = ${data}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
# A pool is made in some of these, and radosgw makes seven.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
rgw_data = ${data}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${port}
rgw_run_sync_thread = false
`;
}

function keyring(): string {
  const all = ['mon', 'osd', 'mgr'].map((part) => `\tcaps ${part} = "allow *"\n`).join('');
  return ['mon.', 'client.admin', 'osd.0']
    .map((name) => `[${name}]\n\tkey = ${KEY}\n${all}`)
    .join('');
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).ok;
  } catch {
    return false;
  }
}
