// Options that cannot be meant: each is refused by the constructor, all of them together, and none is shown that is secret.
import { beforeAll, describe, expect, test } from 'vitest';
import { OptionsError, type ServerOptions, SmtpServer } from '../../../src/server/index.ts';
import { requireNode } from '../../../src/server/node-version.ts';
import { makeCertificate, type TestCertificate } from '../../support/certificates.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

/** As a program without types calls the library. */
function make(options: unknown): SmtpServer {
  return new SmtpServer(options as ServerOptions);
}

function linesOf(options: unknown): string[] {
  try {
    make(options);
  } catch (error) {
    if (error instanceof OptionsError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const withListener = (more: object): object => ({ listeners: [{ name: 'a', port: 0, ...more }] });
const insecure = { auth: 'required', allowInsecureAuth: true };
const own = { name: 'X-OWN', isOffered: () => true, start: () => ({}) };

describe('a listener', () => {
  test.each<[object, string]>([
    [{ tls: 'STARTTLS' }, 'tls: expected "none", "starttls" or "implicit", got "STARTTLS"'],
    [{ tls: true }, 'tls: expected "none", "starttls" or "implicit", got true'],
    [{ tls: null }, 'tls: expected "none", "starttls" or "implicit", got null'],
    [{ auth: true }, 'auth: expected "none", "optional" or "required", got true'],
    [{ protocol: 'LMTP' }, 'protocol: expected "smtp" or "lmtp", got "LMTP"'],
    [
      { bareNewline: 'Reject' },
      'bareNewline: expected "reject", "normalize" or "accept", got "Reject"',
    ],
    [{ addressSyntax: 'lax' }, 'addressSyntax: expected "internet" or "strict", got "lax"'],
    [{ clientAddress: 'Proxy' }, 'clientAddress: expected "socket" or "proxy", got "Proxy"'],
    [{ tlsProfile: 'best' }, 'tlsProfile: expected "modern", "intermediate" or "old", got "best"'],
    [{ allowInsecureAuth: 'false' }, 'allowInsecureAuth: expected true or false, got "false"'],
    [{ smtpUtf8: 0 }, 'smtpUtf8: expected true or false, got 0'],
    [{ requireTLS: true }, 'requireTLS: expected no such option (there is requireTls), got true'],
    [{ secure: true }, 'secure: expected no such option, got true'],
    [{ toString: 1 }, 'toString: expected no such option, got 1'],
    [{ requireTls: true }, 'requireTls: expected false, because tls is "none", got true'],
    [
      { requestClientCertificate: true },
      'requestClientCertificate: expected false, because tls is "none", got true',
    ],
    [{ tlsProfile: 'modern' }, 'tlsProfile: expected nothing, because tls is "none", got "modern"'],
    [
      { ...insecure, mechanisms: ['plain'] },
      'mechanisms[0]: expected one of SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, OAUTHBEARER, XOAUTH2, EXTERNAL, got "plain"',
    ],
    [{ ...insecure, mechanisms: 'PLAIN' }, 'mechanisms: expected an array, got a string'],
    [
      { ...insecure, mechanisms: [] },
      'mechanisms: expected at least one, because auth is "required", got []',
    ],
    [
      { ...insecure, customMechanisms: [own] },
      'customMechanisms[0].name: expected one that mechanisms names too, because it would not be offered, got "X-OWN"',
    ],
    [
      { ...insecure, mechanisms: ['X-OWN'], customMechanisms: [{ ...own, start: undefined }] },
      'customMechanisms[0].start: expected a function, got nothing',
    ],
    [{ host: '/run/smtp.sock' }, 'host: expected an address or a host name, got "/run/smtp.sock"'],
    [{ host: '' }, 'host: expected an address or a host name, got ""'],
    [{ port: '2525' }, 'port: expected a port from 0 to 65535, got "2525"'],
    [
      { port: undefined },
      'port: expected a port from 0 to 65535, or a path for a Unix socket, or listens: false, got nothing',
    ],
    [{ path: '/run/smtp.sock' }, 'path: expected nothing, because port is 0, got "/run/smtp.sock"'],
    [{ path: '' }, 'path: expected the path of a Unix socket, got ""'],
    [{ listens: false }, 'listens: expected nothing, because port is 0, got false'],
    [
      { host: '127.0.0.1', port: undefined, path: '/run/smtp.sock' },
      'host: expected nothing, because path is "/run/smtp.sock", got "127.0.0.1"',
    ],
    [{ name: 5 }, 'name: expected a printable name, got 5'],
    [
      { trustedNetworks: ['10.0.0.0/33'] },
      'trustedNetworks[0]: expected an address or a network like 10.0.0.0/8, got "10.0.0.0/33"',
    ],
    [{ trustedXclients: '10.0.0.1' }, 'trustedXclients: expected an array, got a string'],
    [
      { clientAddress: 'proxy' },
      'trustedProxies: expected at least one network, because anybody else could claim any address, got nothing',
    ],
    [
      { extensions: { Chunking: false } },
      'extensions.Chunking: expected no such option (there is chunking), got false',
    ],
    [
      { extensions: { deliverBy: {} } },
      'extensions.deliverBy.minSeconds: expected a whole number from 0, got nothing',
    ],
    [
      { extensions: { futureRelease: { maxSeconds: 1, maxDateTime: 'soon' } } },
      'extensions.futureRelease.maxDateTime: expected a date and time of RFC 3339 in UTC, like 2030-01-01T00:00:00Z, got "soon"',
    ],
    [
      { limits: { maxrecipients: 5 } },
      'limits.maxrecipients: expected no such option (there is maxRecipients), got 5',
    ],
    [{ limits: { maxErrors: '20' } }, 'limits.maxErrors: expected a whole number from 0, got "20"'],
    [{ limits: { minDataRate: -1 } }, 'limits.minDataRate: expected a number from 0, got -1'],
  ])('a listener with %j is refused', (more, message) => {
    expect(linesOf(withListener(more))).toEqual([`listeners[0].${message}`]);
  });
});

describe('a server', () => {
  test.each<[unknown, string]>([
    [null, 'options: expected an object, got null'],
    ['mx', 'options: expected an object, got a string'],
    [[], 'options: expected an object, got an array of 0'],
    [{ hostName: 'mx' }, 'hostName: expected no such option (there is hostname), got a string'],
    [
      { banner: 'two\r\nlines' },
      'banner: expected printable ASCII on one line, up to 400 characters, got "two\\r\\nlines"',
    ],
    [{ banner: '' }, 'banner: expected printable ASCII on one line, up to 400 characters, got ""'],
    [{ hostname: 'mx example' }, 'hostname: expected a domain name, got "mx example"'],
    [{ listeners: {} }, 'listeners: expected an array, got an empty object'],
    [{ listeners: [undefined] }, 'listeners[0]: expected an object, got nothing'],
    [{ openMessage: {} }, 'openMessage: expected a function, got {}'],
    [{ observe: 'console' }, 'observe: expected a function, got "console"'],
    [{ nextMessageId: 'id' }, 'nextMessageId: expected a function, got "id"'],
    [{ signal: true }, 'signal: expected an AbortSignal, got true'],
    [{ tls: {} }, 'tls.certificates: expected an array, got nothing'],
    [{ tls: true }, 'tls: expected an object, got true'],
    [
      { tls: { certificates: [], profile: 'best' } },
      'tls.profile: expected "modern", "intermediate" or "old", got "best"',
    ],
    [
      { tls: { certificates: [{ cert: 'x' }] } },
      "tls.certificates[0].key: expected PEM as a string, as readFileSync(path, 'utf8') gives it, got nothing",
    ],
  ])('a server with %j is refused', (options, message) => {
    expect(linesOf(options)).toEqual([message]);
  });

  test('all mistakes are reported together, one on each line and as data', () => {
    const options = {
      hostname: '',
      listeners: [
        { name: 'a', port: 0, tls: 'STARTTLS', auth: true },
        { name: 'b', port: 70_000, secure: 1 },
      ],
      limits: { maxErrors: 0.5 },
    };
    expect(linesOf(options)).toEqual([
      'hostname: expected a domain name, got ""',
      'listeners[0].tls: expected "none", "starttls" or "implicit", got "STARTTLS"',
      'listeners[0].auth: expected "none", "optional" or "required", got true',
      'listeners[1].port: expected a port from 0 to 65535, got 70000',
      'listeners[1].secure: expected no such option, got 1',
      'limits.maxErrors: expected a whole number from 0, got 0.5',
    ]);
    expect(() => make(options)).toThrow(
      expect.objectContaining({
        code: 'MAILSLUICE_OPTIONS_INVALID',
        problems: expect.arrayContaining([
          { path: 'hostname', expected: 'a domain name', got: '""' },
        ]),
      }),
    );
  });

  test('no error shows a key, a certificate or the value of an unknown option', () => {
    const secret = 'sesame-5012';
    const lines = linesOf({
      password: secret,
      nested: { secret },
      tls: { certificates: [{ cert: [secret], key: Buffer.from(secret), secret }] },
    });
    expect(lines.length).toBe(5);
    expect(lines.join('\n')).not.toContain(secret);
  });

  test('an option that is undefined is absent', () => {
    const server = make({
      hostname: undefined,
      limits: { maxErrors: undefined },
      listeners: [{ name: 'a', port: 0, host: undefined, tls: undefined, limits: undefined }],
    });
    expect(server.addresses).toEqual([]);
  });

  test('client authorities that do not parse are refused, because nobody would be verified', () => {
    expect(() =>
      make({ tls: { certificates: [certificate], clientAuthorities: ['nonsense'] } }),
    ).toThrow(/^tls\.clientAuthorities\[0\]: expected a certificate in PEM, got 8 characters/);
  });
});

describe('what is called later', () => {
  test.each([
    'onConnect',
    'onSecured',
    'onHelo',
    'onSignIn',
    'onSender',
    'onRecipient',
    'onData',
    'onMail',
    'onClose',
  ] as const)('%s without a function is refused at once', (name) => {
    const server = new SmtpServer();
    const add = server[name].bind(server) as (hook: unknown) => void;
    expect(() => add({})).toThrow(
      expect.objectContaining({
        code: 'MAILSLUICE_OPTIONS_INVALID',
        message: `${name}: expected a function, got {}`,
      }),
    );
  });

  test('close refuses options that it does not know', async () => {
    const server = new SmtpServer();
    const close = (options: unknown): Promise<unknown> => server.close(options as object);
    await expect(close({ drain: '60' })).rejects.toThrow(
      'close(): drain: expected a number from 0, got "60"',
    );
    await expect(close({ timeout: 60 })).rejects.toThrow(
      'close(): timeout: expected no such option, got 60',
    );
    await close({});
  });

  test('replaceCertificates refuses what has no certificate and key', () => {
    const server = make({ tls: { certificates: [certificate] } });
    expect(() => server.replaceCertificates([{ cert: 'x' }] as never)).toThrow(
      "replaceCertificates(): certificates[0].key: expected PEM as a string, as readFileSync(path, 'utf8') gives it, got nothing",
    );
  });

  test('an own mechanism alone needs no sign-in hook, and one of ours does', async () => {
    const listener = {
      name: 'a',
      host: '127.0.0.1',
      port: 0,
      ...insecure,
      customMechanisms: [own],
    };
    const alone = make({ listeners: [{ ...listener, mechanisms: ['X-OWN'] }] });
    await alone.listen();
    await alone.close({ drain: 0 });
    const both = make({ listeners: [{ ...listener, mechanisms: ['X-OWN', 'PLAIN'] }] });
    await expect(both.listen()).rejects.toThrow('expected an onSignIn hook');
  });
});

test('a Node.js that is too old is named, with what is expected', () => {
  expect(() => requireNode('20.19.4')).toThrow(
    expect.objectContaining({
      code: 'MAILSLUICE_NODE_VERSION',
      message: 'Node.js: expected 22 or later, got 20.19.4',
    }),
  );
  expect(() => requireNode('22.0.0')).not.toThrow();
});
