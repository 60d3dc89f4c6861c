// What a subscriber learns of one mail, from whatever announced it.
import type { NotificationError } from './errors.ts';
import type { SesNotification } from './ses-notification.ts';

/** One mail, as an event announced it. */
export interface MailNotification {
  /** How it came: from SNS, from SQS, through Firehose, as an event of S3, or from the Lambda action of SES. */
  readonly source: 'sns' | 'sqs' | 's3' | 'ses' | 'firehose';
  /** The id of the mail: the same in every delivery and every replay. */
  readonly messageId: string;
  /** Where the raw mail is. Absent where SES stored none, or does not say where. */
  readonly object?: MailObject;
  /** Absent only for an event of S3, which knows nothing but the object. */
  readonly notification?: SesNotification;
}

export interface MailObject {
  readonly bucketName: string;
  readonly objectKey: string;
}

export type ParsedNotification =
  | { readonly ok: true; readonly value: MailNotification }
  | { readonly ok: false; readonly error: NotificationError };
