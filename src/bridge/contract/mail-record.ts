// Everything known about a stored mail that is not in the octets of its object, as S3 user metadata or as a sidecar
// object. With it, a notification can be rebuilt exactly from the bucket alone.
import type { MessageFacts, Recipient } from '../../smtp/index.ts';
import type { Judgement } from '../../verify/judgement.ts';
import type {
  MailsluiceMember,
  NotifiedEnvelope,
  NotifiedRecipient,
} from './notification-types.ts';
import { missingInRecord } from './record-shape.ts';
import type { Verification } from './verification.ts';

/** The record of one object. */
export interface MailRecord {
  readonly receivedAt: string;
  readonly processingTimeMillis: number;
  readonly topicArn: string;
  readonly verdicts: Verdicts;
  readonly member: MailsluiceMember;
}

/** The content of the metadata `facts`. The other fields have their own names. */
type RecordFacts = Pick<
  MailsluiceMember,
  | 'client'
  | 'tls'
  | 'authenticated'
  | 'sessionId'
  | 'size'
  | 'storedSha256'
  | 'storedSize'
  | 'normalizedNewlines'
  | 'renamedFields'
  | 'traceHeaderSize'
  | JudgedName
> &
  Pick<MailRecord, 'processingTimeMillis' | 'topicArn' | 'verdicts'>;

/** The members that a judgement gives. */
const JUDGED_NAMES = ['sender', 'scan', 'lists', 'quarantine'] as const;
type JudgedName = (typeof JUDGED_NAMES)[number];
type JudgedMembers = Pick<MailsluiceMember, JudgedName>;

export type Verdicts = Pick<
  Verification,
  'spam' | 'virus' | 'spf' | 'dkim' | 'dmarc' | 'dmarcPolicy'
>;

/** The content type of a mail's object. */
export const MESSAGE_TYPE = 'message/rfc822';
/** S3 allows 2 KB for all names and values, and may count more than these. */
const METADATA_OCTETS = 1800;

/** A recipient of one object. */
export interface RecordedRecipient extends Recipient {
  /** An earlier one is the same mailbox, in this or another spelling. */
  readonly isRepeated?: true;
}

/** What is stored behind the trace header block, where that is not the message as received. */
export interface StoredContent {
  readonly sizeInOctets: number;
  readonly sha256: string;
  readonly renamedFields: number;
}

export interface RecordInput {
  readonly facts: MessageFacts;
  readonly recipients: readonly RecordedRecipient[];
  readonly processingTimeMillis: number;
  readonly topicArn: string;
  readonly verification: Verification;
  /** Of the judge, where there is one; its verdicts are those of `verification`. */
  readonly judgement?: Judgement;
  readonly sha256: string;
  readonly sizeInOctets: number;
  /** Present where line ends were normalized or fields renamed. */
  readonly stored?: StoredContent;
  readonly traceHeaderOctets: number;
}

export function makeRecord(input: RecordInput): MailRecord {
  const { session, envelope, receivedAt } = input.facts;
  const { spam, virus, spf, dkim, dmarc, dmarcPolicy } = input.verification;
  const { tls, identity } = session;
  return {
    receivedAt: receivedAt.toISOString(),
    // Powertools for AWS Lambda requires a positive whole number.
    processingTimeMillis: Math.max(1, Math.round(input.processingTimeMillis)),
    topicArn: input.topicArn,
    verdicts: {
      spam,
      virus,
      spf,
      dkim,
      dmarc,
      // Subscribers of SES take for granted that there is a policy beside FAIL.
      ...(dmarc === 'FAIL' && { dmarcPolicy: dmarcPolicy ?? 'none' }),
    },
    member: {
      schemaVersion: 1,
      envelope: {
        reversePath: envelope.reversePath?.address ?? null,
        parameters: { ...envelope.parameters },
        ...(envelope.undeclaredUtf8 && { undeclaredUtf8: true }),
        recipients: input.recipients.map(notifiedRecipient),
      },
      client: {
        address: session.clientAddress,
        port: session.clientPort,
        helo: session.clientDomain,
        protocol: session.protocol,
      },
      tls: tls && {
        version: tls.version,
        cipher: tls.cipher,
        ...(tls.serverName !== undefined && { serverName: tls.serverName }),
        ...(tls.clientCertificate && { clientCertificate: tls.clientCertificate }),
      },
      authenticated: identity && { username: identity.username, mechanism: identity.mechanism },
      listener: session.listener,
      sessionId: session.sessionId,
      sha256: input.sha256,
      size: input.sizeInOctets,
      ...(input.stored && {
        storedSha256: input.stored.sha256,
        storedSize: input.stored.sizeInOctets,
        ...differencesOf(input.stored, input.sizeInOctets),
      }),
      traceHeaderSize: input.traceHeaderOctets,
      ...judgedMembers(input.judgement ?? {}),
    },
  };
}

