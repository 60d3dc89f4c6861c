// What the small packages have in common: the manifest with the version of the whole, the page, the licenses, and how they
// are packed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot, packageVersion } from './package-root.ts';
import { renderLicenses } from './third-party-licenses.ts';

/** Writes `package.json`, `README.md` and the licenses, those of the bundled `inputs` too. */
export function writePages(folder: string, sources: string, inputs: readonly string[]): void {
  const manifest: unknown = JSON.parse(readFileSync(join(sources, 'manifest.json'), 'utf8'));
  const written = { ...Object(manifest), version: packageVersion } as object;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(written, undefined, 2)}\n`);
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), renderLicenses(inputs));
  cpSync(join(sources, 'README.md'), join(folder, 'README.md'));
  cpSync(join(packageRoot, 'LICENSE'), join(folder, 'LICENSE'));
}

/** Packs what `assemble` writes into the present folder. `--keep DIR` on the command line keeps the files. */
export async function pack(
  name: string,
  assemble: (folder: string) => Promise<void>,
): Promise<void> {
  const keep = process.argv.indexOf('--keep');
  const kept = keep === -1 ? undefined : process.argv[keep + 1];
  const folder = kept ?? mkdtempSync(join(tmpdir(), `${name}-`));
  await assemble(folder);
  execFileSync('npm', ['pack', folder, '--offline', '--pack-destination', process.cwd()], {
    stdio: 'inherit',
  });
  if (kept === undefined) rmSync(folder, { recursive: true });
}
