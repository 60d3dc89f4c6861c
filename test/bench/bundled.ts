// What is measured is what runs in production: one file of JavaScript, bundled as the image's program is. Run from its
// sources a program is another one: Node.js keeps what strips their types, 4 MB, and V8 marks the whole heap again for each
// 64 MB that come from the network.
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { buildArtifacts, imageOptions } from '../../infra/tools/build-artifacts.ts';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** Bundles a server of the benchmarks; gives the path of the file. */
export function bundled(script: string): string {
  const outfile = join(dist, 'bench', `${basename(script, '.ts')}.mjs`);
  buildSync({ ...imageOptions, entryPoints: [script], outfile });
  return outfile;
}

/** The same for the program of the image itself. */
export async function bundledProgram(): Promise<string> {
  await buildArtifacts();
  return join(dist, 'container', 'mailsluice.mjs');
}
