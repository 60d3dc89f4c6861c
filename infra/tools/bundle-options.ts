// How `mailsluice/subscriber` and the small packages are bundled and written.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { BuildOptions, OutputFile } from 'esbuild';
import { builtinImports } from './builtin-imports.ts';
import { packageRoot } from './package-root.ts';

/** Loaded when they are needed. */
export const CHUNKS = 'chunks';

/** For both formats; nothing is written. */
export const bundleOptions = {
  absWorkingDir: packageRoot,
  bundle: true,
  platform: 'node',
  charset: 'utf8',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'error',
  metafile: true,
  write: false,
} as const satisfies BuildOptions;

export const moduleOptions = {
  ...bundleOptions,
  format: 'esm',
  splitting: true,
  chunkNames: `${CHUNKS}/[name]-[hash]`,
  plugins: [builtinImports],
} as const satisfies BuildOptions;

/**
 * The text of each output, by its path in `folder`. Throws where an ES module has esbuild's stand-in for `require`, which
 * would throw.
 */
export function outputTexts(
  outputs: readonly OutputFile[],
  folder: string,
): (readonly [path: string, text: string])[] {
  return outputs.map(({ path, text }) => {
    if (path.endsWith('.js') && text.includes('Dynamic require of')) {
      throw new Error(`${path}: expected no call of require in an ES module`);
    }
    return [relative(folder, path), text];
  });
}

export function writeTexts(
  folder: string,
  texts: Iterable<readonly [path: string, text: string]>,
): void {
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
