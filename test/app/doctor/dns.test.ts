// What the doctor says about DNS, against a DNS server and a policy host on loopback. Each row is a zone and the
// sentence that the operator reads.
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAddresses } from '../../../src/app/doctor/dns/check-addresses.ts';
import { checkAuthorities } from '../../../src/app/doctor/dns/check-authorities.ts';
import { checkExchanges } from '../../../src/app/doctor/dns/check-exchanges.ts';
import { checkMtaSts } from '../../../src/app/doctor/dns/check-mta-sts.ts';
import { checkPointers } from '../../../src/app/doctor/dns/check-pointers.ts';
import { checkTlsReports } from '../../../src/app/doctor/dns/check-tls-reports.ts';
import { DnsLookups } from '../../../src/app/doctor/dns/lookups.ts';
import { readMtaSts } from '../../../src/app/doctor/dns/mta-sts.ts';
import { reverseName } from '../../../src/app/doctor/dns/reverse-name.ts';
import type { Finding } from '../../../src/app/doctor/finding.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { DnsServer } from '../../support/dns-server.ts';

let server: DnsServer;
let dns: DnsLookups;
beforeAll(async () => {
  server = await DnsServer.start();
  dns = new DnsLookups({ server: server.address, timeoutMillis: 1000 });
});
afterAll(() => server[Symbol.asyncDispose]());

const SUBJECT = { host: 'mx.test', addresses: [], commands: {} };

/** `level: what was found`. */
function sentencesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ level, found }) => `${level}: ${found}`);
}

/** Whatever is not well has a reason and a remedy. */
function expectExplained(findings: readonly Finding[]): void {
  for (const { level, why, fix } of findings) {
    if (level === 'ok') continue;
    expect(why).toMatch(/\w/);
    expect(fix).toMatch(/\w/);
  }
}

describe('the addresses of the host', () => {
  test.each<[zone: string, ofStack: string[], sentences: string[]]>([
    ['mx.test A 192.0.2.1', [], ['ok: mx.test has the address 192.0.2.1']],
    [
      'mx.test A 192.0.2.1\nmx.test AAAA 2001:db8::1',
      ['192.0.2.1'],
      ['ok: mx.test has the addresses 192.0.2.1, 2001:db8::1'],
    ],
    ['other.test A 192.0.2.1', [], ['failed: mx.test has no A or AAAA record']],
    ['mx.test CNAME lb.test\nlb.test A 192.0.2.1', [], ['failed: mx.test is a CNAME of lb.test']],
    [
      'mx.test A 192.0.2.9\nmx.test A 192.0.2.1',
      ['192.0.2.1', '192.0.2.2'],
      [
        'failed: mx.test has the address 192.0.2.9, which is not among those of the stack (192.0.2.1, 192.0.2.2)',
        'warning: mx.test lacks the address 192.0.2.2 of the stack',
      ],
    ],
    [
      'mx.test A SERVFAIL\nmx.test AAAA SERVFAIL',
      [],
      ['unknown: DNS gave no answer about A of mx.test (ESERVFAIL)'],
    ],
    [
      'mx.test A SILENT\nmx.test AAAA SILENT',
      [],
      ['unknown: DNS gave no answer about A of mx.test (ETIMEOUT)'],
    ],
  ])('%j with %j in the stack: %j', async (zone, addresses, sentences) => {
    server.serve(zone);
    const subject = { host: 'mx.test', addresses };
    const findings = await checkAddresses(dns, subject, await dns.addresses('mx.test'));
    expect(sentencesOf(findings)).toEqual(sentences);
    expectExplained(findings);
  });

  test('the remedy names the records of the stack', async () => {
    server.serve('');
    const subject = { host: 'mx.test', addresses: ['192.0.2.1', '192.0.2.2'] };
    const [finding] = await checkAddresses(dns, subject, await dns.addresses('mx.test'));
    expect(finding?.fix).toBe('create the records "mx.test. A 192.0.2.1", "mx.test. A 192.0.2.2"');
  });
});

test.each<[zone: string, sentence: string]>([
  ['mail.test MX 10 mx.test', 'ok: mail.test has the MX record 10 mx.test'],
  ['mail.test MX 10 MX.Test', 'ok: mail.test has the MX record 10 MX.Test'],
  [
    'mail.test MX 10 mx.test\nmail.test MX 20 backup.test',
    'ok: mail.test has the MX record 10 mx.test, 20 backup.test',
  ],
  ['mail.test TXT x', 'failed: mail.test has no MX record'],
  [
    'mail.test MX 10 other.test',
    'failed: the MX records of mail.test do not name mx.test: 10 other.test',
  ],
  [
    'mail.test MX 20 mx.test\nmail.test MX 10 other.test',
    'warning: the MX records of mail.test name other servers first or as well: 10 other.test, 20 mx.test',
  ],
  ['mail.test MX 0 .', 'failed: mail.test has a null MX record'],
  ['mail.test MX REFUSED', 'unknown: DNS gave no answer about MX of mail.test (EREFUSED)'],
])('MX %j: %s', async (zone, sentence) => {
  server.serve(zone);
  const findings = await checkExchanges(dns, 'mx.test', 'mail.test');
  expect(sentencesOf(findings)).toEqual([sentence]);
  expectExplained(findings);
});

