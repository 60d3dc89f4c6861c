declare module 'dynalite' {
  import type { Server } from 'node:http';
  /** An in-memory DynamoDB behind an HTTP server. Dynalite ships no types. */
  const dynalite: (options?: {
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
    readonly updateTableMs?: number;
    /** A folder; without it everything is in memory. */
    readonly path?: string;
  }) => Server;
  export = dynalite;
}
