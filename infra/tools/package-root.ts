import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, from the sources as from dist/cdk. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/** This package's version. */
export const packageVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('mailsluice: expected package.json above this file');
  return findPackageRoot(parent);
}

/** A file or folder that `npm run build:container` makes. */
export function requireArtifact(path: string): string {
  const artifact = join(packageRoot, 'dist', path);
  if (!existsSync(artifact)) {
    throw new Error(`mailsluice: expected ${artifact}; run "npm run build:container"`);
  }
  return artifact;
}
