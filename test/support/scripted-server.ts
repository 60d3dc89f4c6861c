// A server of somebody else: it greets and answers each verb as a test says, and anything else with 250.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Script {
  /** Default `220 mx.test`; an empty text does not greet. */
  readonly greeting?: string;
  /** Lines by verb, without CRLF; `null` hangs up. */
  readonly replies?: Readonly<Record<string, readonly string[] | null>>;
}

/** Its port; it ends with the test. */
export async function startScriptedServer({ greeting = '220 mx.test', replies = {} }: Script) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    if (greeting !== '') socket.write(`${greeting}\r\n`);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('latin1').split('\r\n')) {
        const verb = (line.split(/[ :]/)[0] ?? '').toUpperCase();
        if (!/^[A-Z]+$/.test(verb)) continue;
        const reply = replies[verb] === undefined ? ['250 OK'] : replies[verb];
        if (reply === null || verb === 'QUIT') socket.destroy();
        else socket.write(reply.map((text) => `${text}\r\n`).join(''));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
