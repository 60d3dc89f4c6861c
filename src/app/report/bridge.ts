import type { BridgeEvent } from '../../bridge/index.ts';
import type { Log, Metrics } from '../../telemetry/index.ts';
import type { AddressView } from './address-view.ts';

/** Turns what the bridge tells into log lines (one for each mail) and counts. */
export function reportBridge(
  log: Log,
  metrics: Metrics,
  view: AddressView,
): (event: BridgeEvent) => void {
  let oldestOutboxSeconds: number | undefined;
  metrics.gauge('OutboxOldestAge', () => oldestOutboxSeconds);

  return (event) => {
    switch (event.kind) {
      case 'message-accepted': {
        const { facts, sizeInOctets, copies } = event;
        const { listener } = facts.session;
        metrics.count('MessagesAccepted', { Listener: listener });
        metrics.count('BytesAccepted', {}, sizeInOctets);
        metrics.record('MessageSize', {}, sizeInOctets);
        metrics.record('Recipients', {}, facts.envelope.recipients.length);
        metrics.record('CommitLatency', {}, event.commitMillis);
        if (event.duplicateOf !== undefined) metrics.count('DuplicatesAnswered', {});
        log.info(event.kind, {
          ...view.mail(facts),
          size: sizeInOctets,
          sha256: event.sha256,
          objects: copies.map(({ bucket, key }) => `s3://${bucket}/${key}`),
          outbox: copies.some(({ outbox }) => outbox),
          duplicateOf: event.duplicateOf,
          commitMillis: event.commitMillis,
          storeMillis: event.storeMillis,
          publishMillis: event.publishMillis,
        });
        break;
      }
      case 'message-deferred':
        metrics.count('MessagesDeferred', { Reason: event.cause });
        metrics.count('CommitFailures', {});
        metrics.record('CommitLatency', {}, event.commitMillis);
        if (event.failure?.service === 's3') {
          metrics.count('S3Errors', { Code: event.failure.code });
        }
        log.error(event.kind, {
          ...view.mail(event.facts),
          size: event.sizeInOctets,
          code: event.reply.code,
          cause: event.cause,
          failure: { ...event.failure },
          commitMillis: event.commitMillis,
        });
        break;
      case 'message-discarded':
        log.info(event.kind, {
          ...view.mail(event.facts),
          size: event.sizeInOctets,
          cause: event.cause,
        });
        break;
      case 'aws-retry':
        if (event.service === 's3') metrics.count('S3Retries', {}, event.retries);
        log.warn(event.kind, {
          service: event.service,
          operation: event.operation,
          retries: event.retries,
        });
        break;
      case 'aws-call':
        if (event.service === 's3') metrics.record('S3PutLatency', {}, event.millis);
        if (event.service === 'sns') metrics.record('SnsPublishLatency', {}, event.millis);
        break;
      case 'aws-misconfigured':
        log.error(event.kind, { ...event.failure });
        break;
      case 'publish-failed':
        metrics.count('SnsErrors', { Code: event.failure.code });
        log.error(event.kind, { messageId: event.messageId, ...event.failure });
        break;
      case 'notification-reduced':
        log.warn(event.kind, { messageId: event.messageId, ...event.failure });
        break;
      case 'outbox-written':
        metrics.count('OutboxWrites', {});
        log.warn(event.kind, { messageId: event.messageId, key: event.key });
        break;
      case 'outbox-published':
        log.info(event.kind, {
          messageId: event.messageId,
          key: event.key,
          ageSeconds: event.ageSeconds,
        });
        break;
      case 'outbox-poisoned':
        metrics.count('OutboxSetAside', {});
        log.error(event.kind, { messageId: event.messageId, key: event.key, ...event.failure });
        break;
      case 'outbox-state':
        oldestOutboxSeconds = event.oldestSeconds;
        break;
      case 'outbox-drain-failed':
      case 'breaker-opened':
        log.error(event.kind, { ...event.failure });
        break;
      case 'breaker-closed':
        log.info(event.kind, { openSeconds: event.openSeconds });
        break;
      case 'duplicate-guard-failed':
        log.error(event.kind, { messageId: event.messageId, ...event.failure });
        break;
      case 'abort-failed':
        log.error(event.kind, { key: event.key, ...event.failure });
        break;
    }
  };
}
