// What the program and the process that runs a handler say to each other.

/** To the process. */
export interface Invocation {
  readonly event: object;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** From the process. */
export type Report =
  | { readonly kind: 'loaded' }
  /** The module cannot be loaded, or has no handler: every invocation fails. */
  | { readonly kind: 'not-loaded'; readonly error: ReportedError }
  /** A file that was loaded, and not from a package. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'returned'; readonly result: unknown }
  | { readonly kind: 'threw'; readonly error: ReportedError };

export interface ReportedError {
  readonly name: string;
  readonly message: string;
}

/** The environment variables in which the process finds what it needs from the start. */
export const HANDLER_FILE = 'MAILSLUICE_HANDLER_FILE';
export const MEMORY_MEGABYTES = 1024;
