/** One thing that is wrong with a configuration. */
export interface ConfigurationProblem {
  /** As one would write it in JavaScript: `listeners[0].port`. `''` is the whole document. */
  readonly path: string;
  /** What was expected there. */
  readonly expected: string;
  /** What stands there, as JSON; key material and passwords hidden. `undefined`: nothing. */
  readonly got: string | undefined;
}
