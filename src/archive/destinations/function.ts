import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { lambdaEvent, sentNow } from '../sns-envelope.ts';
import { type Destination, MailRefusedError } from './destination.ts';

/** Larger than Lambda takes, or not what it takes. The second and the third are two names of one answer. */
const REFUSALS = new Set([
  'InvalidRequestContentException',
  'RequestTooLargeException',
  'RequestEntityTooLargeException',
]);
const ERROR_CHARACTERS = 200;

/**
 * Calls one Lambda function with the event that SNS would call it with, and waits for its end: a mail that
 * the function fails for is counted as failed.
 */
export function functionDestination(lambda: LambdaClient, functionName: string): Destination {
  return {
    name: `function ${functionName}`,
    deliver: async ({ notification }) => {
      try {
        const { FunctionError, Payload } = await lambda.send(
          new InvokeCommand({
            FunctionName: functionName,
            InvocationType: 'RequestResponse',
            Payload: Buffer.from(JSON.stringify(lambdaEvent(sentNow(notification)))),
          }),
        );
        if (FunctionError !== undefined) {
          const said = Payload === undefined ? '' : Buffer.from(Payload).toString();
          throw new MailRefusedError(`the function failed: ${errorIn(said)}`);
        }
      } catch (error) {
        if (error instanceof Error && REFUSALS.has(error.name)) {
          throw new MailRefusedError(`${error.name}: ${error.message}`, { cause: error });
        }
        throw error;
      }
    },
  };
}

/** `{"errorType":"TypeError","errorMessage":"…","trace":[…]}` */
function errorIn(payload: string): string {
  try {
    const { errorType, errorMessage } = JSON.parse(payload) as Record<string, unknown>;
    return `${String(errorType)}: ${String(errorMessage)}`.slice(0, ERROR_CHARACTERS);
  } catch {
    return payload.slice(0, ERROR_CHARACTERS);
  }
}
