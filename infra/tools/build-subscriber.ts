// `mailsluice/subscriber` as it is published: one bundle as ES modules and one as CommonJS. A bundler that meets the
// packages themselves, which are CommonJS, makes an ES module of them that fails at its first `require`.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { builtinImports } from './builtin-imports.ts';
import { renderCommonJsDeclarations } from './commonjs-declarations.ts';
import { packageRoot } from './package-root.ts';

const ENTRY = 'src/subscriber/index.ts';

/** Loaded when they are needed: most of the code is in them. */
const CHUNKS = 'chunks';

/** The oldest Node.js of Lambda that runs it. */
const TARGET = 'node22';

export interface SubscriberBundle {
  /** The files, relative to the folder. */
  readonly files: readonly string[];
  /** The sources of both formats, relative to the root of the repository. */
  readonly inputs: readonly string[];
}

/** Writes `index.js` with its chunks, `index.cjs` and `index.d.cts` into a folder. */
export async function buildSubscriber(folder: string): Promise<SubscriberBundle> {
  const common = {
    absWorkingDir: packageRoot,
    entryPoints: [ENTRY],
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: TARGET,
    charset: 'utf8',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    write: false,
    // The Lambda runtime brings the SDK.
    external: ['@aws-sdk/*'],
  } as const satisfies esbuild.BuildOptions;
  const builds = [
    await esbuild.build({
      ...common,
      format: 'esm',
      splitting: true,
      chunkNames: `${CHUNKS}/[name]-[hash]`,
      plugins: [builtinImports],
    }),
    await esbuild.build({ ...common, format: 'cjs', outExtension: { '.js': '.cjs' } }),
  ];
  const outputs = builds.flatMap(({ outputFiles }) =>
    outputFiles.map(({ path, text }) => [relative(folder, path), text] as const),
  );
  for (const [path, text] of outputs) {
    // esbuild's stand-in for `require` in an ES module, which throws.
    if (path.endsWith('.js') && text.includes('Dynamic require of')) {
      throw new Error(`${path}: expected no call of require in an ES module`);
    }
  }
  const declarations = readFileSync(join(packageRoot, ENTRY), 'utf8');
  const files = new Map([
    ...outputs,
    ['index.d.cts', renderCommonJsDeclarations(declarations)] as const,
  ]);
  rmSync(join(folder, CHUNKS), { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const inputs = new Set(builds.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  return { files: [...files.keys()], inputs: [...inputs] };
}

if (import.meta.main) await buildSubscriber(join(packageRoot, 'dist/subscriber'));
