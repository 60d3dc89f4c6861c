// What an operator does to the table, as calls: the commands are a thin layer over these.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { hasFewIterations } from './decoys.ts';
import { type Credential, liveSecrets, type StoredSecret } from './credential.ts';
import type { Grants } from '../policy/grants.ts';
import { makeCredential, makeSecret, type SecretSource } from './make-credential.ts';
import { CredentialTable, type UnreadableRow } from './table.ts';
import { canonicalUsername } from './username.ts';

/** No credential can have this name, or one has it already, or none has. */
export class CredentialNameError extends Error {
  override readonly name = 'CredentialNameError';
  readonly code = 'MAILSLUICE_CREDENTIAL_NAME_INVALID';
}

export interface NewCredential {
  readonly username: string;
  /** Default: a generated secret. `none`: only tokens sign in. */
  readonly secret?: SecretSource | { readonly kind: 'none' };
  /** Issuers whose tokens sign this user in. Default: all that are configured with `none`, else none. */
  readonly tokenIssuers?: readonly string[];
  /** The name in the tokens, exactly. Default: the canonical user name. */
  readonly tokenName?: string;
  readonly grants?: Grants;
  readonly expiresAt?: Date;
  readonly note?: string;
}

/** A credential as it was written, with the generated secret, which is shown only now. */
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
    await this.put(credential);
    return {
      credential,
      ...(made?.generated !== undefined && { generated: made.generated }),
    };
  }

  /** Writes a credential that was made elsewhere. Throws `CredentialNameError` where the name is taken. */
  async put(credential: Credential): Promise<void> {
    await this.#table.prepareDecoys(likenessOf(credential));
    if (await this.#table.create(credential)) return;
    throw new CredentialNameError(`there is already a credential "${credential.username}"`);
  }

  /** Writes a credential over the one of that name, if there is one. */
  async replace(credential: Credential): Promise<void> {
    await this.#table.prepareDecoys(likenessOf(credential));
    const changed = await this.#table.change(credential.username, () => credential);
    if (changed === undefined) await this.put(credential);
  }

  /** Throws `CredentialNameError` where there is none. */
  async read(username: string): Promise<Credential> {
    const name = requireUsername(username);
    const credential = await this.#table.read(name);
    if (credential === undefined) throw missing(name);
    return credential;
  }

  /** Throws `CredentialNameError` where there is none. */
  async setEnabled(username: string, enabled: boolean): Promise<Credential> {
    return this.#change(username, (credential) => ({ ...credential, enabled }));
  }

  /**
   * Puts a new secret beside the current one, which works until `keepUntil` and not at all when that is past.
   * Of two secrets that were valid the older one ends at once. Throws `CredentialNameError` where there is none.
   */
  async rotate(
    username: string,
    secret: SecretSource,
    keepUntil: Date,
    now = new Date(),
  ): Promise<WrittenCredential> {
    if (secret.kind !== 'generated') {
      await this.#table.prepareDecoys({ passwords: true, fewIterations: false });
    }
    let generated: string | undefined;
    const credential = await this.#change(username, async (before) => {
      const made = await makeSecret(secret, now, before.scram);
      ({ generated } = made);
      const scram = made.scram ?? before.scram;
      const kept = liveSecrets(before, now.getTime())
        .slice(0, 1)
        .filter(() => keepUntil > now)
        .map((old) => ending(old, keepUntil))
        // Keys under another salt are of no use: SCRAM names one salt for all secrets of a credential.
        .map((old) => (scram === before.scram ? old : withoutScram(old)));
      return { ...before, secrets: [made.stored, ...kept], ...(scram && { scram }) };
    });
    return { credential, ...(generated !== undefined && { generated }) };
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

  async #change(
    username: string,
    change: (credential: Credential) => Credential | Promise<Credential>,
  ): Promise<Credential> {
    const name = requireUsername(username);
    const changed = await this.#table.change(name, change);
    if (changed === undefined) throw missing(name);
    return changed;
  }
}

/** What decoys must look like where the table holds this credential. */
function likenessOf(credential: Credential): { passwords: boolean; fewIterations: boolean } {
  const passwords = credential.secrets.some(({ kind }) => kind !== 'generated');
  return { passwords, fewIterations: hasFewIterations(credential) };
}

function ending(secret: StoredSecret, at: Date): StoredSecret {
  const expiresAt = secret.expiresAt !== undefined && secret.expiresAt < at ? secret.expiresAt : at;
  return { ...secret, expiresAt };
}

function withoutScram({ kind, verifier, createdAt, expiresAt }: StoredSecret): StoredSecret {
  return { kind, verifier, createdAt, ...(expiresAt && { expiresAt }) };
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
