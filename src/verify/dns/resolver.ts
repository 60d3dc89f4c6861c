// What the checks need of DNS. A failure is an answer too: only a timeout, SERVFAIL, REFUSED or garbage is one, since a
// name that cannot exist does not exist.

export type RecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'CNAME' | 'NS' | 'SOA';

/** TXT: each record as the octets of its strings, joined. MX: `10 mx.example`. The others: as text. */
export type DnsAnswer =
  | { readonly kind: 'records'; readonly records: readonly string[] }
  /** NXDOMAIN, or a name that DNS cannot have. */
  | { readonly kind: 'no-name' }
  /** The name exists without a record of that type. */
  | { readonly kind: 'no-data' }
  | {
      readonly kind: 'failed';
      /** `bound`: the mail has asked too much, or too many look-ups wait. */
      readonly reason: 'timeout' | 'servfail' | 'refused' | 'garbage' | 'unreachable' | 'bound';
    };

/** The look-ups of one mail: they end together at its deadline, and their number has a bound. */
export interface MailLookups {
  /** Never rejects. `name`: octets as latin1 characters, without the final dot; a label may hold any octet but a dot. */
  lookUp(name: string, type: RecordType): Promise<DnsAnswer>;
  /** Look-ups made so far, cached ones counted. */
  readonly count: number;
}

export interface Resolver {
  /** `deadline` on the clock of `performance.now`. */
  forMail(deadline: number): MailLookups;
}
