// Address literals: RFC 5321 section 4.1.3.
import {
  CLOSE_BRACKET,
  COLON,
  DOT,
  HYPHEN,
  LET_DIG,
  OPEN_BRACKET,
  hexValue,
  isDigit,
} from './ascii.ts';

const IPV6_TAG = 'ipv6:';

/** Whether `content`, the text between the brackets, is an IPv4, IPv6 or general address literal. */
export function isAddressLiteral(content: string): boolean {
  if (isIpv4(content)) return true;
  if (content.slice(0, IPV6_TAG.length).toLowerCase() === IPV6_TAG) {
    return isIpv6(content.slice(IPV6_TAG.length));
  }
  return isGeneral(content);
}

/** Four decimal numbers up to 255. */
export function isIpv4(text: string): boolean {
  let numbers = 1;
  let digits = 0;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || ++numbers > 4) return false;
      digits = value = 0;
      continue;
    }
    if (!isDigit(code) || ++digits > 3) return false;
    value = value * 10 + code - 0x30;
    if (value > 255) return false;
  }
  return numbers === 4 && digits > 0;
}

/**
 * IPv6-full, -comp, v6v4-full or v6v4-comp. As the grammar says, `::` stands for two groups or more, which
 * is stricter than RFC 4291 section 2.2.
 */
export function isIpv6(text: string): boolean {
  const gap = text.indexOf('::');
  if (gap === -1) return groupsIn(text, true) === 8;
  const before = gap === 0 ? 0 : groupsIn(text.slice(0, gap), false);
  const rest = text.slice(gap + 2);
  const after = rest === '' ? 0 : groupsIn(rest, true);
  return before !== -1 && after !== -1 && before + after <= 6;
}

/** How many 16-bit groups `text` holds, an IPv4 tail counting as two; -1 if it is not groups. */
function groupsIn(text: string, mayEndInIpv4: boolean): number {
  let groups = 0;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) {
      if (digits === 0) return -1;
      groups++;
      digits = 0;
    } else if (code === DOT) {
      return mayEndInIpv4 && isIpv4(text.slice(at - digits)) ? groups + 2 : -1;
    } else if (hexValue(code) === -1 || ++digits > 4) {
      return -1;
    }
  }
  return digits === 0 ? -1 : groups + 1;
}

/** Standardized-tag ":" 1*dcontent. */
function isGeneral(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return false;
  for (let at = 0; at < colon; at++) {
    const code = text.charCodeAt(at);
    if (LET_DIG[code] !== 1 && code !== HYPHEN) return false;
  }
  if (text.charCodeAt(colon - 1) === HYPHEN) return false;
  for (let at = colon + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e || (code >= OPEN_BRACKET && code <= CLOSE_BRACKET)) return false;
  }
  return true;
}
