// Values of Authentication-Results and Received-SPF, written so that no octet of a peer can begin another clause.

// oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
const UNSAFE = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/**
 * A token of MIME, or a quoted string (RFC 8601 section 2.2), at most `length` code units of `text`. Without escapes, which
 * not every parser reads: a quotation mark becomes an apostrophe, a backslash a slash.
 */
export function propertyValue(text: string, length = 253): string {
  const safe = cleanValue(text, length).replaceAll('"', "'").replaceAll('\\', '/');
  return /^[A-Za-z0-9!#$%&'*+._`{|}~^-]+$/.test(safe) ? safe : `"${safe}"`;
}

/** A quoted string, likewise. */
export function reasonValue(text: string, length: number): string {
  return `"${cleanValue(text, length).replaceAll('"', "'").replaceAll('\\', '/')}"`;
}

/** A dot-atom, or a quoted string (RFC 7208 section 9.1). At most `length` code units of `text`. */
export function keyValue(text: string, length = 253): string {
  const safe = cleanValue(text, length);
  if (/^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(safe)) return safe;
  return `"${safe.replace(/["\\]/g, '\\$&')}"`;
}

function cleanValue(text: string, length: number): string {
  return text.slice(0, length).replace(UNSAFE, '?');
}
