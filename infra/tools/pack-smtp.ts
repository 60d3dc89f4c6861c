// `npm run pack:smtp`: the package `mailsluice-smtp`, the library alone: one bundle, its types and the licenses of what is
// bundled. `npm run pack:smtp -- --keep DIR` keeps the folder.
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { moduleOptions, outputTexts, writeTexts } from './bundle-options.ts';
import { writeDeclarations } from './package-declarations.ts';
import { packageRoot } from './package-root.ts';
import { pack, writePages } from './small-package.ts';

/** The oldest Node.js that runs it: see the page of the package. */
const TARGET = 'node22.12';

/** Writes the files of the package into a folder. */
export async function assembleSmtp(folder: string): Promise<void> {
  const { metafile, outputFiles } = await esbuild.build({
    ...moduleOptions,
    entryPoints: ['src/index.ts'],
    outdir: folder,
    target: TARGET,
    // Whoever calls `mail.parse()` installs it.
    external: ['mailparser'],
  });
  writeTexts(folder, outputTexts(outputFiles, folder));
  writeDeclarations(folder, { entry: 'index.d.ts' });
  writePages(folder, join(packageRoot, 'infra/tools/packages/smtp'), Object.keys(metafile.inputs));
}

if (import.meta.main) await pack('mailsluice-smtp', assembleSmtp);
