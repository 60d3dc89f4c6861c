// The argument of BDAT: RFC 3030 section 2.
import { SPACE, parseDecimal } from './ascii.ts';

/** A chunk of more octets than a number holds exactly is not sent by anyone. */
const CHUNK_SIZE_DIGITS = 15;

export interface ChunkSize {
  readonly octets: number;
  readonly isLast: boolean;
}

/** Parses what follows `BDAT `: chunk-size [ SP end-marker ]; `isLoose` if there may be more blanks. */
export function parseChunkSize(argument: string, isLoose: boolean): ChunkSize | undefined {
  const space = argument.indexOf(' ');
  const digits = space === -1 ? argument : argument.slice(0, space);
  const octets = parseDecimal(digits, CHUNK_SIZE_DIGITS);
  if (octets === undefined) return undefined;
  if (space === -1) return { octets, isLast: false };
  let from = space + 1;
  while (isLoose && argument.charCodeAt(from) === SPACE) from++;
  return argument.slice(from).toUpperCase() === 'LAST' ? { octets, isLast: true } : undefined;
}
