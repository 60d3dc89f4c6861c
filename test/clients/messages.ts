// What every client sends: the messages that mail servers get wrong.

export interface Sample {
  readonly name: string;
  /** As it must be stored: CRLF line ends, no dot-stuffing. */
  readonly bytes: Buffer;
  readonly eightBit?: true;
}

const header = (subject: string, more = ''): string =>
  `From: Sender <sender@client.example>\r\nTo: Inbox <inbox@mx.example>\r\nSubject: ${subject}\r\n${more}\r\n`;

export const samples: readonly Sample[] = [
  { name: 'plain text', bytes: Buffer.from(`${header('plain')}Hello, world.\r\n`) },
  {
    name: 'dots at line starts',
    bytes: Buffer.from(
      `${header('dots')}.\r\n..\r\n...three\r\n.one\r\nmiddle . dot\r\n\r\n.\r\nend\r\n`,
    ),
  },
  { name: 'an empty body', bytes: Buffer.from(header('empty')) },
  {
    name: 'an 8-bit body',
    bytes: Buffer.from(
      `${header('8-bit', 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n')}Grüße aus Zürich — ✓\r\n`,
    ),
    eightBit: true,
  },
];

const line = `${'0123456789abcdef'.repeat(4)}0123456789\r\n`;

export const large: Sample = {
  name: '20 MB',
  bytes: Buffer.concat([
    Buffer.from(header('large')),
    Buffer.alloc(Math.floor(20_000_000 / line.length) * line.length, line),
  ]),
};
