// Sends mail that is laborious to read, one after another on several connections of one address. Prints a line with the
// number of mails that were answered 250, and of those that were not, each second.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '25' },
    connections: { type: 'string', default: '2' },
    /** Where in the list of kinds. */
    kind: { type: 'string', default: '0' },
  },
});
const [port, connections, kind] = [values.port, values.connections, values.kind].map(Number) as [
  number,
  number,
  number,
];

const OCTETS = 2_000_000;
const times = (unit: string): string => unit.repeat(Math.ceil(OCTETS / unit.length));
const nested = Array.from(
  { length: 20_000 },
  (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`,
).join('');
const KINDS = [
  times('a: b\r\n'),
  times('no colon in this line\r\n'),
  `To: ${times('a@b.example,\r\n ')}c@d.example\r\n`,
  `To: ${times('((((\r\n ')}\r\n`,
  `Subject: ${times('=?utf-8?q?=C3=BC?=\r\n ')}\r\n`,
  times('Authentication-Results: mx.in.example; spf=pass\r\n'),
  nested,
];
const message = `${KINDS[kind] ?? ''}\r\ntext\r\n.\r\n`;
let accepted = 0;
let refused = 0;

function attack(): void {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.1.1' });
  let steps = ['EHLO h.example'];
  socket.on('data', (chunk) => {
    const reply = chunk.toString('latin1');
    const last = reply.trimEnd().split('\r\n').at(-1) ?? '';
    if (last[3] === '-') return;
    if (last.startsWith('354')) {
      socket.write(message);
      return;
    }
    if (steps.length === 0) {
      if (last.startsWith('250')) accepted += 1;
      else refused += 1;
      steps = [];
    }
    if (last.startsWith('421')) return;
    if (steps.length === 0) steps = ['MAIL FROM:<h@h.example>', 'RCPT TO:<b@in.example>', 'DATA'];
    socket.write(`${steps.shift()}\r\n`);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(attack, 100));
}

for (let index = 0; index < connections; index += 1) attack();
setInterval(() => process.stdout.write(`${accepted} ${refused}\n`), 1000);
