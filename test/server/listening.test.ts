import { describe, expect, test } from 'vitest';
import { ListenError, SmtpServer } from '../../src/server/index.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

describe('listening', () => {
  test('listening on several listeners gives each its port and its name', async () => {
    const { server, portOf, log } = await startServer({
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: 0 },
        { name: 'v6', host: '::1', port: 0 },
      ],
    });
    expect(server.addresses.map(({ listener }) => listener)).toEqual(['mx', 'v6']);
    const client = await TestClient.connect(portOf('v6'), '::1');
    await client.reply();
    expect(await log.next('connection-opened')).toMatchObject({
      peer: { listener: 'v6', clientAddress: '::1' },
    });
    client.destroy();
  });

  test('listening on all addresses shows an IPv4 client as IPv4', async () => {
    const { port, log } = await startServer({ listeners: [{ name: 'all', port: 0 }] });
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await log.next('connection-opened')).toMatchObject({
      peer: { clientAddress: '127.0.0.1' },
    });
    client.destroy();
  });

  test('listening on a port in use fails with one clear sentence, and leaves no listener behind', async () => {
    const { port } = await startServer();
    const second = new SmtpServer({
      listeners: [
        { name: 'free', host: '127.0.0.1', port: 0 },
        { name: 'mx', host: '127.0.0.1', port },
      ],
    });
    const error = await second.listen().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({
      listener: 'mx',
      code: 'MAILSLUICE_LISTEN_FAILED',
      systemCode: 'EADDRINUSE',
      cause: { code: 'EADDRINUSE' },
      message: `listener mx: expected a free address, got 127.0.0.1:${port}, one that another program listens on`,
    });
    expect(second.addresses).toEqual([]);
  });

  test('listening on an address of another machine fails with its code', async () => {
    const server = new SmtpServer({ listeners: [{ name: 'mx', host: '192.0.2.1', port: 0 }] });
    await expect(server.listen()).rejects.toMatchObject({
      systemCode: 'EADDRNOTAVAIL',
    });
  });

  test('listening with AUTH and nobody to ask is refused', async () => {
    const server = new SmtpServer({
      listeners: [{ name: 'in', port: 0, auth: 'required', allowInsecureAuth: true }],
    });
    await expect(server.listen()).rejects.toThrow(
      'listener in: expected an onSignIn hook for auth "required", got none',
    );
  });
});

describe('options', () => {
  test.each([
    [{ hostname: '' }, 'hostname: expected a domain name, got ""'],
    [{ listeners: [] }, 'listeners: expected at least one, got []'],
    [
      { listeners: [{ name: 'a', port: 70_000 }] },
      'listeners[0].port: expected a port from 0 to 65535, got 70000',
    ],
    [
      { listeners: ['a', 'a'].map((name) => ({ name, port: 0 })) },
      'listeners[1].name: expected a name that no other listener has, got "a"',
    ],
    [
      { listeners: [{ name: 'a', port: 0, tls: 'implicit' as const }] },
      'tls.certificates: expected at least one, because the listener a says tls: "implicit", got nothing',
    ],
    [
      { listeners: [{ name: 'a', port: 0, auth: 'required' as const }] },
      'listeners[0].auth: expected "none", because passwords would travel in the clear where tls is "none", got "required"',
    ],
    [
      { limits: { maxRecipients: 0.5 } },
      'limits.maxRecipients: expected a whole number from 0, got 0.5',
    ],
    [
      { limits: { sessionSeconds: Number.NaN } },
      'limits.sessionSeconds: expected a number from 0, got NaN',
    ],
  ])('options %j are refused in words', (options, message) => {
    expect(() => new SmtpServer(options)).toThrow(
      expect.objectContaining({ code: 'MAILSLUICE_OPTIONS_INVALID', message }),
    );
  });
});
