// `npm run pack:subscriber`: the package `mailsluice-subscriber`, which has the bundle of `mailsluice/subscriber`, its
// types and the licenses of what is bundled, and depends on nothing. `npm run pack:subscriber -- --keep DIR` keeps the folder.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { buildSubscriber } from './build-subscriber.ts';
import { packageRoot, packageVersion } from './package-root.ts';
import { renderLicenses } from './third-party-licenses.ts';

const SOURCES = join(packageRoot, 'infra/tools/packages/subscriber');
/** Types of mailparser's results; its own declarations need no other package. */
const MAILPARSER_TYPES = 'node_modules/mailparser/dist/esm/types.d.ts';

/** Writes the files of the package into a folder. */
export async function assembleSubscriber(folder: string): Promise<void> {
  const { inputs } = await buildSubscriber(folder);
  writeDeclarations(folder);
  const manifest: unknown = JSON.parse(readFileSync(join(SOURCES, 'manifest.json'), 'utf8'));
  const written = { ...Object(manifest), version: packageVersion } as object;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(written, undefined, 2)}\n`);
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), renderLicenses(inputs));
  cpSync(join(SOURCES, 'README.md'), join(folder, 'README.md'));
  cpSync(join(packageRoot, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(
    join(packageRoot, 'src/subscriber/notification.schema.json'),
    join(folder, 'notification.schema.json'),
  );
}

/** What the declarations of the entry point name, under `types`, without a name of another package but the SDK's. */
function writeDeclarations(folder: string): void {
  const emitted = mkdtempSync(join(tmpdir(), 'declarations-'));
  try {
    execFileSync(
      join(packageRoot, 'node_modules/.bin/tsc'),
      ['-p', 'src', '--emitDeclarationOnly', '--outDir', emitted],
      { cwd: packageRoot, stdio: 'inherit' },
    );
    const left = ['subscriber/index.d.ts'];
    const seen = new Set(left);
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
      const here = dirname(file);
      const text = readDeclarations(emitted, file).replace(
        /(from ')(\.[^']+)\.ts(')/g,
        (_, before: string, path: string, after: string) => {
          const target = join(here, `${path}.d.ts`);
          if (!seen.has(target)) {
            seen.add(target);
            left.push(target);
          }
          return `${before}${path}.js${after}`;
        },
      );
      const upwards = relative(here, '.');
      const own = text.replaceAll(`from 'mailparser'`, `from '${upwards}/mailparser.js'`);
      const foreign = /from '(?!\.|node:|@aws-sdk\/)([^']+)'/.exec(own)?.[1];
      if (foreign !== undefined) throw new Error(`${file}: expected no type of ${foreign}`);
      const target = join(folder, 'types', file);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, own);
    }
    cpSync(join(packageRoot, MAILPARSER_TYPES), join(folder, 'types/mailparser.d.ts'));
    writeFileSync(join(folder, 'index.d.ts'), `export * from './types/subscriber/index.js';\n`);
  } finally {
    rmSync(emitted, { recursive: true });
  }
}

/** The schema is zod's, whose types are another package: here it is what every Standard Schema is. */
function readDeclarations(emitted: string, file: string): string {
  const own = file === 'subscriber/notification-schema.d.ts';
  return readFileSync(
    own ? join(SOURCES, 'notification-schema.d.ts') : join(emitted, file),
    'utf8',
  );
}

if (import.meta.main) {
  const keep = process.argv.indexOf('--keep');
  const folder =
    (keep === -1 ? undefined : process.argv[keep + 1]) ??
    mkdtempSync(join(tmpdir(), 'mailsluice-subscriber-'));
  await assembleSubscriber(folder);
  execFileSync('npm', ['pack', folder, '--offline', '--pack-destination', process.cwd()], {
    stdio: 'inherit',
  });
  if (keep === -1) rmSync(folder, { recursive: true });
}
