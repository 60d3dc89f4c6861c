// Builds the page of `mailsluice local` into dist, so that who installs the package builds nothing.
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const source = join(root, 'src/app/local/page/browser');
const target = join(root, 'dist/app/local/page/browser');
const COPIED = ['page.html', 'frame.html', 'icon.svg'];
/** Of script and styles, gzipped. */
const MAX_OCTETS = 60_000;

const { outputFiles } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: { page: join(source, 'main.tsx'), style: join(source, 'page.css') },
  outdir: target,
  bundle: true,
  platform: 'browser',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none',
  // Preact's license goes with its code.
  banner: {
    js: `/*! Preact\n${readFileSync(join(root, 'node_modules/preact/LICENSE'), 'utf8')}*/`,
  },
  write: false,
  logLevel: 'error',
});
mkdirSync(target, { recursive: true });
let octets = 0;
for (const { path, contents } of outputFiles) {
  octets += gzipSync(contents).length;
  writeFileSync(path.replace('style.css', 'page.css'), contents);
}
for (const name of COPIED) writeFileSync(join(target, name), readFileSync(join(source, name)));
if (octets > MAX_OCTETS) {
  throw new Error(`the page: expected at most ${MAX_OCTETS} octets gzipped, got ${octets}`);
}
console.log(`wrote dist/app/local/page/browser (${octets} octets gzipped)`);
