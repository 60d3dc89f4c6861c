// Events of mail for the tests of a handler: what AWS would pass to it.
import { createHash } from 'node:crypto';
import { type RenderedMail, renderSampleMail, type SampleMail } from './sample-mail.ts';
import type { MailsluiceMember, SesNotification, SesVerdict } from './ses-notification.ts';

export interface SampleEventOptions extends SampleMail {
  /**
   * Where the raw mail is: store `sampleMail(options)` there. Default: the mail is in the event itself, as the SNS action
   * of SES sends it, so that `mail.fetch()` needs no S3; `s3` names an object of the bucket `sample-mail`.
   */
  readonly object?: { readonly bucketName: string; readonly objectKey: string };
  /** Default: made of the mail, in the form of Mailsluice. */
  readonly messageId?: string;
  /** The name of the queue; one that ends with `.fifo` is handled in order. Default `mail`. */
  readonly queueName?: string;
  /** How often SQS delivered the message. Default 1. */
  readonly receiveCount?: number;
  /**
   * What is known of its sender: `true`, the domain of From is proved; `false`, it is not; `null`, DNS did not answer.
   * Default: the sender was not checked.
   */
  readonly authenticated?: boolean | null;
  /** Marks the mail as replayed from the archive. */
  readonly replay?: { readonly at: string; readonly id?: string };
}

/** Assignable to `SQSEvent` of `@types/aws-lambda`. */
export interface SampleSqsEvent {
  Records: {
    messageId: string;
    receiptHandle: string;
    body: string;
    attributes: {
      ApproximateReceiveCount: string;
      SentTimestamp: string;
      SenderId: string;
      ApproximateFirstReceiveTimestamp: string;
    };
    messageAttributes: Record<string, never>;
    md5OfBody: string;
    eventSource: string;
    eventSourceARN: string;
    awsRegion: string;
  }[];
}

/** Assignable to `SNSEvent` of `@types/aws-lambda`. */
export interface SampleSnsEvent {
  Records: {
    EventVersion: string;
    EventSubscriptionArn: string;
    EventSource: string;
    Sns: {
      SignatureVersion: string;
      Timestamp: string;
      Signature: string;
      SigningCertUrl: string;
      MessageId: string;
      Message: string;
      MessageAttributes: Record<string, never>;
      Type: string;
      UnsubscribeUrl: string;
      TopicArn: string;
      Subject: string;
    };
  }[];
}

/** Assignable to `S3Event` of `@types/aws-lambda`. */
export interface SampleS3Event {
  Records: {
    eventVersion: string;
    eventSource: string;
    awsRegion: string;
    eventTime: string;
    eventName: string;
    userIdentity: { principalId: string };
    requestParameters: { sourceIPAddress: string };
    responseElements: { 'x-amz-request-id': string; 'x-amz-id-2': string };
    s3: {
      s3SchemaVersion: string;
      configurationId: string;
      bucket: { name: string; ownerIdentity: { principalId: string }; arn: string };
      object: { key: string; size: number; eTag: string; sequencer: string };
    };
  }[];
}

/** The event of SES's Lambda action. */
export interface SampleSesEvent {
  Records: {
    eventSource: 'aws:ses';
    eventVersion: string;
    ses: Pick<SesNotification, 'mail' | 'receipt' | 'mailsluice'>;
  }[];
}

export type SampleSource = 'sqs' | 'sqs-raw' | 'sns' | 's3' | 'ses';

