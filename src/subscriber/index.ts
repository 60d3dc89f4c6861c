// `mailsluice/subscriber`: for code that is called for each mail, in Lambda or anywhere.
export {
  HandlerOptionsError,
  MailInProgressError,
  MailNotAllowedError,
  MailNotFoundError,
  MailUnavailableError,
  NotificationError,
} from './errors.ts';
export {
  type DynamoDbIdempotencyOptions,
  dynamoDbIdempotencyStore,
} from './dynamodb-idempotency.ts';
export { type FetchedMail, fetchMail, type FetchOptions } from './fetch-mail.ts';
export {
  type Claim,
  type IdempotencyStore,
  type MemoryIdempotencyOptions,
  memoryIdempotencyStore,
} from './idempotency.ts';
export {
  defineMailHandler,
  type HandledMail,
  type MailBatchResponse,
  type MailHandler,
  type MailHandlerContext,
  type MailHandlerOptions,
  type MailLogEntry,
  type SqsEvent,
} from './mail-handler.ts';
export { mailParts, type MailPartsOptions } from './mail-parts.ts';
export { notificationSchema } from './notification-schema.ts';
export {
  type MailNotification,
  type MailObject,
  type ParsedNotification,
  parseNotification,
  requireNotification,
} from './parse-notification.ts';
export { MailUnparsableError } from '../message/mime/errors.ts';
export type { MessagePart, MessagePartsOptions } from '../message/mime/message-parts.ts';
export { parseMail, type ParseMailOptions } from './parse-mail.ts';
export {
  sampleEvent,
  type SampleEventOptions,
  type SampleS3Event,
  type SampleSesEvent,
  type SampleSnsEvent,
  type SampleSource,
  type SampleSqsEvent,
} from './sample-event.ts';
export { type SampleAttachment, type SampleMail, sampleMail } from './sample-mail.ts';
export type {
  MailsluiceMember,
  SesAction,
  SesCommonHeaders,
  SesMail,
  SesNotification,
  SesReceipt,
  SesS3Action,
  SesVerdict,
} from './ses-notification.ts';
export type { ReceivedNotification } from '../bridge/contract/notification-types.ts';
