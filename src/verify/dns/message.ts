// DNS messages (RFC 1035 section 4, RFC 6891), as far as a stub resolver writes and reads them. The package dns-packet
// cannot serve here: it reads and writes labels as UTF-8, so that a name with other octets becomes a different one, takes
// a dot in a label for two labels, and reads every record of a message, of which there may be thousands.
import { isNameAt, skipName } from './name.ts';
import type { RecordType } from './resolver.ts';

export const typeCodes: Readonly<Record<RecordType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
};
const OPT = 41;
const INTERNET = 1;

const HEADER_OCTETS = 12;
/** Type, class, TTL and length of a record. */
const RECORD_OCTETS = 10;
const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
/** What fits into one packet nearly everywhere, so that no fragment can be forged (DNS flag day 2020). */
const UDP_OCTETS = 1232;

/** RFC 1035 section 4.1.1, RFC 6895 section 2.3. */
export const responseCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  BADVERS: 16,
} as const;

/** A question: the name in wire format (`wireName`), and the code of the type. */
export interface Question {
  readonly name: string;
  readonly type: number;
}

export function writeQuery({ name, type }: Question, id: number, withEdns: boolean): Buffer {
  const query = Buffer.alloc(HEADER_OCTETS + name.length + 4 + (withEdns ? 11 : 0));
  query.writeUInt16BE(id, 0);
  query.writeUInt16BE(RECURSION_DESIRED, 2);
  query.writeUInt16BE(1, 4);
  query.writeUInt16BE(withEdns ? 1 : 0, 10);
  let at = HEADER_OCTETS + query.write(name, HEADER_OCTETS, 'latin1');
  query.writeUInt16BE(type, at);
  query.writeUInt16BE(INTERNET, at + 2);
  at += 4;
  if (withEdns) {
    // The root's name, OPT, and the octets that may come; extended code, version and flags are zero.
    query.writeUInt16BE(OPT, at + 1);
    query.writeUInt16BE(UDP_OCTETS, at + 3);
  }
  return query;
}

/** One record: where its name and its data are in the message. */
export interface ResourceRecord {
  readonly nameAt: number;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly dataAt: number;
  readonly dataEnd: number;
}

export interface Response {
  readonly message: Buffer;
  readonly code: number;
  /** From a server that has the zone, or that asks those that have it. From any other it says nothing. */
  readonly isFinal: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
}

export type ReadResponse =
  /** Not the answer to this question: another id, another question, or no response. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'response'; readonly response: Response };

const FOREIGN: ReadResponse = { kind: 'foreign' };
const MALFORMED: ReadResponse = { kind: 'malformed' };
const TRUNCATED_RESPONSE: ReadResponse = { kind: 'truncated' };

/** Reads what came as the answer to this question with this id. */
export function readResponse(message: Buffer, question: Question, id: number): ReadResponse {
  if (message.length < HEADER_OCTETS || message.readUInt16BE(0) !== id) return FOREIGN;
  const flags = message.readUInt16BE(2);
  if ((flags & RESPONSE) === 0 || (flags & OPCODE) !== 0) return FOREIGN;
  const code = flags & 0xf;
  const questions = message.readUInt16BE(4);
  // A server that could not read the question may leave it out; nothing else is believed without it.
  if (questions === 0 && code !== responseCodes.NOERROR && code !== responseCodes.NXDOMAIN) {
    const none = { answers: [], authorities: [] };
    return { kind: 'response', response: { message, code, isFinal: false, ...none } };
  }
  const at = HEADER_OCTETS + question.name.length;
  const isAsked =
    questions === 1 &&
    message.length >= at + 4 &&
    isNameAt(message, HEADER_OCTETS, question.name) &&
    message.readUInt16BE(at) === question.type &&
    message.readUInt16BE(at + 2) === INTERNET;
  if (!isAsked) return FOREIGN;
  if ((flags & TRUNCATED) !== 0) return TRUNCATED_RESPONSE;
  const reader = new RecordReader(message, at + 4);
  const answers = reader.read(message.readUInt16BE(6));
  const authorities = reader.read(message.readUInt16BE(8));
  const others = reader.read(message.readUInt16BE(10));
  if (answers === undefined || authorities === undefined || others === undefined) return MALFORMED;
  const isFinal = (flags & (AUTHORITATIVE | RECURSION_AVAILABLE)) !== 0;
  const wholeCode = code | (reader.extendedCode << 4);
  return {
    kind: 'response',
    response: { message, code: wholeCode, isFinal, answers, authorities },
  };
}

class RecordReader {
  readonly #message: Buffer;
  #at: number;
  extendedCode = 0;

  constructor(message: Buffer, at: number) {
    this.#message = message;
    this.#at = at;
  }

  /** The next records of class IN; `undefined` where the message ends before them. */
  read(count: number): ResourceRecord[] | undefined {
    const records: ResourceRecord[] = [];
    for (let index = 0; index < count; index += 1) {
      const nameAt = this.#at;
      const nameEnd = skipName(this.#message, nameAt);
      if (nameEnd === undefined || nameEnd + RECORD_OCTETS > this.#message.length) return undefined;
      const type = this.#message.readUInt16BE(nameEnd);
      const recordClass = this.#message.readUInt16BE(nameEnd + 2);
      const ttl = this.#message.readUInt32BE(nameEnd + 4);
      const dataAt = nameEnd + RECORD_OCTETS;
      const dataEnd = dataAt + this.#message.readUInt16BE(nameEnd + 8);
      if (dataEnd > this.#message.length) return undefined;
      this.#at = dataEnd;
      if (type === OPT) this.extendedCode = ttl >>> 24;
      // RFC 2181 section 8: with the highest bit set, the time is zero.
      const ttlSeconds = ttl > 0x7fff_ffff ? 0 : ttl;
      if (recordClass === INTERNET) records.push({ nameAt, type, ttlSeconds, dataAt, dataEnd });
    }
    return records;
  }
}
