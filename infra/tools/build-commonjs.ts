// `mailsluice/cdk` for apps that are CommonJS, as `cdk init` makes them: jest cannot load ES modules there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
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
  renderDeclarations(readFileSync(join(packageRoot, 'infra/index.ts'), 'utf8')),
);

/** The declarations of the ES module, under the same names, as a CommonJS module may see them. */
function renderDeclarations(source: string): string {
  const from = "import('./index.js', { with: { 'resolution-mode': 'import' } })";
  const lines = [...source.matchAll(/^export (type )?\{ ([^}]+) \} from/gm)].flatMap(
    ([, allTypes, names = '']) =>
      names.split(', ').flatMap((each) => {
        const name = each.replace(/^type /, '');
        const isType = allTypes !== undefined || name !== each;
        const isFunction = /^[a-z]/.test(name);
        return [
          ...(isFunction ? [] : [`export type ${name} = ${from}.${name};`]),
          ...(isType ? [] : [`export declare const ${name}: typeof ${from}.${name};`]),
        ];
      }),
  );
  return `${lines.join('\n')}\n`;
}
