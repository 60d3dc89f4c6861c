import type { Configuration } from '../config/index.ts';
import { clientNetwork } from '../net/addresses.ts';
import { proxyPrefixLength } from '../net/proxy-header.ts';
import { HealthServer, type MetricsRegistry, renderPrometheus } from '../telemetry/index.ts';
import { OperatorError } from './operator-error.ts';

/** @throws OperatorError where the address cannot be listened on. */
export async function startHealth(
  { health: { host, port } }: Configuration,
  metrics: MetricsRegistry,
  reasonsNotReady: () => readonly string[],
): Promise<HealthServer> {
  try {
    return await HealthServer.start({
      host,
      port,
      reasonsNotReady,
      metricsText: () => renderPrometheus(metrics),
      prefixLength: proxyPrefixLength,
      clientOf: clientNetwork,
    });
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new OperatorError(
      `health.port: expected an address that is free, got ${host}:${port} (${code})`,
    );
  }
}
