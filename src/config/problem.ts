/** One problem of a configuration. */
export interface ConfigurationProblem {
  /** In the notation of JavaScript: `listeners[0].port`. `''` is the whole document. */
  readonly path: string;
  /** What was expected at the path. */
  readonly expected: string;
  /** What was found there, as JSON with secrets hidden. `undefined` for nothing. */
  readonly got: string | undefined;
}
