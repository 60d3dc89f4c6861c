// What a response says: the records that were asked for, behind a chain of aliases if there is one, or that there are
// none (RFC 1034 section 3.6.2, RFC 2308, RFC 6604).
import { type Question, type Response, responseCodes, typeCodes } from './message.ts';
import { isNameAt, nameKey, readName } from './name.ts';
import { recordText, soaMinimum } from './record-data.ts';
import type { DnsAnswer, FailureReason, RecordType } from './resolver.ts';

/** An answer, and how long it is one; 0: only for who asked. */
export interface Finding {
  readonly answer: DnsAnswer;
  readonly ttlSeconds: number;
}

/** As BIND and Unbound allow, about. */
const ALIASES = 16;
/** Senders have a few; what has more is made to keep readers busy. */
const RECORDS = 1000;

/** A `failed` finding where the response answers nothing. */
export function readAnswer(response: Response, question: Question, type: RecordType): Finding {
  const { code, answers } = response;
  if (answers.length > RECORDS + ALIASES) return failed('garbage');
  const existing = code === responseCodes.NOERROR || code === responseCodes.NXDOMAIN;
  // An alias of a whole zone (DNAME) made the name too long to be one (RFC 6672 section 2.2).
  if (code === responseCodes.YXDOMAIN) return { answer: { kind: 'no-name' }, ttlSeconds: 0 };
  if (!existing) return failed(reasonOf(code));
  const end = followAliases(response, question);
  if (end === undefined) return failed('garbage');
  const found = answers.filter(
    (each) => each.type === question.type && isNameAt(response.message, each.nameAt, end.name),
  );
  if (found.length === 0) return absent(response, end.ttlSeconds);
  if (code === responseCodes.NXDOMAIN || found.length > RECORDS) return failed('garbage');
  const records: string[] = [];
  let ttlSeconds = end.ttlSeconds;
  for (const record of found) {
    const text = recordText(type, response.message, record);
    if (text === undefined) return failed('garbage');
    records.push(text);
    ttlSeconds = Math.min(ttlSeconds, record.ttlSeconds);
  }
  return { answer: { kind: 'records', records: Object.freeze(records) }, ttlSeconds };
}

function failed(reason: FailureReason): Finding {
  return { answer: { kind: 'failed', reason }, ttlSeconds: 0 };
}

function reasonOf(code: number): FailureReason {
  if (code === responseCodes.SERVFAIL) return 'servfail';
  return code === responseCodes.REFUSED ? 'refused' : 'garbage';
}

/** The name at the end of the chain of aliases, and how long the chain is known. `undefined`: it has no end. */
function followAliases(
  { message, answers }: Response,
  question: Question,
): { readonly name: string; readonly ttlSeconds: number } | undefined {
  let { name } = question;
  let ttlSeconds = Number.MAX_SAFE_INTEGER;
  const aliases = answers.filter(({ type }) => type === typeCodes.CNAME);
  if (question.type === typeCodes.CNAME) return { name, ttlSeconds };
  for (let followed = 0; followed <= ALIASES; followed += 1) {
    const current = name;
    const alias = aliases.find((each) => isNameAt(message, each.nameAt, current));
    if (alias === undefined) return { name, ttlSeconds };
    const target = readName(message, alias.dataAt);
    if (target === undefined) return undefined;
    name = nameKey(target);
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
  }
  return undefined;
}

function absent(response: Response, chainSeconds: number): Finding {
  const soa = response.authorities.find(({ type }) => type === typeCodes.SOA);
  if (soa === undefined && isReferral(response)) return failed('refused');
  // RFC 2308 section 5: without the SOA record nobody may remember it.
  const minimum = soa === undefined ? 0 : soaMinimum(response.message, soa);
  const ttlSeconds = Math.min(chainSeconds, soa?.ttlSeconds ?? 0, minimum);
  const kind = response.code === responseCodes.NXDOMAIN ? 'no-name' : 'no-data';
  return { answer: { kind }, ttlSeconds };
}

/** The server names others to ask and does not ask them itself: it knows nothing of the name (RFC 1034 section 4.3.1). */
function isReferral({ isFinal, code, authorities }: Response): boolean {
  const namesOthers = authorities.some(({ type }) => type === typeCodes.NS);
  return !isFinal && code === responseCodes.NOERROR && namesOthers;
}
