// The licenses of the packages that a bundle contains, as each of them demands.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/**
 * One section for each package, in the order of their names.
 * @param inputs the files of the bundle, relative to the root of the repository
 * @throws where a package has no file with its license
 */
export function renderLicenses(inputs: readonly string[]): string {
  const folders = new Set(
    inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? []),
  );
  const sections = new Map(
    [...folders].map((folder) => {
      const { name, version, license } = readManifest(folder);
      const title = `${name} ${version} (${license ?? 'see below'})`;
      return [title, `${title}\n\n${readLicense(folder).trim()}\n`];
    }),
  );
  return [...sections]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, section]) => section)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(packageRoot, folder, 'package.json'), 'utf8')) as Manifest;
}

/** Of a package with a choice of licenses, MIT. */
function readLicense(folder: string): string {
  const path = join(packageRoot, folder);
  const files = readdirSync(path).filter((name) => /^licen[cs]e/i.test(name));
  const file = files.find((name) => /mit/i.test(name)) ?? files[0];
  if (file === undefined || !existsSync(join(path, file))) {
    throw new Error(`${folder}: expected a file with the license`);
  }
  return readFileSync(join(path, file), 'utf8');
}
