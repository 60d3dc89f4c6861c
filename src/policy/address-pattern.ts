// Patterns of mail addresses, as the configuration's routes have them: an address, `*@domain`, `*@*.domain`,
// `local@*` or `*`; here also `<>`, the null reverse-path.
import { domainToASCII } from 'node:url';
import type { ReversePath } from '../smtp/index.ts';

/** What is wrong with a pattern, or `undefined`. */
export function checkAddressPattern(pattern: string): string | undefined {
  if (pattern === '*' || pattern === '<>') return undefined;
  const at = pattern.lastIndexOf('@');
  const [localPart, domain] = [pattern.slice(0, Math.max(0, at)), pattern.slice(at + 1)];
  const fits =
    at > 0 &&
    (localPart === '*' || !/[*\s\p{Cc}]/u.test(localPart)) &&
    (domain === '*' ? localPart !== '*' : isDomainPattern(domain));
  return fits
    ? undefined
    : `expected an address, "*@domain", "*@*.domain", "local@*" or "*", got ${JSON.stringify(pattern)}`;
}

/**
 * Whether one of the patterns has the path. Neither part minds case: a local part's could matter
 * (RFC 5321 section 2.4), and nobody who writes a rule means it to. `*` alone has the null reverse-path too.
 */
export function matchesAddress(patterns: readonly string[], path: ReversePath): boolean {
  if (path === null) return patterns.some((pattern) => pattern === '*' || pattern === '<>');
  const localPart = path.localPart.toLowerCase();
  const domain = canonicalDomain(path.domain);
  return patterns.some((pattern) => matches(pattern, localPart, domain));
}

function matches(pattern: string, localPart: string, domain: string): boolean {
  if (pattern === '*') return true;
  const at = pattern.lastIndexOf('@');
  if (at < 1) return false;
  const wantedLocalPart = pattern.slice(0, at).toLowerCase();
  const wantedDomain = pattern.slice(at + 1);
  if (wantedLocalPart !== '*' && wantedLocalPart !== localPart) return false;
  if (wantedDomain === '*') return true;
  if (wantedDomain.startsWith('*.')) {
    const parent = canonicalDomain(wantedDomain.slice(2));
    return parent !== '' && domain.endsWith(`.${parent}`);
  }
  return canonicalDomain(wantedDomain) === domain;
}

function isDomainPattern(domain: string): boolean {
  if (domain.startsWith('[') && domain.endsWith(']')) return true;
  const name = domain.startsWith('*.') ? domain.slice(2) : domain;
  return !name.includes('*') && canonicalDomain(name) !== '';
}

/** Without regard to case, a final dot, or whether a name is written in U-labels or A-labels. */
function canonicalDomain(domain: string): string {
  if (domain.startsWith('[')) return domain.toLowerCase();
  return domainToASCII(domain.endsWith('.') ? domain.slice(0, -1) : domain);
}