test('a host without MX record takes mail to its name', async () => {
  server.serve('mx.test A 192.0.2.1');
  expect(sentencesOf(await checkExchanges(dns, 'mx.test', 'mx.test'))).toEqual([
    'ok: mx.test has no MX record, so its mail goes to its own address',
  ]);
});

test.each<[zone: string, sentence: string]>([
  ['1.2.0.192.in-addr.arpa PTR mx.test', 'ok: the PTR record of 192.0.2.1 is mx.test'],
  ['2.2.0.192.in-addr.arpa PTR mx.test', 'warning: 192.0.2.1 has no PTR record'],
  [
    '1.2.0.192.in-addr.arpa PTR ec2-192-0-2-1.test',
    'warning: the PTR record of 192.0.2.1 is ec2-192-0-2-1.test, not mx.test',
  ],
  [
    '1.2.0.192.in-addr.arpa PTR SERVFAIL',
    'unknown: DNS gave no answer about PTR of 1.2.0.192.in-addr.arpa (ESERVFAIL)',
  ],
])('PTR %j: %s', async (zone, sentence) => {
  server.serve(zone);
  const findings = await checkPointers(dns, SUBJECT, '192.0.2.1');
  expect(sentencesOf(findings)).toEqual([sentence]);
  expectExplained(findings);
});

test('the remedy is the command of the stack for its own addresses, and one that works elsewhere for others', async () => {
  server.serve('');
  const subject = {
    ...SUBJECT,
    addresses: ['192.0.2.2'],
    commands: { ReverseDnsCommand: 'aws ec2 of-the-stack' },
  };
  const fixes = await Promise.all(
    ['192.0.2.2', '192.0.2.1'].map(async (address) => {
      const [finding] = await checkPointers(dns, subject, address);
      return finding?.fix;
    }),
  );
  expect(fixes).toEqual([
    'aws ec2 of-the-stack',
    `aws ec2 modify-address-attribute --domain-name mx.test --allocation-id "$(aws ec2 describe-addresses --public-ips 192.0.2.1 --query 'Addresses[0].AllocationId' --output text)"`,
  ]);
});

test('the reverse name of an IPv6 address has its 32 nibbles', () => {
  // The example of RFC 3596 section 2.5.
  expect(reverseName('4321:0:1:2:3:4:567:89ab')).toBe(
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa',
  );
});

test.each<[zone: string, sentence: string]>([
  [
    '_smtp._tls.mail.test TXT v=TLSRPTv1; rua=mailto:tls@mail.test',
    'ok: mail.test asks for TLS reports: v=TLSRPTv1; rua=mailto:tls@mail.test',
  ],
  ['mail.test TXT x', 'note: mail.test asks for no TLS reports'],
  [
    '_smtp._tls.mail.test TXT v=TLSRPTv1; rua=tls@mail.test',
    'warning: the record of TLS reporting at _smtp._tls.mail.test is not valid: v=TLSRPTv1; rua=tls@mail.test',
  ],
  [
    '_smtp._tls.mail.test TXT v=TLSRPTv1; rua=mailto:a@mail.test\n_smtp._tls.mail.test TXT v=TLSRPTv1; rua=mailto:b@mail.test',
    'warning: _smtp._tls.mail.test has 2 records of TLS reporting',
  ],
])('TLS-RPT %j: %s', async (zone, sentence) => {
  server.serve(zone);
  const findings = await checkTlsReports(dns, 'mail.test');
  expect(sentencesOf(findings)).toEqual([sentence]);
  expectExplained(findings);
});

test.each<[zone: string, usesAcm: boolean, sentence: string]>([
  ['', false, 'note: no CAA record restricts who may issue certificates for mx.mail.test'],
  [
    'mail.test CAA 0 issue letsencrypt.org',
    false,
    'ok: the CAA records of mail.test allow letsencrypt.org',
  ],
  [
    'mail.test CAA 0 issue letsencrypt.org',
    true,
    'failed: the CAA records of mail.test allow letsencrypt.org, not Amazon',
  ],
  // The closest name decides.
  [
    'mail.test CAA 0 issue letsencrypt.org\nmx.mail.test CAA 0 issue amazon.com',
    true,
    'ok: the CAA records of mx.mail.test allow amazon.com',
  ],
  [
    'mx.mail.test CAA 0 issue ;',
    false,
    'warning: the CAA record of mx.mail.test lets no CA issue certificates',
  ],
])('CAA %j (ACM: %j): %s', async (zone, usesAcm, sentence) => {
  server.serve(zone);
  const findings = await checkAuthorities(dns, { host: 'mx.mail.test', usesAcm });
  expect(sentencesOf(findings)).toEqual([sentence]);
  expectExplained(findings);
});