/** Of the lists, only what has the sender or could not be asked: most say nothing of most senders. */
function judgedMembers({ lists, ...judged }: Partial<Judgement>): JudgedMembers {
  const found = lists?.filter(({ result }) => result !== 'not-listed');
  return pickJudged({ ...judged, ...(found && { lists: found }) });
}

/** In the order of the notification, which must be the same octet by octet. */
function pickJudged(from: JudgedMembers): JudgedMembers {
  const members: Record<string, unknown> = {};
  for (const name of JUDGED_NAMES) if (from[name] !== undefined) members[name] = from[name];
  return members;
}

function differencesOf(
  { sizeInOctets, renamedFields }: StoredContent,
  receivedOctets: number,
): Pick<MailsluiceMember, 'normalizedNewlines' | 'renamedFields'> {
  // Each bare CR and each bare LF is stored as CRLF, one octet more; a renamed field keeps its length.
  const normalizedNewlines = sizeInOctets - receivedOctets;
  return {
    ...(normalizedNewlines > 0 && { normalizedNewlines }),
    ...(renamedFields > 0 && { renamedFields }),
  };
}

function notifiedRecipient(recipient: RecordedRecipient): NotifiedRecipient {
  const { forwardPath, parameters, isRepeated } = recipient;
  return {
    forwardPath: forwardPath.address,
    ...(Object.keys(parameters).length > 0 && { parameters: { ...parameters } }),
    ...(isRepeated && { repeated: true }),
  };
}

/** The metadata of an object, and the content of the sidecar where the metadata cannot hold everything. */
export interface EncodedRecord {
  readonly metadata: Readonly<Record<string, string>>;
  readonly sidecar?: string;
}

export function encodeRecord(record: MailRecord): EncodedRecord {
  const { member, processingTimeMillis, topicArn, verdicts } = record;
  const { client, tls, authenticated, sessionId, size, traceHeaderSize } = member;
  const { storedSha256, storedSize, normalizedNewlines, renamedFields } = member;
  const head = { ...headOf(record.receivedAt, member.listener), sha256: member.sha256 };
  const metadata = {
    ...head,
    envelope: headerJson(member.envelope),
    facts: headerJson({
      client,
      tls,
      authenticated,
      sessionId,
      size,
      ...(storedSize !== undefined && {
        storedSha256,
        storedSize,
        normalizedNewlines,
        renamedFields,
      }),
      traceHeaderSize,
      processingTimeMillis,
      topicArn,
      verdicts,
      ...pickJudged(member),
    } satisfies RecordFacts),
  };
  if (metadataOctets(metadata) <= METADATA_OCTETS) return { metadata };
  return { metadata: { ...head, sidecar: '1' }, sidecar: encodeSidecar(record) };
}

/** The metadata of an object whose record is not known yet: the sidecar will have all of it. */
export function sidecarMetadata(facts: MessageFacts): Readonly<Record<string, string>> {
  return { ...headOf(facts.receivedAt.toISOString(), facts.session.listener), sidecar: '1' };
}

