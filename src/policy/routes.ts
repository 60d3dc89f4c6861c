// Recipient routing: which recipients are accepted, and under which key prefix their mail is stored. The first match
// wins; no match is `550 5.1.1`. Whether a client may send to a recipient is decided in authorization.ts.
import type { ForwardPath, Reply } from '../smtp/index.ts';
import { ADDRESS_PATTERN_FORMS, parseAddressPattern, PatternIndex } from './address-pattern.ts';
import { replies } from './replies.ts';

/** One route: recipients that one of its patterns matches are stored under `prefix`, or refused with `reject`. */
export interface Route {
  /** Address patterns: README.md in this folder. */
  readonly recipients: readonly string[];
  /** Stands before the time partitions in the key. Default: the prefix of the store. */
  readonly prefix?: string;
  /** Refuses the recipient with this reply. */
  readonly reject?: Reply;
}

export type RouteMatch =
  | { readonly kind: 'accept'; readonly prefix?: string }
  | { readonly kind: 'refuse'; readonly reply: Reply };

export interface Routes {
  match(forwardPath: ForwardPath): RouteMatch;
}

/**
 * Compiles the routes into a table that finds the first match without trying them one by one. Without any routes
 * every recipient is accepted. Throws `RangeError` for a pattern of another form.
 */
export function createRoutes(routes: readonly Route[] | undefined, hostname: string): Routes {
  const accept: RouteMatch = { kind: 'accept' };
  if (routes === undefined) return { match: () => accept };

  const outcomes = routes.map((route): RouteMatch => {
    if (route.reject !== undefined) return { kind: 'refuse', reply: route.reject };
    return route.prefix === undefined ? accept : { kind: 'accept', prefix: route.prefix };
  });
  const noRoute: RouteMatch = { kind: 'refuse', reply: replies.noSuchMailbox };
  const index = new PatternIndex(
    routes.map(({ recipients }, at) =>
      recipients.map((text, position) =>
        requirePattern(text, `routes[${at}].recipients[${position}]`),
      ),
    ),
  );
  return {
    match: (forwardPath) => {
      const first = index.firstMatch(forwardPath, hostname);
      return (first === undefined ? undefined : outcomes[first]) ?? noRoute;
    },
  };
}

function requirePattern(text: string, path: string): string {
  const pattern = parseAddressPattern(text);
  if (pattern !== undefined) return pattern;
  throw new RangeError(`${path}: expected ${ADDRESS_PATTERN_FORMS}, got ${JSON.stringify(text)}`);
}
