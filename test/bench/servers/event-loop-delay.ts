// Loaded before a server: measures how late its event loop is, and writes that into a file on SIGUSR2.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MILLISECONDS = 20;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
delay.enable();
process.on('SIGUSR2', () => {
  const file = process.env['BENCH_DELAY_FILE'];
  if (file === undefined) return;
  // The histogram holds the whole time between two looks.
  const late = (percentile: number): number =>
    Math.max(0, delay.percentile(percentile) / 1e6 - RESOLUTION_MILLISECONDS);
  writeFileSync(file, JSON.stringify({ p50: late(50), p99: late(99), max: late(100) }));
  delay.reset();
});
