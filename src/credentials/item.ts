// One credential as a DynamoDB item, both ways. Times are epoch seconds, as DynamoDB's TTL wants them.
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Credential, StoredSecret } from './credential.ts';
import { MAX_SECRETS } from './credential.ts';
import { KEY_ATTRIBUTE, TTL_ATTRIBUTE } from '../counters/table-attributes.ts';
import type { Grants, Rate } from '../policy/grants.ts';
import { parseVerifier, renderVerifier } from './verifier.ts';

export type Item = Record<string, AttributeValue>;

/** What the keys of credentials begin with. */
export const CREDENTIAL_KEY_PREFIX = 'CRED#';

/** An expired credential stays to be seen and revived this long before DynamoDB deletes it. */
const EXPIRED_KEPT_SECONDS = 30 * 24 * 3600;

export function credentialKey(username: string): Item {
  return { [KEY_ATTRIBUTE]: { S: `${CREDENTIAL_KEY_PREFIX}${username}` } };
}

/** An item that is not a credential of ours: its row is not used, and the operator hears which attribute. */
export class UnreadableCredentialError extends Error {
  override readonly name = 'UnreadableCredentialError';
  readonly code = 'MAILSLUICE_CREDENTIAL_UNREADABLE';
  readonly username: string;
  readonly attribute: string;

  constructor(username: string, attribute: string) {
    super(`credential "${username}": attribute "${attribute}" is missing or not what it should be`);
    this.username = username;
    this.attribute = attribute;
  }
}

export function writeItem(credential: Credential): Item {
  const { grants, scram, tokenIssuers, tokenName, expiresAt, note, lastUsedAt, rate } = {
    ...credential,
    rate: credential.grants.rate,
  };
  return {
    ...credentialKey(credential.username),
    username: { S: credential.username },
    version: number(credential.version),
    enabled: { BOOL: credential.enabled },
    secrets: { L: credential.secrets.map((secret) => ({ M: writeSecret(secret) })) },
    createdAt: time(credential.createdAt),
    ...(tokenIssuers && { tokenIssuers: strings(tokenIssuers) }),
    ...(tokenName !== undefined && { tokenName: { S: tokenName } }),
    ...(scram && { scramSalt: { B: scram.salt }, scramIterations: number(scram.iterations) }),
    ...(expiresAt && {
      expiresAt: time(expiresAt),
      [TTL_ATTRIBUTE]: number(seconds(expiresAt) + EXPIRED_KEPT_SECONDS),
    }),
    ...(note !== undefined && { note: { S: note } }),
    ...(lastUsedAt && { lastUsedAt: time(lastUsedAt) }),
    ...(grants.allowedSenders && { allowedSenders: strings(grants.allowedSenders) }),
    ...(grants.allowedRecipients && { allowedRecipients: strings(grants.allowedRecipients) }),
    ...(grants.allowedCidrs && { allowedCidrs: strings(grants.allowedCidrs) }),
    ...(grants.maxMessageSize !== undefined && { maxMessageSize: number(grants.maxMessageSize) }),
    ...(rate && { rate: { M: writeRate(rate) } }),
    ...(grants.prefix !== undefined && { prefix: { S: grants.prefix } }),
    ...(grants.topicArn !== undefined && { topicArn: { S: grants.topicArn } }),
  };
}

/** Throws `UnreadableCredentialError`. */
export function readItem(item: Item): Credential {
  try {
    return readCredential(item);
  } catch (error) {
    if (!(error instanceof BadAttribute)) throw error;
    const username = (item[KEY_ATTRIBUTE]?.S ?? '').slice(CREDENTIAL_KEY_PREFIX.length);
    throw new UnreadableCredentialError(username, error.attribute);
  }
}

/** Which attribute; the reader of the whole item adds whose. */
class BadAttribute extends Error {
  readonly attribute: string;

  constructor(attribute: string) {
    super(attribute);
    this.attribute = attribute;
  }
}

function readCredential(item: Item): Credential {
  const salt = item['scramSalt']?.B;
  const expiresAt = readTime(item, 'expiresAt');
  const lastUsedAt = readTime(item, 'lastUsedAt');
  const note = readString(item, 'note');
  const tokenIssuers = readStrings(item, 'tokenIssuers');
  const tokenName = readString(item, 'tokenName');
  return {
    username: required(readString(item, 'username'), 'username'),
    version: required(readNumber(item, 'version'), 'version'),
    enabled: required(item['enabled']?.BOOL, 'enabled'),
    secrets: readSecrets(item),
    grants: readGrants(item),
    createdAt: required(readTime(item, 'createdAt'), 'createdAt'),
    ...(salt && {
      scram: {
        salt: Buffer.from(salt),
        iterations: required(readNumber(item, 'scramIterations'), 'scramIterations'),
      },
    }),
    ...(tokenIssuers && { tokenIssuers }),
    ...(tokenName !== undefined && { tokenName }),
    ...(expiresAt && { expiresAt }),
    ...(lastUsedAt && { lastUsedAt }),
    ...(note !== undefined && { note }),
  };
}

