/** A message of `octets` octets, no two lines of which are alike, so that a lost or a moved one is seen. */
export function largeMessage(octets: number): Buffer {
  const lines = ['Subject: one of five hundred, 0123456789 abcdefgh\r\n', '\r\n'];
  let size = lines.join('').length;
  for (let number = 0; size < octets; number++) {
    const line = `${String(number).padStart(10, '0')}${'x'.repeat(66)}\r\n`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join(''));
}
