// `mailsluice/subscriber` as it is published: one bundle as ES modules and one as CommonJS. A bundler that meets the
// packages themselves, which are CommonJS, makes an ES module of them that fails at its first `require`.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { bundleOptions, CHUNKS, moduleOptions, outputTexts, writeTexts } from './bundle-options.ts';
import { renderCommonJsDeclarations } from './commonjs-declarations.ts';
import { packageRoot } from './package-root.ts';

const ENTRY = 'src/subscriber/index.ts';

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
  const entry = {
    entryPoints: [ENTRY],
    outdir: folder,
    target: TARGET,
    // The Lambda runtime brings the SDK.
    external: ['@aws-sdk/*'],
  };
  const builds = [
    await esbuild.build({ ...moduleOptions, ...entry }),
    await esbuild.build({
      ...bundleOptions,
      ...entry,
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
    }),
  ];
  const outputs = builds.flatMap(({ outputFiles }) => outputTexts(outputFiles, folder));
  const declarations = readFileSync(join(packageRoot, ENTRY), 'utf8');
  const files = new Map([
    ...outputs,
    ['index.d.cts', renderCommonJsDeclarations(declarations)] as const,
  ]);
  rmSync(join(folder, CHUNKS), { recursive: true, force: true });
  writeTexts(folder, files);
  const inputs = new Set(builds.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  return { files: [...files.keys()], inputs: [...inputs] };
}

if (import.meta.main) await buildSubscriber(join(packageRoot, 'dist/subscriber'));
