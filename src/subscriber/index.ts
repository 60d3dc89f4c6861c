// `mailsluice/subscriber`: for code that is called for each mail, in Lambda or anywhere.
export {
  HandlerOptionsError,
  MailAlreadyReadError,
  MailBatchError,
  MailDeadlineError,
  MailInProgressError,
  MailNotAllowedError,
  MailNotFoundError,
  MailUnavailableError,
  MailUnreadableError,
  NotificationError,
  PermanentFailure,
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
export { notificationSchema } from './notification-schema.ts';
export {
  type MailNotification,
  type MailObject,
  type ParsedNotification,
  parseNotification,
  parseNotifications,
  requireNotification,
} from './parse-notification.ts';
export { MailUnparsableError } from '../message/mime/errors.ts';
export { parseMail, type ParseMailOptions } from './parse-mail.ts';
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
