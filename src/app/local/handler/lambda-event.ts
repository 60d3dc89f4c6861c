import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';

/**
 * The event in which an event source mapping passes one message of a queue to a function.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export function sqsEventOf(message: Message, queueArn: string): object {
  const { MessageId, ReceiptHandle, Body, Attributes, MessageAttributes, MD5OfBody } = message;
  return {
    Records: [
      {
        messageId: MessageId,
        receiptHandle: ReceiptHandle,
        body: Body,
        attributes: { ...Attributes },
        messageAttributes: Object.fromEntries(
          Object.entries(MessageAttributes ?? {}).map(([name, value]) => [name, attribute(value)]),
        ),
        md5OfBody: MD5OfBody,
        eventSource: 'aws:sqs',
        eventSourceARN: queueArn,
        awsRegion: queueArn.split(':')[3],
      },
    ],
  };
}

function attribute({ DataType, StringValue, BinaryValue }: MessageAttributeValue): object {
  return {
    ...(StringValue !== undefined && { stringValue: StringValue }),
    ...(BinaryValue && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: DataType,
  };
}

/** The id of the mail that the message announces, where it announces one. */
export function mailIdOf({ Body = '' }: Message): string | undefined {
  try {
    const envelope = JSON.parse(Body) as { readonly Message?: unknown };
    const { mail } = JSON.parse(String(envelope.Message)) as {
      readonly mail?: { readonly messageId?: unknown };
    };
    return typeof mail?.messageId === 'string' ? mail.messageId : undefined;
  } catch {
    return undefined;
  }
}
