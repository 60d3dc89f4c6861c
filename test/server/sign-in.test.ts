import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ListenerOptions, SignInHook } from '../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { ScramClient, verifierOf } from '../support/scram-client.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer, type TestServer } from '../support/smtp-server.ts';

let certificate: TestCertificate;
let authority: TestCertificate;
let device: TestCertificate;

beforeAll(async () => {
  certificate = await makeCertificate();
  authority = await makeCertificate({ names: ['ca.example.com'], isAuthority: true });
  device = await makeCertificate({ names: ['device-1'], authority });
});

async function start(more: Partial<ListenerOptions>, hook: SignInHook): Promise<TestServer> {
  return startServer(
    {
      tls: { certificates: [certificate], clientAuthorities: [authority.cert] },
      listeners: [
        {
          name: 'smtps',
          host: '127.0.0.1',
          port: 0,
          tls: 'implicit',
          auth: 'required',
          requestClientCertificate: true,
          ...more,
        },
      ],
    },
    (server) => void server.onSignIn(hook),
  );
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const decoded = (reply: string): string => Buffer.from(reply.slice(4), 'base64').toString();

describe('SCRAM-SHA-256-PLUS', () => {
  const settled: boolean[] = [];
  const hook: SignInHook = ({ attempt }) => {
    if (attempt.kind !== 'scram') return false;
    return {
      kind: 'verify',
      verifiers: [verifierOf('pencil', Buffer.from('a salt of sixteen'), 4096)],
      async settle(proved) {
        settled.push(proved);
        if (!proved) return { kind: 'refuse', reply: { code: 535, status: '7.8', text: 'No' } };
        const { username, mechanism } = attempt;
        return { kind: 'accept', identity: { username, mechanism } };
      },
    };
  };

  async function signIn(
    binding: (client: TestClient) => Buffer,
    password: string,
  ): Promise<string> {
    const { port } = await start({ mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] }, hook);
    const client = await TestClient.connectTls(port);
    await client.reply();
    expect(await client.say('EHLO c')).toContain('SCRAM-SHA-256-PLUS');
    const nonce = randomBytes(12).toString('hex');
    const scram = new ScramClient('ann', password, nonce, 'p=tls-exporter,,', binding(client));
    const first = await client.say(`AUTH SCRAM-SHA-256-PLUS ${base64(scram.first())}`);
    let reply = await client.say(base64(scram.final(decoded(first))));
    if (reply.startsWith('334')) reply = await client.say('');
    client.destroy();
    return reply;
  }

  const exporterOf = ({ tlsSocket }: TestClient): Buffer =>
    tlsSocket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));

  test('SCRAM-SHA-256-PLUS signs in a client that is on this very connection', async () => {
    expect(await signIn(exporterOf, 'pencil')).toMatch(/^235 /);
    expect(settled.at(-1)).toBe(true);
  });

  test.each([
    ['cancelled', async (client: TestClient) => void (await client.say('*'))],
    ['answered with nonsense', async (client: TestClient) => void (await client.say('AAAA'))],
    ['left by the client', async (client: TestClient) => client.destroy()],
    [
      'cancelled and begun again in one packet',
      async (client: TestClient) => {
        const again = new ScramClient('ann', 'pencil', 'again', 'p=tls-exporter,,');
        client.send(`*\r\nAUTH SCRAM-SHA-256-PLUS ${base64(again.first())}\r\n`);
        await client.reply();
      },
    ],
  ])('an exchange that is %s is settled as not proved', async (_, leave) => {
    settled.length = 0;
    const { port } = await start({ mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] }, hook);
    const client = await TestClient.connectTls(port);
    await client.reply();
    await client.say('EHLO c');
    const scram = new ScramClient('ann', 'pencil', 'nonce', 'p=tls-exporter,,');
    expect(await client.say(`AUTH SCRAM-SHA-256-PLUS ${base64(scram.first())}`)).toMatch(/^334 /);
    await leave(client);
    await expect.poll(() => settled).toEqual([false]);
    client.destroy();
  });

  test('exchanges that are cancelled after the first message end the session like wrong passwords', async () => {
    const { port } = await start({ mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] }, hook);
    const client = await TestClient.connectTls(port);
    await client.reply();
    await client.say('EHLO c');
    const scram = new ScramClient('ann', 'pencil', 'nonce', 'p=tls-exporter,,');
    for (let exchange = 0; exchange < 4; exchange++) {
      await client.say(`AUTH SCRAM-SHA-256-PLUS ${base64(scram.first())}`);
      expect(await client.say('*')).toMatch(/^501 /);
    }
    expect(await client.reply()).toMatch(/^421 4\.7\.0 .*Too many failed sign-ins$/);
    client.destroy();
  });

  test('SCRAM-SHA-256-PLUS refuses a proof that was made for another connection', async () => {
    expect(await signIn(() => randomBytes(32), 'pencil')).toMatch(/^535 /);
  });

  test('SCRAM-SHA-256-PLUS refuses a proof of another password', async () => {
    expect(await signIn(exporterOf, 'pen')).toMatch(/^535 /);
    expect(settled.at(-1)).toBe(false);
  });
});

describe('EXTERNAL', () => {
  const hook: SignInHook = ({ attempt }) =>
    attempt.kind === 'certificate' && attempt.subject === 'CN=device-1';

  test('EXTERNAL signs in a client by its certificate', async () => {
    const { port, log } = await start({ mechanisms: ['EXTERNAL', 'PLAIN'] }, hook);
    const client = await TestClient.connectTls(port, device);
    await client.reply();
    expect(await client.say('EHLO c')).toContain('AUTH EXTERNAL PLAIN');
    expect(await client.say('AUTH EXTERNAL =')).toMatch(/^235 /);
    const { note } = await log.next('note', (event) => event.note.kind === 'signed-in');
    expect(note).toMatchObject({ mechanism: 'EXTERNAL', username: 'CN=device-1' });
    client.destroy();
  });

  test('EXTERNAL is not offered to a client without one, nor to one that nobody vouches for', async () => {
    const stranger = await makeCertificate({ names: ['device-1'] });
    const { port } = await start({ mechanisms: ['EXTERNAL', 'PLAIN'] }, hook);
    for (const options of [{}, stranger]) {
      const client = await TestClient.connectTls(port, options);
      await client.reply();
      expect(await client.say('EHLO c')).toMatch(/AUTH PLAIN$/m);
      expect(await client.say('AUTH EXTERNAL =')).toMatch(/^504 /);
      client.destroy();
    }
  });
});
