import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Throttle extends AsyncDisposable {
  readonly endpoint: string;
}

/** A TCP relay to `target` that takes so many octets a second from each client, and sends answers at once. */
export async function startThrottle(target: string, octetsPerSecond: number): Promise<Throttle> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const service = connect({ host: hostname, port: Number(port) });
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
    service.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      service.write(chunk);
      client.pause();
      setTimeout(() => client.resume(), (chunk.length / octetsPerSecond) * 1000);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
