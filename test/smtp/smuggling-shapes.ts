// What has stood in for the end of the data, CRLF "." CRLF, in SMTP smuggling (CVE-2023-51764, -51765, -51766): each with a
// name, the octets, and what is kept of them once stuffed dots are removed.

/** What an attacker sends behind it. */
export const SMUGGLED = 'MAIL FROM:<evil@b>\\r\\nRCPT TO:<b@b>\\r\\nDATA\\r\\nevil\\r\\n';

export type Shape = readonly [name: string, octets: string, kept: string];

/** With a bare CR or a bare LF. */
export const BARE_NEWLINES: readonly Shape[] = [
  ['LF . LF', '\\n.\\n', '\\n.\\n'],
  ['LF . CRLF', '\\n.\\r\\n', '\\n.\\r\\n'],
  ['CRLF . LF', '\\r\\n.\\n', '\\r\\n\\n'],
  ['CR . CR', '\\r.\\r', '\\r.\\r'],
  ['CR . CRLF', '\\r.\\r\\n', '\\r.\\r\\n'],
  ['CRLF . CR', '\\r\\n.\\r', '\\r\\n\\r'],
  ['LF . CR', '\\n.\\r', '\\n.\\r'],
  ['CR . LF', '\\r.\\n', '\\r.\\n'],
  ['LF CR . CRLF', '\\n\\r.\\r\\n', '\\n\\r.\\r\\n'],
  ['CRLF . CR CRLF', '\\r\\n.\\r\\r\\n', '\\r\\n\\r\\r\\n'],
  ['CR CRLF . CR CRLF', '\\r\\r\\n.\\r\\r\\n', '\\r\\r\\n\\r\\r\\n'],
  ['CR LF NUL . CRLF with a bare LF', '\\n\\0.\\r\\n', '\\n\\0.\\r\\n'],
  ['CRLF . NUL LF', '\\r\\n.\\0\\n', '\\r\\n\\0\\n'],
];

/** With neither, and no end of the data either. */
export const NO_BARE_NEWLINE: readonly Shape[] = [
  ['CRLF NUL . CRLF', '\\r\\n\\0.\\r\\n', '\\r\\n\\0.\\r\\n'],
  ['CRLF . NUL CRLF', '\\r\\n.\\0\\r\\n', '\\r\\n\\0\\r\\n'],
  ['CRLF . NUL . CRLF', '\\r\\n.\\0.\\r\\n', '\\r\\n\\0.\\r\\n'],
  ['CRLF . space CRLF', '\\r\\n. \\r\\n', '\\r\\n \\r\\n'],
  ['CRLF .. CRLF', '\\r\\n..\\r\\n', '\\r\\n.\\r\\n'],
  ['the octets of an overlong LF', '\\r\\n.\\xc0\\x8a', '\\r\\n\\xc0\\x8a'],
  ['NEL', '\\x85.\\x85', '\\x85.\\x85'],
];
