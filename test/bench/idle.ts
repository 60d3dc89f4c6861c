// What a connection costs that was greeted and says nothing: resident memory of the server per connection, beside as many
// others. With the first thousands V8 lets its young generation grow by 20 MB, once.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Contender } from './cells.ts';
import { median, toError } from './measure.ts';
import { startServer } from './processes.ts';
import { table } from './report.ts';

const CONNECTIONS = 5000;
/** At once, so that no backlog overflows. */
const BATCH = 250;
const ROUNDS = 3;
const NAMES: readonly string[] = ['floor', 'mailsluice', 'smtp-server'];

export async function measureIdle(contenders: readonly Contender[]): Promise<string> {
  const rows: string[][] = [];
  const chosen = contenders.filter(({ name }) => NAMES.includes(name));
  const measured = new Map<string, number[]>(chosen.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of chosen) {
      measured.get(contender.name)?.push(await measureOne(contender));
    }
  }
  for (const [name, octets] of measured) {
    rows.push([name, (median(octets) / 1024).toFixed(1)]);
  }
  const title = `### Resident memory per idle clear connection, KiB: ${CONNECTIONS} beside ${CONNECTIONS} others`;
  return `${title}\n\n${table(['server', 'KiB'], rows)}`;
}

async function measureOne(contender: Contender): Promise<number> {
  const server = await startServer((port) => contender.command(port, undefined));
  const sockets: Socket[] = [];
  try {
    const openAll = async (): Promise<number> => {
      for (let opened = 0; opened < CONNECTIONS; opened += BATCH) {
        sockets.push(
          ...(await Promise.all(Array.from({ length: BATCH }, () => greeted(server.port)))),
        );
      }
      await pause(2000);
      return server.rss();
    };
    const before = await openAll();
    return ((await openAll()) - before) / CONNECTIONS;
  } catch (error) {
    throw new Error(`${contender.name}: ${toError(error).message}`, { cause: error });
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

async function greeted(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'data');
  socket.pause();
  return socket;
}
