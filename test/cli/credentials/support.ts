// Runs `mailsluice credentials …` in this process, with its streams kept.
import { PassThrough, Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CommanderError } from 'commander';
import { credentialsCommand } from '../../../src/cli/credentials/index.ts';
import type { EmbeddedAws } from '../../../src/app/local/embedded-aws.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type CredentialsCli = (
  args: readonly string[],
  options?: { readonly stdin?: string; readonly columns?: number },
) => Promise<Outcome>;

/** The command on the table of `aws`, or on the one that `--table` names. */
export function credentialsCli(
  aws: Pick<EmbeddedAws, 'region' | 'dynamoDbEndpoint' | 'credentials' | 'resources'>,
): CredentialsCli {
  return async (args, { stdin = '', columns } = {}) => {
    const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
    const stderr = new PassThrough();
    const command = credentialsCommand({
      stdin: Readable.from(stdin === '' ? [] : [stdin]),
      stdout,
      stderr,
      openTable: async ({ table }) => ({
        client: new DynamoDBClient({
          region: aws.region,
          endpoint: aws.dynamoDbEndpoint,
          credentials: aws.credentials,
          maxAttempts: 1,
        }),
        table: table ?? aws.resources.table,
      }),
    });
    let exitCode = 0;
    try {
      await command.parseAsync([...args], { from: 'user' });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      ({ exitCode } = error);
    }
    const text = (stream: PassThrough): string => String(stream.read() ?? '');
    return { exitCode, stdout: text(stdout), stderr: text(stderr) };
  };
}
