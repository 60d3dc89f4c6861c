// The clauses of Authentication-Results (RFC 8601 section 2.2) for one mail, with the properties registered for each method
// (sections 2.7 and 6; RFC 6008 for header.b, RFC 8617 section 5.2 for smtp.remote-ip, RFC 9989 section 9.1 for policy.dmarc).
import type { CheckResult } from '../../judgement.ts';
import { propertyValue, reasonValue } from './escaping.ts';

export interface ClauseSource {
  /** Absent: not checked. */
  readonly spf?: {
    readonly result: CheckResult;
    readonly identity: 'mailfrom' | 'helo';
    readonly domain: string;
    readonly problem?: string;
  };
  readonly dkim?: readonly DkimClause[];
  /** Signatures that were too many to be judged. */
  readonly unjudged?: number;
  readonly dmarc?: {
    readonly result: CheckResult;
    readonly domain?: string;
    readonly policy?: string;
    readonly reason?: string;
  };
  readonly arc?: { readonly result: CheckResult; readonly reason?: string };
  /** Of the client. */
  readonly address: string;
}

export interface DkimClause {
  readonly result: CheckResult;
  readonly domain: string;
  readonly selector: string;
  readonly algorithm?: string;
  readonly signature?: string;
  readonly partial?: true;
  readonly reason?: string;
}

const REASON_LENGTH = 200;
const CLAUSE_OCTETS = 900;

/** One clause for each result, none longer than 900 octets: a property that has no room is left out. */
export function renderClauses(source: ClauseSource): string[] {
  const { spf, dkim, unjudged = 0, dmarc, arc, address } = source;
  const clauses: string[] = [];
  if (spf !== undefined) {
    clauses.push(clause('spf', spf.result, spf.problem, [[`smtp.${spf.identity}`, spf.domain]]));
  }
  if (dkim?.length === 0) clauses.push(clause('dkim', 'none', undefined, []));
  for (const each of dkim ?? []) clauses.push(dkimClause(each));
  if (unjudged > 0) {
    clauses.push(clause('dkim', 'policy', `${unjudged} more signatures were not checked`, []));
  }
  if (dmarc !== undefined) {
    const properties: Properties = [
      ['header.from', dmarc.domain],
      ['policy.dmarc', dmarc.policy],
    ];
    clauses.push(clause('dmarc', dmarc.result, dmarc.reason, properties));
  }
  if (arc !== undefined) {
    const properties: Properties = arc.result === 'none' ? [] : [['smtp.remote-ip', address]];
    clauses.push(clause('arc', arc.result, arc.reason, properties));
  }
  return clauses;
}

function dkimClause({
  result,
  domain,
  selector,
  algorithm,
  signature,
  ...each
}: DkimClause): string {
  const isPartial = result === 'pass' && each.partial === true;
  // RFC 8601 section 2.7.1: what verifies and is not acceptable here is `policy`.
  const shown = isPartial ? 'policy' : result;
  const reason = isPartial ? 'the signature leaves a part of the body unsigned' : each.reason;
  return clause('dkim', shown, reason, [
    ['header.d', domain],
    ['header.s', selector],
    ['header.a', algorithm],
    ['header.b', signature],
  ]);
}

type Properties = readonly (readonly [name: string, value: string | undefined])[];

/** A property without a value is left out. */
function clause(
  method: string,
  result: CheckResult,
  reason: string | undefined,
  properties: Properties,
): string {
  let text = `${method}=${result}`;
  const add = (part: string): void => {
    // What is longer is cut where it is stored, and a cut may be within quotes.
    if (Buffer.byteLength(text) + Buffer.byteLength(part) < CLAUSE_OCTETS) text += part;
  };
  if (reason !== undefined && reason !== '') add(` reason=${reasonValue(reason, REASON_LENGTH)}`);
  for (const [name, value] of properties) {
    if (value !== undefined && value !== '') add(` ${name}=${propertyValue(value)}`);
  }
  return text;
}
