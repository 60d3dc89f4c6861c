import { writeError } from '../frame/write-error.ts';

export const STANDARD_OUTPUT = 'standard output';

/** Standard output, which a full disk or a reader that closes it (`| head`) can end at any time. */
export interface Output {
  /**
   * Settles when more may be written: nothing piles up behind a slow reader.
   * @throws OperatorError where this text, or one before it, could not be written.
   */
  write(text: string): Promise<void>;
  /** Settles when everything is written. Throws as `write` does. */
  end(): Promise<void>;
}

export function createOutput(stream: NodeJS.WritableStream): Output {
  let failure: Error | undefined;
  let written = Promise.resolve();
  // Without a listener, the error would end the process with a stack trace.
  stream.on('error', (error: Error) => {
    failure ??= error;
  });
  const requireOpen = (): void => {
    if (failure !== undefined) throw writeError(failure, STANDARD_OUTPUT) ?? failure;
  };
  return {
    write: async (text) => {
      requireOpen();
      const { promise, resolve } = Promise.withResolvers<void>();
      written = promise;
      const hasRoom = stream.write(text, (error) => {
        failure ??= error ?? undefined;
        resolve();
      });
      if (hasRoom) return;
      await promise;
      requireOpen();
    },
    end: async () => {
      await written;
      requireOpen();
    },
  };
}

/** `12.3 kB` */
export function renderSize(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = octets / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `1,234 mails` */
export function renderCount(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
