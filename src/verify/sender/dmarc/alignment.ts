// Whether an authenticated domain is aligned with that of From (RFC 9989 sections 4.4 and 4.10.2).
import { organizationalDomain, type TreeWalks, type Walk } from './tree-walk.ts';

/** `unknown`: DNS failed, or the mail has too many domains to ask for. */
export type Alignment = 'aligned' | 'unaligned' | 'unknown';

/** How many domains of one mail are walked from; their number has no bound in the RFC. */
const MAX_WALKS = 10;

export class AlignmentCheck {
  readonly #author: string;
  readonly #authorWalk: Walk;
  readonly #walks: TreeWalks;
  readonly #walked = new Set<string>();

  constructor(author: string, authorWalk: Walk, walks: TreeWalks) {
    this.#author = author;
    this.#authorWalk = authorWalk;
    this.#walks = walks;
  }

  /** `domain`: normalized; `''` is aligned with nothing. */
  async of(domain: string, isStrict: boolean): Promise<Alignment> {
    if (domain === this.#author) return 'aligned';
    if (domain === '' || isStrict) return 'unaligned';
    if (this.#authorWalk.isCutShort) {
      // Domains without a common parent cannot have the same organization, whatever DNS would say.
      return lastLabel(domain) === lastLabel(this.#author) ? 'unknown' : 'unaligned';
    }
    const organization = organizationalDomain(this.#author, this.#authorWalk);
    // An organizational domain is the domain itself or one of its parents.
    if (domain !== organization && !domain.endsWith(`.${organization}`)) return 'unaligned';
    if (!this.#walked.has(domain)) {
      if (this.#walked.size >= MAX_WALKS) return 'unknown';
      this.#walked.add(domain);
    }
    const walk = await this.#walks.walk(domain);
    if (walk.isCutShort) return 'unknown';
    return organizationalDomain(domain, walk) === organization ? 'aligned' : 'unaligned';
  }
}

function lastLabel(domain: string): string {
  return domain.slice(domain.lastIndexOf('.') + 1);
}
