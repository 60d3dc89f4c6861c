// The argument of MAIL: RFC 5321 section 4.1.1.2.
import { parseMailParameters } from '../extensions.ts';
import type { ReversePath } from '../mailbox.ts';
import { inDomain, pathStart, readCommandPath } from './command-path.ts';
import { type Parsed, readParameters } from './esmtp-parameter.ts';
import type { MailParameters } from '../parameters.ts';
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
  const path = readCommandPath(argument, start, addressSyntax);
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
    reversePath = inDomain(reversePath, hostname);
  }
  return { ok: true, value: { reversePath, parameters: parameters.value } };
}
