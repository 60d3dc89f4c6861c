// The command as its users run it: as a process.
import { type Finished, runProgram } from './programs.ts';
import { mainFile } from './local.ts';

/** Runs `mailsluice ARGS` to its end. */
export function mailsluice(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished & { readonly lines: readonly string[] }> {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return runProgram('env', [...settings, process.execPath, mainFile, ...args]).then((finished) => ({
    ...finished,
    lines: finished.output.trimEnd().split('\n'),
  }));
}
