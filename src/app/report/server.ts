import { BoundedMap } from '../../counters/bounded-map.ts';
import type { Peer, ServerEvent } from '../../server/index.ts';
import type { Note } from '../../smtp/index.ts';
import type { Farewell } from '../../smtp/replies.ts';
import type { Log, Metrics } from '../../telemetry/index.ts';
import type { AddressView } from './address-view.ts';
import { eventLog } from './event-log.ts';
import { counterOf, isSignInRefusal } from './refusals.ts';

const MILLISECONDS_OF_A_DAY = 24 * 3600 * 1000;

/**
 * Sessions that are remembered as counted in `PlaintextSessions`; some 2 MB. They are not forgotten when they
 * close, since a commit may outlive its session.
 */
const PLAINTEXT_SESSIONS = 20_000;

/** The ends of a session by a budget that no honest client spends. */
const BUDGETS: ReadonlySet<string> = new Set([
  'too-many-commands',
  'too-many-errors',
  'too-many-sign-in-failures',
  'line-flood',
] satisfies Farewell[]);

/** Logs and counts the events of the server, which owns the line of each refused command. */
export function reportServer(
  log: Log,
  metrics: Metrics,
  view: AddressView,
): (event: ServerEvent) => void {
  const write = eventLog(log, 'server');
  const plaintextSessions = new BoundedMap<true>(PLAINTEXT_SESSIONS);
  let firstToExpire: number | undefined;
  metrics.gauge('CertDaysToExpiry', () =>
    firstToExpire === undefined ? undefined : (firstToExpire - Date.now()) / MILLISECONDS_OF_A_DAY,
  );

  const reportNote = (peer: Peer, note: Note): void => {
    switch (note.kind) {
      case 'signed-in':
        metrics.count('AuthSuccess', { Listener: peer.listener });
        break;
      case 'sign-in-refused':
        metrics.count('AuthFailures', { Listener: peer.listener });
        break;
      case 'refused': {
        const { verb, code, rule, clientDomain, argument } = note;
        const counter = counterOf(note);
        if (counter === 'MessagesRejected') metrics.count('MessagesRejected', { Reason: rule });
        if (counter === 'CommandErrors') metrics.count('CommandErrors', { Reason: rule });
        if (rule === 'bare-newline') metrics.count('BareNewlineRejects', {});
        if (isSignInRefusal(note)) break;
        write(note.kind, {
          ...peer,
          ...{ verb, code, rule },
          helo: clientDomain && view.helo(clientDomain),
          argument: argument === undefined ? undefined : view.argument(verb, argument),
        });
        break;
      }
      case 'ended':
        if (BUDGETS.has(note.rule)) metrics.count('SessionBudgetsSpent', { Reason: note.rule });
        write(note.kind, { ...peer, rule: note.rule });
        break;
      // For the page of `mailsluice local`.
      case 'command':
      case 'reply':
        break;
    }
  };

  return (event) => {
    switch (event.kind) {
      case 'listening':
        write(event.kind, {
          listener: event.listener,
          address: event.address,
          port: event.port,
        });
        break;
      case 'accept-failed':
        write(event.kind, { listener: event.listener, code: event.code });
        break;
      case 'connection-opened':
        metrics.count('ConnectionsAccepted', { Listener: event.peer.listener });
        write(event.kind, { ...event.peer });
        break;
      case 'connection-refused':
        metrics.count('ConnectionsRejected', { Reason: event.rule });
        if (event.rule.includes('proxy')) metrics.count('ProxyHeaderErrors', {});
        write(event.kind, {
          listener: event.listener,
          clientAddress: event.clientAddress,
          rule: event.rule,
        });
        break;
      case 'connection-shed':
        metrics.count('ConnectionsShed', { Reason: event.reason });
        write(event.kind, { ...event.peer, reason: event.reason });
        break;
      case 'connection-closed': {
        const { peer, cause, seconds, octetsReceived, octetsSent, messages } = event;
        if (cause !== 'ended') metrics.count('SessionsAborted', { Listener: peer.listener });
        write(event.kind, { ...peer, cause, seconds, octetsReceived, octetsSent, messages });
        break;
      }
      case 'tls-established':
        metrics.count('TlsHandshakes', { TlsVersion: event.tls.version });
        write(event.kind, {
          ...event.peer,
          version: event.tls.version,
          cipher: event.tls.cipher,
          milliseconds: event.milliseconds,
        });
        break;
      case 'tls-failed':
        metrics.count('TlsFailures', { Listener: event.peer.listener });
        write(event.kind, { ...event.peer, code: event.code });
        break;
      case 'note':
        reportNote(event.peer, event.note);
        break;
      case 'message-accepted': {
        const { sessionId, listener, tls } = event.message.session;
        if (tls !== null || plaintextSessions.get(sessionId)) break;
        plaintextSessions.set(sessionId, true);
        metrics.count('PlaintextSessions', { Listener: listener });
        break;
      }
      // The bridge logs the mail; a refusal at its end is a note as well.
      case 'message-refused':
      case 'message-deferred':
      case 'message-discarded':
        break;
      case 'failure':
        write(event.kind, {
          ...event.peer,
          where: event.where,
          error: event.error instanceof Error ? event.error : String(event.error),
        });
        break;
      case 'certificates-served':
        firstToExpire = Math.min(...event.certificates.map(({ validTo }) => validTo.getTime()));
        for (const { subject, serverNames, keyType, validTo } of event.certificates) {
          write('certificate-served', {
            subject,
            serverNames,
            keyType,
            validTo: validTo.toISOString(),
          });
        }
        break;
      case 'certificates-refused':
        metrics.count('CertReloadErrors', {});
        write(event.kind, { error: event.error });
        break;
      case 'closing':
        write(event.kind, { connections: event.connections, drainSeconds: event.drainSeconds });
        break;
      case 'closed':
        write(event.kind, { cut: event.cut });
        break;
    }
  };
}
