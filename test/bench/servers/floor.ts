// The floor: the least that a Node.js program can do to take mail. It parses nothing: of a command it looks at
// the first octet, of a message at where it ends, and every reply is a constant. No limits, no timeouts, no
// care for a client that does not follow the book. No real server can be much cheaper.
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const END_OF_DATA = '\r\n.\r\n';
const [D, E, H, Q] = [0x44, 0x45, 0x48, 0x51];

function serve(socket: Socket): void {
  let inData = false;
  /** The last octets of the data so far, for an end that the network cut. */
  let tail = '';

  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    let replies = '';
    let at = 0;
    while (at < chunk.length) {
      if (inData) {
        const end = endOfData(chunk, at, tail);
        if (end === -1) {
          tail = (tail + chunk.toString('latin1', Math.max(at, chunk.length - 4))).slice(-4);
          break;
        }
        at = end;
        inData = false;
        replies += '250 2.0.0 Ok\r\n';
        continue;
      }
      const octet = chunk[at];
      // A load generator sends its commands whole.
      const lineEnd = chunk.indexOf('\r\n', at, 'latin1');
      at = lineEnd === -1 ? chunk.length : lineEnd + 2;
      if (octet === D) {
        inData = true;
        tail = '\r\n';
        replies += '354 End data with <CR><LF>.<CR><LF>\r\n';
      } else if (octet === Q) {
        socket.end(`${replies}221 2.0.0 Bye\r\n`, 'latin1');
        return;
      } else if (octet === E || octet === H) {
        replies += '250 floor.example\r\n';
      } else {
        replies += '250 2.1.0 Ok\r\n';
      }
    }
    if (replies !== '') socket.write(replies, 'latin1');
  });
  socket.write('220 floor.example ESMTP\r\n', 'latin1');
}

/** The index behind the end of the data, or -1. `tail` is what came before `at`. */
function endOfData(chunk: Buffer, at: number, tail: string): number {
  const joint = tail + chunk.toString('latin1', at, at + 4);
  const cut = joint.indexOf(END_OF_DATA);
  if (cut !== -1) return at + cut + END_OF_DATA.length - tail.length;
  const end = chunk.indexOf(END_OF_DATA, at, 'latin1');
  return end === -1 ? -1 : end + END_OF_DATA.length;
}

const [port = '0', certFile, keyFile] = process.argv.slice(2);
const server =
  certFile === undefined || keyFile === undefined
    ? createServer({ noDelay: true }, serve)
    : createTlsServer(
        { noDelay: true, cert: readFileSync(certFile), key: readFileSync(keyFile) },
        serve,
      );
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
process.once('SIGTERM', () => process.exit());
