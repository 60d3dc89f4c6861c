// The examples of src/README.md: taken from the page, type-checked and run as programs of their own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'src/README.md'), 'utf8');

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
  const file = join(folder, `example-${number}.ts`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(file, code.replace("'mailsluice'", `'${join(root, 'src/index.ts')}'`));
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
export async function run(number: number, env: Record<string, string> = {}): Promise<Running> {
  const file = writeProgram(number, makeFolder());
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
      if (hasExited) throw new Error(`program ${number} ended without "${text}": ${errors}`);
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
