// What a SCRAM client says: RFC 5802 section 7, without the extensions that nobody has defined.
import { isPrintable } from '../grammar/ascii.ts';
import { parseBase64 } from './base64.ts';

/** What the gs2-header says of channel binding. */
export type Binding =
  | { readonly kind: 'unbound' }
  /** The client could bind, and thinks that the server cannot. */
  | { readonly kind: 'could-bind' }
  | { readonly kind: 'bound'; readonly type: string };

/** client-first-message. */
export interface ClientFirst {
  readonly binding: Binding;
  /** The gs2-header as sent: it is signed by coming back in the client's final message. */
  readonly header: string;
  /** client-first-message-bare. */
  readonly bare: string;
  /** `''` where the client named none. */
  readonly authorizationId: string;
  readonly username: string;
  readonly nonce: string;
}

/** client-final-message. */
export interface ClientFinal {
  readonly channelBinding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  /** client-final-message-without-proof. */
  readonly withoutProof: string;
}

/** gs2-header "n=" saslname ",r=" c-nonce. A mandatory extension (`m=`) is one that we do not know. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const [flag = '', authorization, user = '', nonce = ''] = text.split(',');
  const binding = parseBinding(flag);
  if (binding === undefined || authorization === undefined) return undefined;
  const authorizationId = authorization === '' ? '' : parseName(authorization, 'a=');
  const username = parseName(user, 'n=');
  if (authorizationId === undefined || username === undefined) return undefined;
  if (!isNonce(nonce)) return undefined;
  const header = `${flag},${authorization},`;
  const bare = text.slice(header.length);
  return { binding, header, bare, authorizationId, username, nonce: nonce.slice(2) };
}

function parseBinding(flag: string): Binding | undefined {
  if (flag === 'n') return { kind: 'unbound' };
  if (flag === 'y') return { kind: 'could-bind' };
  return flag.startsWith('p=') ? { kind: 'bound', type: flag.slice(2) } : undefined;
}

/** saslname, in which `=2C` is a comma and `=3D` an equals sign. */
function parseName(text: string, prefix: string): string | undefined {
  const name = text.slice(prefix.length);
  if (!text.startsWith(prefix) || name === '' || name.includes('\0')) return undefined;
  const rest = name.replaceAll(/=2C|=3D/g, '');
  if (rest.includes('=')) return undefined;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** "r=" and one or more printable characters; a comma has ended it already. */
function isNonce(text: string): boolean {
  return text.startsWith('r=') && text.length > 2 && isPrintable(text) && !text.includes(' ');
}

/** "c=" base64 ",r=" nonce ["," extensions] ",p=" base64, the proof always last. */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const end = text.lastIndexOf(',p=');
  const withoutProof = text.slice(0, Math.max(end, 0));
  const [binding = '', nonce = ''] = withoutProof.split(',');
  const channelBinding = binding.startsWith('c=') ? parseBase64(binding.slice(2)) : undefined;
  const proof = parseBase64(text.slice(end + 3));
  if (channelBinding === undefined || proof === undefined || !isNonce(nonce)) return undefined;
  return { channelBinding, nonce: nonce.slice(2), proof, withoutProof };
}
