// The argument of RCPT: RFC 5321 section 4.1.1.3, and the parameters of RFC 3461 sections 4.1 and 4.2.
import { isPrintable } from './ascii.ts';
import { pathStart } from './mail-command.ts';
import type { ForwardPath } from '../mailbox.ts';
import { type Parsed, readParameters } from './esmtp-parameter.ts';
import type { RcptParameters } from '../parameters.ts';
import { readPath } from './path.ts';
import type { SessionOptions } from '../session-options.ts';
import { parseUtf8Xtext, parseXtext } from './xtext.ts';

export interface RcptCommand {
  readonly forwardPath: ForwardPath;
  readonly parameters: RcptParameters;
}

type Draft = { -readonly [K in keyof RcptParameters]: RcptParameters[K] };
type Notify = NonNullable<RcptParameters['notify']>[number];

/** orcpt-parameter of RFC 3461 section 4.2, before its decoding. */
const ORCPT_OCTETS = 500;
const NO_PARAMETERS: RcptParameters = {};

/** Parses what follows `RCPT `; `smtpUtf8` is what the transaction's MAIL said. */
export function parseRcpt(
  argument: string,
  smtpUtf8: boolean,
  options: SessionOptions,
): Parsed<RcptCommand> {
  const start = pathStart(argument, 'TO:');
  if (start === -1) return { ok: false, rule: 'argument-syntax' };
  const path = readPath(argument, start);
  if (path === undefined || path.mailbox === null) {
    return { ok: false, rule: 'forward-path-syntax' };
  }
  const read = readParameters(argument, path.end);
  if (read === undefined) return { ok: false, rule: 'parameter-syntax' };
  if (!path.isAscii && !smtpUtf8) return { ok: false, rule: 'non-ascii-address' };
  const forwardPath = path.mailbox;
  if (read.length === 0) return { ok: true, value: { forwardPath, parameters: NO_PARAMETERS } };

  const parameters: Draft = {};
  for (const { keyword, value = '' } of read) {
    if (options.dsn === false || (keyword !== 'NOTIFY' && keyword !== 'ORCPT')) {
      return { ok: false, rule: 'unknown-parameter' };
    }
    if (keyword === 'NOTIFY') {
      const notify = parseNotify(value);
      if (notify === undefined) return { ok: false, rule: 'parameter-syntax' };
      parameters.notify = notify;
    } else {
      const orcpt = parseOrcpt(value, smtpUtf8);
      if (orcpt === undefined) return { ok: false, rule: 'parameter-syntax' };
      parameters.orcpt = orcpt;
    }
  }
  return { ok: true, value: { forwardPath, parameters } };
}

/** RFC 3461 section 4.1: NEVER alone, or any of the others, each once. */
function parseNotify(value: string): RcptParameters['notify'] {
  const notify: Notify[] = [];
  for (const word of value.toUpperCase().split(',')) {
    if (word !== 'NEVER' && word !== 'SUCCESS' && word !== 'FAILURE' && word !== 'DELAY') {
      return undefined;
    }
    if (notify.includes(word)) return undefined;
    notify.push(word);
  }
  return notify.length > 1 && notify.includes('NEVER') ? undefined : notify;
}

/** RFC 3461 section 4.2; for `utf-8` also RFC 6533 section 3. */
function parseOrcpt(value: string, smtpUtf8: boolean): RcptParameters['orcpt'] {
  const semicolon = value.indexOf(';');
  if (semicolon < 1 || value.length > ORCPT_OCTETS) return undefined;
  const addressType = value.slice(0, semicolon);
  const encoded = value.slice(semicolon + 1);
  if (!/^[a-z0-9-]+$/i.test(addressType)) return undefined;
  if (addressType.toLowerCase() === 'utf-8') {
    const address = parseUtf8Xtext(encoded, smtpUtf8);
    return address ? { addressType, address } : undefined;
  }
  const address = parseXtext(encoded);
  return address && isPrintable(address) ? { addressType, address } : undefined;
}