export function encodeSidecar(record: MailRecord): string {
  return JSON.stringify(record);
}

function headOf(receivedAt: string, listener: string): Record<string, string> {
  return {
    schema: '1',
    received: receivedAt,
    listener: encodeURIComponent(listener.toWellFormed()),
  };
}

/**
 * A record cannot be read. `reason`: `foreign`, the object has no record, so Mailsluice did not write it; `later-version`,
 * a later schema wrote it; `damaged`, it is not whole.
 */
export class MailRecordError extends Error {
  override readonly name = 'MailRecordError';
  readonly code = 'MAILSLUICE_MAIL_RECORD_INVALID';
  readonly reason: 'foreign' | 'later-version' | 'damaged';

  constructor(reason: MailRecordError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The record from an object's metadata. Calls `readSidecar` only where there is a sidecar. */
export async function decodeRecord(
  metadata: Readonly<Record<string, string>>,
  readSidecar: () => Promise<string>,
): Promise<MailRecord> {
  if (metadata['schema'] !== '1') {
    const schema = metadata['schema'];
    throw new MailRecordError(
      reasonOf(schema),
      schema === undefined
        ? 'metadata "schema": expected "1", got none'
        : `metadata "schema": expected "1", got ${JSON.stringify(schema)}`,
    );
  }
  if (metadata['sidecar'] !== undefined) {
    return requireWhole(parseAs<MailRecord>(await readSidecar(), 'sidecar'), 'sidecar');
  }
  const envelope = parseAs<NotifiedEnvelope>(metadata['envelope'], 'envelope');
  const { processingTimeMillis, topicArn, verdicts, ...facts } = parseAs<RecordFacts>(
    metadata['facts'],
    'facts',
  );
  const record: MailRecord = {
    receivedAt: metadata['received'] ?? '',
    processingTimeMillis,
    topicArn,
    verdicts,
    // In the order of the notification, which must be the same octet by octet.
    member: {
      schemaVersion: 1,
      envelope,
      client: facts.client,
      tls: facts.tls,
      authenticated: facts.authenticated,
      listener: decodeListener(metadata['listener'] ?? ''),
      sessionId: facts.sessionId,
      sha256: metadata['sha256'] ?? '',
      size: facts.size,
      ...(facts.storedSize !== undefined && {
        storedSha256: facts.storedSha256,
        storedSize: facts.storedSize,
        ...(facts.normalizedNewlines !== undefined && {
          normalizedNewlines: facts.normalizedNewlines,
        }),
        ...(facts.renamedFields !== undefined && { renamedFields: facts.renamedFields }),
      }),
      traceHeaderSize: facts.traceHeaderSize,
      ...pickJudged(facts),
    },
  };
  return requireWhole(record, 'metadata');
}

/** `schema` is a whole number from 1 on in every release. */
function reasonOf(schema: string | undefined): MailRecordError['reason'] {
  if (schema === undefined) return 'foreign';
  return /^[1-9]\d*$/.test(schema) ? 'later-version' : 'damaged';
}

function decodeListener(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new MailRecordError('damaged', 'metadata "listener": expected percent-encoded text');
  }
}

function requireWhole(record: MailRecord, source: string): MailRecord {
  const missing = missingInRecord(record);
  if (missing === undefined) return record;
  throw new MailRecordError('damaged', `${source}: expected ${missing}`);
}

function parseAs<T extends object>(json: string | undefined, name: string): T {
  try {
    const value: unknown = JSON.parse(json ?? '');
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // Thrown below, whatever is wrong with it.
  }
  throw new MailRecordError('damaged', `metadata "${name}": expected a JSON object`);
}

/** JSON in the characters of an HTTP header. Runs of blanks are escaped, since signing would fold them. */
function headerJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]|(?<= ) /g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function metadataOctets(metadata: Readonly<Record<string, string>>): number {
  let octets = 0;
  for (const [name, value] of Object.entries(metadata)) octets += name.length + value.length;
  return octets;
}
