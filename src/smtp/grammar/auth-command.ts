// The argument of AUTH: RFC 4954 section 4.
import { SPACE } from './ascii.ts';

export interface AuthCommand {
  /** In capitals. */
  readonly mechanism: string;
  /** In base64, as sent. `''` for an initial response of no octets, which is sent as `=`. */
  readonly initialResponse: string | undefined;
}

/** Parses what follows `AUTH `: mechanism [ SP initial-response ]; `isLoose` if there may be more blanks. */
export function parseAuth(argument: string, isLoose: boolean): AuthCommand | undefined {
  const space = argument.indexOf(' ');
  const mechanism = (space === -1 ? argument : argument.slice(0, space)).toUpperCase();
  let from = space + 1;
  while (isLoose && argument.charCodeAt(from) === SPACE) from++;
  const initialResponse = space === -1 ? undefined : argument.slice(from);
  if (mechanism === '' || initialResponse?.includes(' ') === true) return undefined;
  return { mechanism, initialResponse: initialResponse === '=' ? '' : initialResponse };
}
