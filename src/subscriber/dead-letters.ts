// Sends a mail that no retry will handle to a dead-letter queue. A queue cannot do this for one record by the answer of a
// function: it only counts deliveries.
import { createHash } from 'node:crypto';
import type { MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { DeadLetterError } from './errors.ts';
import { describeError } from './handler-log.ts';

export interface DeadLetter {
  /** The record as it came. */
  readonly record: unknown;
  /** The part of it that announces this mail. */
  readonly part: unknown;
  /** The record announces no other mail. */
  readonly isWhole: boolean;
  /** Why. */
  readonly error: unknown;
}

/** SQS takes ten attributes; two are ours. */
const KEPT_ATTRIBUTES = 8;

/**
 * Settles when the queue has it. The message has the body of the record, so that a redrive brings it back as it was, and the
 * attributes `MailsluiceError` and `MailsluiceReason`.
 * @throws DeadLetterError
 */
export async function sendDeadLetter(
  queueUrl: string,
  letter: DeadLetter,
  sqs: SQSClient | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { code, name, message } = describeError(letter.error);
  const body = bodyOf(letter);
  try {
    const sdk = await import('@aws-sdk/client-sqs');
    const client = sqs ?? (made ??= new sdk.SQSClient({}));
    await client.send(
      new sdk.SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: body,
        MessageAttributes: {
          ...keptAttributes(letter.record),
          MailsluiceError: textAttribute(code ?? name),
          MailsluiceReason: textAttribute(message),
        },
        ...(queueUrl.endsWith('.fifo') && fifoFields(letter.record, body)),
      }),
      { abortSignal: signal },
    );
  } catch (cause) {
    const { awsCode, name: causeName } = describeError(cause);
    throw new DeadLetterError(
      `the dead-letter queue did not take the mail (${awsCode ?? causeName}), which failed with: ${message}`,
      { cause },
    );
  }
}

let made: SQSClient | undefined;

function bodyOf({ record, part, isWhole }: DeadLetter): string {
  const body: unknown = Object(record)['body'];
  if (isWhole && typeof body === 'string') return body;
  const rest = isWhole ? record : part;
  return typeof rest === 'string' ? rest : (JSON.stringify(rest) ?? 'undefined');
}

/** Lambda gives them with other names than SendMessage takes. */
function keptAttributes(record: unknown): Record<string, MessageAttributeValue> {
  const attributes: unknown = Object(record)['messageAttributes'];
  return Object.fromEntries(
    Object.entries(Object(attributes) as Record<string, unknown>)
      .slice(0, KEPT_ATTRIBUTES)
      .flatMap(([name, value]): [string, MessageAttributeValue][] => {
        const { dataType, stringValue, binaryValue } = Object(value) as Record<string, unknown>;
        if (typeof dataType !== 'string') return [];
        if (typeof stringValue === 'string') {
          return [[name, { DataType: dataType, StringValue: stringValue }]];
        }
        if (typeof binaryValue !== 'string') return [];
        return [[name, { DataType: dataType, BinaryValue: Buffer.from(binaryValue, 'base64') }]];
      }),
  );
}

/** SQS refuses an empty value, and the control characters that XML has no place for. */
function textAttribute(text: string): MessageAttributeValue {
  const allowed = text.toWellFormed().replace(/[^\t\n\r\u0020-\uFFFD]/g, '?');
  return { DataType: 'String', StringValue: allowed === '' ? 'unknown' : allowed };
}

function fifoFields(record: unknown, body: string) {
  const { messageId, attributes } = Object(record) as Record<string, unknown>;
  const { MessageGroupId } = Object(attributes) as Record<string, unknown>;
  const digest = createHash('sha256').update(body).digest('hex');
  return {
    MessageGroupId: typeof MessageGroupId === 'string' ? MessageGroupId : 'mail',
    MessageDeduplicationId: `${String(messageId)
      .replace(/[^\w-]/g, '')
      .slice(0, 60)}-${digest.slice(0, 60)}`,
  };
}
