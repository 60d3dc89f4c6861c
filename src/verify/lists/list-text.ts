// The text that a list publishes with an entry (RFC 5782 section 2.1), for a reply and a notification.
import type { DnsAnswer } from '../dns/resolver.ts';

const TEXT_CHARACTERS = 200;

/** The first text, as printable ASCII; `undefined`: there is none, or it has the key of the list in it. */
export function listText(answer: DnsAnswer, key: string | undefined): string | undefined {
  if (answer.kind !== 'records') return undefined;
  const [first = ''] = answer.records;
  const clean = first
    .replaceAll(/[\t-\r ]+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim();
  const hasKey = key !== undefined && clean.toLowerCase().includes(key.toLowerCase());
  return clean === '' || hasKey ? undefined : clean.slice(0, TEXT_CHARACTERS).trimEnd();
}
