// The running program at its default limits, with a listener for strangers and one for those who sign in.
import { onTestFinished } from 'vitest';
import { ServeProcess } from '../faults/serve-process.ts';
import type { TestAws } from '../support/aws.ts';
import { freePort } from '../support/free-port.ts';

export interface Program {
  readonly mx: number;
  readonly submission: number;
  readonly serve: ServeProcess;
}

/** Ends with the test. */
export async function startProgram(
  aws: TestAws,
  configuration: object = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const submission = await freePort();
  const serve = await ServeProcess.start({
    aws,
    environment,
    configuration: ({ port: mx }) => ({
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: mx, tls: 'none', auth: 'none' },
        { name: 'submission', host: '127.0.0.1', port: submission, tls: 'none', auth: 'none' },
      ],
      ...configuration,
    }),
  });
  onTestFinished(() => serve[Symbol.asyncDispose]());
  return { mx: serve.port, submission, serve };
}
