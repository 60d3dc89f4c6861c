// What each TLS profile speaks, as `openssl s_client` finds it: behind STARTTLS and from the first octet.
import { beforeAll, expect, test } from 'vitest';
import type { TlsProfile } from '../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { need, runProgram } from '../support/programs.ts';
import { startServer, type TestServer } from '../support/smtp-server.ts';

let certificates: TestCertificate[];
beforeAll(async () => {
  certificates = [
    await makeCertificate({ keyType: 'ec' }),
    await makeCertificate({ keyType: 'rsa' }),
  ];
});

const PROFILES = ['modern', 'intermediate', 'old'] as const;

/** One listener of each kind for each profile, and two that take the profile of the server. */
function startAll(profile?: TlsProfile): Promise<TestServer> {
  const of = (kind: string, tlsProfile?: TlsProfile) =>
    (['starttls', 'implicit'] as const).map((tls) => ({
      ...{ name: `${kind}-${tls}`, host: '127.0.0.1', port: 0, tls },
      ...(tlsProfile && { tlsProfile }),
    }));
  return startServer({
    tls: { certificates, ...(profile && { profile }) },
    listeners: [...PROFILES.flatMap((each) => of(each, each)), ...of('default')],
  });
}

/** The protocol and the cipher of a handshake, or `undefined` where there is none. */
async function shake(
  port: number,
  kind: 'starttls' | 'implicit',
  options: readonly string[],
): Promise<string | undefined> {
  const { code, output } = await runProgram('openssl', [
    ...['s_client', '-brief', '-connect', `127.0.0.1:${port}`],
    ...(kind === 'starttls' ? ['-starttls', 'smtp'] : []),
    ...options,
  ]);
  const [, version] = /^Protocol version: (\S+)/m.exec(output) ?? [];
  const [, cipher] = /^Ciphersuite: (\S+)/m.exec(output) ?? [];
  return code === 0 && version !== undefined ? `${version} ${cipher}` : undefined;
}

const VERSIONS = ['-tls1', '-tls1_1', '-tls1_2', '-tls1_3'] as const;

test.for([
  ['modern', [undefined, undefined, undefined, 'TLSv1.3']],
  ['intermediate', [undefined, undefined, 'TLSv1.2', 'TLSv1.3']],
  ['old', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
  ['default', [undefined, undefined, 'TLSv1.2', 'TLSv1.3']],
] as const)(
  'the profile %s speaks its versions and no other',
  async ([profile, expected], { skip }) => {
    need(skip, 'openssl');
    const { portOf, log } = await startAll();
    for (const kind of ['starttls', 'implicit'] as const) {
      const port = portOf(`${profile}-${kind}`);
      const spoken: (string | undefined)[] = [];
      for (const version of VERSIONS) {
        const shaken = await shake(port, kind, [version, '-cipher', 'DEFAULT:@SECLEVEL=0']);
        spoken.push(shaken?.split(' ')[0]);
      }
      expect({ kind, spoken }).toEqual({ kind, spoken: expected });
    }
    const heard = log.of('tls-established').map(({ tls }) => tls.version);
    const each = expected.filter((version) => version !== undefined);
    expect(heard).toEqual([...each, ...each]);
  },
);

test('the profile of the server is that of the listeners that name none', async ({ skip }) => {
  need(skip, 'openssl');
  const { portOf } = await startAll('old');
  const options = ['-tls1', '-cipher', 'DEFAULT:@SECLEVEL=0'];
  expect(await shake(portOf('default-implicit'), 'implicit', options)).toMatch(/^TLSv1 /);
  expect(await shake(portOf('intermediate-implicit'), 'implicit', options)).toBeUndefined();
});

const INTERMEDIATE = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

test.for([
  ['modern', []],
  ['intermediate', INTERMEDIATE],
  [
    'old',
    [
      ...['AES128-GCM-SHA256', 'AES128-SHA', 'AES128-SHA256'],
      ...['AES256-GCM-SHA384', 'AES256-SHA', 'AES256-SHA256'],
      ...['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256'],
      ...['ECDHE-ECDSA-AES256-SHA', 'ECDHE-ECDSA-AES256-SHA384'],
      ...['ECDHE-RSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA256'],
      ...['ECDHE-RSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA384'],
      ...INTERMEDIATE,
    ],
  ],
] as const)(
  'the profile %s takes exactly these of the ciphers of TLS 1.2 that OpenSSL knows',
  async ([profile, expected], { skip }) => {
    need(skip, 'openssl');
    const { portOf } = await startAll();
    const known = await runProgram('openssl', [
      'ciphers',
      '-s',
      '-tls1_2',
      'ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0',
    ]);
    let offered = known.output.trim().split(':');
    expect(offered.length).toBeGreaterThan(40);
    const taken: string[] = [];
    // As scanners do it: what the server chose is left out of the next offer.
    for (;;) {
      const options = ['-tls1_2', '-cipher', `${offered.join(':')}:@SECLEVEL=0`];
      const shaken = await shake(portOf(`${profile}-implicit`), 'implicit', options);
      if (shaken === undefined) break;
      const [, cipher = ''] = shaken.split(' ');
      expect(offered).toContain(cipher);
      taken.push(cipher);
      offered = offered.filter((each) => each !== cipher);
    }
    expect(taken.toSorted()).toEqual([...expected].toSorted());
  },
);

test('a mail of a device that knows only TLS 1.0 is taken, and says so', async ({ skip }) => {
  need(skip, 'swaks');
  const { portOf, log } = await startAll();
  const device = (port: number, kind: '--tls' | '--tls-on-connect') =>
    runProgram('swaks', [
      ...['--server', `127.0.0.1:${port}`, kind, '--tls-protocol', 'tlsv1'],
      ...['--tls-cipher', 'AES128-SHA:@SECLEVEL=0', '--helo', 'scanner'],
      ...['--from', 'scanner@x.example', '--to', 'b@in.example'],
    ]);
  expect(await device(portOf('old-starttls'), '--tls')).toMatchObject({ code: 0 });
  expect(await device(portOf('old-implicit'), '--tls-on-connect')).toMatchObject({ code: 0 });
  const [first, second] = log.of('message-accepted').map(({ message }) => message.session.tls);
  expect(first).toMatchObject({ version: 'TLSv1', cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' });
  expect(second).toEqual(first);
  const { code } = await device(portOf('intermediate-starttls'), '--tls');
  expect(code).not.toBe(0);
});
