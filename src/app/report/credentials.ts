import type { CredentialEvent } from '../../credentials/index.ts';
import type { Log, Metrics } from '../../telemetry/index.ts';
import { eventLog } from './event-log.ts';

/**
 * Logs and counts the events of the authenticator. It owns the line of a sign-in, since it alone knows why one
 * was refused; what the client was answered is counted by the server's report.
 */
export function reportCredentials(log: Log, metrics: Metrics): (event: CredentialEvent) => void {
  const write = eventLog(log, 'credentials');
  return (event) => {
    switch (event.kind) {
      case 'sign-in-accepted': {
        metrics.record('CredentialCacheHitRate', {}, event.source === 'table' ? 0 : 1);
        const { kind, ...fields } = event;
        write(kind, fields);
        break;
      }
      case 'sign-in-refused': {
        if (event.cause === 'table-unavailable' || event.cause === 'issuer-unavailable') {
          metrics.count('AuthBackendErrors', {});
        }
        if (event.cause === 'throttled' || event.cause === 'overloaded') {
          metrics.count('AuthThrottled', { Reason: event.cause });
        }
        const { kind, username, ...fields } = event;
        write(kind, { ...fields, username });
        break;
      }
      case 'identity-without-credential': {
        const { kind, ...fields } = event;
        write(kind, fields);
        break;
      }
      case 'table-unavailable':
        write(event.kind, { operation: event.operation, error: event.error });
        break;
      case 'issuer-unavailable':
        write(event.kind, { error: event.error });
        break;
      case 'credential-unreadable':
        write(event.kind, { username: event.username, attribute: event.attribute });
        break;
    }
  };
}
