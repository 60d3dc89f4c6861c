// Look-ups as node:dns gives them, to compare the DNS client with it, and for the one big call of the package mailauth.
import { type NodeRecords, nodeRecords } from '../../src/verify/dns/node-records.ts';
import type { FailureReason, MailLookups, RecordType } from '../../src/verify/dns/resolver.ts';

/**
 * Rejects with an Error whose `code` is ENOTFOUND or ENODATA where there is nothing, and ETIMEOUT, ESERVFAIL, EREFUSED,
 * EBADRESP, ECONNREFUSED or ECANCELLED (a bound is reached) where that is not known.
 */
export type NodeResolver = (name: string, type: RecordType) => Promise<NodeRecords>;

const codes: Readonly<Record<FailureReason, string>> = {
  timeout: 'ETIMEOUT',
  servfail: 'ESERVFAIL',
  refused: 'EREFUSED',
  garbage: 'EBADRESP',
  unreachable: 'ECONNREFUSED',
  bound: 'ECANCELLED',
};

/**
 * The look-ups of one mail for mailauth. Each result is a new array: mailauth sorts them in place. `most`: for SPF, the
 * look-ups that a sender's record may cause with those of the hosts behind `mx` and `ptr`; the next one makes the result a
 * permerror (RFC 7208 section 4.6.4). Default: only the bound of the mail holds.
 */
export function nodeResolver(lookups: MailLookups, most = Number.POSITIVE_INFINITY): NodeResolver {
  let count = 0;
  return async (name, type) => {
    count += 1;
    if (count > most) {
      const spfResult = { error: 'permerror', text: 'Too many DNS requests' };
      throw lookupError('ECANCELLED', name, type, { spfResult });
    }
    const answer = await lookups.lookUp(name.replace(/\.$/, ''), type);
    switch (answer.kind) {
      case 'records':
        return nodeRecords(type, answer.records);
      case 'no-name':
        throw lookupError('ENOTFOUND', name, type);
      case 'no-data':
        throw lookupError('ENODATA', name, type);
      case 'failed':
        throw lookupError(codes[answer.reason], name, type);
    }
  };
}

/** With the fields of node:dns. */
function lookupError(code: string, hostname: string, type: RecordType, more: object = {}): Error {
  const syscall = `query${type.charAt(0)}${type.slice(1).toLowerCase()}`;
  return Object.assign(new Error(`${syscall} ${code} ${hostname}`), {
    code,
    syscall,
    hostname,
    ...more,
  });
}
