export { type Bridge, createBridge } from './bridge.ts';
export {
  type BridgeClientOptions,
  type BridgeClients,
  createBridgeClients,
} from './aws/clients.ts';
export {
  type AccessFault,
  accessFault,
  isCertificateFault,
  isMissingObject,
  isRegionMissing,
} from './aws/error-codes.ts';
export { provesListing } from './aws/object-proofs.ts';
export { proven, UnprovenAnswerError } from './aws/proof.ts';
export type {
  AwsFailure,
  AwsService,
  BridgeEvent,
  CommitTimings,
  FailureCause,
  Observe,
  StoredPlacement,
} from './events.ts';
export { type MailRecord, MailRecordError } from './contract/mail-record.ts';
export { isMessageId, messageId, messageIdMillis } from './contract/message-id.ts';
export type * from './contract/notification-types.ts';
export {
  type MessageAttribute,
  type Notification,
  NOTIFICATION_SUBJECT,
} from './notify/notification.ts';
export {
  OUTBOX_PREFIX,
  objectKeyPrefix,
  sidecarKey,
  splitObjectKey,
} from './contract/object-key.ts';
export type {
  BridgeLimits,
  BridgeOptions,
  Destination,
  DuplicateOptions,
  JudgeMail,
} from './options.ts';
export type { OutboxEntry, OutboxMarker } from './outbox/marker.ts';
export { flushOutbox, listOutbox } from './outbox/administration.ts';
export type { FlushResult } from './outbox/flush.ts';
export {
  type Bucket,
  type MailHead,
  NoSuchMailError,
  notificationOf,
  readHead,
  readMetadata,
  readRecord,
  rebuildNotification,
  recordOf,
} from './stored-mail.ts';
export { ownS3Endpoint } from './aws/endpoints.ts';
