import { once } from 'node:events';

/** Standard output that may close early, as under `| head`. */
export interface Output {
  readonly isClosed: boolean;
  /** Settles when more may be written: nothing piles up behind a slow reader. */
  write(text: string): Promise<void>;
}

export function createOutput(stream: NodeJS.WritableStream): Output {
  let isClosed = false;
  stream.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isClosed = true;
  });
  stream.once('close', () => {
    isClosed = true;
  });
  return {
    get isClosed() {
      return isClosed;
    },
    write: async (text) => {
      if (isClosed || stream.write(text)) return;
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => undefined);
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
