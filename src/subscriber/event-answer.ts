// Which records an event has, and how a function answers for some of them: for queues by the ids of those that failed, for
// Firehose by each record, for everything else not at all.

/** The part of Lambda's event for SQS that is used. */
export interface SqsEvent {
  Records: SqsEventRecord[];
}

export interface SqsEventRecord {
  messageId: string | undefined;
  body: string | undefined;
  eventSource: string;
  eventSourceARN: string;
}

export interface MailBatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** The part of Lambda's event for a data transformation of Firehose that is used. */
export interface FirehoseEvent {
  deliveryStreamArn: string;
  records: { recordId: string; data: string }[];
}

/** Each record as it was; those that failed go to the error output of the delivery stream. */
export interface FirehoseResponse {
  records: { recordId: string; result: 'Ok' | 'ProcessingFailed'; data: string }[];
}

export interface Batch {
  readonly records: readonly unknown[];
  /** One record at a time, and none after a failure. */
  readonly isOrdered: boolean;
  /** The answer when some records failed, or none. Absent where an event fails as a whole. */
  readonly answer:
    | ((failed: ReadonlySet<unknown>) => MailBatchResponse | FirehoseResponse)
    | undefined;
}

export function batchOf(event: unknown): Batch {
  const { Records, records } = Object(event) as Record<string, unknown>;
  if (Array.isArray(records) && records.every(isFirehoseRecord)) {
    return {
      records,
      isOrdered: false,
      answer: (failed) => ({
        records: records.map((record) => ({
          recordId: record.recordId,
          result: failed.has(record) ? ('ProcessingFailed' as const) : ('Ok' as const),
          data: record.data,
        })),
      }),
    };
  }
  // EventBridge Pipes hands on the records of SQS as an array.
  const list: readonly unknown[] = Array.isArray(event)
    ? event
    : Array.isArray(Records)
      ? Records
      : [event];
  if (list.length === 0 || !list.every(isSqsRecord)) {
    return { records: list, isOrdered: false, answer: undefined };
  }
  return {
    records: list,
    isOrdered: list.some(({ eventSourceARN }) => String(eventSourceARN).endsWith('.fifo')),
    answer: (failed) => ({
      batchItemFailures: list
        .filter((record) => failed.has(record))
        .map(({ messageId }) => ({ itemIdentifier: String(messageId) })),
    }),
  };
}

function isSqsRecord(record: unknown): record is SqsEventRecord {
  return Object(record)['eventSource'] === 'aws:sqs';
}

function isFirehoseRecord(record: unknown): record is FirehoseEvent['records'][number] {
  const { recordId, data } = Object(record) as Record<string, unknown>;
  return typeof recordId === 'string' && typeof data === 'string';
}