function writeSecret(secret: StoredSecret): Item {
  return {
    kind: { S: secret.kind },
    verifier: { S: renderVerifier(secret.verifier) },
    createdAt: time(secret.createdAt),
    ...(secret.scram && {
      storedKey: { B: secret.scram.storedKey },
      serverKey: { B: secret.scram.serverKey },
    }),
    ...(secret.expiresAt && { expiresAt: time(secret.expiresAt) }),
  };
}

function readSecrets(item: Item): StoredSecret[] {
  const list = required(item['secrets']?.L, 'secrets');
  // A bound on what one attempt can cost.
  if (list.length > MAX_SECRETS) throw new BadAttribute('secrets');
  return list.map(({ M }) => readSecret(required(M, 'secrets')));
}

function readSecret(map: Item): StoredSecret {
  const kind = readString(map, 'kind');
  if (kind !== 'generated' && kind !== 'password' && kind !== 'imported') {
    throw new BadAttribute('secrets.kind');
  }
  const verifier = parseVerifier(required(readString(map, 'verifier'), 'secrets.verifier'));
  if (typeof verifier === 'string') throw new BadAttribute('secrets.verifier');
  const [storedKey, serverKey] = [map['storedKey']?.B, map['serverKey']?.B];
  const expiresAt = readTime(map, 'expiresAt');
  return {
    kind,
    verifier,
    createdAt: required(readTime(map, 'createdAt'), 'secrets.createdAt'),
    ...(storedKey?.length === 32 &&
      serverKey?.length === 32 && {
        scram: { storedKey: Buffer.from(storedKey), serverKey: Buffer.from(serverKey) },
      }),
    ...(expiresAt && { expiresAt }),
  };
}

function readGrants(item: Item): Grants {
  const allowedSenders = readStrings(item, 'allowedSenders');
  const allowedRecipients = readStrings(item, 'allowedRecipients');
  const allowedCidrs = readStrings(item, 'allowedCidrs');
  const maxMessageSize = readNumber(item, 'maxMessageSize');
  const rate = item['rate'];
  const prefix = readString(item, 'prefix');
  const topicArn = readString(item, 'topicArn');
  return {
    ...(allowedSenders && { allowedSenders }),
    ...(allowedRecipients && { allowedRecipients }),
    ...(allowedCidrs && { allowedCidrs }),
    ...(maxMessageSize !== undefined && { maxMessageSize }),
    ...(rate && { rate: readRate(required(rate.M, 'rate')) }),
    ...(prefix !== undefined && { prefix }),
    ...(topicArn !== undefined && { topicArn }),
  };
}

function writeRate({ messages, octets, periodSeconds }: Rate): Item {
  return {
    periodSeconds: number(periodSeconds),
    ...(messages !== undefined && { messages: number(messages) }),
    ...(octets !== undefined && { octets: number(octets) }),
  };
}

function readRate(map: Item): Rate {
  const [messages, octets] = [readNumber(map, 'messages'), readNumber(map, 'octets')];
  const periodSeconds = required(readNumber(map, 'periodSeconds'), 'rate.periodSeconds');
  if (periodSeconds <= 0) throw new BadAttribute('rate.periodSeconds');
  return {
    periodSeconds,
    ...(messages !== undefined && { messages }),
    ...(octets !== undefined && { octets }),
  };
}

function number(value: number): AttributeValue {
  return { N: String(value) };
}

function seconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}

function time(moment: Date): AttributeValue {
  return number(seconds(moment));
}

function strings(values: readonly string[]): AttributeValue {
  return { L: values.map((value) => ({ S: value })) };
}

function readString(item: Item, attribute: string): string | undefined {
  const value = item[attribute];
  if (value !== undefined && value.S === undefined) throw new BadAttribute(attribute);
  return value?.S;
}

function readNumber(item: Item, attribute: string): number | undefined {
  const value = item[attribute];
  if (value === undefined) return undefined;
  const read = Number(value.N ?? Number.NaN);
  if (!Number.isFinite(read) || read < 0) throw new BadAttribute(attribute);
  return read;
}

function readTime(item: Item, attribute: string): Date | undefined {
  const read = readNumber(item, attribute);
  return read === undefined ? undefined : new Date(read * 1000);
}

/** A list or a set: both are what a person might make by hand. */
function readStrings(item: Item, attribute: string): string[] | undefined {
  const value = item[attribute];
  if (value === undefined) return undefined;
  return value.SS ?? required(value.L, attribute).map(({ S }) => required(S, attribute));
}

function required<T>(value: T | undefined, attribute: string): T {
  if (value === undefined) throw new BadAttribute(attribute);
  return value;
}
