// `npm run bench`: see README.md beside this file.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeCertificate } from '../support/certificates.ts';
import { measureBridge, measureOverload } from './bridge.ts';
import { cells, contenders, type TlsFiles } from './cells.ts';
import { measureHooks } from './hooks.ts';
import { measureIdle } from './idle.ts';
import { measureCell, type Row } from './measure.ts';
import { measureMicro } from './micro.ts';
import { measurePage } from './page.ts';
import { measureVerifiedBridge, measureVerifyWait } from './verified.ts';
import { measureVerify } from './verify.ts';
import { renderCells, renderFailures } from './report.ts';

const PARTS = ['cells', 'idle', 'bridge', 'overload', 'micro', 'hooks', 'verify', 'page'] as const;
type Part = (typeof PARTS)[number];

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true },
    only: { type: 'string' },
    servers: { type: 'string' },
    senders: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '11' },
  },
});
const parts: readonly string[] = values.part ?? PARTS;
const only = values.only?.split(',');
const names = values.servers?.split(',');
const rounds = Number(values.rounds);
const chosen = contenders.filter(({ name }) => names === undefined || names.includes(name));
const wants = (part: Part): boolean => parts.includes(part);

installPeers();
const folder = mkdtempSync(join(tmpdir(), 'mailsluice-bench-'));
try {
  const tls = await writeCertificate(folder);
  console.log(`${new Date().toISOString()}, Node.js ${process.version}, ${machine()}\n`);
  if (wants('cells')) await runCells(tls);
  if (wants('idle')) console.log(`\n${await measureIdle(chosen)}`);
  if (wants('bridge')) console.log(`\n${await measureBridge(rounds)}`);
  if (wants('micro')) console.log(`\n${await measureMicro()}`);
  if (wants('verify')) {
    console.log(`\n${await measureVerify()}`);
    console.log(`\n${await measureVerifyWait()}`);
    console.log(`\n${await measureVerifiedBridge(rounds)}`);
  }
  if (wants('hooks')) console.log(`\n${measureHooks(rounds)}`);
  if (wants('page')) console.log(`\n${await measurePage(rounds)}`);
  if (wants('overload')) console.log(`\n${await measureOverload(Number(values.senders))}`);
} finally {
  rmSync(folder, { recursive: true });
}

async function runCells(tls: TlsFiles): Promise<void> {
  const rows: [string, Row][] = [];
  for (const cell of cells) {
    if (only && !only.some((part) => isMeant(part, cell.id))) continue;
    process.stderr.write(`${cell.id} `);
    const begun = performance.now();
    const row = await measureCell(cell, chosen, tls, rounds);
    process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0)} s\n`);
    rows.push([cell.id, row]);
  }
  const columns = chosen.map(({ name }) => name);
  console.log(renderCells(rows, columns));
  console.log(renderFailures(rows));
}

/** A whole name means that cell alone, a part of one all that have it. */
function isMeant(part: string, id: string): boolean {
  return cells.some((cell) => cell.id === part) ? part === id : id.includes(part);
}

/** The peers are no part of the project's own install. */
function installPeers(): void {
  const peers = fileURLToPath(new URL('peers', import.meta.url));
  if (existsSync(join(peers, 'node_modules', 'smtp-server'))) return;
  const { status } = spawnSync('npm', ['ci'], { cwd: peers, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm ci failed in test/bench/peers');
}

async function writeCertificate(where: string): Promise<TlsFiles> {
  const { cert, key } = await makeCertificate();
  const files = { certFile: join(where, 'cert.pem'), keyFile: join(where, 'key.pem') };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  return files;
}

function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}`;
}
