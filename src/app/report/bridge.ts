import type { AwsFailure, BridgeEvent } from '../../bridge/index.ts';
import { cleanText, type Log, type LogValue, type Metrics } from '../../telemetry/index.ts';
import type { AddressView } from './address-view.ts';
import { eventLog } from './event-log.ts';
import {
  countJudged,
  DETAIL_CHARACTERS,
  judgedFields,
  SUBJECT_CHARACTERS,
} from './judged-fields.ts';

/** Logs and counts the events of the bridge, which owns the one line of each mail. */
export function reportBridge(
  log: Log,
  metrics: Metrics,
  view: AddressView,
): (event: BridgeEvent) => void {
  const write = eventLog(log, 'bridge');
  let oldestOutboxSeconds: number | undefined;
  metrics.gauge('OutboxOldestAge', () => oldestOutboxSeconds);
  let skippedInOutbox: number | undefined;
  metrics.gauge('OutboxSkipped', () => skippedInOutbox);

  return (event) => {
    switch (event.kind) {
      case 'message-accepted': {
        const { facts, sizeInOctets, placements } = event;
        const { listener } = facts.session;
        metrics.count('MessagesAccepted', { Listener: listener });
        metrics.count('BytesAccepted', {}, sizeInOctets);
        metrics.record('MessageSize', {}, sizeInOctets);
        metrics.record('Recipients', {}, facts.envelope.recipients.length);
        metrics.record('CommitLatency', {}, event.commitMillis);
        if (event.judged !== undefined) countJudged(metrics, event.judged);
        if (event.duplicateOf !== undefined) metrics.count('DuplicatesAnswered', {});
        write(event.kind, {
          ...view.mail(facts),
          size: sizeInOctets,
          sha256: event.sha256,
          objects: placements.map(({ bucket, key }) => `s3://${bucket}/${key}`),
          outbox: placements.some(({ outbox }) => outbox),
          duplicateOf: event.duplicateOf,
          resumed: event.resumed,
          ...judgedFields(event.judged),
          commitMillis: event.commitMillis,
          storeMillis: event.storeMillis,
          publishMillis: event.publishMillis,
        });
        break;
      }
      case 'message-deferred':
        metrics.count('MessagesDeferred', { Reason: event.cause });
        metrics.record('CommitLatency', {}, event.commitMillis);
        // Without a failure no commit was tried.
        if (event.failure !== undefined) metrics.count('CommitFailures', {});
        if (event.cause === 'overload' || event.cause === 'breaker-open') {
          metrics.count('OverloadRefusals', {});
        }
        if (event.failure?.service === 's3') {
          metrics.count('S3Errors', { Code: event.failure.code });
        }
        write(event.kind, {
          ...view.mail(event.facts),
          size: event.sizeInOctets,
          code: event.reply.code,
          cause: event.cause,
          failure: event.failure && failureFields(event.failure),
          orphans: event.orphans,
          commitMillis: event.commitMillis,
        });
        break;
      case 'message-refused': {
        const { refusal } = event;
        metrics.count('SenderRefused', { Rule: refusal.rule });
        metrics.record('VerifyLatency', {}, event.judgeMillis);
        write(event.kind, {
          ...view.mail(event.facts),
          size: event.sizeInOctets,
          code: refusal.reply.code,
          rule: refusal.rule,
          subject: cleanText(refusal.subject, SUBJECT_CHARACTERS),
          detail: cleanText(refusal.detail, DETAIL_CHARACTERS),
          judgeMillis: event.judgeMillis,
        });
        break;
      }
      case 'message-discarded':
        write(event.kind, {
          ...view.mail(event.facts),
          size: event.sizeInOctets,
          cause: event.cause,
        });
        break;
      case 'message-shed':
        metrics.count('MessagesShed', { Reason: event.reason });
        write(event.kind, {
          ...view.mail(event.facts),
          reason: event.reason,
          held: event.heldOctets,
        });
        break;
      case 'aws-retry':
        if (event.service === 's3') metrics.count('S3Retries', {}, event.retries);
        write(event.kind, {
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
        write(event.kind, failureFields(event.failure));
        break;
      case 'publish-failed':
        metrics.count('SnsErrors', { Code: event.failure.code });
        write(event.kind, { messageId: event.messageId, ...failureFields(event.failure) });
        break;
      case 'notification-reduced':
        write(event.kind, { messageId: event.messageId, ...failureFields(event.failure) });
        break;
      case 'outbox-written':
        metrics.count('OutboxWrites', {});
        write(event.kind, { messageId: event.messageId, key: event.key });
        break;
      case 'outbox-published':
        write(event.kind, {
          messageId: event.messageId,
          key: event.key,
          ageSeconds: event.ageSeconds,
        });
        break;
      case 'outbox-poisoned':
        metrics.count('OutboxSetAside', {});
        write(event.kind, {
          messageId: event.messageId,
          key: event.key,
          ...failureFields(event.failure),
        });
        break;
      case 'outbox-skipped':
        write(event.kind, {
          reason: event.reason,
          topicArn: event.topicArn,
          markers: event.markers,
          ...failureFields(event.failure),
        });
        break;
      case 'outbox-state':
        oldestOutboxSeconds = event.oldestSeconds;
        skippedInOutbox = event.skipped;
        break;
      case 'outbox-drain-failed':
      case 'breaker-opened':
        write(event.kind, failureFields(event.failure));
        break;
      case 'breaker-closed':
        write(event.kind, { openSeconds: event.openSeconds });
        break;
      case 'duplicate-guard-failed':
        write(event.kind, { messageId: event.messageId, ...failureFields(event.failure) });
        break;
      case 'fast-path-left':
        write(event.kind, {
          service: event.service,
          reason: event.reason,
          minutes: event.minutes,
        });
        break;
      case 'abort-failed':
        write(event.kind, { key: event.key, ...failureFields(event.failure) });
        break;
    }
  };
}

function failureFields(failure: AwsFailure): Readonly<Record<keyof AwsFailure, LogValue>> {
  const { service, cause, code, message, requestId } = failure;
  return { service, cause, code, message, requestId };
}
