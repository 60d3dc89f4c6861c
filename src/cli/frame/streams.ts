import type { Command } from 'commander';
import { commandPath } from './fail.ts';

/** Where a command reads and writes. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & {
    readonly isTTY?: boolean;
    setRawMode?(raw: boolean): unknown;
  };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

type OutputStream = NodeJS.WritableStream & {
  readonly columns?: number;
  readonly isTTY?: boolean;
};

/**
 * Makes a command and all below it write to these streams alone, and throw a `CommanderError` where they would
 * exit. What is wrong with a command line is said in one line that begins like every failure.
 */
export function useStreams(streams: Streams, command: Command): void {
  const { stdout, stderr } = streams;
  command.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
    getOutHelpWidth: () => stdout.columns ?? 80,
    getErrHelpWidth: () => stderr.columns ?? 80,
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, '')
        .trimEnd()
        .replaceAll('\n', ' ');
      write(`${commandPath(command)}: ${line} (see ${commandPath(command)} --help)\n`);
    },
  });
  for (const child of command.commands) useStreams(streams, child);
}
