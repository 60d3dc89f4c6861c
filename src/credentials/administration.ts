// What an operator does to the table, as calls: the commands are a thin layer over these.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Credential } from './credential.ts';
import type { Grants } from './grants.ts';
import { makeCredential, makeSecret, type SecretSource } from './make-credential.ts';
import { CredentialTable, type UnreadableRow } from './table.ts';
import { canonicalUsername } from './username.ts';

/** No credential can have this name, or one has it already, or none has. */
export class CredentialNameError extends Error {
  override readonly name = 'CredentialNameError';
}

export interface NewCredential {
  readonly username: string;
  /** Default: a generated secret. `none`: only tokens sign in. */
  readonly secret?: SecretSource | { readonly kind: 'none' };
  readonly grants?: Grants;
  readonly expiresAt?: Date;
  readonly note?: string;
}

/** A credential as it was written, with the generated secret that is told this once. */
export interface WrittenCredential {
  readonly credential: Credential;
  readonly generated?: string;
}

/** The administrator's view of a credential table. Calls throw the SDK's errors as they are. */
export class CredentialAdministration {
  readonly #table: CredentialTable;

  constructor(client: DynamoDBClient, table: string) {
    this.#table = new CredentialTable(client, table);
  }

  /** Throws `CredentialNameError` where the name is taken or impossible. */
  async add(
    { username, secret = { kind: 'generated' }, ...rest }: NewCredential,
    now = new Date(),
  ): Promise<WrittenCredential> {
    const name = requireUsername(username);
    const made = secret.kind === 'none' ? undefined : await makeSecret(secret, now);
    const credential = makeCredential(name, made, now, rest);
    if (!(await this.#table.create(credential))) {
      throw new CredentialNameError(`there is already a credential "${name}"`);
    }
    return {
      credential,
      ...(made?.generated !== undefined && { generated: made.generated }),
    };
  }

  /** Throws `CredentialNameError` where there is none. */
  async remove(username: string): Promise<string> {
    const name = requireUsername(username);
    if (!(await this.#table.remove(name))) throw missing(name);
    return name;
  }

  list(): AsyncGenerator<Credential | UnreadableRow> {
    return this.#table.list();
  }
}

function requireUsername(text: string): string {
  const name = canonicalUsername(text);
  if (name !== undefined) return name;
  throw new CredentialNameError(
    `user name ${JSON.stringify(text)}: expected 1 to 255 octets that SASLprep (RFC 4013) allows`,
  );
}

function missing(name: string): CredentialNameError {
  return new CredentialNameError(`there is no credential "${name}"`);
}
