// The values of MAIL's parameters SIZE, BODY, AUTH, RET and ENVID.
import { isPrintable, parseDecimal } from './ascii.ts';
import { PARAMETER_SYNTAX, Refused } from './esmtp-parameter.ts';
import { exceedsSizeLimit, MESSAGE_TOO_LARGE } from '../message-size-limit.ts';
import type { MailParameters } from '../parameters.ts';
import type { SessionOptions } from '../session-options.ts';
import { parseLooseXtext, parseXtext } from './xtext.ts';

type Value<Field extends keyof MailParameters> = Required<MailParameters>[Field] | Refused;

/** size-value of RFC 1870 section 4. */
const SIZE_DIGITS = 20;
/** The envelope identifier of RFC 3461 section 4.4, before its decoding. */
const ENVID_OCTETS = 100;

const TOO_LARGE = new Refused(MESSAGE_TOO_LARGE);
const NOT_IMPLEMENTED = new Refused('parameter-value');

/** SIZE (RFC 1870 section 4). */
export function parseSize(
  value: string,
  { maxMessageSize, addressSyntax }: SessionOptions,
): Value<'size'> {
  const digits = addressSyntax === 'strict' ? value : value.replace(/^0+(?=\d)/, '');
  const size = parseDecimal(digits, SIZE_DIGITS);
  if (size === undefined) return PARAMETER_SYNTAX;
  return exceedsSizeLimit(size, maxMessageSize) ? TOO_LARGE : size;
}

/** BODY (RFC 6152 section 2; RFC 3030 section 3 for BINARYMIME). */
export function parseBody(value: string, isBinaryOffered: boolean): Value<'body'> {
  const body = value.toUpperCase();
  if (body === '7BIT' || body === '8BITMIME') return body;
  return body === 'BINARYMIME' && isBinaryOffered ? body : NOT_IMPLEMENTED;
}

/**
 * AUTH (RFC 4954 section 5): a mailbox as xtext, or `<>`. Where nobody can sign in, no client is trusted to name the
 * submitter, and any value means `<>`.
 */
export function parseSubmitter(
  value: string,
  { auth, addressSyntax }: SessionOptions,
): Value<'auth'> {
  if (value === '<>' || value === '' || auth === 'none') return null;
  const submitter = addressSyntax === 'strict' ? parseXtext(value) : parseLooseXtext(value);
  return submitter !== undefined && isPrintable(submitter) ? submitter : PARAMETER_SYNTAX;
}

/** RET (RFC 3461 section 4.3). */
export function parseRet(value: string): Value<'ret'> {
  const ret = value.toUpperCase();
  return ret === 'FULL' || ret === 'HDRS' ? ret : PARAMETER_SYNTAX;
}

/** ENVID (RFC 3461 section 4.4): printable, once decoded. */
export function parseEnvid(value: string, { addressSyntax }: SessionOptions): Value<'envid'> {
  const envid =
    addressSyntax === 'internet'
      ? parseLooseXtext(value)
      : value.length > ENVID_OCTETS
        ? undefined
        : parseXtext(value);
  return envid && isPrintable(envid) ? envid : PARAMETER_SYNTAX;
}
