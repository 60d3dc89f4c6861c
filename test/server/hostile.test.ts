import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const lines = [
  'EHLO c\r\n',
  'MAIL FROM:<a@example.com>\r\n',
  'RCPT TO:<b@example.com>\r\n',
  'DATA\r\n',
  '.\r\n',
  'STARTTLS\r\n',
  'AUTH PLAIN ',
  'RSET\r\n',
  'QUIT\r\n',
];

const pieces = fc.oneof(
  fc.constantFrom(...lines).map((line) => Buffer.from(line)),
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
  // The beginning of a TLS record, so that OpenSSL has something to chew.
  fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from([0x16, 3, 1, 0, 60, ...octets])),
);
const endings = fc.constantFrom('end', 'reset', 'destroy');

test('whatever comes, in whatever pieces and with whatever end, the server goes on', async () => {
  const certificate = await makeCertificate();
  const { server, log, portOf } = await startServer(
    {
      tls: { certificates: [certificate] },
      listeners: [
        { name: 'clear', host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'optional' },
        { name: 'implicit', host: '127.0.0.1', port: 0, tls: 'implicit' },
      ],
    },
    (created) => {
      created
        .onConnect(async () => undefined)
        .onSignIn(async () => false)
        .onRecipient(async () => undefined)
        .onMail(async ({ mail }) => {
          for await (const _ of mail.content) continue;
        });
    },
  );
  const attack = async (name: string, octets: Buffer[], ending: string): Promise<void> => {
    const socket = connect({ port: portOf(name), host: '127.0.0.1', allowHalfOpen: true });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.resume();
    await once(socket, 'connect');
    for (const piece of octets) socket.write(piece);
    if (ending === 'end') socket.end();
    else if (ending === 'reset') socket.resetAndDestroy();
    else socket.destroy();
    await closed;
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('clear', 'implicit'),
      fc.array(pieces, { maxLength: 12 }),
      endings,
      attack,
    ),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
  );
  await expect.poll(() => server.connections).toBe(0);
  expect(log.of('failure')).toEqual([]);
  expect(log.of('connection-closed').length).toBe(log.of('connection-opened').length);
  const client = await TestClient.connect(portOf('clear'));
  expect(await client.reply()).toMatch(/^220 /);
  client.destroy();
});
