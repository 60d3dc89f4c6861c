/** What SQS does not take. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const REFUSED = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/**
 * Makes the embedded SQS take the characters above U+FFFF, which SQS takes: the expression of fauxqs 2.4.1 looks at
 * each half of such a character by itself. The package does not export it, and a hook in front of the service could not
 * change the comparison, so the test of the expression is replaced. A version that keeps it elsewhere is not changed.
 */
export async function acceptWhatSqsAccepts(): Promise<void> {
  const types = new URL('sqs/sqsTypes.js', import.meta.resolve('fauxqs'));
  const loaded: unknown = await import(types.href).catch(() => undefined);
  const { INVALID_MESSAGE_BODY_CHAR: expression } = Object(loaded) as Record<string, unknown>;
  if (expression instanceof RegExp) expression.test = (text) => REFUSED.test(text);
}
