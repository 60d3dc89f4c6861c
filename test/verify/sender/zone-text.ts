import type { DnsAnswer } from '../../../src/verify/dns/resolver.ts';
import { ZoneLookups } from '../../support/zone-lookups.ts';

const FAILED: DnsAnswer = { kind: 'failed', reason: 'servfail' };

/** Look-ups in a zone of lines of `name TYPE data`; data `FAIL` is a DNS failure. */
export function zoneLookups(text: string): ZoneLookups {
  const zone: Record<string, string[] | DnsAnswer> = {};
  for (const line of text.split('\n')) {
    const [, name = '', type = '', data = ''] = /^\s*(\S+) (\S+) ?(.*?)\s*$/.exec(line) ?? [];
    if (name === '') continue;
    const key = `${name} ${type}`;
    const before = zone[key];
    zone[key] = data === 'FAIL' ? FAILED : Array.isArray(before) ? [...before, data] : [data];
  }
  return new ZoneLookups(zone);
}
