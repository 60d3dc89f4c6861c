// The argument of MAIL: RFC 5321 section 4.1.1.2.
import { SPACE } from './ascii.ts';
import { parseMailParameters } from '../extensions.ts';
import type { ReversePath } from '../mailbox.ts';
import { type Parsed, readParameters } from './esmtp-parameter.ts';
import { readInternetPath } from './internet-path.ts';
import type { MailParameters } from '../parameters.ts';
import { readPath } from './path.ts';
import { type SessionContext, isTrusted } from '../session-context.ts';

export interface MailCommand {
  readonly reversePath: ReversePath;
  readonly parameters: MailParameters;
}

/** Parses what follows `MAIL `. */
export function parseMail(argument: string, context: SessionContext): Parsed<MailCommand> {
  const { addressSyntax, hostname } = context.options;
  const isStrict = addressSyntax === 'strict';
  const start = pathStart(argument, 'FROM:');
  if (start === -1) return { ok: false, rule: 'argument-syntax' };
  const path = isStrict ? readPath(argument, start) : readInternetPath(argument, start);
  // Only a forward-path may lack its domain.
  if (path === undefined || (isStrict && path.mailbox?.domain === '')) {
    return { ok: false, rule: 'reverse-path-syntax' };
  }
  const read = readParameters(argument, path.end, addressSyntax);
  if (read === undefined) return { ok: false, rule: 'parameter-syntax' };
  const parameters = parseMailParameters(read, context);
  if (!parameters.ok) return parameters;
  if (isStrict && !path.isAscii && parameters.value.smtpUtf8 !== true) {
    return { ok: false, rule: 'non-ascii-address' };
  }
  let reversePath = path.mailbox;
  if (reversePath?.domain === '') {
    if (!isTrusted(context)) return { ok: false, rule: 'sender-domain-missing' };
    reversePath = {
      ...reversePath,
      domain: hostname,
      address: `${reversePath.address}@${hostname}`,
    };
  }
  return { ok: true, value: { reversePath, parameters: parameters.value } };
}

/**
 * The index of the path after `keyword`, in either case, or -1. Spaces before the path violate the grammar, but
 * are so common that they are accepted.
 */
export function pathStart(argument: string, keyword: string): number {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return -1;
  let at = keyword.length;
  while (argument.charCodeAt(at) === SPACE) at++;
  return at;
}
