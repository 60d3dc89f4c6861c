// The declarations of a small package: those that its module names, and no name of a package that it does not have.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { packageRoot } from './package-root.ts';

/** Types of mailparser's results; its own declarations need no other package. */
const MAILPARSER_TYPES = 'node_modules/mailparser/dist/esm/types.d.ts';

export interface DeclarationsOptions {
  /** The declarations of the package's module, relative to those of `src`. */
  readonly entry: string;
  /** Packages whose types may be named: the user has them. */
  readonly allowed?: RegExp;
  /** Declarations written by hand, in place of those that are emitted. */
  readonly byHand?: ReadonlyMap<string, string>;
}

/** Writes `index.d.ts` into `folder`, and the declarations that it names under `types`. */
export function writeDeclarations(
  folder: string,
  { entry, allowed = /^node:/, byHand = new Map() }: DeclarationsOptions,
): void {
  const emitted = mkdtempSync(join(tmpdir(), 'declarations-'));
  try {
    execFileSync(
      join(packageRoot, 'node_modules/.bin/tsc'),
      ['-p', 'src', '--emitDeclarationOnly', '--outDir', emitted],
      { cwd: packageRoot, stdio: 'inherit' },
    );
    const left = [entry];
    const seen = new Set(left);
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
      const here = dirname(file);
      const text = readFileSync(byHand.get(file) ?? join(emitted, file), 'utf8').replace(
        /((?:from|import\()\s*['"])(\.[^'"]+)\.ts(['"])/g,
        (_, before: string, path: string, after: string) => {
          const target = join(here, `${path}.d.ts`);
          if (!seen.has(target)) {
            seen.add(target);
            left.push(target);
          }
          return `${before}${path}.js${after}`;
        },
      );
      const upwards = relative(here, '.') || '.';
      const own = text.replaceAll(`from 'mailparser'`, `from '${upwards}/mailparser.js'`);
      requireOwnNames(file, own, allowed);
      const target = join(folder, 'types', file);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, own);
    }
    cpSync(join(packageRoot, MAILPARSER_TYPES), join(folder, 'types/mailparser.d.ts'));
    const path = `./types/${entry.replace(/\.d\.ts$/, '.js')}`;
    writeFileSync(join(folder, 'index.d.ts'), `export * from '${path}';\n`);
  } finally {
    rmSync(emitted, { recursive: true });
  }
}

function requireOwnNames(file: string, text: string, allowed: RegExp): void {
  for (const [, name = ''] of text.matchAll(/(?:from |import\()['"](?!\.)([^'"]+)['"]/g)) {
    if (!allowed.test(name)) throw new Error(`${file}: expected no type of ${name}`);
  }
}
