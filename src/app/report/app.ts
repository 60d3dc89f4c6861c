import type { Log, Metrics } from '../../telemetry/index.ts';
import type { ScanEvent } from '../../verify/index.ts';
import { eventLog } from './event-log.ts';

export type AppEvent =
  /** The source of a certificate could not be read. */
  | { readonly kind: 'certificate-reload-failed'; readonly error: unknown }
  /** A scanner did not judge a mail. */
  | ScanEvent
  /** The environment names a proxy, and requests to AWS do not use it. */
  | { readonly kind: 'proxy-ignored'; readonly variable: string };

/** Logs and counts what the program itself does beside serving mail. */
export function reportApp(log: Log, metrics: Metrics): (event: AppEvent) => void {
  const write = eventLog(log, 'app');
  return (event) => {
    switch (event.kind) {
      case 'certificate-reload-failed': {
        const { error } = event;
        metrics.count('CertReloadErrors', {});
        write(event.kind, { reason: error instanceof Error ? error.message : String(error) });
        break;
      }
      case 'scan-failed': {
        const { scanner, reason, detail, mail } = event;
        metrics.count('ScanFailures', {});
        write(event.kind, { messageId: mail, scanner, reason, detail });
        break;
      }
      case 'proxy-ignored':
        write(event.kind, {
          variable: event.variable,
          advice: 'reach AWS by VPC endpoints or a NAT gateway',
        });
        break;
    }
  };
}
