// Base64 as signatures and key records hold it (RFC 6376 section 2.10). Node's decoder takes anything.
import { withoutFolding } from './tag-list.ts';

/** The octets, or nothing if `value` is not base64. */
export function readBase64(value: string): Buffer | undefined {
  const text = withoutFolding(value);
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}
