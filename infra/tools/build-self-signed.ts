// Bundles what makes the certificate of `mailsluice local`, with the versions of our lock file. `selfsigned` and `mailauth` want
// packages of which there may be only one version each, and where npm resolves them anew it installs two, which fail.
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { builtinImports } from './builtin-imports.ts';
import { bundleOptions, outputTexts, writeTexts } from './bundle-options.ts';
import { packageRoot } from './package-root.ts';
import { renderLicenses } from './third-party-licenses.ts';

const folder = join(packageRoot, 'dist/app/local');

const { outputFiles, metafile } = await esbuild.build({
  ...bundleOptions,
  entryPoints: ['src/app/local/self-signed.ts'],
  outdir: folder,
  target: 'node24',
  format: 'esm',
  plugins: [builtinImports],
});
writeTexts(folder, [
  ...outputTexts(outputFiles, folder),
  ['self-signed.licenses.txt', renderLicenses(Object.keys(metafile.inputs))],
]);
