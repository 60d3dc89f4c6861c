import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Mechanism } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer, type TestServer } from '../support/smtp-server.ts';

/** Says what the server would bind a sign-in to, and signs nobody in. */
const revealing: Mechanism = {
  name: 'X-REVEAL',
  isOffered: ({ channelBinding }) => channelBinding !== undefined,
  start: ({ channelBinding }) => ({
    begin: () => ({ kind: 'malformed' }),
    respond(response) {
      const type = response.toString();
      if (type !== 'tls-exporter' && type !== 'tls-server-end-point') return { kind: 'malformed' };
      return { kind: 'challenge', data: channelBinding?.(type) ?? Buffer.from('none') };
    },
    answered: () => ({ kind: 'malformed' }),
  }),
};

async function startRevealing(keyType: 'ec' | 'rsa'): Promise<TestServer> {
  const listener = { host: '127.0.0.1', port: 0, auth: 'optional' } as const;
  const mechanisms = { mechanisms: ['X-REVEAL'], customMechanisms: [revealing] };
  return startServer(
    {
      tls: { certificates: [await makeCertificate({ keyType })] },
      listeners: [
        { name: 'starttls', tls: 'starttls', ...listener, ...mechanisms },
        { name: 'implicit', tls: 'implicit', ...listener, ...mechanisms },
      ],
    },
    (server) => void server.onSignIn(() => false),
  );
}

async function reveal(client: TestClient, type: string): Promise<Buffer> {
  const reply = await client.say(`AUTH X-REVEAL ${Buffer.from(type).toString('base64')}`);
  await client.say('*');
  return Buffer.from(reply.slice('334 '.length), 'base64');
}

test.each(['ec', 'rsa'] as const)(
  'both ends bind to the same octets, with an %s key',
  async (key) => {
    const { portOf } = await startRevealing(key);
    const upgraded = await TestClient.connect(portOf('starttls'));
    await upgraded.reply();
    expect(await upgraded.say('EHLO c')).not.toContain('X-REVEAL');
    await upgraded.startTls();
    const implicit = await TestClient.connectTls(portOf('implicit'));
    await implicit.reply();
    const seen: string[] = [];
    for (const client of [upgraded, implicit]) {
      expect(await client.say('EHLO c')).toContain('X-REVEAL');
      const exporter = client.tlsSocket.exportKeyingMaterial(
        32,
        'EXPORTER-Channel-Binding',
        Buffer.alloc(0),
      );
      expect(await reveal(client, 'tls-exporter')).toEqual(exporter);
      const certificate = client.tlsSocket.getPeerX509Certificate();
      const hash = createHash('sha256')
        .update(certificate?.raw ?? '')
        .digest();
      expect(await reveal(client, 'tls-server-end-point')).toEqual(hash);
      seen.push(exporter.toString('hex'));
      client.destroy();
    }
    expect(new Set(seen).size).toBe(2);
  },
);

test('TLS 1.2 has no exporter to bind to', async () => {
  const { portOf } = await startRevealing('ec');
  const client = await TestClient.connectTls(portOf('implicit'), { maxVersion: 'TLSv1.2' });
  await client.reply();
  await client.say('EHLO c');
  expect((await reveal(client, 'tls-exporter')).toString()).toBe('none');
  client.destroy();
});
