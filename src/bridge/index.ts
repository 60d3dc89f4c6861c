export { type Bridge, createBridge } from './bridge.ts';
export { type BridgeClientOptions, type BridgeClients, createBridgeClients } from './clients.ts';
export type {
  AwsFailure,
  AwsService,
  BridgeEvent,
  CommitTimings,
  FailureCause,
  Observe,
  StoredCopy,
} from './events.ts';
export { type MailRecord, MailRecordError } from './mail-record.ts';
export { isMessageId, messageId } from './message-id.ts';
export type * from './notification-types.ts';
export { type MessageAttribute, type Notification, NOTIFICATION_SUBJECT } from './notification.ts';
export { objectKeyPrefix, sidecarKey, splitObjectKey } from './object-key.ts';
export type { BridgeLimits, BridgeOptions, Destination, DuplicateOptions } from './options.ts';
export type { OutboxMarker } from './outbox.ts';
export type { DrainResult, OutboxEntry } from './outbox-drainer.ts';
export { drainOutboxOf, listOutboxOf } from './outbox-commands.ts';
export { type Bucket, NoSuchMailError, readRecord, rebuildNotification } from './stored-mail.ts';
