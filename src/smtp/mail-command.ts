// The argument of MAIL: RFC 5321 section 4.1.1.2 and the extensions' parameters.
import { SPACE, isPrintable, parseDecimal } from './ascii.ts';
import type { ReversePath } from './mailbox.ts';
import { type Parameter, type Parsed, readParameters } from './parameter.ts';
import type { MailParameters } from './parameters.ts';
import { readPath } from './path.ts';
import type { Rule } from './replies.ts';
import type { SessionOptions } from './session-options.ts';
import { parseXtext } from './xtext.ts';

/** size-value of RFC 1870 section 4. */
const SIZE_DIGITS = 20;

export interface MailCommand {
  readonly reversePath: ReversePath;
  readonly parameters: MailParameters;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Parses what follows `MAIL `. */
export function parseMail(argument: string, options: SessionOptions): Parsed<MailCommand> {
  const start = pathStart(argument, 'FROM:');
  if (start === -1) return { ok: false, rule: 'argument-syntax' };
  const path = readPath(argument, start);
  // Only a forward-path may lack its domain.
  if (path === undefined || path.mailbox?.domain === '') {
    return { ok: false, rule: 'reverse-path-syntax' };
  }
  const read = readParameters(argument, path.end);
  if (read === undefined) return { ok: false, rule: 'parameter-syntax' };
  const parameters: Mutable<MailParameters> = {};
  for (const parameter of read) {
    const rule = setParameter(parameters, parameter, options);
    if (rule !== undefined) return { ok: false, rule };
  }
  if (!path.isAscii && parameters.smtpUtf8 !== true) {
    return { ok: false, rule: 'non-ascii-address' };
  }
  return { ok: true, value: { reversePath: path.mailbox, parameters } };
}

/**
 * The index of the path after `keyword`, in either case, or -1. Spaces before the path are against the
 * grammar and so common that they are let pass.
 */
export function pathStart(argument: string, keyword: string): number {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return -1;
  let at = keyword.length;
  while (argument.charCodeAt(at) === SPACE) at++;
  return at;
}

/** Understands one parameter; returns the rule that refuses it, if one does. */
function setParameter(
  parameters: Mutable<MailParameters>,
  { keyword, value }: Parameter,
  options: SessionOptions,
): Rule | undefined {
  switch (keyword) {
    case 'SIZE': {
      const size = value === undefined ? undefined : parseDecimal(value, SIZE_DIGITS);
      if (size === undefined) return 'parameter-syntax';
      if (size > options.maxMessageSize) return 'message-too-large';
      parameters.size = size;
      return undefined;
    }
    case 'BODY': {
      if (value === undefined) return 'parameter-syntax';
      const body = value.toUpperCase();
      if (body !== '7BIT' && body !== '8BITMIME') return 'parameter-value';
      parameters.body = body;
      return undefined;
    }
    case 'SMTPUTF8':
      if (!options.smtpUtf8) return 'unknown-parameter';
      if (value !== undefined) return 'parameter-syntax';
      parameters.smtpUtf8 = true;
      return undefined;
    case 'AUTH': {
      if (options.auth === 'none') return 'unknown-parameter';
      const submitter = value === '<>' ? null : parseXtext(value ?? '');
      if (submitter === undefined || submitter === '' || !isPrintable(submitter ?? '')) {
        return 'parameter-syntax';
      }
      parameters.auth = submitter;
      return undefined;
    }
    default:
      return 'unknown-parameter';
  }
}
