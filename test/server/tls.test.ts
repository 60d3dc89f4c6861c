import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import { beforeAll, describe, expect, test } from 'vitest';
import { CertificateError, type ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { makeKeeper, startServer } from '../support/smtp-server.ts';

let certificate: TestCertificate;
let other: TestCertificate;

beforeAll(async () => {
  certificate = await makeCertificate({ names: ['mx.example.com'] });
  other = await makeCertificate({ names: ['other.example.com'] });
});

/** A STARTTLS listener, `submission`, and an implicit one, `smtps`. */
function bothKinds(more: Partial<ServerOptions> = {}): ServerOptions {
  return {
    hostname: 'mx.example.com',
    tls: { certificates: [certificate] },
    listeners: [
      { name: 'submission', host: '127.0.0.1', port: 0, tls: 'starttls' },
      { name: 'smtps', host: '127.0.0.1', port: 0, tls: 'implicit' },
    ],
    ...more,
  };
}

describe('STARTTLS', () => {
  test('STARTTLS secures the session, which then knows its TLS', async () => {
    const { port, log } = await startServer(bothKinds());
    const client = await TestClient.connect(port);
    await client.reply();
    expect(await client.say('EHLO c')).toContain('STARTTLS');
    const socket = await client.startTls({ servername: 'mx.example.com' });
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(await client.say('EHLO c')).not.toContain('STARTTLS');
    expect(await client.sayAll('MAIL FROM:<>', 'RCPT TO:<b@example.com>', 'DATA', 'hi\r\n.')).toBe(
      '250 250 354 250',
    );
    const { message } = await log.next('message-accepted');
    expect(message.session.tls).toMatchObject({
      version: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/),
      serverName: 'mx.example.com',
    });
    expect(await log.next('tls-established')).toMatchObject({ peer: { listener: 'submission' } });
    client.destroy();
  });

  test('STARTTLS drops plaintext that came in one packet with the command', async () => {
    const { port } = await startServer(bothKinds());
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    client.send('STARTTLS\r\nMAIL FROM:<injected@example.com>\r\nRCPT TO:<b@example.com>\r\n');
    expect(await client.reply()).toMatch(/^220 /);
    await client.secure();
    expect(await client.say('EHLO c')).toMatch(/^250/);
    expect(await client.say('RCPT TO:<b@example.com>')).toMatch(/^503 /);
    expect(client.unread).toBe('');
    client.destroy();
  });

  test('STARTTLS drops plaintext that waits in the socket while an earlier answer is out', async () => {
    const release = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { port } = await startServer(bothKinds(), (server) => {
      server.onHelo(async () => {
        asked.resolve();
        await release.promise;
      });
    });
    const client = await TestClient.connect(port);
    await client.reply();
    client.send('EHLO c\r\n');
    await asked.promise;
    // More than is read ahead of an answer, so that the rest stays in the socket.
    const injected = 'NOOP injected\r\n'.repeat(20_000);
    client.send(`STARTTLS\r\n${injected}`);
    release.resolve();
    expect(await client.reply()).toMatch(/^250-/);
    expect(await client.reply()).toMatch(/^220 /);
    // What the kernel still holds of it is no TLS, and none of it is ever answered.
    expect((await client.rest()).includes('250')).toBe(false);
  });

  test('STARTTLS that is answered with no TLS is counted, and ends that connection alone', async () => {
    const { port, log } = await startServer(bothKinds());
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'STARTTLS');
    client.send('this is no client hello\r\n');
    await client.rest();
    expect(await log.next('tls-failed')).toMatchObject({
      code: expect.stringMatching(/^ERR_SSL_/),
    });
    expect(await log.next('connection-closed')).toMatchObject({ cause: 'tls-failed' });
    const next = await TestClient.connect(port);
    expect(await next.reply()).toMatch(/^220 /);
    next.destroy();
  });

  test('STARTTLS that is never followed by a handshake times out', async () => {
    const { port, log } = await startServer(
      bothKinds({ limits: { handshakeTimeoutSeconds: 0.1 } }),
    );
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'STARTTLS');
    await client.rest();
    expect(await log.next('tls-failed')).toMatchObject({ code: 'timeout' });
  });

  test('STARTTLS broken off by a reset is quiet', async () => {
    const { port, log } = await startServer(bothKinds());
    const client = await TestClient.connect(port);
    await client.reply();
    await client.sayAll('EHLO c', 'STARTTLS');
    client.reset();
    expect(await log.next('connection-closed')).toMatchObject({ cause: 'tls-failed' });
    expect(log.of('failure')).toEqual([]);
  });
});

