// Subscribers as people write them for Amazon SES: what each relies on, from public code and documentation.
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SESMessage, SESReceiptS3Action, SNSEvent } from 'aws-lambda';

export interface Consumer {
  readonly name: string;
  /** The raw mail that the consumer ends up with. @throws where it would fail in production */
  readonly run: (event: SNSEvent, s3: S3Client) => Promise<string>;
}

interface S3Message extends SESMessage {
  readonly notificationType: string;
  readonly receipt: SESMessage['receipt'] & {
    readonly action: SESReceiptS3Action & { readonly objectKeyPrefix?: string };
  };
}

function messageOf({ Records: [record] }: SNSEvent): S3Message {
  if (record === undefined) throw new Error('no record');
  return JSON.parse(record.Sns.Message) as S3Message;
}

async function read(s3: S3Client, Bucket: string, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToString('latin1')) ?? '';
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

export const consumers: readonly Consumer[] = [
  {
    name: 'the typed handler that casts to SESMessage and gets the object that the action names',
    run: async (event, s3) => {
      const { receipt } = messageOf(event);
      return read(s3, receipt.action.bucketName, receipt.action.objectKey);
    },
  },
  {
    name: 'one that dispatches on the subject and on notificationType',
    run: async (event, s3) => {
      const { notificationType, receipt } = messageOf(event);
      const subject = event.Records[0]?.Sns.Subject;
      require(subject === 'Amazon SES Email Receipt Notification', `subject ${subject}`);
      require(notificationType === 'Received', notificationType);
      require(receipt.action.type === 'S3', receipt.action.type);
      return read(s3, receipt.action.bucketName, receipt.action.objectKey);
    },
  },
  {
    name: 'a forwarder that computes prefix + messageId',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      return read(s3, receipt.action.bucketName, receipt.action.objectKeyPrefix + mail.messageId);
    },
  },
  {
    name: 'one that requires objectKeyPrefix and takes the id from the key',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      const { bucketName, objectKey, objectKeyPrefix } = receipt.action;
      if (objectKeyPrefix === undefined) throw new Error('no objectKeyPrefix');
      require(objectKey.startsWith(objectKeyPrefix), 'the key does not begin with its prefix');
      require(objectKey.slice(objectKeyPrefix.length) === mail.messageId, 'another id');
      return read(s3, bucketName, objectKey);
    },
  },
  {
    name: 'one that falls back from mail.destination[0] to the envelope',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      const originalTo = mail.destination[0] ?? receipt.recipients[0];
      require(/^[^\s<>@]+@[^\s<>@]+$/.test(originalTo ?? ''), `no address: ${originalTo}`);
      return `X-Original-To: ${originalTo}\n${await read(s3, receipt.action.bucketName, receipt.action.objectKey)}`;
    },
  },
  {
    name: 'one that drops what failed a verdict',
    run: async (event, s3) => {
      const { receipt } = messageOf(event);
      const { spamVerdict, virusVerdict, spfVerdict, dkimVerdict, dmarcVerdict } = receipt;
      const all = [spamVerdict, virusVerdict, spfVerdict, dkimVerdict, dmarcVerdict];
      for (const { status } of all) {
        require(['PASS', 'GRAY', 'FAIL', 'PROCESSING_FAILED'].includes(status), status);
      }
      const isBad = all.some(({ status }) => status === 'FAIL');
      if (isBad && dmarcVerdict.status === 'FAIL')
        require(receipt.dmarcPolicy !== undefined, 'no policy');
      return isBad ? '' : read(s3, receipt.action.bucketName, receipt.action.objectKey);
    },
  },
  {
    name: 'a strict parser: ISO timestamps that agree, a positive whole processingTimeMillis',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      for (const timestamp of [mail.timestamp, receipt.timestamp]) {
        require(new Date(timestamp).toISOString() === timestamp, timestamp);
      }
      require(mail.timestamp === receipt.timestamp, 'two times');
      const { processingTimeMillis: millis } = receipt;
      require(Number.isInteger(millis) && millis > 0, `processingTimeMillis ${millis}`);
      require(/^[0-9a-v]{40}$/.test(mail.messageId), mail.messageId);
      return read(s3, receipt.action.bucketName, receipt.action.objectKey);
    },
  },
  {
    name: 'one that survives To and Cc both missing',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      const { to = [], cc = [] } = mail.commonHeaders;
      require(mail.destination.length <= to.length + cc.length, 'more addresses than mailboxes');
      require(receipt.recipients.length > 0, 'nobody');
      return read(s3, receipt.action.bucketName, receipt.action.objectKey);
    },
  },
  {
    name: 'one that reads the headers in the order in which they stand in the object',
    run: async (event, s3) => {
      const { mail, receipt } = messageOf(event);
      require(mail.headers[0]?.name === 'Return-Path', 'Return-Path is not the first');
      const [received] = mail.headers.filter(({ name }) => name === 'Received');
      require(received?.value.includes(mail.messageId) === true, 'Received without the id');
      const subject = mail.headers.find(({ name }) => name.toLowerCase() === 'subject');
      require(subject?.value === mail.commonHeaders.subject, 'two subjects');
      const raw = await read(s3, receipt.action.bucketName, receipt.action.objectKey);
      const inObject = [...raw.slice(0, raw.indexOf('\r\n\r\n')).matchAll(/^([!-9;-~]+):/gm)];
      const names = mail.headers.map(({ name }) => name);
      require(names.join() === inObject.map(([, name]) => name).join(), 'another order');
      return raw;
    },
  },
  {
    name: 'one that decrypts where SES encrypted on its side',
    run: async (event, s3) => {
      const { bucketName, objectKey } = messageOf(event).receipt.action;
      const { Metadata = {} } = await s3.send(
        new HeadObjectCommand({ Bucket: bucketName, Key: objectKey }),
      );
      require(!('x-amz-key-v2' in Metadata || 'x-amz-key' in Metadata), 'an encrypted object');
      return read(s3, bucketName, objectKey);
    },
  },
];
