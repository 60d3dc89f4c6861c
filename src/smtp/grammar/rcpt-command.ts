// The argument of RCPT: RFC 5321 section 4.1.1.3.
import { parseRcptParameters } from '../extensions.ts';
import type { ForwardPath } from '../mailbox.ts';
import type { MailParameters, RcptParameters } from '../parameters.ts';
import { type SessionContext, isTrusted } from '../session-context.ts';
import { inDomain, pathStart, readCommandPath } from './command-path.ts';
import { type Parsed, readParameters } from './esmtp-parameter.ts';

export interface RcptCommand {
  readonly forwardPath: ForwardPath;
  readonly parameters: RcptParameters;
}

/** Parses what follows `RCPT `; `mail` are the parameters of the transaction's MAIL. */
export function parseRcpt(
  argument: string,
  mail: MailParameters,
  context: SessionContext,
): Parsed<RcptCommand> {
  const { addressSyntax, hostname } = context.options;
  const isStrict = addressSyntax === 'strict';
  const start = pathStart(argument, 'TO:');
  if (start === -1) return { ok: false, rule: 'argument-syntax' };
  const path = readCommandPath(argument, start, addressSyntax);
  if (path === undefined || path.mailbox === null) {
    return { ok: false, rule: 'forward-path-syntax' };
  }
  const read = readParameters(argument, path.end, addressSyntax);
  if (read === undefined) return { ok: false, rule: 'parameter-syntax' };
  if (isStrict && !path.isAscii && mail.smtpUtf8 !== true) {
    return { ok: false, rule: 'non-ascii-address' };
  }
  const parameters = parseRcptParameters(read, context, mail);
  if (!parameters.ok) return parameters;
  let forwardPath = path.mailbox;
  if (forwardPath.domain === '' && forwardPath.address.toLowerCase() !== 'postmaster') {
    if (!isTrusted(context)) return { ok: false, rule: 'recipient-domain-missing' };
    forwardPath = inDomain(forwardPath, hostname);
  }
  return { ok: true, value: { forwardPath, parameters: parameters.value } };
}
