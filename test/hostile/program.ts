// The running program at its default limits: with a listener for strangers, one for devices, and one for those who sign in
// over TLS.
import { onTestFinished } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { ServeProcess } from '../faults/serve-process.ts';
import type { TestAws } from '../support/aws.ts';
import { freePort } from '../support/free-port.ts';

export interface Program {
  readonly mx: number;
  readonly submission: number;
  /** Implicit TLS; takes mail of those who signed in. */
  readonly smtps: number;
  /** One who may sign in there. */
  readonly user: readonly [username: string, password: string];
  readonly serve: ServeProcess;
}

/** Ends with the test. */
export async function startProgram(
  aws: TestAws,
  configuration: object = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const [submission, smtps] = [await freePort(), await freePort()];
  const { dynamoDb, resources } = aws;
  const administration = new CredentialAdministration(dynamoDb, resources.table);
  const username = `user-${smtps}`;
  const { generated = '' } = await administration.add({ username });
  const serve = await ServeProcess.start({
    aws,
    environment,
    configuration: ({ port: mx }) => ({
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: mx, tls: 'starttls', auth: 'none' },
        { name: 'submission', host: '127.0.0.1', port: submission, tls: 'none', auth: 'none' },
        { name: 'smtps', host: '127.0.0.1', port: smtps, tls: 'implicit', auth: 'required' },
      ],
      credentials: { table: resources.table },
      ...configuration,
    }),
  });
  onTestFinished(() => serve[Symbol.asyncDispose]());
  return { mx: serve.port, submission, smtps, user: [username, generated], serve };
}
