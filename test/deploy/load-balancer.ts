// What a load balancer does for the doctor: each fixed address of a deployment, which moto takes from the loopback
// network, leads to the listener of the program.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class LoadBalancer implements AsyncDisposable {
  readonly #servers: readonly Server[];
  readonly #sockets: ReadonlySet<Socket>;
  /** The port of each listener, the same on every address. */
  readonly ports: Readonly<Record<string, number>>;

  private constructor(
    servers: readonly Server[],
    sockets: ReadonlySet<Socket>,
    ports: Readonly<Record<string, number>>,
  ) {
    this.#servers = servers;
    this.#sockets = sockets;
    this.ports = ports;
  }

  /** @param targets The port of each listener on 127.0.0.1. */
  static async start(
    addresses: readonly string[],
    targets: Readonly<Record<string, number>>,
  ): Promise<LoadBalancer> {
    const servers: Server[] = [];
    const sockets = new Set<Socket>();
    const ports: Record<string, number> = {};
    for (const [listener, target] of Object.entries(targets)) {
      for (const address of addresses) {
        const server = createServer((client) => {
          const task = connect(target, '127.0.0.1');
          for (const [from, to] of [
            [client, task],
            [task, client],
          ] as const) {
            from.pipe(to);
            from.on('error', () => to.destroy());
            from.on('close', () => to.destroy());
            sockets.add(from);
          }
        });
        // Another address may have another program on this port.
        server.listen(ports[listener] ?? 0, address);
        await once(server, 'listening');
        const bound = server.address();
        if (typeof bound === 'object' && bound !== null) ports[listener] = bound.port;
        servers.push(server);
      }
    }
    return new LoadBalancer(servers, sockets, ports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => {
        server.close();
        await once(server, 'close');
      }),
    );
  }
}
