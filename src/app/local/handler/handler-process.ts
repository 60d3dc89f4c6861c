// The process in which `mailsluice local --handler` runs a handler: as in Lambda, one invocation at a time, with the module kept
// loaded. Whatever the handler does (crash, endless loop) happens here; the program ends this process and starts another.
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HANDLER_FILE, type Invocation, MEMORY_MEGABYTES, type Report } from './messages.ts';

/** Ends this process with the program, also while the handler keeps this thread busy. */
const WATCH_PARENT = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);
`;

type Handler = (event: object, context: object) => unknown;

const file = process.env[HANDLER_FILE] ?? '';

function send(report: Report): void {
  process.send?.(report);
}

// Ctrl-C reaches every process of the terminal; the program decides when this one ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
new Worker(WATCH_PARENT, { eval: true }).unref();

registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) {
      send({ kind: 'file', path: fileURLToPath(url) });
    }
    return next(url, context);
  },
});

const handler = await load();
process.on('message', (invocation: Invocation) => {
  if (handler !== undefined) void invoke(handler, invocation);
});

async function load(): Promise<Handler | undefined> {
  try {
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    // Of a CommonJS module whose exports cannot be told from its text, all are in `default`.
    const found = module['handler'] ?? Object(module['default'])['handler'];
    if (typeof found !== 'function') {
      throw new TypeError('expected an exported function with the name "handler", got none');
    }
    send({ kind: 'loaded' });
    return found as Handler;
  } catch (error) {
    process.stderr.write(`${stackOf(error)}\n`);
    send({ kind: 'not-loaded', error: describe(error) });
    return undefined;
  }
}

async function invoke(run: Handler, { event, requestId, deadline }: Invocation): Promise<void> {
  const name = process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? '';
  // https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
  const context = {
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${process.env['AWS_REGION']}:000000000000:function:${name}`,
    memoryLimitInMB: String(MEMORY_MEGABYTES),
    awsRequestId: requestId,
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  try {
    const result = await run(event, context);
    // What is not JSON fails the invocation, as in Lambda.
    const json = JSON.stringify(result) as string | undefined;
    send({ kind: 'returned', result: json === undefined ? null : JSON.parse(json) });
  } catch (error) {
    process.stderr.write(`${stackOf(error)}\n`);
    send({ kind: 'threw', error: describe(error) });
  }
}

function describe(error: unknown): { readonly name: string; readonly message: string } {
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
