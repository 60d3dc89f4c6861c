// One mail's notification, and the events in which AWS hands it to a Lambda function.
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';

export const MESSAGE_ID = '1jb2rfnv8k0000000000000000000000000000ab';

export interface NotificationParts {
  readonly messageId?: string;
  readonly bucketName?: string;
  readonly objectKeyPrefix?: string;
  readonly traceHeaderSize?: number;
  readonly replay?: { readonly at: string; readonly id?: string };
}

/** As the bridge publishes it. */
export function notificationOf(parts: NotificationParts = {}): ReceivedNotification {
  const {
    messageId = MESSAGE_ID,
    bucketName = 'mailsluice-mail',
    objectKeyPrefix = 'mail/dt=2026-11-23/hr=13/',
    traceHeaderSize = 0,
    replay,
  } = parts;
  const verdict = { status: 'GRAY' } as const;
  return {
    notificationType: 'Received',
    mail: {
      timestamp: '2026-11-23T13:14:15.678Z',
      source: 'a@client.example',
      messageId,
      destination: ['b@example.com'],
      headersTruncated: false,
      headers: [{ name: 'From', value: 'A <a@client.example>' }],
      commonHeaders: {
        returnPath: 'a@client.example',
        from: ['A <a@client.example>'],
        date: 'Mon, 23 Nov 2026 13:14:15 +0000',
        to: ['b@example.com'],
        messageId: '<1@client.example>',
        subject: 'Hello',
      },
    },
    receipt: {
      timestamp: '2026-11-23T13:14:15.678Z',
      processingTimeMillis: 12,
      recipients: ['b@example.com'],
      spamVerdict: verdict,
      virusVerdict: verdict,
      spfVerdict: verdict,
      dkimVerdict: verdict,
      dmarcVerdict: verdict,
      action: {
        type: 'S3',
        topicArn: 'arn:aws:sns:us-east-1:000000000000:mailsluice-mail',
        bucketName,
        objectKeyPrefix,
        objectKey: objectKeyPrefix + messageId,
      },
    },
    mailsluice: {
      schemaVersion: 1,
      envelope: {
        reversePath: 'a@client.example',
        parameters: { size: 120 },
        recipients: [{ forwardPath: 'b@example.com', parameters: { notify: ['NEVER'] } }],
      },
      client: { address: '192.0.2.1', port: 40_000, helo: 'client.example', protocol: 'ESMTP' },
      tls: null,
      authenticated: null,
      listener: 'mx',
      sessionId: 's1',
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      size: 120,
      traceHeaderSize,
      ...(replay && { replay }),
    },
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html */
export function snsEvent(message: string) {
  return {
    Records: [
      {
        EventVersion: '1.0',
        EventSubscriptionArn: 'arn:aws:sns:us-east-1:000000000000:mail:1',
        EventSource: 'aws:sns',
        Sns: {
          SignatureVersion: '1',
          Timestamp: '2026-11-23T13:14:16.000Z',
          Signature: 'x',
          SigningCertUrl: 'https://sns.example/cert.pem',
          MessageId: 'b9e2b1f0-0000-4000-8000-000000000000',
          Message: message,
          MessageAttributes: {},
          Type: 'Notification',
          UnsubscribeUrl: 'https://sns.example/unsubscribe',
          TopicArn: 'arn:aws:sns:us-east-1:000000000000:mail',
          Subject: 'Amazon SES Email Receipt Notification',
        },
      },
    ],
  };
}

/** What SNS puts into an SQS body without raw delivery. */
export function wrappedBySns(message: string): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: 'b9e2b1f0-0000-4000-8000-000000000000',
    TopicArn: 'arn:aws:sns:us-east-1:000000000000:mail',
    Subject: 'Amazon SES Email Receipt Notification',
    Message: message,
    Timestamp: '2026-11-23T13:14:16.000Z',
    SignatureVersion: '1',
    Signature: 'x',
    SigningCertURL: 'https://sns.example/cert.pem',
    UnsubscribeURL: 'https://sns.example/unsubscribe',
  });
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html; the record ids are `sqs-0`, `sqs-1`, … */
export function sqsEvent(bodies: readonly string[], queueName = 'mail') {
  return {
    Records: bodies.map((body, at) => ({
      messageId: `sqs-${at}`,
      receiptHandle: `handle-${at}`,
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '1795439656000',
        SenderId: 'AIDAEXAMPLE',
        ApproximateFirstReceiveTimestamp: '1795439656001',
      },
      messageAttributes: {},
      md5OfBody: 'x',
      eventSource: 'aws:sqs',
      eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueName}`,
      awsRegion: 'us-east-1',
    })),
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
export function s3Event(bucketName: string, encodedKey: string, eventName = 'ObjectCreated:Put') {
  return {
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: 'us-east-1',
        eventTime: '2026-11-23T13:14:16.000Z',
        eventName,
        userIdentity: { principalId: 'EXAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: {},
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'c',
          bucket: {
            name: bucketName,
            ownerIdentity: { principalId: 'E' },
            arn: `arn:aws:s3:::${bucketName}`,
          },
          object: { key: encodedKey, size: 1, eTag: 'e', sequencer: '1' },
        },
      },
    ],
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
export function eventBridgeEvent(bucketName: string, key: string, detailType = 'Object Created') {
  return {
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': detailType,
    source: 'aws.s3',
    account: '111122223333',
    time: '2026-11-23T13:14:16Z',
    region: 'us-east-1',
    resources: [`arn:aws:s3:::${bucketName}`],
    detail: {
      version: '0',
      bucket: { name: bucketName },
      object: { key, size: 5, etag: 'b1946ac92492d2347c6235b4d2611184', sequencer: '617f08299329' },
      'request-id': 'N4N7GDK58NMKJ12R',
      requester: '123456789012',
      'source-ip-address': '192.0.2.1',
      reason: 'PutObject',
    },
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
export function invocationRecord(requestPayload: unknown) {
  return {
    version: '1.0',
    timestamp: '2026-11-23T13:14:16.000Z',
    requestContext: {
      requestId: 'e4b46cbf-b738-4a0a-8a1e-36dce652cb4f',
      functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:file-mail:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload,
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorMessage: 'Task timed out after 3.00 seconds' },
  };
}

/** What EventBridge makes of an invocation record, for a destination that is a bus. */
export function invocationEvent(requestPayload: unknown) {
  return {
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b104',
    'detail-type': 'Lambda Function Invocation Result - Failure',
    source: 'lambda',
    account: '111122223333',
    time: '2026-11-23T13:14:16Z',
    region: 'us-east-1',
    resources: [
      'arn:aws:events:us-east-1:111122223333:event-bus/default',
      'arn:aws:lambda:us-east-1:111122223333:function:file-mail:$LATEST',
    ],
    detail: invocationRecord(requestPayload),
  };
}

/** https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html */
export function firehoseEvent(texts: readonly string[]) {
  return {
    invocationId: '2b4d1ad9-2f48-94bd-a088-767c317e994a',
    deliveryStreamArn: 'arn:aws:firehose:us-east-1:111122223333:deliverystream/mail',
    region: 'us-east-1',
    records: texts.map((text, at) => ({
      recordId: `record-${at}`,
      approximateArrivalTimestamp: 1_795_439_656_000,
      data: Buffer.from(`${text}\n`).toString('base64'),
    })),
  };
}
