// The transparency procedure of RFC 5321 section 4.5.2 a second time, for the eye and not for speed: the
// data as lines that end with CRLF.

/** The message in `data` and the index after its end, or -1 while the end has not come. */
export function decodeByReference(data: Buffer): { message: Buffer; end: number } {
  const text = data.toString('latin1');
  let message = '';
  let at = 0;
  for (;;) {
    const crlf = text.indexOf('\r\n', at);
    const isWhole = crlf !== -1;
    const line = isWhole ? text.slice(at, crlf + 2) : text.slice(at);
    if (line === '.\r\n') return { message: Buffer.from(message, 'latin1'), end: at + 3 };
    // A line that is "." or ". CR" so far may still be the end of the data.
    if (line === '.' || line === '.\r') return { message: Buffer.from(message, 'latin1'), end: -1 };
    message += line.startsWith('.') ? line.slice(1) : line;
    if (!isWhole) return { message: Buffer.from(message, 'latin1'), end: -1 };
    at = crlf + 2;
  }
}

/** What a client sends for `message`: its dots stuffed and the end of the data after it. */
export function stuff(message: string): string {
  const lines = message === '' || message.endsWith('\r\n') ? message : `${message}\r\n`;
  return `${lines.startsWith('.') ? '.' : ''}${lines.replaceAll('\r\n.', '\r\n..')}.\r\n`;
}

/** `bareNewline: "normalize"` for the eye: each CRLF, each other CR and each other LF is a line end. */
export function normalizeByReference(message: string): string {
  return message.split(/\r\n|\r|\n/).join('\r\n');
}
