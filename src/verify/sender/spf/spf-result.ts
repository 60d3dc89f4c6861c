/** What SPF says of the client (RFC 7208 section 2.6). */
export interface SpfResult {
  readonly result: 'pass' | 'fail' | 'softfail' | 'neutral' | 'none' | 'temperror' | 'permerror';
  /** `helo` where the reverse-path is null (RFC 7208 section 2.4). */
  readonly identity: 'mailfrom' | 'helo';
  /** The domain that was checked, in lower case and A-labels; `''` where there is none that DNS can have. */
  readonly domain: string;
  /** `local-part@domain` as it came; `postmaster@` and the HELO name where the reverse-path is null. */
  readonly sender: string;
  /** What matched, as `-all` or `ip4:192.0.2.0/24`; `default` if nothing did. Printable ASCII, at most 100 characters. */
  readonly mechanism?: string;
  /** Why it is `temperror` or `permerror`: one line of printable ASCII, at most 200 characters. */
  readonly problem?: string;
  /** With `fail`: the explanation that the domain publishes (RFC 7208 section 6.2). Printable ASCII, at most 200 characters. */
  readonly explanation?: string;
}
