// Which recipients are ours, and under which prefix their mail is stored. First match wins; no match is
// `550 5.1.1`. Whether a sender may send at all is not decided here.
import { domainToASCII } from 'node:url';
import type { Mailbox, Reply } from '../smtp/index.ts';
import { replies } from './replies.ts';

/** One route: what its patterns match goes to `prefix`, or is refused with `reject`. */
export interface Route {
  /** Each an address, `*@domain`, `*@*.domain` (subdomains only), `local@*` or `*`. */
  readonly recipients: readonly string[];
  /** In front of the time partitions of the key. Absent: the store's own prefix. */
  readonly prefix?: string;
  /** Refuse with this reply instead. */
  readonly reject?: Reply;
}

export type RouteMatch =
  | { readonly kind: 'accept'; readonly prefix?: string }
  | { readonly kind: 'refuse'; readonly reply: Reply };

export interface Routes {
  match(forwardPath: Mailbox): RouteMatch;
}

type Pattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'address' | 'domain' | 'subdomains' | 'local-part'; readonly key: string };

/**
 * Makes a table that finds the first matching route without trying them one by one. A recipient without
 * a domain (the bare `<postmaster>`, RFC 5321 section 4.1.1.3) is looked up at `hostname`. Without any
 * route everything is accepted. Throws `RangeError` for a pattern of another form.
 */
export function createRoutes(routes: readonly Route[] | undefined, hostname: string): Routes {
  const accept: RouteMatch = { kind: 'accept' };
  if (routes === undefined) return { match: () => accept };

  const firstByKey = new Map<string, number>();
  const matches = routes.map((route): RouteMatch => {
    if (route.reject !== undefined) return { kind: 'refuse', reply: route.reject };
    return route.prefix === undefined ? accept : { kind: 'accept', prefix: route.prefix };
  });
  for (const [index, { recipients }] of routes.entries()) {
    for (const text of recipients) {
      const pattern = parseRoutePattern(text);
      if (pattern === undefined) {
        throw new RangeError(
          `route pattern: expected an address, *@domain, *@*.domain, local@* or *, got ${JSON.stringify(text)}`,
        );
      }
      const key = keyOf(pattern);
      if (!firstByKey.has(key)) firstByKey.set(key, index);
    }
  }

  return {
    match: ({ localPart, domain }) => {
      const local = foldLocalPart(localPart);
      const at = foldDomain(domain === '' ? hostname : domain);
      let first = Infinity;
      const consider = (key: string): void => {
        first = Math.min(first, firstByKey.get(key) ?? Infinity);
      };
      consider('*');
      consider(`address ${local}@${at}`);
      consider(`local-part ${local}`);
      consider(`domain ${at}`);
      for (let dot = at.indexOf('.'); dot !== -1; dot = at.indexOf('.', dot + 1)) {
        consider(`subdomains ${at.slice(dot + 1)}`);
      }
      return matches[first] ?? { kind: 'refuse', reply: replies.noSuchMailbox };
    },
  };
}

/** `undefined` for a text that is none of the five forms. */
export function parseRoutePattern(text: string): Pattern | undefined {
  if (text === '*') return { kind: 'any' };
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1) return undefined;
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (domain === '*') {
    if (local.includes('*') || !isLocalPart(local)) return undefined;
    return { kind: 'local-part', key: foldLocalPart(unquote(local)) };
  }
  if (local === '*') {
    const subdomains = domain.startsWith('*.');
    const name = subdomains ? domain.slice(2) : domain;
    if (!isDomain(name)) return undefined;
    return { kind: subdomains ? 'subdomains' : 'domain', key: foldDomain(name) };
  }
  if (local.includes('*') || !isLocalPart(local) || !isDomain(domain)) return undefined;
  return { kind: 'address', key: `${foldLocalPart(unquote(local))}@${foldDomain(domain)}` };
}

function keyOf(pattern: Pattern): string {
  return pattern.kind === 'any' ? '*' : `${pattern.kind} ${pattern.key}`;
}

/** Stricter than the grammar of RFC 5321 section 4.1.2 needs: no blank outside quotes. */
function isLocalPart(text: string): boolean {
  return /^(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|[^\s"@<>]+)$/u.test(text);
}

function isDomain(text: string): boolean {
  return (
    /^\[[^\s\]]+\]$/.test(text) || (/^[^\s@<>*[\]]+$/.test(text) && domainToASCII(text) !== '')
  );
}

function unquote(localPart: string): string {
  return localPart.startsWith('"') ? localPart.slice(1, -1).replace(/\\(.)/gs, '$1') : localPart;
}

/** RFC 5321 section 2.4 leaves case to the receiving host; here it never tells two mailboxes apart. */
function foldLocalPart(localPart: string): string {
  return localPart.normalize('NFC').toLowerCase();
}

/** Lower-case A-labels, so that `bücher.example` and `xn--bcher-kva.example` are one domain (RFC 5891). */
function foldDomain(domain: string): string {
  const lower = domain.toLowerCase();
  if (/^[a-z0-9.-]*$/.test(lower) || lower.startsWith('[')) return lower;
  return domainToASCII(lower) || lower;
}
