// Comma-separated values (RFC 4180), safe to open in a spreadsheet.

/** One record with its CRLF. */
export function csvRecord(values: readonly (string | number | null)[]): string {
  return `${values.map(csvField).join(',')}\r\n`;
}

/**
 * Addresses and names are a sender's: a spreadsheet would run one that begins like a formula, so it gets an apostrophe in
 * front (https://owasp.org/www-community/attacks/CSV_Injection). Numbers are ours.
 */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
