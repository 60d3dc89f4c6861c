// The path grammar of RFC 5321 section 4.1.2 a second time, as regular expressions put together rule by
// rule, under the names that the RFC gives them.
const letDig = '[A-Za-z0-9]';
const nonAscii = '[\\u00a0-\\uffff]';
const atext = `(?:[A-Za-z0-9!#$%&'*+\\-/=?^_\`{|}~]|${nonAscii})`;
const dotString = `${atext}+(?:\\.${atext}+)*`;
const qtext = `(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|${nonAscii})`;
const quotedString = `"(?:${qtext}|\\\\[\\x20-\\x7e])*"`;
const localPart = `(?:${dotString}|${quotedString})`;
const label = `(?:${letDig}|${nonAscii})(?:(?:[A-Za-z0-9-]|${nonAscii}){0,61}(?:${letDig}|${nonAscii}))?`;
const domain = `${label}(?:\\.${label})*`;

const snum = '(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])';
const ipv4 = `${snum}(?:\\.${snum}){3}`;
const hex = '[0-9A-Fa-f]{1,4}';
/** `n` groups with colons between them. */
const groups = (n: number): string => (n === 0 ? '' : `${hex}(?::${hex}){${n - 1}}`);
const ipv6Alternatives: string[] = [groups(8), `${groups(6)}:${ipv4}`];
for (let before = 0; before <= 6; before++) {
  for (let after = 0; before + after <= 6; after++) {
    ipv6Alternatives.push(`${groups(before)}::${groups(after)}`);
    if (before + after <= 4) {
      ipv6Alternatives.push(`${groups(before)}::${after === 0 ? '' : `${groups(after)}:`}${ipv4}`);
    }
  }
}
const ipv6 = `[Ii][Pp][Vv]6:(?:${ipv6Alternatives.join('|')})`;
const general = `(?![Ii][Pp][Vv]6:)[A-Za-z0-9-]*${letDig}:[\\x21-\\x5a\\x5e-\\x7e]+`;
const addressLiteral = `\\[(?:${ipv4}|${ipv6}|${general})\\]`;
const anyDomain = `(?:${domain}|${addressLiteral})`;
const sourceRoute = `(?:@${anyDomain}(?:,@${anyDomain})*:)?`;

const path = new RegExp(
  `^<(?:${sourceRoute}(?<local>${localPart})@(?<domain>${anyDomain})|(?<bare>[Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr]))?>$`,
);
const octets = (text: string): number => Buffer.byteLength(text);

/** What `text` is as a path: `null` for `<>`, nothing if it is none. */
export function pathByReference(
  text: string,
): { localPart: string; domain: string } | null | undefined {
  if (text === '<>') return null;
  const match = path.exec(text);
  if (match === null || octets(text) > 256) return undefined;
  const { bare, local, domain: named } = match.groups ?? {};
  if (bare !== undefined) return { localPart: bare, domain: '' };
  if (local === undefined || named === undefined) return undefined;
  if (octets(local) > 64 || octets(named) > 255) return undefined;
  return { localPart: unquote(local), domain: named };
}

function unquote(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : local;
}
