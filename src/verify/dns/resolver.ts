// What the checks need of DNS. A failure is an answer too: only a timeout, SERVFAIL, REFUSED or garbage is one, since a
// name that cannot exist does not exist.

export type RecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'CNAME' | 'NS' | 'SOA';

export type FailureReason =
  | 'timeout'
  | 'servfail'
  | 'refused'
  /** No answer that can be read, or one that contradicts itself. */
  | 'garbage'
  /** No server, or nothing listens there. */
  | 'unreachable'
  /** The mail has asked too much, or too many look-ups wait. */
  | 'bound';

/**
 * TXT: each record as the octets of its strings, joined. MX: `10 mx.example`. SOA: its seven fields, with a space
 * between them. The others: as text. Octets are latin1 characters; names have no final dot (`.` is the root), and a dot
 * in a label of an answer is written `\.`.
 */
export type DnsAnswer =
  | { readonly kind: 'records'; readonly records: readonly string[] }
  /** NXDOMAIN, or a name that DNS cannot have. */
  | { readonly kind: 'no-name' }
  /** The name exists without a record of that type. */
  | { readonly kind: 'no-data' }
  | { readonly kind: 'failed'; readonly reason: FailureReason };

/** The look-ups of one mail: they end together at its deadline, and their number has a bound. */
export interface MailLookups {
  /** Never rejects. `name`: octets as latin1 characters, without the final dot; a label may hold any octet but a dot. */
  lookUp(name: string, type: RecordType): Promise<DnsAnswer>;
  /** Look-ups made so far, cached ones counted. */
  readonly count: number;
}

export interface LookupBounds {
  /**
   * Look-ups of this mail; the next one is `failed` with `bound`. Checks whose number of look-ups the sender chooses (SPF)
   * need a bound of their own, or they would take the look-ups of the others. Default 100.
   */
  readonly most?: number;
  /** Who the mail comes from, as limits count clients: one client cannot take the look-ups of all. */
  readonly client?: string;
}

export interface Resolver {
  /** `deadline` on the clock of `performance.now`. */
  forMail(deadline: number, bounds?: LookupBounds): MailLookups;
}
