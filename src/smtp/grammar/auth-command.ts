// The argument of AUTH: RFC 4954 section 4.

export interface AuthCommand {
  /** In capitals. */
  readonly mechanism: string;
  /** In base64, as sent. `''` for an initial response of no octets, which is sent as `=`. */
  readonly initialResponse: string | undefined;
}

/** Parses what follows `AUTH `: mechanism [ SP initial-response ]. */
export function parseAuth(argument: string): AuthCommand | undefined {
  const space = argument.indexOf(' ');
  const mechanism = (space === -1 ? argument : argument.slice(0, space)).toUpperCase();
  const initialResponse = space === -1 ? undefined : argument.slice(space + 1);
  if (mechanism === '' || initialResponse?.includes(' ') === true) return undefined;
  return { mechanism, initialResponse: initialResponse === '=' ? '' : initialResponse };
}
