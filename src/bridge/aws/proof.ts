// An answer of AWS counts as success only if it carries what only the success of this very request carries. A page of
// HTML behind a wrong port, the answer of a proxy, and an answer that belongs to another request have a good status
// too. What proves nothing leaves the outcome unknown, and the SDK's retry strategy asks again.

/** Fields of an answer by their names in lower case; a list where a field was repeated. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the SDK leaves of an answer once it has read the body. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** The answer does not show that AWS carried the request out, or that AWS gave it. The outcome is unknown. */
export class UnprovenAnswerError extends Error {
  override readonly name = 'UnprovenAnswerError';
  readonly code = 'MAILSLUICE_ANSWER_UNPROVEN';
  /** The SDK's retry strategy tries again. */
  readonly $retryable = {};
  readonly $metadata: { readonly httpStatusCode: number };

  constructor(operation: string, endpoint: string, { status, headers }: AnswerHead) {
    const type = fieldOf(headers, 'content-type').slice(0, 60) || 'no content type';
    super(
      `${endpoint} answered ${operation} with ${status} (${type}) and nothing that only AWS would send: check the endpoint, and the proxies before it`,
    );
    this.$metadata = { httpStatusCode: status };
  }
}

/** The value of a field, `''` where there is none. Repeated fields are one list (RFC 9110 section 5.3). */
export function fieldOf(headers: Headers, name: string): string {
  const value = headers[name] ?? '';
  return typeof value === 'string' ? value : value.join(', ');
}

/** A command of the SDK, as far as it is used here. */
interface Command {
  readonly middlewareStack: { add(middleware: never, options: never): void };
  resolveMiddleware(...args: never[]): unknown;
}

type OutputOf<C extends Command> = C extends {
  resolveMiddleware(
    ...args: never[]
  ): (...args: never[]) => Promise<{ readonly output: infer Output }>;
}
  ? Output
  : never;

interface Result {
  readonly response: { readonly statusCode: number; readonly headers: Headers };
  readonly output: unknown;
}

interface SentRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
}

/**
 * The same command, whose answer must convince `proves`. Otherwise, and for an answer below 500 that AWS did not give,
 * it rejects with an `UnprovenAnswerError` when the SDK's tries are used up.
 */
export function proven<C extends Command>(
  command: C,
  proves: (output: OutputOf<C>, head: AnswerHead) => boolean,
): C {
  const middleware =
    (next: (args: object) => Promise<Result>, context: { readonly commandName?: string }) =>
    async (args: { readonly request: SentRequest }): Promise<Result> => {
      const unproven = (head: AnswerHead): UnprovenAnswerError => {
        const operation = context.commandName?.replace(/Command$/, '') ?? 'the request';
        return new UnprovenAnswerError(operation, originOf(args.request), head);
      };
      let result: Result;
      try {
        result = await next(args);
      } catch (error) {
        const head = foreignAnswer(error);
        throw head === undefined ? error : unproven(head);
      }
      const { statusCode: status, headers } = result.response;
      if (!proves(result.output as OutputOf<C>, { status, headers })) {
        throw unproven({ status, headers });
      }
      return result;
    };
  command.middlewareStack.add(
    middleware as never,
    { step: 'deserialize', priority: 'high', name: 'proof', override: true } as never,
  );
  return command;
}

/** The names that the SDK gives to errors without a code of AWS. The last two are its own words for a bare 404. */
const NAMES_WITHOUT_CODE: ReadonlySet<string> = new Set([
  '',
  'Unknown',
  'UnknownError',
  'NotFound',
  'NotFoundException',
]);

/**
 * The answer behind an error of the SDK, if AWS did not give it: it cannot be parsed, or has no error code. From 500
 * on, and for 429, it is an outage like any other, and the SDK knows what to do.
 */
function foreignAnswer(error: unknown): AnswerHead | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { $response, $fault, Code, name, $responseBodyText } = error as {
    readonly $response?: Result['response'];
    readonly $fault?: unknown;
    readonly Code?: unknown;
    readonly name?: unknown;
    readonly $responseBodyText?: unknown;
  };
  if (typeof $response?.statusCode !== 'number') return undefined;
  const { statusCode: status, headers } = $response;
  if (status >= 500 || status === 429) return undefined;
  const isUnreadable = $responseBodyText !== undefined || error instanceof SyntaxError;
  const isCodeless =
    $fault !== undefined && typeof Code !== 'string' && NAMES_WITHOUT_CODE.has(String(name));
  return isUnreadable || isCodeless ? { status, headers } : undefined;
}

function originOf({ protocol, hostname, port }: SentRequest): string {
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
}

interface TableOutput {
  readonly ConsumedCapacity?: { readonly TableName?: string | undefined } | undefined;
  readonly Item?: Readonly<Record<string, { readonly S?: string | undefined }>> | undefined;
}

/**
 * Of a command of DynamoDB sent with `ReturnConsumedCapacity: 'TOTAL'`. A read names the partition key that it asked
 * for: the answer to another read has another row.
 */
export function provesTable(table: string, pk?: string): (output: TableOutput) => boolean {
  return ({ ConsumedCapacity, Item }) =>
    ConsumedCapacity?.TableName === table &&
    (pk === undefined || Item === undefined || Item['pk']?.S === pk);
}