const REGION = 'us-east-1';
const ACCOUNT = '111122223333';
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:mail`;
const SUBJECT = 'Amazon SES Email Receipt Notification';
/** Of SNS, for all its messages: an example of the form. */
const SNS_ID = 'b9e2b1f0-0000-4000-8000-000000000000';

/**
 * The event in which AWS passes mail to a Lambda function; several mails are the records of one event.
 *
 * - `sqs`: SNS → SQS → Lambda. `sqs-raw`: the same with raw message delivery. `sns`: SNS → Lambda.
 * - `s3`: an S3 event, which knows nothing but the object. `ses`: the Lambda action of SES, which has no object.
 *
 * ```ts
 * await handler(sampleEvent('sqs', { subject: 'Invoice', attachments: [{ filename: 'a.pdf', content }] }));
 * ```
 *
 * The size is not limited as that of a real event is (1 MiB in SQS, 256 KiB in SNS).
 */
export function sampleEvent(
  source: 'sqs' | 'sqs-raw',
  ...mails: readonly SampleEventOptions[]
): SampleSqsEvent;
export function sampleEvent(source: 'sns', ...mails: readonly SampleEventOptions[]): SampleSnsEvent;
export function sampleEvent(source: 's3', ...mails: readonly SampleEventOptions[]): SampleS3Event;
export function sampleEvent(source: 'ses', ...mails: readonly SampleEventOptions[]): SampleSesEvent;
export function sampleEvent(
  source: SampleSource,
  ...mails: readonly SampleEventOptions[]
): SampleSqsEvent | SampleSnsEvent | SampleS3Event | SampleSesEvent {
  const all = (mails.length === 0 ? [{}] : mails).map((options) => new Sample(options));
  switch (source) {
    case 'sqs':
    case 'sqs-raw':
      return { Records: all.map((sample, at) => sample.sqsRecord(at, source === 'sqs-raw')) };
    case 'sns':
      return { Records: all.map((sample) => sample.snsRecord()) };
    case 's3':
      return { Records: all.map((sample) => sample.s3Record()) };
    case 'ses':
      return { Records: all.map((sample) => sample.sesRecord()) };
    default:
      throw new TypeError(
        `source: expected "sqs", "sqs-raw", "sns", "s3" or "ses", got ${JSON.stringify(source)}`,
      );
  }
}

class Sample {
  readonly #options: SampleEventOptions;
  readonly #mail: RenderedMail;
  readonly #messageId: string;

  constructor(options: SampleEventOptions) {
    this.#options = options;
    this.#mail = renderSampleMail(options);
    this.#messageId = options.messageId ?? messageIdOf(this.#mail.raw);
  }

  sqsRecord(at: number, isRaw: boolean): SampleSqsEvent['Records'][number] {
    const { queueName = 'mail', receiveCount = 1 } = this.#options;
    const message = JSON.stringify(this.#notification());
    const body = isRaw ? message : JSON.stringify(this.#envelope(message));
    const sent = this.#mail.date.getTime();
    return {
      messageId: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
      receiptHandle: `sample-${at}`,
      body,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: String(sent),
        SenderId: 'AIDASAMPLE',
        ApproximateFirstReceiveTimestamp: String(sent + 1),
      },
      messageAttributes: {},
      md5OfBody: createHash('md5').update(body).digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:${queueName}`,
      awsRegion: REGION,
    };
  }

  snsRecord(): SampleSnsEvent['Records'][number] {
    const { SigningCertURL, UnsubscribeURL, ...rest } = this.#envelope(
      JSON.stringify(this.#notification()),
    );
    return {
      EventVersion: '1.0',
      EventSubscriptionArn: `${TOPIC}:${SNS_ID}`,
      EventSource: 'aws:sns',
      // In an event of Lambda, two names have another spelling than in a message.
      Sns: {
        ...rest,
        SigningCertUrl: SigningCertURL,
        UnsubscribeUrl: UnsubscribeURL,
        MessageAttributes: {},
      },
    };
  }

  s3Record(): SampleS3Event['Records'][number] {
    const { bucketName, objectKey } = this.#options.object ?? {
      bucketName: 'sample-mail',
      objectKey: `mail/${this.#messageId}`,
    };
    const { raw, date } = this.#mail;
    return {
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      awsRegion: REGION,
      eventTime: date.toISOString(),
      eventName: 'ObjectCreated:Put',
      userIdentity: { principalId: 'AWS:SAMPLE' },
      requestParameters: { sourceIPAddress: '192.0.2.1' },
      responseElements: { 'x-amz-request-id': 'SAMPLE', 'x-amz-id-2': 'SAMPLE' },
      s3: {
        s3SchemaVersion: '1.0',
        configurationId: 'sample',
        bucket: {
          name: bucketName,
          ownerIdentity: { principalId: 'SAMPLE' },
          arn: `arn:aws:s3:::${bucketName}`,
        },
        object: {
          // Encoded as a form is, but for the slashes.
          key: encodeURIComponent(objectKey).replaceAll('%2F', '/').replaceAll('%20', '+'),
          size: raw.length,
          eTag: createHash('md5').update(raw).digest('hex'),
          sequencer: '0055AED6DCD90281E5',
        },
      },
    };
  }

  sesRecord(): SampleSesEvent['Records'][number] {
    const { mail, receipt } = this.#notification();
    const action = {
      type: 'Lambda' as const,
      functionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:mail`,
      invocationType: 'Event',
    };
    return {
      eventSource: 'aws:ses',
      eventVersion: '1.0',
      ses: { mail, receipt: { ...receipt, action } },
    };
  }

  #envelope(message: string) {
    return {
      Type: 'Notification',
      MessageId: SNS_ID,
      TopicArn: TOPIC,
      Subject: SUBJECT,
      Message: message,
      Timestamp: this.#mail.date.toISOString(),
      SignatureVersion: '1',
      Signature: 'U2FtcGxl',
      SigningCertURL: `https://sns.${REGION}.amazonaws.com/SimpleNotificationService-sample.pem`,
      UnsubscribeURL: `https://sns.${REGION}.amazonaws.com/?Action=Unsubscribe`,
    };
  }

  #notification(): SesNotification {
    const { object, replay, authenticated } = this.#options;
    const { raw, from, to, subject, date, headers } = this.#mail;
    const timestamp = date.toISOString();
    const recipients = to.map(addressOf);
    const header = (name: string): string =>
      headers.find((each) => each.name === name)?.value ?? '';
    const status = { status: 'GRAY' } as const;
    return {
      notificationType: 'Received',
      mail: {
        timestamp,
        source: addressOf(from),
        messageId: this.#messageId,
        destination: recipients,
        headersTruncated: false,
        headers: headers.map((each) => ({ ...each })),
        commonHeaders: {
          returnPath: addressOf(from),
          from: [from],
          date: header('Date'),
          to: [...to],
          messageId: header('Message-ID'),
          subject,
        },
      },
      receipt: {
        timestamp,
        processingTimeMillis: 1,
        recipients,
        spamVerdict: status,
        virusVerdict: status,
        spfVerdict: status,
        dkimVerdict: status,
        dmarcVerdict: { status: dmarcStatus(authenticated) },
        ...(authenticated === false && { dmarcPolicy: 'none' as const }),
        action:
          object === undefined
            ? { type: 'SNS', topicArn: TOPIC, encoding: 'BASE64' }
            : {
                type: 'S3',
                topicArn: TOPIC,
                objectKeyPrefix: object.objectKey.slice(0, object.objectKey.lastIndexOf('/') + 1),
                ...object,
              },
      },
      ...(object === undefined && { content: raw.toString('base64') }),
      mailsluice: {
        schemaVersion: 1,
        envelope: {
          reversePath: addressOf(from),
          parameters: {},
          recipients: recipients.map((forwardPath) => ({ forwardPath, parameters: {} })),
        },
        client: { address: '192.0.2.1', port: 40_000, helo: 'client.example', protocol: 'ESMTP' },
        tls: null,
        authenticated: null,
        listener: 'mx',
        sessionId: 'sample',
        sha256: createHash('sha256').update(raw).digest('hex'),
        size: raw.length,
        traceHeaderSize: 0,
        ...(authenticated !== undefined && { sender: senderOf(addressOf(from), authenticated) }),
        ...(replay && { replay }),
      },
    };
  }
}

