// Domain names of addresses, normalized so that two spellings of one name are equal: lower case and A-labels
// (RFC 5890 section 2.3.2.1, RFC 9989 section 5.3.1).
import { domainToASCII, domainToUnicode } from 'node:url';

const NAME_OCTETS = 253;
const LABEL = /^[a-z0-9_-]{1,63}$/;
// oxlint-disable-next-line no-control-regex -- what is not ASCII
const NOT_ASCII = /[^\0-\x7f]/;

/**
 * `text` as a name that DNS may hold: lower case, A-labels. `undefined` where it is none, and where readers do not agree
 * which one it is: a label that IDNA would change by more than its case (fullwidth letters, another full stop, invisible
 * characters), a final dot, an IPv4 address.
 */
export function normalizeDomain(text: string): string | undefined {
  if (text.length > NAME_OCTETS) return undefined;
  const labels: string[] = [];
  for (const label of text.split('.')) {
    const ascii = NOT_ASCII.test(label) ? toALabel(label) : label.toLowerCase();
    if (ascii === undefined || !LABEL.test(ascii)) return undefined;
    labels.push(ascii);
  }
  const domain = labels.join('.');
  const isAddress = /^\d+$/.test(labels.at(-1) ?? '');
  return domain.length > NAME_OCTETS || isAddress ? undefined : domain;
}

function toALabel(label: string): string | undefined {
  const ascii = domainToASCII(label);
  const isSame = domainToUnicode(ascii) === label.normalize('NFC').toLowerCase();
  return isSame && ascii.startsWith('xn--') ? ascii : undefined;
}
