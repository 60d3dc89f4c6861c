// An answer of DynamoDB counts only if DynamoDB gave it for this table. `{}` and a page of HTML with status 200 are not
// "there is no such row": something else answers at the endpoint.
import type { AttributeValue, ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import { KEY_ATTRIBUTE } from './table-attributes.ts';

/** The answer does not show that DynamoDB gave it. The outcome of the call is unknown. */
export class TableAnswerError extends Error {
  override readonly name = 'TableAnswerError';
  readonly code = 'MAILSLUICE_TABLE_ANSWER_UNPROVEN';
  /** The SDK's retry strategy tries again. */
  readonly $retryable = {};
}

/** With it DynamoDB names the table in its answer. */
export const NAME_THE_TABLE = { ReturnConsumedCapacity: 'TOTAL' } as const;

/** A command of the SDK, as far as it is used here. */
interface Command {
  readonly middlewareStack: { add(middleware: never, options: never): void };
  readonly input: { readonly TableName?: string | undefined };
  resolveMiddleware(...args: never[]): unknown;
}

type OutputOf<C extends Command> = C extends {
  resolveMiddleware(
    ...args: never[]
  ): (...args: never[]) => Promise<{ readonly output: infer Output }>;
}
  ? Output
  : never;

interface Request {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
}

/**
 * The same command, made with `NAME_THE_TABLE`. It rejects with a `TableAnswerError` when the SDK's tries are used up
 * and no answer names the command's table, or `proves` says of each that it is not the one to this command.
 */
export function answeredByTable<C extends Command>(
  command: C,
  proves: (output: OutputOf<C>) => boolean = () => true,
): C {
  const middleware =
    (next: (args: object) => Promise<{ readonly output: object }>) =>
    async (args: { readonly request: Request }) => {
      let result: { readonly output: object };
      try {
        result = await next(args);
      } catch (error) {
        throw isForeign(error) ? unproven(args.request) : error;
      }
      const { ConsumedCapacity: capacity } = result.output as {
        readonly ConsumedCapacity?: ConsumedCapacity;
      };
      const isProven =
        capacity?.TableName === command.input.TableName && proves(result.output as OutputOf<C>);
      if (!isProven) throw unproven(args.request);
      return result;
    };
  command.middlewareStack.add(
    middleware as never,
    { step: 'deserialize', priority: 'high', name: 'tableAnswer', override: true } as never,
  );
  return command;
}

/** No row, or the one of this key. */
export function isRow(
  item: Readonly<Record<string, AttributeValue>> | undefined,
  key: Readonly<Record<string, AttributeValue>>,
): boolean {
  return item === undefined || item[KEY_ATTRIBUTE]?.S === key[KEY_ATTRIBUTE]?.S;
}

/** For a log: the name of the error, or which endpoint answers in the place of DynamoDB. */
export function nameTableFailure(error: unknown): string {
  if (error instanceof TableAnswerError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}

/** The answer is no JSON, or has no error code. From 500 on it is an outage like any other. */
function isForeign(error: unknown): boolean {
  const { name, $response } = error as {
    readonly name?: unknown;
    readonly $response?: { readonly statusCode?: number };
  };
  const status = $response?.statusCode;
  if (status === undefined || status >= 500 || status === 429) return false;
  return error instanceof SyntaxError || name === 'Unknown' || name === 'UnknownError';
}

function unproven({ protocol, hostname, port }: Request): TableAnswerError {
  const endpoint = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
  return new TableAnswerError(
    `${endpoint} does not answer as DynamoDB: check the endpoint, and the proxies before it`,
  );
}
