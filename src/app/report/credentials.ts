import type { CredentialEvent } from '../../credentials/index.ts';
import type { Log, Metrics } from '../../telemetry/index.ts';

/** Turns what the authenticator tells into log lines and counts; what the client was not told is told here. */
export function reportCredentials(log: Log, metrics: Metrics): (event: CredentialEvent) => void {
  return (event) => {
    const { kind, ...fields } = event;
    switch (event.kind) {
      case 'sign-in-accepted':
        metrics.record('CredentialCacheHitRate', {}, event.source === 'table' ? 0 : 1);
        log.info(kind, fields);
        break;
      case 'sign-in-refused':
        if (event.cause === 'table-unavailable' || event.cause === 'issuer-unavailable')
          metrics.count('AuthBackendErrors', {});
        log.info(kind, fields);
        break;
      case 'table-unavailable':
      case 'issuer-unavailable':
      case 'credential-unreadable':
        log.error(kind, fields);
        break;
    }
  };
}