describe('MTA-STS', () => {
  const RECORD = '_mta-sts.mail.test TXT v=STSv1; id=20261129';
  const HOST = 'mta-sts.mail.test A 127.0.0.1';
  let authority: string;
  let policyHost: Server;
  let policy: { status: number; body: string };

  beforeAll(async () => {
    const ca = await makeCertificate({ names: ['Test CA'], isAuthority: true });
    authority = ca.cert;
    const certificate = await makeCertificate({ names: ['mta-sts.mail.test'], authority: ca });
    policyHost = createServer(certificate, ({ url }, response) => {
      const isAsked = url === '/.well-known/mta-sts.txt';
      response.writeHead(isAsked ? policy.status : 404, { location: '/elsewhere' });
      response.end(isAsked ? policy.body : '');
    });
    policyHost.listen(0, '127.0.0.1');
    await once(policyHost, 'listening');
  });
  afterAll(() => {
    policyHost.close();
  });

  const read = (authorities: readonly string[]) =>
    readMtaSts(dns, 'mail.test', {
      authorities,
      timeoutMillis: 2000,
      port: (policyHost.address() as AddressInfo).port,
    });
  const lines = (...fields: string[]) =>
    ['version: STSv1', ...fields, 'max_age: 86400'].join('\r\n');

  test.each<[what: string, zone: string, body: string, sentence: string]>([
    ['no record', '', '', 'note: mail.test has no MTA-STS'],
    [
      'a name server that fails',
      '_mta-sts.mail.test TXT SERVFAIL',
      '',
      'unknown: DNS gave no answer about TXT of _mta-sts.mail.test (ESERVFAIL)',
    ],
    [
      'a record without an id',
      '_mta-sts.mail.test TXT v=STSv1;',
      '',
      'failed: the record _mta-sts.mail.test is not valid: v=STSv1;',
    ],
    [
      'two records',
      `${RECORD}\n_mta-sts.mail.test TXT v=STSv1; id=2`,
      '',
      'failed: _mta-sts.mail.test has 2 records of MTA-STS',
    ],
    [
      'no policy host',
      RECORD,
      '',
      'failed: the MTA-STS policy of mail.test cannot be read: mta-sts.mail.test has no address',
    ],
    [
      'a policy that is enforced',
      `${RECORD}\n${HOST}`,
      lines('mode: enforce', 'mx: mx.test'),
      'ok: MTA-STS of mail.test is enforced, for 86400 s at a time',
    ],
    [
      'a wildcard',
      `${RECORD}\n${HOST}`,
      lines('mode: enforce', 'mx: other.example', 'mx: *.test'),
      'ok: MTA-STS of mail.test is enforced, for 86400 s at a time',
    ],
    [
      'a policy under test',
      `${RECORD}\n${HOST}`,
      lines('mode: testing', 'mx: mx.test'),
      'note: the MTA-STS policy of mail.test has the mode "testing"',
    ],
    [
      'a policy of other servers, enforced',
      `${RECORD}\n${HOST}`,
      lines('mode: enforce', 'mx: other.test'),
      'failed: the MTA-STS policy of mail.test (enforce) names other.test, not mx.test',
    ],
    [
      'a policy of other servers, under test',
      `${RECORD}\n${HOST}`,
      lines('mode: testing', 'mx: *.other.test'),
      'warning: the MTA-STS policy of mail.test (testing) names *.other.test, not mx.test',
    ],
    [
      'a page of something else',
      `${RECORD}\n${HOST}`,
      '<html>',
      'failed: the MTA-STS policy of mail.test is not valid: it has no line "version: STSv1"',
    ],
    [
      'a policy without mx',
      `${RECORD}\n${HOST}`,
      lines('mode: enforce'),
      'failed: the MTA-STS policy of mail.test is not valid: it names no mx',
    ],
    [
      'a policy without an end',
      `${RECORD}\n${HOST}`,
      'x'.repeat(70_000),
      'failed: the MTA-STS policy of mail.test cannot be read: an answer of more than 64 KB',
    ],
  ])('%s', async (_, zone, body, sentence) => {
    server.serve(zone);
    policy = { status: 200, body };
    const findings = checkMtaSts('mx.test', 'mail.test', await read([authority]));
    expect(sentencesOf(findings)).toEqual([sentence]);
    expectExplained(findings);
  });

  test('a redirect is not followed', async () => {
    server.serve(`${RECORD}\n${HOST}`);
    policy = { status: 302, body: '' };
    expect(sentencesOf(checkMtaSts('mx.test', 'mail.test', await read([authority])))).toEqual([
      'failed: the MTA-STS policy of mail.test cannot be read: HTTP status 302',
    ]);
  });

  test('a policy host whose certificate is not trusted counts as none', async () => {
    server.serve(`${RECORD}\n${HOST}`);
    policy = { status: 200, body: lines('mode: enforce', 'mx: mx.test') };
    expect(sentencesOf(checkMtaSts('mx.test', 'mail.test', await read([])))).toEqual([
      'failed: the MTA-STS policy of mail.test cannot be read: UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ]);
  });
});
