// Base64 as RFC 4954 section 4 wants it: canonical, or refused.

/** The octets that `text` stands for; nothing if it is not canonical base64. */
export function parseBase64(text: string): Buffer | undefined {
  const decoded = Buffer.from(text, 'base64');
  return decoded.toString('base64') === text ? decoded : undefined;
}
