import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** What the commands need of the program around them. */
export interface CredentialsCliContext {
  /** The table that `--table` names, or the one of the configuration; the client is destroyed by the command. */
  openTable(options: {
    readonly config?: string;
    readonly table?: string;
  }): Promise<{ readonly client: DynamoDBClient; readonly table: string }>;
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number };
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadableStream & {
    readonly isTTY?: boolean;
    setRawMode?(raw: boolean): unknown;
  };
}
