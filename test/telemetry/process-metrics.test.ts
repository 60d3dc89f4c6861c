import { expect, test } from 'vitest';
import { MetricsRegistry } from '../../src/telemetry/metrics.ts';
import { observeProcess } from '../../src/telemetry/process-metrics.ts';

function gauges(registry: MetricsRegistry): Map<string, number> {
  return new Map(
    registry.readAll().map((report) => [report.name, report.kind === 'number' ? report.value : 0]),
  );
}

test('a blocked event loop shows in the gauge, and memory is that of this process', async () => {
  const registry = new MetricsRegistry();
  const stop = observeProcess(registry);
  const blockFor = 300;
  // The monitor has to have looked once before the block, and once after it.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const until = performance.now() + blockFor;
  while (performance.now() < until);
  await expect.poll(() => gauges(registry).get('EventLoopLagP99')).toBeGreaterThan(blockFor / 2);

  const resident = gauges(registry).get('ResidentMemory') ?? 0;
  expect(gauges(registry).get('HeapUsed')).toBeLessThan(resident);
  expect(resident).toBeGreaterThan(1e7);
  stop();
});
