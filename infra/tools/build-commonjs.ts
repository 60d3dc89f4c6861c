// `mailsluice/cdk` for apps that are CommonJS, as `cdk init` makes them: jest cannot load ES modules there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { renderCommonJsDeclarations } from './commonjs-declarations.ts';
import { packageRoot } from './package-root.ts';

const folder = join(packageRoot, 'dist/cdk/infra');

await esbuild.build({
  absWorkingDir: packageRoot,
  entryPoints: ['infra/index.ts'],
  outfile: join(folder, 'index.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  keepNames: true,
  legalComments: 'none',
  logLevel: 'error',
  external: ['aws-cdk-lib', 'constructs'],
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': 'moduleUrl' },
});
writeFileSync(
  join(folder, 'index.d.cts'),
  renderCommonJsDeclarations(readFileSync(join(packageRoot, 'infra/index.ts'), 'utf8')),
);
