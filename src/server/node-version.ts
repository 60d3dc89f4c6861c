import { NodeVersionError } from './errors.ts';

/** The oldest release line that has all that this folder uses. */
const OLDEST_MAJOR = 22;

/** Throws a `NodeVersionError` where Node.js is too old, before anything else fails in a way that explains nothing. */
export function requireNode(version: string = process.versions.node): void {
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return;
  throw new NodeVersionError(`Node.js: expected ${OLDEST_MAJOR} or later, got ${version}`);
}
