import type { ReversePath, SessionFacts } from '../../smtp/index.ts';
import { cleanText, type Log, type Metrics } from '../../telemetry/index.ts';
import type { DnsEvent, ListEvent, SenderRefusal } from '../../verify/index.ts';
import type { AddressView } from './address-view.ts';
import { eventLog } from './event-log.ts';
import { DETAIL_CHARACTERS, SUBJECT_CHARACTERS } from './judged-fields.ts';

export type VerifyEvent =
  /** A list refused a recipient, in the session. */
  | {
      readonly kind: 'client-refused';
      readonly session: SessionFacts;
      readonly reversePath: ReversePath;
      readonly refusal: SenderRefusal;
    }
  | { readonly kind: 'dns'; readonly event: DnsEvent }
  | ListEvent;

/** Logs and counts what the checks of senders tell of their work; the verdicts are in the line of each mail. */
export function reportVerify(
  log: Log,
  metrics: Metrics,
  view: AddressView,
): (event: VerifyEvent) => void {
  const write = eventLog(log, 'verify');
  const dns = (event: DnsEvent): void => {
    switch (event.kind) {
      case 'look-up':
        metrics.count('DnsLookups', {});
        metrics.record('DnsLatency', {}, event.milliseconds);
        break;
      case 'failure':
        metrics.count('DnsLookups', {});
        metrics.count('DnsFailures', { Reason: event.reason });
        break;
      case 'cache-hit':
      case 'joined':
        metrics.count('DnsCacheHits', {});
        break;
      case 'over-bound':
        metrics.count('DnsFailures', { Reason: 'bound' });
        break;
      case 'foreign-answer':
        write('foreign-answer', { server: event.server });
        break;
    }
  };

  return (event) => {
    switch (event.kind) {
      case 'client-refused': {
        const { session, reversePath, refusal } = event;
        metrics.count('SenderRefused', { Rule: refusal.rule });
        write(event.kind, {
          sessionId: session.sessionId,
          listener: session.listener,
          clientAddress: session.clientAddress,
          clientPort: session.clientPort,
          helo: view.helo(session.clientDomain),
          from: view.address(reversePath?.address ?? null),
          code: refusal.reply.code,
          rule: refusal.rule,
          subject: cleanText(refusal.subject, SUBJECT_CHARACTERS),
          detail: cleanText(refusal.detail, DETAIL_CHARACTERS),
        });
        break;
      }
      case 'dns':
        dns(event.event);
        break;
      case 'list-test':
        if (event.result === 'passed') {
          write('list-works', { zone: event.zone, entries: event.entries, ipv6: event.hasIpv6 });
        } else {
          metrics.count('ListFailures', { Reason: event.fault });
          write('list-failed', { zone: event.zone, fault: event.fault });
        }
        break;
      case 'list-unknown':
        metrics.count('ListFailures', { Reason: event.reason });
        break;
    }
  };
}
