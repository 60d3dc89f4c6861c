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
export { isMessageId, messageId } from './message-id.ts';
export type * from './notification-types.ts';
export type { BridgeLimits, BridgeOptions, Destination, DuplicateOptions } from './options.ts';
