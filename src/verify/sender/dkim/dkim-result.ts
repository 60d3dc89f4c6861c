/** What one DKIM signature proves. */
export interface DkimResult {
  /**
   * `fail`: the header or the body was altered. `permerror`: no key, or a limit was exceeded. `temperror`: DNS did not
   * answer. `policy`: a weak key or algorithm. `neutral`: the signature cannot be read (RFC 8601 section 2.7.1).
   */
  readonly result: 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';
  /** The signing domain, `d=`, in lower case and A-labels; `''` where it cannot be read. */
  readonly domain: string;
  /** The selector, `s=`, likewise. */
  readonly selector: string;
  /** The identity, `i=`, in printable ASCII; default `@` and the domain. Absent where it cannot be read. */
  readonly identity?: string;
  /** `a=` in lower case, as `rsa-sha256`. */
  readonly algorithm?: string;
  /** The first 8 characters of `b=` (RFC 6008). */
  readonly signature?: string;
  /** The signature leaves octets of the body unsigned (`l=`): it authenticates nothing. */
  readonly partial?: true;
  /** The domain tests DKIM (`t=y` in the key record). */
  readonly testing?: true;
  /** Why it is not `pass`: one line of printable ASCII. */
  readonly reason?: string;
}
