import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that nobody listens on now, for a program that cannot tell which one it took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('expected a TCP port');
  return address.port;
}
