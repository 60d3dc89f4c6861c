/** What the ARC chain of a message says (RFC 8617). It authenticates nothing unless its newest sealer is trusted. */
export interface ArcResult {
  /** `permerror`: a limit was exceeded. `temperror`: DNS did not answer, and nothing else is wrong. */
  readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
  /** The highest instance; 0 without a chain. */
  readonly instances: number;
  /** The domain of the newest seal, in lower case and A-labels. */
  readonly sealer?: string;
  /** The domains of all seals, the newest first; only with `pass`. */
  readonly sealers?: readonly string[];
  /** The chain passes, covers the whole body, and its newest sealer is one of those trusted. */
  readonly trusted: boolean;
  /** What the newest sealer found: the value of its ARC-Authentication-Results behind the instance. Only if `trusted`. */
  readonly results?: string;
  /** Why it is not `pass`: one line of printable ASCII. */
  readonly reason?: string;
}
