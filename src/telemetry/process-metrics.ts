import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Milliseconds between the looks at the event loop; the histogram contains them, so they are taken off. */
const RESOLUTION = 10;
const NANOSECONDS = 1e6;
/** The delay is that of about the last minute, however often it is read. */
const WINDOW_MILLISECONDS = 60_000;

/** Gauges of the process itself: memory and event-loop delay. Returns a function that stops them. */
export function observeProcess(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  let ofLastWindow = 0;
  const p99 = () => Math.max(0, delay.percentile(99) / NANOSECONDS - RESOLUTION);
  const window = setInterval(() => {
    ofLastWindow = p99();
    delay.reset();
  }, WINDOW_MILLISECONDS / 2);
  window.unref();

  metrics.gauge('EventLoopLagP99', () => Math.max(ofLastWindow, delay.count === 0 ? 0 : p99()));
  metrics.gauge('HeapUsed', () => process.memoryUsage().heapUsed);
  metrics.gauge('ResidentMemory', () => process.memoryUsage.rss());
  return () => {
    clearInterval(window);
    delay.disable();
  };
}
