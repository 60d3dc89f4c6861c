/** A command was used wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something outside the program stands in the way (a port, a file, a service): one line, exit code 1. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
