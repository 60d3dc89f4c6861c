// Sends commands that are refused or lead nowhere, as fast as the server takes them, from several connections of one
// address, and connects again when a session has ended. Prints the octets sent, as JSON, when the time is over.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '25' },
    address: { type: 'string', default: '127.0.1.1' },
    connections: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '5' },
    /** `recipients`: past the limit, with RSET in between. `junk`: unknown commands. `noop`: what is not refused. */
    kind: { type: 'string', default: 'recipients' },
  },
});
const { address, kind } = values;
const port = Number(values.port);

const tooMany = 'RCPT TO:<b@in.example>\r\n'.repeat(1000);
const attacks: Readonly<Record<string, string>> = {
  recipients: `RSET\r\nMAIL FROM:<a@b.example>\r\n${tooMany}`,
  junk: 'FOO\r\n'.repeat(1000),
  noop: 'NOOP\r\n'.repeat(10_000),
};
const attack = attacks[kind] ?? '';
let sent = 0;
let sessions = 0;

function flood(): void {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address });
  socket.once('data', () => {
    sessions += 1;
    socket.write('EHLO flood.example\r\n');
    const more = (): void => {
      while (!socket.destroyed && socket.write(attack)) sent += attack.length;
      sent += attack.length;
    };
    socket.on('drain', more);
    more();
  });
  socket.on('data', () => undefined);
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(flood, 10));
}

for (let index = 0; index < Number(values.connections); index += 1) flood();
setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ sent, sessions })}\n`, () => process.exit(0));
}, Number(values.seconds) * 1000);
