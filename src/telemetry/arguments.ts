// The argument of a refused command as the log may show it. What was refused need not be an address that can be parsed, so
// that everything that may be a local part is hidden, word by word.
import { type AddressDisplay, showAddress } from './addresses.ts';
import { cleanText } from './clean-text.ts';

const SHOWN_CHARACTERS = 256;

/** What stands before an address, or a value that may hold one. */
const PREFIX =
  /^(?:FROM:|TO:|(?:SIZE|BODY|RET|ENVID|NOTIFY|AUTH|BY|MT-PRIORITY|HOLDFOR|HOLDUNTIL)=|ORCPT=(?:[a-z0-9-]+;)?)/i;
/** Parameters that hold no address, with their values. */
const PLAIN =
  /^(?:(?:SIZE|BODY|RET|NOTIFY|BY|MT-PRIORITY|HOLDFOR|HOLDUNTIL)=[^@]*|SMTPUTF8|REQUIRETLS|LAST)$/i;

/**
 * The argument of a command, cleaned and cut. Addresses in MAIL, RCPT, VRFY and EXPN are shown as `display` says: their
 * domain alone (`TO:<…@in.example>`), the hash that `showAddress` gives for the same address, or whole.
 */
export function showArgument(verb: string, argument: string, display: AddressDisplay): string {
  const text = argument.replaceAll('\t', ' ');
  if (display === 'full' || !HAS_ADDRESS.has(verb)) return cleanText(text, SHOWN_CHARACTERS);
  const words = text.split(' ').map((word) => hideAddress(word, display));
  return cleanText(words.join(' '), SHOWN_CHARACTERS);
}

const HAS_ADDRESS: ReadonlySet<string> = new Set(['MAIL', 'RCPT', 'VRFY', 'EXPN']);

function hideAddress(word: string, display: 'domain' | 'hash'): string {
  if (PLAIN.test(word)) return word;
  const [prefix = ''] = PREFIX.exec(word) ?? [];
  const rest = word.slice(prefix.length);
  const open = rest.startsWith('<') ? '<' : '';
  const close = rest.endsWith('>') ? '>' : '';
  const address = rest.slice(open.length, rest.length - close.length);
  if (address === '' || address.toLowerCase() === 'postmaster') return word;
  if (display === 'hash') return `${prefix}${open}${showAddress(address, 'hash')}${close}`;
  const at = address.lastIndexOf('@');
  return `${prefix}${open}…${at === -1 ? '' : address.slice(at)}${close}`;
}
