import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { limitAge } from '../../../src/bridge/aws/aging-agents.ts';

test('a connection is used again while it is young, and is closed when it is old', async () => {
  let connections = 0;
  const server = createServer((_, response) => response.end());
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = limitAge(new Agent({ keepAlive: true }), 100);
  const get = async (): Promise<void> => {
    const [response] = await once(request({ port, host: '127.0.0.1', agent }).end(), 'response');
    response.resume();
    await once(response, 'close');
    await sleep(5);
  };
  await get();
  await get();
  expect(connections).toBe(1);
  await sleep(150);
  // The last request of the old connection, and the first of the next one.
  await get();
  await get();
  expect(connections).toBe(2);
  agent.destroy();
  server.close();
});
