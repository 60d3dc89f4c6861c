// Opens messages from several addresses and holds them open: declares a size, brings so many octets at once, then goes
// on with a few octets a second. A connection that ends is opened again.
// Prints a line each second: messages that are open, those that ended, and those whose DATA has no answer yet.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '25' },
    /** The first of the addresses is 127.0.1.1. */
    clients: { type: 'string', default: '1' },
    connections: { type: 'string', default: '1' },
    /** 0 declares none. */
    size: { type: 'string', default: '0' },
    octets: { type: 'string', default: '0' },
    drip: { type: 'string', default: '100' },
    /** 1: over STARTTLS. */
    tls: { type: 'string', default: '0' },
    /** 1: one chunk that does not end, in place of DATA. */
    bdat: { type: 'string', default: '0' },
  },
});
const [port, clients, connections, size, octets, drip] = [
  values.port,
  values.clients,
  values.connections,
  values.size,
  values.octets,
  values.drip,
].map(Number) as [number, number, number, number, number, number];

const isTls = values.tls === '1';
const isBdat = values.bdat === '1';

/** More than any message may have. */
const CHUNK_OCTETS = 39_000_000;
const LINE = `${'x'.repeat(76)}\r\n`;
const AGAIN_MILLISECONDS = 500;
let holding = 0;
let ended = 0;
/** The server lets some messages wait before it says 354, by the memory that it expects them to need. */
let waiting = 0;

function hold(index: number): void {
  const tcp = connectTcp({
    port,
    host: '127.0.0.1',
    localAddress: `127.0.1.${1 + (index % clients)}`,
  });
  const declared = size > 0 ? ` SIZE=${size}` : '';
  const steps = ['EHLO h.example', `MAIL FROM:<h@h.example>${declared}`, 'RCPT TO:<b@in.example>'];
  if (isTls) steps.unshift('EHLO h.example', 'STARTTLS');
  if (!isBdat) steps.push('DATA');
  let socket: Socket = tcp;
  let text = '';
  let said = '';
  let isHolding = false;
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    isHolding = true;
    if (!isBdat) waiting -= 1;
    holding += 1;
    if (isBdat) socket.write(`BDAT ${CHUNK_OCTETS} LAST\r\n`);
    socket.write(LINE.repeat(Math.ceil(octets / LINE.length)));
    timer = setInterval(() => {
      // What the server does not read is not piled up.
      if (!socket.writableNeedDrain) socket.write(`${'y'.repeat(Math.max(1, drip - 2))}\r\n`);
    }, 1000);
  };
  const next = (): void => {
    said = steps.shift() ?? '';
    if (said === 'DATA') waiting += 1;
    if (said === '') begin();
    else socket.write(`${said}\r\n`);
  };
  const secure = (): void => {
    tcp.removeAllListeners('data');
    socket = connectTls({ socket: tcp, rejectUnauthorized: false }, next);
    listen(socket);
  };
  const read = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] === '-') continue;
      if (line.startsWith('354')) begin();
      else if (said === 'STARTTLS' && line.startsWith('220')) secure();
      else if (line.startsWith('2') && !isHolding) next();
      else socket.destroy();
    }
  };
  listen(tcp);
  function listen(on: Socket): void {
    on.on('data', read);
    on.on('error', () => undefined);
  }
  tcp.on('close', () => {
    clearInterval(timer);
    if (isHolding) {
      holding -= 1;
      ended += 1;
    } else if (said === 'DATA') waiting -= 1;
    setTimeout(() => hold(index), AGAIN_MILLISECONDS);
  });
}

for (let index = 0; index < connections; index += 1) hold(index);
setInterval(() => process.stdout.write(`${holding} ${ended} ${waiting}\n`), 1000);
