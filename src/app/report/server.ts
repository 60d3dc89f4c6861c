import type { ServerEvent } from '../../server/index.ts';
import type { Log, Metrics } from '../../telemetry/index.ts';
import type { AddressView } from './address-view.ts';

const MILLISECONDS_OF_A_DAY = 24 * 3600 * 1000;

/** Turns what the server tells into log lines (one for each refused command) and counts. */
export function reportServer(
  log: Log,
  metrics: Metrics,
  view: AddressView,
): (event: ServerEvent) => void {
  let firstToExpire: number | undefined;
  metrics.gauge('CertDaysToExpiry', () =>
    firstToExpire === undefined ? undefined : (firstToExpire - Date.now()) / MILLISECONDS_OF_A_DAY,
  );

  return (event) => {
    switch (event.kind) {
      case 'listening':
        log.info(event.kind, {
          listener: event.listener,
          address: event.address,
          port: event.port,
        });
        break;
      case 'accept-failed':
        log.warn(event.kind, { listener: event.listener, code: event.code });
        break;
      case 'connection-opened':
        metrics.count('ConnectionsAccepted', { Listener: event.peer.listener });
        log.debug(event.kind, { ...event.peer });
        break;
      case 'connection-refused':
        metrics.count('ConnectionsRejected', { Reason: event.rule });
        if (event.rule.includes('proxy')) metrics.count('ProxyHeaderErrors', {});
        log.warn(event.kind, {
          listener: event.listener,
          clientAddress: event.clientAddress,
          rule: event.rule,
        });
        break;
      case 'connection-closed': {
        const { peer, cause, seconds, octetsReceived, octetsSent, messages } = event;
        if (cause !== 'ended') metrics.count('SessionsAborted', { Listener: peer.listener });
        log.debug(event.kind, { ...peer, cause, seconds, octetsReceived, octetsSent, messages });
        break;
      }
      case 'tls-established':
        metrics.count('TlsHandshakes', { TlsVersion: event.tls.version });
        log.debug(event.kind, {
          ...event.peer,
          version: event.tls.version,
          cipher: event.tls.cipher,
          milliseconds: event.milliseconds,
        });
        break;
      case 'tls-failed':
        metrics.count('TlsFailures', { Listener: event.peer.listener });
        log.info(event.kind, { ...event.peer, code: event.code });
        break;
      case 'note': {
        const { peer, note } = event;
        const { kind, ...fields } = note;
        if (note.kind === 'signed-in') {
          metrics.count('AuthSuccess', { Listener: peer.listener });
        } else if (note.kind === 'sign-in-refused') {
          metrics.count('AuthFailures', { Listener: peer.listener });
        } else if (note.kind === 'refused') {
          if (note.code >= 500) metrics.count('MessagesRejected', { Reason: note.rule });
          if (note.rule === 'bare-newline') metrics.count('BareNewlineRejects', {});
        }
        log.info(kind, { ...peer, ...fields });
        break;
      }
      case 'message-accepted':
        if (event.message.session.tls === null) {
          metrics.count('PlaintextSessions', { Listener: event.message.session.listener });
        }
        break;
      // The bridge tells of these, with what became of the mail; one line is enough.
      case 'message-refused':
      case 'message-deferred':
        break;
      case 'message-discarded':
        log.info(event.kind, { ...view.mail(event.message), cause: event.cause });
        break;
      case 'failure':
        log.error(event.kind, {
          ...event.peer,
          where: event.where,
          error: event.error instanceof Error ? event.error : String(event.error),
        });
        break;
      case 'certificates-served':
        firstToExpire = Math.min(...event.certificates.map(({ validTo }) => validTo.getTime()));
        for (const { subject, serverNames, keyType, validTo } of event.certificates) {
          log.info('certificate-served', {
            subject,
            serverNames,
            keyType,
            validTo: validTo.toISOString(),
          });
        }
        break;
      case 'certificates-refused':
        metrics.count('CertReloadErrors', {});
        log.error(event.kind, { error: event.error });
        break;
      case 'closing':
        log.info(event.kind, { connections: event.connections, drainSeconds: event.drainSeconds });
        break;
      case 'closed':
        log.info(event.kind, { cut: event.cut });
        break;
    }
  };
}