function dmarcStatus(authenticated: boolean | null | undefined): SesVerdict['status'] {
  if (authenticated === undefined) return 'GRAY';
  return authenticated === null ? 'PROCESSING_FAILED' : authenticated ? 'PASS' : 'FAIL';
}

/** As of a mail whose one signature is by the domain of From. */
function senderOf(address: string, authenticated: boolean | null): MailsluiceMember['sender'] {
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  const result = authenticated === null ? 'temperror' : authenticated ? 'pass' : 'fail';
  return {
    authenticated,
    domain,
    address,
    by: authenticated === true ? ['dkim'] : [],
    dmarc: result,
    spf: 'none',
    dkim: [{ result, domain, selector: 'sample', aligned: true }],
    arc: 'none',
  };
}

/** `A B <a@b.example>` → `a@b.example`. */
function addressOf(mailbox: string): string {
  return /<([^<>]*)>\s*$/.exec(mailbox)?.[1] ?? mailbox;
}

const DIGITS = '0123456789abcdefghijklmnopqrstuv';

/** 40 characters of `0-9a-v`. */
function messageIdOf(raw: Buffer): string {
  const digest = createHash('sha512').update(raw).digest().subarray(0, 40);
  return [...digest].map((octet) => DIGITS[octet % DIGITS.length]).join('');
}
