// The argument of RCPT: RFC 5321 section 4.1.1.3 and the extensions' parameters.
import { pathStart } from './mail-command.ts';
import type { ForwardPath } from './mailbox.ts';
import { type Parsed, readParameters } from './parameter.ts';
import type { RcptParameters } from './parameters.ts';
import { readPath } from './path.ts';

export interface RcptCommand {
  readonly forwardPath: ForwardPath;
  readonly parameters: RcptParameters;
}

const NO_PARAMETERS: RcptParameters = {};

/** Parses what follows `RCPT `; `smtpUtf8` is what the transaction's MAIL said. */
export function parseRcpt(argument: string, smtpUtf8: boolean): Parsed<RcptCommand> {
  const start = pathStart(argument, 'TO:');
  if (start === -1) return { ok: false, rule: 'argument-syntax' };
  const path = readPath(argument, start);
  if (path === undefined || path.mailbox === null) {
    return { ok: false, rule: 'forward-path-syntax' };
  }
  const read = readParameters(argument, path.end);
  if (read === undefined) return { ok: false, rule: 'parameter-syntax' };
  if (read.length > 0) return { ok: false, rule: 'unknown-parameter' };
  if (!path.isAscii && !smtpUtf8) return { ok: false, rule: 'non-ascii-address' };
  return { ok: true, value: { forwardPath: path.mailbox, parameters: NO_PARAMETERS } };
}
