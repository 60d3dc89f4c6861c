// Opens as many connections as it can from several addresses, reads the greeting and says nothing. A connection that
// ends is opened again. Prints a line with the number of connections that were greeted, and of those that ended, each second.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '25' },
    /** The first of the addresses is 127.0.1.1. */
    clients: { type: 'string', default: '1' },
    connections: { type: 'string', default: '1' },
  },
});
const [port, clients, connections] = [values.port, values.clients, values.connections].map(
  Number,
) as [number, number, number];

const AGAIN_MILLISECONDS = 500;
let greeted = 0;
let ended = 0;

function fill(index: number): void {
  const host = 1 + (index % clients);
  const localAddress = `127.0.${1 + Math.floor(host / 250)}.${1 + (host % 250)}`;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  let isGreeted = false;
  socket.on('data', (chunk) => {
    if (isGreeted || !chunk.toString('latin1').startsWith('220')) return;
    isGreeted = true;
    greeted += 1;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (isGreeted) {
      greeted -= 1;
      ended += 1;
    }
    setTimeout(() => fill(index), AGAIN_MILLISECONDS);
  });
}

for (let index = 0; index < connections; index += 1) fill(index);
setInterval(() => process.stdout.write(`${greeted} ${ended}\n`), 1000);
