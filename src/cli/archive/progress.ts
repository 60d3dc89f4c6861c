// How far a long work is: a line that is written over on a terminal, a plain line now and then elsewhere.
import { renderCount } from './output.ts';

export interface Progress extends Disposable {
  /** How many there are, once that is known. */
  setTotal(total: number): void;
  step(): void;
  /** Takes the bar away for a moment: what is written next begins a line. */
  hide(): void;
}

export interface ProgressPace {
  /** Work that is done by then shows nothing. Default 2,000 on a terminal, else 10,000. */
  readonly firstMillis?: number;
  /** Default 200 on a terminal, else 10,000. */
  readonly everyMillis?: number;
}

const BAR_CELLS = 24;

/** Shows the progress until it is disposed of. By the clock, so that work which stands still is seen to. */
export function createProgress(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number },
  noun: string,
  pace: ProgressPace = {},
): Progress {
  const isTerminal = stream.isTTY === true;
  const { firstMillis = isTerminal ? 2000 : 10_000, everyMillis = isTerminal ? 200 : 10_000 } =
    pace;
  const started = performance.now();
  let isShown = false;
  let done = 0;
  let total: number | undefined;
  const show = (): void => {
    const text = renderProgress(done, total, (performance.now() - started) / 1000, noun);
    if (!isTerminal) {
      stream.write(`${text}\n`);
      return;
    }
    // Cut to the terminal: a line that wraps cannot be written over.
    stream.write(`\r\u001b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`);
    isShown = true;
  };
  const hide = (): void => {
    if (isShown) stream.write('\r\u001b[2K');
    isShown = false;
  };
  let timer = setTimeout(function tick() {
    show();
    timer = setTimeout(tick, everyMillis).unref();
  }, firstMillis).unref();
  return {
    setTotal: (known) => {
      total = known;
    },
    step: () => {
      done += 1;
    },
    hide,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      hide();
    },
  };
}

/** `[########----------------] 1,234 of 10,000 mails  56/s  2:36 left` */
export function renderProgress(
  done: number,
  total: number | undefined,
  seconds: number,
  noun: string,
): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const pace = `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US')}/s`;
  if (total === undefined) return `${renderCount(done, noun)}  ${pace}`;
  const filled = total === 0 ? BAR_CELLS : Math.floor((Math.min(done, total) / total) * BAR_CELLS);
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_CELLS - filled);
  const left = rate > 0 && total > done ? `  ${renderTime((total - done) / rate)} left` : '';
  return `[${bar}] ${done.toLocaleString('en-US')} of ${renderCount(total, noun)}  ${pace}${left}`;
}

/** `2:36`, `1:02:36` */
function renderTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}
