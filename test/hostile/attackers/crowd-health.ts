// Crowds the health port: opens connections from several addresses, uses each badly, and opens it again when it ends.
// Prints a line with the number of open connections, and of those that ended, each second.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    /** The first of the addresses is 127.0.1.1; with 0 there is one, that of everybody on the machine. */
    clients: { type: 'string', default: '1' },
    connections: { type: 'string', default: '1' },
    /** Where in the list of kinds. */
    kind: { type: 'string', default: '0' },
  },
});
const [port, clients, connections, kind] = [
  values.port,
  values.clients,
  values.connections,
  values.kind,
].map(Number) as [number, number, number, number];

const HEAD = 'GET /metrics HTTP/1.1\r\nHost: a\r\n';
interface Kind {
  readonly name?: string;
  /** What is written at once. */
  readonly first?: string;
  /** What follows each second. */
  readonly later?: string;
  readonly isDeaf?: boolean;
}

const KINDS: readonly Kind[] = [
  { name: 'idle' },
  { name: 'a request that never ends', first: HEAD, later: 'X-More: a\r\n' },
  { name: 'half a PROXY header', first: 'PROXY TCP4 127.' },
  { name: 'a header section of megabytes', first: `${HEAD}${'X-More: a\r\n'.repeat(1e5)}` },
  { name: 'answers that are not read', first: `${HEAD}\r\n`.repeat(1000), isDeaf: true },
  { name: 'requests without end', first: `${HEAD}\r\n`.repeat(100) },
];
const { first = '', later = '', isDeaf = false }: Kind = KINDS[kind] ?? {};
const AGAIN_MILLISECONDS = 50;
let open = 0;
let ended = 0;

function crowd(index: number): void {
  const host = 1 + (index % Math.max(clients, 1));
  const localAddress =
    clients === 0 ? '127.0.0.1' : `127.0.${1 + Math.floor(host / 250)}.${1 + (host % 250)}`;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  let isOpen = false;
  let timer: NodeJS.Timeout | undefined;
  socket.on('connect', () => {
    isOpen = true;
    open += 1;
    socket.write(first);
    timer = setInterval(() => socket.write(later), 1000);
  });
  socket.on('data', () => undefined);
  if (isDeaf) socket.pause();
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(timer);
    if (isOpen) {
      open -= 1;
      ended += 1;
    }
    setTimeout(() => crowd(index), AGAIN_MILLISECONDS);
  });
}

for (let index = 0; index < connections; index += 1) crowd(index);
setInterval(() => process.stdout.write(`${open + ended} ${ended}\n`), 1000);
