/** The command line or the configuration that it names cannot be used: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'MAILSLUICE_USAGE_INVALID';
}

/** Something outside the program stands in the way (a port, a file, a service): exit code 1. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly code = 'MAILSLUICE_OPERATION_FAILED';
}
