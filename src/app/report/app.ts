import type { Log, Metrics } from '../../telemetry/index.ts';
import { eventLog } from './event-log.ts';

/** The source of a certificate could not be read. */
export interface AppEvent {
  readonly kind: 'certificate-reload-failed';
  readonly error: unknown;
}

/** Logs and counts what the program itself does beside serving mail. */
export function reportApp(log: Log, metrics: Metrics): (event: AppEvent) => void {
  const write = eventLog(log, 'app');
  return ({ kind, error }) => {
    metrics.count('CertReloadErrors', {});
    write(kind, { reason: error instanceof Error ? error.message : String(error) });
  };
}
