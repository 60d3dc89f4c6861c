// Makes what is deployed besides templates, with esbuild alone: the container's context in dist/container and
// the Lambda functions in dist/lambda. `npm run build:container` and every synth run it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly version: string;
}

interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** Bundles everything; returns the names of the files that changed. */
export async function buildArtifacts(): Promise<readonly string[]> {
  const [program, health, ...functions] = await Promise.all([
    bundle('src/cli/main.ts', 'dist/container/mailsluice.mjs', [withoutEmbeddedAws, withVersion]),
    bundle('infra/tools/health-check.ts', 'dist/container/health-check.mjs'),
    ...Object.entries(LAMBDAS).map(([name, entry]) =>
      bundle(entry, `dist/lambda/${name}/index.mjs`, [
        // The Lambda runtime brings the SDK.
        external(/^@aws-sdk\//),
      ]),
    ),
  ]);
  const files = [
    program,
    health,
    ...functions,
    {
      path: 'dist/container/Dockerfile',
      text: readFileSync(join(root, 'Dockerfile'), 'utf8'),
    },
    { path: 'dist/container/sbom.cdx.json', text: renderSbom(program.metafile) },
  ];
  return files
    .filter(({ path, text }) => writeIfChanged(join(root, path), text))
    .map(({ path }) => path);
}

/** Folder in dist/lambda → its handler. */
const LAMBDAS = {
  'self-signed': 'infra/certificate/self-signed/handler.ts',
  'example-subscriber': 'src/subscriber/examples/log-subjects.ts',
} as const;

/** How the program of the image is bundled. */
export const imageOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'error',
  // CommonJS packages call `require` for what Node.js has built in.
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
} as const satisfies esbuild.BuildOptions;

interface Bundled {
  readonly path: string;
  readonly text: string;
  readonly metafile: esbuild.Metafile;
}

async function bundle(
  entry: string,
  path: string,
  plugins: esbuild.Plugin[] = [],
): Promise<Bundled> {
  const { outputFiles, metafile } = await esbuild.build({
    ...imageOptions,
    entryPoints: [entry],
    outfile: path,
    metafile: true,
    write: false,
    plugins,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`${entry}: expected a bundle, got nothing`);
  return { path, text: output.text, metafile };
}

/** What `mailsluice local` loads at run time stays out: nothing in production may reach the embedded AWS. */
const withoutEmbeddedAws = replaceModules(
  'without-embedded-aws',
  [
    'src/app/local/embedded-aws.ts',
    'src/app/local/self-signed.ts',
    'src/app/local/page/start-page.ts',
  ],
  'throw Object.assign(new Error("the embedded AWS is not part of the container image; run mailsluice local from the npm package"), { code: "ERR_MODULE_NOT_FOUND" });',
);

/** The version is read from package.json, which is not in the image. */
const withVersion = replaceModules(
  'with-version',
  ['src/cli/frame/version.ts'],
  `export const version = ${JSON.stringify(version)};`,
);

/** Gives the named modules other contents. Fails when one is not met: it has moved, and would be bundled as it is. */
function replaceModules(
  name: string,
  modules: readonly string[],
  contents: string,
): esbuild.Plugin {
  return {
    name,
    setup(build) {
      const missing = new Set(modules.map((module) => join(root, module)));
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!modules.includes(relative(root, path))) return undefined;
        missing.delete(path);
        return { contents, loader: 'js' };
      });
      build.onEnd(() => ({
        errors: [...missing].map((path) => ({
          text: `${name}: expected the bundle to import ${relative(root, path)}`,
        })),
      }));
    },
  };
}

function external(filter: RegExp): esbuild.Plugin {
  return {
    name: 'external',
    setup(build) {
      build.onResolve({ filter }, ({ path }) => ({ path, external: true }));
    },
  };
}

/** What is in the bundle, as CycloneDX 1.6; the same input gives the same bytes. */
function renderSbom(metafile: esbuild.Metafile): string {
  const packages = new Map<string, InstalledPackage>();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder === undefined || !existsSync(join(root, folder, 'package.json'))) continue;
    const found = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    ) as InstalledPackage;
    packages.set(`${found.name}@${found.version}`, found);
  }
  const components = [...packages.values()]
    .sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1))
    .map(({ name, version: packageVersion, license }) => ({
      type: 'library',
      'bom-ref': purl(name, packageVersion),
      name,
      version: packageVersion,
      purl: purl(name, packageVersion),
      ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    }));
  return `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      metadata: {
        component: {
          type: 'application',
          'bom-ref': purl('mailsluice', version),
          name: 'mailsluice',
          version,
          purl: purl('mailsluice', version),
        },
      },
      components,
      dependencies: [
        {
          ref: purl('mailsluice', version),
          dependsOn: components.map((component) => component.purl),
        },
      ],
    },
    undefined,
    2,
  )}\n`;
}

function purl(name: string, packageVersion: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${packageVersion}`;
}

/** By renaming, so that builds at the same time never see half a file. */
function writeIfChanged(path: string, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  mkdirSync(dirname(path), { recursive: true });
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const temporary = `${path}.${process.pid}.${digest}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
  return true;
}

if (import.meta.main) {
  for (const path of await buildArtifacts()) console.log(`wrote ${path}`);
}
