// The examples of src/README.md: taken from the page, type-checked and run as programs of their own.
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'src/README.md'), 'utf8');

/** Where the modules are that the programs import, beside those of Node.js. */
const modules = new Map<string, () => string>([
  ['mailsluice', () => join(root, 'src/index.ts')],
  ['mailsluice/testing', () => join(root, 'src/testing/index.ts')],
  ...['nodemailer', 'smtp-server'].map(
    (name) => [name, () => fileURLToPath(import.meta.resolve(name))] as const,
  ),
]);

/** The programs of the page by their numbers. */
export const programs: ReadonlyMap<number, string> = new Map(
  [
    ...page.matchAll(/^### (\d+)\. [^\n]*\n(?:(?!^### |^## )[^\n]*\n)*?```ts\n([\s\S]*?)^```$/gm),
  ].map(([, number, code]) => [Number(number), code ?? '']),
);

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'mailsluice-examples-'));
}

/** Writes a program where it can run: the library is the sources of this repository. */
export function writeProgram(number: number, folder: string): string {
  const code = programs.get(number);
  if (code === undefined) throw new Error(`src/README.md has no program ${number}`);
  return writeCode(code, join(folder, `example-${number}.ts`));
}

/** Writes code that imports `mailsluice` or packages of this repository to a file of another folder, where it can run. */
export function writeCode(code: string, file: string): string {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const found = code.replace(/(?<= from )'([\w/-]+)'/g, (same, name: string) => {
    const target = modules.get(name)?.();
    return target === undefined ? same : `'${target}'`;
  });
  writeFileSync(file, found);
  return file;
}

export interface Running {
  readonly port: number;
  /** Everything it printed so far. */
  readonly printed: () => string;
  /** Resolves once it has printed this. */
  readonly prints: (text: string) => Promise<void>;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly exited: Promise<number | null>;
}

/** Runs a program of the page until the end of the test; it listens once this resolves. */
export function run(number: number, env: Record<string, string> = {}): Promise<Running> {
  return runFile(writeProgram(number, makeFolder()), env);
}

/** Runs a program that prints where it listens, until the end of the test. */
export async function runFile(file: string, env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  let errors = '';
  let wake = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let hasExited = false;
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      hasExited = true;
      wake();
      resolve(code);
    });
  });
  const prints = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      if (hasExited) throw new Error(`${file} ended without "${text}": ${errors}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await prints('listening on');
  const port = Number(/listening on (\d+)/.exec(output)?.[1]);
  return {
    port,
    printed: () => output,
    prints,
    signal: (name) => void child.kill(name),
    exited,
  };
}

/** What the compiler says of the programs in a folder, as strictly as of our own code. */
export async function typeCheck(folder: string): Promise<string> {
  const settings = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(root, 'node_modules/@types')],
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
    },
    include: [join(folder, '*.ts')],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}
