// What a subscriber gets: Amazon SES's "Received" notification, from Mailsluice or from SES itself. The
// published types are writable, as those of @types/aws-lambda are, so that one assigns to the other.
import type {
  CommonHeaders,
  DmarcPolicy,
  MailsluiceMember as BridgeMember,
  NotifiedMail,
  S3Action,
} from '../bridge/contract/notification-types.ts';

/**
 * The same type with nothing `readonly`. What may be absent may be `undefined` too, as in the types of @types/aws-lambda,
 * so that these assign under `exactOptionalPropertyTypes`.
 */
export type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? {
        -readonly [Key in keyof T]:
          | Writable<T[Key]>
          | (object extends Pick<T, Key> ? undefined : never);
      }
    : T;

/** The notification that an SES receipt rule, or Mailsluice, publishes for a mail. */
export interface SesNotification {
  notificationType: 'Received';
  mail: SesMail;
  receipt: SesReceipt;
  /** The raw mail, only from the SNS action of SES: UTF-8, or base64 where `action.encoding` says so. */
  content?: string | undefined;
  /** What SES cannot say. Absent in a notification from SES itself. */
  mailsluice?: MailsluiceMember | undefined;
}

/** The mail itself, mostly from its header section. */
export interface SesMail extends Omit<Writable<NotifiedMail>, 'commonHeaders'> {
  commonHeaders: SesCommonHeaders;
}
/** `sender` is a text in what SES sends, and a list in the types that AWS publishes. */
export interface SesCommonHeaders extends Omit<Writable<CommonHeaders>, 'sender'> {
  sender?: string | string[] | undefined;
}
export type MailsluiceMember = Writable<BridgeMember>;

/** What became of the mail. */
export interface SesReceipt {
  /** ISO 8601. */
  timestamp: string;
  processingTimeMillis: number;
  /** The envelope's recipients: the only reliable list of them. */
  recipients: string[];
  spamVerdict: SesVerdict;
  virusVerdict: SesVerdict;
  spfVerdict: SesVerdict;
  dkimVerdict: SesVerdict;
  dmarcVerdict: SesVerdict;
  action: SesAction;
  /** Present only when `dmarcVerdict` is FAIL. */
  dmarcPolicy?: DmarcPolicy | undefined;
}

export interface SesVerdict {
  /** `DISABLED` only from SES, where scanning is off. */
  status: 'PASS' | 'FAIL' | 'GRAY' | 'PROCESSING_FAILED' | 'DISABLED';
}

/** Mailsluice's is always `S3`; the others come from SES. */
export type SesAction =
  | SesS3Action
  | { type: 'SNS'; topicArn: string; encoding?: string | undefined }
  | { type: 'Lambda'; topicArn?: string | undefined; functionArn: string; invocationType: string }
  | {
      type: 'Bounce';
      topicArn?: string | undefined;
      smtpReplyCode: string;
      statusCode: string;
      message: string;
      sender: string;
    }
  | { type: 'Stop'; topicArn?: string | undefined }
  | { type: 'WorkMail'; topicArn?: string | undefined; organizationArn: string };

/** Where the raw mail is. SES leaves out what was not configured. */
export interface SesS3Action extends Pick<Writable<S3Action>, 'type' | 'bucketName' | 'objectKey'> {
  topicArn?: string | undefined;
  objectKeyPrefix?: string | undefined;
}