describe('implicit TLS', () => {
  test('implicit TLS greets inside TLS and carries a mail by nodemailer', async () => {
    const { kept, keep } = makeKeeper();
    const { portOf } = await startServer(bothKinds(), keep);
    const transport = createTransport({
      host: '127.0.0.1',
      port: portOf('smtps'),
      secure: true,
      tls: { rejectUnauthorized: false },
    });
    const raw = 'Subject: x\r\n\r\nhi\r\n';
    await transport.sendMail({ envelope: { from: 'a@example.com', to: 'b@example.com' }, raw });
    transport.close();
    expect(kept.get('b@example.com')?.toString()).toBe(raw);
  });

  test('implicit TLS spoken to in the clear fails and says nothing in the clear', async () => {
    const { portOf, log } = await startServer(bothKinds());
    const client = await TestClient.connect(portOf('smtps'));
    client.send('EHLO c\r\n');
    await client.rest();
    expect(await log.next('tls-failed')).toMatchObject({ peer: { listener: 'smtps' } });
  });

  test('implicit TLS opened and dropped without a word is counted as failed and nothing else', async () => {
    const { portOf, log } = await startServer(bothKinds());
    const client = await TestClient.connect(portOf('smtps'));
    client.destroy();
    expect(await log.next('tls-failed')).toMatchObject({ code: 'lost' });
    await log.next('connection-closed');
    expect(log.of('failure')).toEqual([]);
  });

  test('implicit TLS answers a client that closes its side after the final dot', async () => {
    const { portOf } = await startServer(bothKinds());
    const client = await TestClient.connectTls(portOf('smtps'));
    await client.openMessage();
    client.send('hi\r\n.\r\n').endOutput();
    expect(await client.reply()).toMatch(/^250 /);
    client.destroy();
  });

  test.each(['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'DHE-RSA-AES128-GCM-SHA256'])(
    'implicit TLS is refused with the cipher %s',
    async (cipher) => {
      const { portOf, log } = await startServer(bothKinds());
      const options = { maxVersion: 'TLSv1.2', ciphers: `${cipher}@SECLEVEL=0` } as const;
      await expect(TestClient.connectTls(portOf('smtps'), options)).rejects.toThrow();
      expect(await log.next('tls-failed')).toMatchObject({ code: 'ERR_SSL_NO_SHARED_CIPHER' });
    },
  );

  test('implicit TLS is refused below TLS 1.2', async () => {
    const { portOf, log } = await startServer(bothKinds());
    const attempt = TestClient.connectTls(portOf('smtps'), {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await expect(attempt).rejects.toThrow();
    expect(await log.next('tls-failed')).toMatchObject({
      code: 'ERR_SSL_UNSUPPORTED_PROTOCOL',
    });
  });

  test.each([
    ['AES in our order', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256', 'AES128'],
    [
      'ChaCha20 where it comes first',
      'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256',
      'CHACHA20',
    ],
    [
      'AES where ChaCha20 comes last',
      'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305',
      'AES128',
    ],
  ])('implicit TLS gives the client %s', async (_, ciphers, expected) => {
    const { portOf } = await startServer(bothKinds());
    const client = await TestClient.connectTls(portOf('smtps'), { maxVersion: 'TLSv1.2', ciphers });
    expect(await client.reply()).toMatch(/^220 /);
    expect(client.tlsSocket.getCipher().name).toContain(expected);
    client.destroy();
  });

  test.each(['X25519MLKEM768', 'X25519', 'P-256'])(
    'implicit TLS agrees on a key by %s',
    async (group) => {
      const { portOf, log } = await startServer(bothKinds());
      const client = await TestClient.connectTls(portOf('smtps'), { ecdhCurve: group });
      expect(await client.reply()).toMatch(/^220 /);
      expect(await log.next('tls-established')).toMatchObject({ tls: { version: 'TLSv1.3' } });
      client.destroy();
    },
  );
});

describe('certificates', () => {
  async function subjectFor(port: number, servername?: string): Promise<string | undefined> {
    const client = await TestClient.connectTls(
      port,
      servername === undefined ? {} : { servername },
    );
    const subject = client.tlsSocket.getPeerX509Certificate()?.subject;
    client.destroy();
    return subject;
  }

  test('certificates are chosen by the name that the client asks for, and the first serves the rest', async () => {
    const wild = await makeCertificate({ names: ['*.wild.example.com'] });
    const { portOf } = await startServer(
      bothKinds({ tls: { certificates: [certificate, other, wild] } }),
    );
    const port = portOf('smtps');
    expect(await subjectFor(port, 'mx.example.com')).toBe('CN=mx.example.com');
    expect(await subjectFor(port, 'OTHER.example.com')).toBe('CN=other.example.com');
    expect(await subjectFor(port, 'a.wild.example.com')).toBe('CN=*.wild.example.com');
    expect(await subjectFor(port, 'a.b.wild.example.com')).toBe('CN=mx.example.com');
    expect(await subjectFor(port, 'unknown.example.org')).toBe('CN=mx.example.com');
    expect(await subjectFor(port)).toBe('CN=mx.example.com');
  });

  test('certificates serve the names that the options give them', async () => {
    const { portOf } = await startServer(
      bothKinds({
        tls: { certificates: [certificate, { ...other, serverNames: ['told.example.net'] }] },
      }),
    );
    expect(await subjectFor(portOf('smtps'), 'told.example.net')).toBe('CN=other.example.com');
    expect(await subjectFor(portOf('smtps'), 'other.example.com')).toBe('CN=mx.example.com');
  });

  test('certificates of both key types for one name give each client the one it can verify', async () => {
    const rsa = await makeCertificate({ names: ['mx.example.com'], keyType: 'rsa' });
    const { portOf } = await startServer(bothKinds({ tls: { certificates: [certificate, rsa] } }));
    for (const [sigalgs, keyType] of [
      ['ecdsa_secp256r1_sha256', 'ec'],
      ['rsa_pss_rsae_sha256', 'rsa'],
    ] as const) {
      const client = await TestClient.connectTls(portOf('smtps'), { sigalgs });
      const type = client.tlsSocket.getPeerX509Certificate()?.publicKey.asymmetricKeyType;
      expect(type).toBe(keyType);
      client.destroy();
    }
  });

  test('certificates are replaced for new handshakes while open sessions go on', async () => {
    const { server, portOf, log } = await startServer(bothKinds());
    const port = portOf('smtps');
    const open = await TestClient.connectTls(port);
    await open.reply();
    server.replaceCertificates([other]);
    expect(await subjectFor(port)).toBe('CN=other.example.com');
    expect(await open.say('EHLO c')).toMatch(/^250/);
    expect(log.of('certificates-served').at(-1)?.certificates).toMatchObject([
      { subject: 'CN=other.example.com', serverNames: ['other.example.com'], keyType: 'ec' },
    ]);
    open.destroy();
  });

  test('certificates that are bad leave the old ones serving', async () => {
    const { server, portOf, log } = await startServer(bothKinds());
    for (const bad of [[], [{ cert: 'x', key: 'y' }], [{ ...certificate, key: other.key }]]) {
      expect(() => server.replaceCertificates(bad)).toThrow(CertificateError);
    }
    expect(log.of('certificates-refused').length).toBe(3);
    expect(await subjectFor(portOf('smtps'))).toBe('CN=mx.example.com');
  });

  test('a certificate that has expired is served and said, at the start and on replacement', async () => {
    const expired = await makeCertificate({ names: ['old.example.com'], days: -1 });
    const options = bothKinds({ tls: { certificates: [expired] } });
    const { server, portOf, log } = await startServer(options);
    expect(await subjectFor(portOf('smtps'))).toBe('CN=old.example.com');
    server.replaceCertificates([certificate]);
    expect(await subjectFor(portOf('smtps'))).toBe('CN=mx.example.com');
    server.replaceCertificates([expired]);
    expect(await subjectFor(portOf('smtps'))).toBe('CN=old.example.com');
    const said = log
      .of('certificates-served')
      .map(({ certificates }) => certificates[0]?.isExpired);
    expect(said).toEqual([true, false, true]);
    expect(log.of('certificates-refused')).toEqual([]);
  });

  test.each([
    [
      'no certificate',
      () => ({ cert: 'nonsense', key: certificate.key }),
      /^tls\.certificates\[0\]\.cert: expected a certificate in PEM, got 8 characters without a PEM header/,
    ],
    [
      'no key',
      () => ({ cert: certificate.cert, key: certificate.cert }),
      /^tls\.certificates\[0\]\.key: expected a private key in PEM without a passphrase, got a CERTIFICATE$/,
    ],
    [
      "another's key",
      () => ({ cert: certificate.cert, key: other.key }),
      /^tls\.certificates\[0\]\.key: expected the private key of the certificate CN=mx\.example\.com, got another key$/,
    ],
  ])('certificates with %s are refused in words that hold no key', (_, make, expected) => {
    const options = bothKinds({ tls: { certificates: [make()] } });
    expect(() => new SmtpServer(options)).toThrow(CertificateError);
    expect(() => new SmtpServer(options)).toThrow(expected);
  });

  test('certificates of clients are known when an authority of ours signed them, and are never demanded', async () => {
    const authority = await makeCertificate({ names: ['ca.example.com'], isAuthority: true });
    const mine = await makeCertificate({ names: ['device-1'], authority });
    const { portOf, log } = await startServer({
      tls: { certificates: [certificate], clientAuthorities: [authority.cert] },
      listeners: [
        { name: 'in', host: '127.0.0.1', port: 0, tls: 'implicit', requestClientCertificate: true },
      ],
    });
    for (const options of [mine, other, {}]) {
      const client = await TestClient.connectTls(portOf('in'), options);
      expect(await client.reply()).toMatch(/^220 /);
      client.destroy();
    }
    const { fingerprint256 } = new X509Certificate(mine.cert);
    expect(log.of('tls-established').map(({ tls }) => tls.clientCertificate)).toEqual([
      { subject: 'CN=device-1', fingerprint256 },
      undefined,
      undefined,
    ]);
  });
});

test('handshakes of every kind of rubbish end nothing but themselves', async () => {
  const { portOf, log } = await startServer(bothKinds());
  const rubbish = [
    Buffer.alloc(5),
    Buffer.from([0x16, 3, 1, 0xff, 0xff]),
    Buffer.from([0x16, 3, 1, 0, 1, 1]),
    Buffer.from([0x80, 0x2e, 1, 0, 2]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(70_000, 0x16),
  ];
  for (const octets of rubbish) {
    const socket = connect(portOf('smtps'), '127.0.0.1');
    socket.on('error', () => {});
    socket.end(octets);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  }
  await log.next('tls-failed', () => log.of('tls-failed').length === rubbish.length);
  const client = await TestClient.connectTls(portOf('smtps'));
  expect(await client.reply()).toMatch(/^220 /);
  client.destroy();
});
