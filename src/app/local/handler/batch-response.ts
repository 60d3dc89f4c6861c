/** What became of the one message of a batch. */
export type BatchOutcome = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Reads the answer of a function as an event source mapping with `ReportBatchItemFailures` does, for a batch of one.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function readBatchResponse(response: unknown, messageId: string): BatchOutcome {
  const { batchItemFailures } = Object(response) as { readonly batchItemFailures?: unknown };
  if (batchItemFailures === undefined || batchItemFailures === null) return { ok: true };
  if (!Array.isArray(batchItemFailures)) {
    return {
      ok: false,
      reason: 'batchItemFailures: expected a list, so the whole batch has failed',
    };
  }
  if (batchItemFailures.length === 0) return { ok: true };
  const isOurs = batchItemFailures.every(
    (failure: unknown) => Object(failure)['itemIdentifier'] === messageId,
  );
  return {
    ok: false,
    reason: isOurs
      ? 'batchItemFailures names the message'
      : 'batchItemFailures: expected messageIds of the batch as itemIdentifier, so the whole batch has failed',
  };
}
