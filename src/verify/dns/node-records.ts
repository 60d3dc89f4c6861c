// Records as node:dns gives them, which is how the package mailauth wants them.
import type { MxRecord } from 'node:dns';
import type { RecordType } from './resolver.ts';

/** TXT: each record as an array with one string. MX: objects. The others: strings. */
export type NodeRecords = string[] | string[][] | MxRecord[];

/** A new array: mailauth sorts it in place. */
export function nodeRecords(type: RecordType, records: readonly string[]): NodeRecords {
  if (type === 'TXT') return records.map((text) => [text]);
  if (type !== 'MX') return [...records];
  return records.map((text) => {
    const space = text.indexOf(' ');
    const exchange = text.slice(space + 1);
    // The root is the exchange of a domain that takes no mail (RFC 7505).
    return { priority: Number(text.slice(0, space)), exchange: exchange === '.' ? '' : exchange };
  });
}
