// Which fields of a received message claim to be those that this server puts in front of it, and the names that they are
// stored under instead. RFC 8601 section 5: a border server removes, or renders harmless, results in its own name.
import { domainToASCII } from 'node:url';
import { decodeEncodedWords } from './encoded-words.ts';

/** By the name in lower case: a name of as many octets. */
export const FORMER_NAMES = {
  'authentication-results': 'X-Former-Authn-Results',
  'received-spf': 'X-Former-SPF',
  'return-path': 'X-Former-RP',
} as const satisfies Readonly<Record<string, string>>;

export type TraceFieldName = keyof typeof FORMER_NAMES;

/** Whether a field of that name, with that value (a character for each octet), claims to be ours. What cannot be told does. */
export function claimsToBeOurs(name: TraceFieldName, value: string, hostname: string): boolean {
  switch (name) {
    case 'return-path':
      // RFC 5321 section 4.4: only the server of the final delivery adds it.
      return true;
    case 'authentication-results':
      return readingsOf(value).some((text) => {
        const id = readAuthservId(text);
        return id === undefined || isSameHost(id, hostname);
      });
    case 'received-spf':
      return readingsOf(value).some((text) => {
        const receivers = readReceivers(text);
        return receivers.length === 0 || receivers.some((host) => isSameHost(host, hostname));
      });
  }
}

/**
 * What readers may take the value for: they decode encoded words where RFC 2047 allows none, and leave out controls and
 * invisible characters, or show a space for them.
 */
function readingsOf(octets: string): string[] {
  const value = unfold(Buffer.from(octets, 'latin1').toString('utf8'));
  return [value, decodeEncodedWords(value)].flatMap((text) => [
    text.replace(INVISIBLE, ''),
    text.replace(INVISIBLE, ' '),
  ]);
}

const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;

/** The authserv-id (RFC 8601 section 2.2), a token or a quoted string behind comments; `undefined`: a comment has no end. */
function readAuthservId(value: string): string | undefined {
  const text = withoutComments(value);
  if (text === undefined) return undefined;
  const quoted = /^\s*"((?:[^"\\]|\\[^])*)"/.exec(text);
  if (quoted?.[1] !== undefined) return quoted[1].replace(/\\([^])/g, '$1');
  return /^\s*([^\s;()<>@,:\\"/[\]?=]*)/.exec(text)?.[1];
}

/** The values of `receiver=` (RFC 7208 section 9.1). */
function readReceivers(value: string): string[] {
  const text = withoutComments(value) ?? value;
  const pairs = text.matchAll(/(?:^|[\s;])receiver\s*=\s*(?:"((?:[^"\\]|\\[^])*)"|([^\s;"]+))/gi);
  return [...pairs].map(([, quoted, plain]) => quoted?.replace(/\\([^])/g, '$1') ?? plain ?? '');
}

/** Each comment (RFC 5322 section 3.2.2) as one space; `undefined` if one has no end. */
function withoutComments(value: string): string | undefined {
  let text = '';
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    const isEscape = char === '\\' && (isQuoted || depth > 0);
    if (isEscape) {
      if (depth === 0) text += value.slice(at, at + 2);
      at++;
    } else if (char === '"' && depth === 0) {
      isQuoted = !isQuoted;
      text += char;
    } else if (char === '(' && !isQuoted) {
      depth++;
    } else if (char === ')' && depth > 0) {
      depth--;
      if (depth === 0) text += ' ';
    } else if (depth === 0) {
      text += char;
    }
  }
  return depth > 0 ? undefined : text;
}

function isSameHost(name: string, hostname: string): boolean {
  return canonicalHost(name) === canonicalHost(hostname);
}

function canonicalHost(name: string): string {
  const trimmed = name.trim().replace(/\.$/, '');
  return domainToASCII(trimmed) || trimmed.toLowerCase();
}

function unfold(value: string): string {
  return value.replace(/[\r\n]+[ \t]*/g, ' ');
}
