// The values of RCPT's parameters: RFC 3461 sections 4.1 and 4.2.
import { hasNoControls, isPrintable } from './ascii.ts';
import { PARAMETER_SYNTAX, type Refused } from './esmtp-parameter.ts';
import type { RcptParameters } from '../parameters.ts';
import { parseLooseXtext, parseUtf8Xtext, parseXtext } from './xtext.ts';

type Value<Field extends keyof RcptParameters> = Required<RcptParameters>[Field] | Refused;
type Notify = Required<RcptParameters>['notify'][number];

/** orcpt-parameter of RFC 3461 section 4.2, before its decoding. */
const ORCPT_OCTETS = 500;

/** NOTIFY (RFC 3461 section 4.1): NEVER alone, or any of the others, each once. */
export function parseNotify(value: string): Value<'notify'> {
  const notify: Notify[] = [];
  for (const word of value.toUpperCase().split(',')) {
    if (word !== 'NEVER' && word !== 'SUCCESS' && word !== 'FAILURE' && word !== 'DELAY') {
      return PARAMETER_SYNTAX;
    }
    if (notify.includes(word)) return PARAMETER_SYNTAX;
    notify.push(word);
  }
  return notify.length > 1 && notify.includes('NEVER') ? PARAMETER_SYNTAX : notify;
}

/** NOTIFY as senders write it: words may be empty or come twice. */
export function parseLooseNotify(value: string): Value<'notify'> {
  const words = value.toUpperCase().split(',');
  return parseNotify([...new Set(words)].filter((word) => word !== '').join(','));
}

/** ORCPT (RFC 3461 section 4.2; for `utf-8` also RFC 6533 section 3). */
export function parseOrcpt(value: string, smtpUtf8: boolean): Value<'orcpt'> {
  const semicolon = value.indexOf(';');
  if (semicolon < 1 || value.length > ORCPT_OCTETS) return PARAMETER_SYNTAX;
  const addressType = value.slice(0, semicolon);
  const encoded = value.slice(semicolon + 1);
  if (!/^[a-z0-9-]+$/i.test(addressType)) return PARAMETER_SYNTAX;
  if (addressType.toLowerCase() === 'utf-8') {
    const address = parseUtf8Xtext(encoded, smtpUtf8);
    return address ? { addressType, address } : PARAMETER_SYNTAX;
  }
  const address = parseXtext(encoded);
  return address && isPrintable(address) ? { addressType, address } : PARAMETER_SYNTAX;
}

/** ORCPT as senders write it: any address type, an empty address, and an address that is not encoded. */
export function parseLooseOrcpt(value: string): Value<'orcpt'> {
  const semicolon = value.indexOf(';');
  if (semicolon < 1) return PARAMETER_SYNTAX;
  const addressType = value.slice(0, semicolon);
  const encoded = value.slice(semicolon + 1);
  const isUtf8 = addressType.toLowerCase() === 'utf-8';
  const address = (isUtf8 ? parseUtf8Xtext(encoded, true) : undefined) ?? parseLooseXtext(encoded);
  return address !== undefined && hasNoControls(address)
    ? { addressType, address }
    : PARAMETER_SYNTAX;
}
