// XCLIENT behind the PROXY protocol: who is believed is the peer of the socket, whatever address the header gives.
import { expect, test } from 'vitest';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

test.each([
  ['the client that the header names', ['192.0.2.1'], false],
  ['the proxy itself', ['127.0.0.1'], true],
])('XCLIENT of a proxied connection, with trust in %s', async (_, trustedXclients, isOffered) => {
  const { port } = await startServer({
    listeners: [
      {
        name: 'mx',
        host: '127.0.0.1',
        port: 0,
        clientAddress: 'proxy',
        trustedProxies: ['127.0.0.1'],
        trustedXclients,
      },
    ],
  });
  const client = await TestClient.connect(port);
  client.send('PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\n');
  await client.reply();
  expect((await client.say('EHLO c')).includes('XCLIENT')).toBe(isOffered);
  expect(await client.say('XCLIENT LOGIN=boss')).toMatch(isOffered ? /^220 / : /^550 5\.7\.0 /);
  client.destroy();
});
